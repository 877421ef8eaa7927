import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import { CordonError } from '#core/errors.ts'
import type { StartedChild } from './child-cell.ts'
import type { LaunchSettings } from './child-launcher.ts'
import { privilegeArguments } from './privileges.ts'
import { nodeArguments, type CellProgram } from './program.ts'

const wireDescriptor = 3

/** The wire among the streams a child was given: the one at descriptor 3. */
export const wireOf = (stream: unknown): Duplex => {
  if (stream instanceof Duplex) return stream
  throw new CordonError('internal', 'expected the child to have been given its pipe')
}

/** Starts a child of level `process`: Node's permission model is all that holds it. */
export const startPlainChild = (program: CellProgram, { searchPath }: LaunchSettings): Promise<StartedChild> => {
  const [command = program.engine, ...rest] = [...privilegeArguments(searchPath, 'drop'), program.engine, ...nodeArguments(program)]
  const child = spawn(command, rest, {
    env: {},
    cwd: '/',
    // A session of its own: a terminal's Ctrl-C ends the host's work in order, not the cells under it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const enginePid = child.pid === undefined ? new Promise<number>(() => {}) : Promise.resolve(child.pid)
  return Promise.resolve({ child, wire: wireOf(child.stdio[wireDescriptor]), enginePid })
}
