import { spawn } from 'node:child_process'
import process from 'node:process'
import { Readable, Writable } from 'node:stream'
import { CordonError } from '#core/errors.ts'
import type { StartedChild } from './child-cell.ts'
import type { LaunchSettings } from './child-launcher.ts'
import { librariesOf } from './libraries.ts'
import { wireOf } from './plain-child.ts'
import { inside, nodeArguments, nodeInside, type CellProgram } from './program.ts'
import { seccompFilter } from './seccomp.ts'
import { findTrustedTool } from './trusted-tool.ts'

const infoDescriptor = 4
const filterDescriptor = 5
const nobody = '65534'
const maxInfoBytes = 4096

const readOnly = (from: string, to: string): string[] => ['--ro-bind', from, to]

/**
 * The sandbox: every namespace its own, no capability, no environment, and a file system that holds the engine, its
 * libraries and the cell's code, nothing of it writable; no /proc, no /dev, no /tmp.
 */
const sandboxArguments = (program: CellProgram, libraries: readonly string[]): readonly string[] =>
  [
    ['--unshare-all', '--unshare-user', '--die-with-parent', '--new-session', '--clearenv'],
    // The engine is the first process of its namespace: when it goes, all goes; and no helper of bwrap's stays inside.
    ['--as-pid-1'],
    ['--cap-drop', 'ALL'],
    ['--uid', nobody, '--gid', nobody],
    ['--hostname', 'cell'],
    readOnly(program.engine, nodeInside),
    ...libraries.map((path) => readOnly(path, path)),
    ...program.readable.map((path) => readOnly(path, inside(program, path))),
    ['--remount-ro', '/'],
    ['--chdir', '/'],
    ['--info-fd', `${infoDescriptor}`],
    ['--seccomp', `${filterDescriptor}`],
    ['--'],
  ].flat()

/** The first process of the sandbox, as bwrap tells it; never resolves when it tells none. */
const childPidFrom = (info: Readable): Promise<number> =>
  new Promise((resolve) => {
    let text = ''
    info.on('error', () => info.destroy())
    info.on('data', (chunk: Uint8Array) => {
      text = (text + Buffer.from(chunk).toString('latin1')).slice(0, maxInfoBytes)
      const pid = /"child-pid":\s*(\d+)\s*[,}]/.exec(text)?.[1]
      if (pid !== undefined) resolve(Number(pid))
    })
  })

const unavailable = (message: string, hint: string): CordonError => new CordonError('isolation.unavailable', message, { hint })

/** Starts a child of level `bwrap`. Throws `isolation.unavailable` when bubblewrap or a filter for this machine is missing. */
export const startBwrapChild = async (program: CellProgram, { searchPath }: LaunchSettings): Promise<StartedChild> => {
  const bwrap = findTrustedTool('bwrap', searchPath)
  if (bwrap === undefined) {
    throw unavailable('expected bubblewrap (`bwrap`) in a folder that root alone can write, found none', 'install the package `bubblewrap`')
  }
  const filter = seccompFilter(process.arch)
  if (filter === undefined) {
    throw unavailable(`expected a machine with a system call filter (x64, arm64), got \`${process.arch}\``, 'use --isolation process')
  }
  const place = (path: string): string => inside(program, path)
  const sandbox = sandboxArguments(program, await librariesOf(program.engine))
  const child = spawn(bwrap, [...sandbox, nodeInside, ...nodeArguments(program, place)], {
    env: {},
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  })
  const [, , , wire, info, filterPipe]: readonly unknown[] = child.stdio
  if (!(info instanceof Readable) || !(filterPipe instanceof Writable)) throw new CordonError('internal', 'expected the pipes of bwrap')
  filterPipe.on('error', () => filterPipe.destroy())
  filterPipe.end(filter)
  return { child, wire: wireOf(wire), enginePid: childPidFrom(info) }
}
