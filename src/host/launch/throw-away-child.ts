import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import process from 'node:process'
import { privilegeArguments, type Capabilities } from './privileges.ts'
import { inheritableDescriptors } from './proc.ts'

/** A process for one piece of untrusted work. */
export interface ThrowAwayChild {
  /** The program, by its absolute path, and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** What it gets at descriptor 0, 1, 2 and so on; it gets nothing at any other. */
  readonly stdio: readonly ('ignore' | 'pipe')[]
  /** True for a process group of its own. */
  readonly detached: boolean
  readonly capabilities: Capabilities
}

/**
 * Starts a process that dies with this host where there is `setpriv` (otherwise it is on its own), and that holds nothing of what
 * the host's parent left open for all its children: /dev/null takes the place of each such descriptor before any program runs.
 */
export const startThrowAwayChild = ({ command, cwd, env, stdio, detached, capabilities }: ThrowAwayChild): ChildProcess => {
  const [program = command[0], ...rest] = [...privilegeArguments(process.env['PATH'] ?? '', capabilities), ...command]
  const inherited = inheritableDescriptors().filter((descriptor) => descriptor >= stdio.length)
  const places: ('ignore' | 'pipe' | number)[] = [...stdio]
  if (inherited.length === 0) return spawn(program, rest, { cwd, env, stdio: places, detached })
  const nothing = openSync('/dev/null', 'r')
  try {
    while (places.length <= Math.max(...inherited)) places.push('ignore')
    for (const descriptor of inherited) places[descriptor] = nothing
    return spawn(program, rest, { cwd, env, stdio: places, detached })
  } finally {
    closeSync(nothing)
  }
}
