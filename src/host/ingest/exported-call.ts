import type { ExportedFunction } from '#core/artifact.ts'
import { parseInterfaceName } from '#core/interface-name.ts'

/** How a function of an exported interface is called: `iface` as written, `func` by its component-model name. */
export const callOf = (iface: string, func: string): Pick<ExportedFunction, 'call' | 'kind'> => {
  const id = parseInterfaceName(iface)?.id
  if (id === 'cordon:agent/run' && func === 'run') return { call: id, kind: 'agent-run' }
  if (id === 'wasi:cli/run' && func === 'run') return { call: id, kind: 'wasi-command' }
  return { call: `${id ?? iface}#${func}`, kind: 'plain' }
}
