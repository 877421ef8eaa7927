import type { ExportedFunction } from '#core/artifact.ts'
import { parseInterfaceName } from '#core/interface-name.ts'

/** What `cordon serve` calls. */
const httpHandler = 'wasi:http/incoming-handler'
/** The one function of it, as signatures are spelled (`signature-text.ts`). */
export const httpHandlerType = '(request:own<wasi:http/types.incoming-request>,response-out:own<wasi:http/types.response-outparam>)->_'

/** How a function of an exported interface is called: `iface` as written, `func` by its component-model name. */
export const callOf = (iface: string, func: string): Pick<ExportedFunction, 'call' | 'kind'> => {
  const { id, version } = parseInterfaceName(iface) ?? {}
  if (id === 'cordon:agent/run' && func === 'run') return { call: id, kind: 'agent-run' }
  if (id === 'wasi:cli/run' && func === 'run') return { call: id, kind: 'wasi-command' }
  const isOfWasi02 = version?.startsWith('0.2.') === true
  if (id === httpHandler && func === 'handle' && isOfWasi02) return { call: id, kind: 'http-handler' }
  return { call: `${id ?? iface}#${func}`, kind: 'plain' }
}
