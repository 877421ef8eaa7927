import { basename } from 'node:path'
import process from 'node:process'
import { findTrustedTool } from './trusted-tool.ts'

/** Whether a child of a host that is root is one without its powers. Without them it reads only what root owns or all may read. */
export type Capabilities = 'drop' | 'keep'

/**
 * The words to put before a command so that it runs under `setpriv`, where there is one: it dies with its host even in a hot loop,
 * gains no privilege by executing a set-user-id program, and, when told so, holds no capability when the host is root.
 * `searchPath` is colon-separated. Empty where there is no `setpriv` of its own: BusyBox has one that knows less.
 */
export const privilegeArguments = (searchPath: string, capabilities: Capabilities): readonly string[] => {
  const setpriv = findTrustedTool('setpriv', searchPath)
  if (setpriv === undefined || basename(setpriv) !== 'setpriv') return []
  const bounding = capabilities === 'drop' && process.geteuid?.() === 0 ? ['--bounding-set=-all', '--inh-caps=-all'] : []
  return [setpriv, '--no-new-privs', '--pdeathsig=KILL', ...bounding, '--']
}
