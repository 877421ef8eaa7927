import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import process from 'node:process'
import { CordonError } from '#core/errors.ts'
import type { StartedChild } from './child-cell.ts'
import type { LaunchSettings } from './child-launcher.ts'
import { nodeArguments } from './program.ts'
import { findTrustedTool } from './trusted-tool.ts'

const wireDescriptor = 3

/** The wire among the streams a child was given: the one at descriptor 3. */
export const wireOf = (stream: unknown): Duplex => {
  if (stream instanceof Duplex) return stream
  throw new CordonError('internal', 'expected the child to have been given its pipe')
}

/**
 * `setpriv`, where there is one: the cell dies with its host even in a hot loop, gains no privilege by executing
 * a set-user-id program, and holds no capability when the host is root.
 */
const privilegeArguments = (searchPath: string): readonly string[] => {
  const setpriv = findTrustedTool('setpriv', searchPath)
  if (setpriv === undefined) return []
  const bounding = process.geteuid?.() === 0 ? ['--bounding-set=-all', '--inh-caps=-all'] : []
  return [setpriv, '--no-new-privs', '--pdeathsig=KILL', ...bounding, '--']
}

/** Starts a child of level `process`: Node's permission model is all that holds it. */
export const startPlainChild = ({ program, searchPath }: LaunchSettings): Promise<StartedChild> => {
  const [command = program.engine, ...rest] = [...privilegeArguments(searchPath), program.engine, ...nodeArguments(program)]
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
