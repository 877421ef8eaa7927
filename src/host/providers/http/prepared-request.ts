import type { NetRule } from '#core/policy/rules.ts'
import { defaultPort } from '#core/policy/host-pattern.ts'
import type { Headers, RequestTarget } from './request-head.ts'
import { requestText } from './request-text.ts'

/** A request that was decided on and checked: nothing of it comes from the guest any more but the body. */
export interface PreparedRequest {
  readonly target: RequestTarget
  readonly rule: NetRule
  readonly headers: Headers
  readonly contentLength: number | undefined
  readonly hasBody: boolean
  /** The server is asked whether it wants the body. */
  readonly expectsContinue: boolean
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly betweenBytesTimeoutMs: number
}

/** For what a connection may be used again: never with another secret, nor with one where there was none. */
export const connectionKey = ({ target, rule }: PreparedRequest): string => {
  const { scheme, host, port } = target.capability
  return JSON.stringify([scheme, host, port, rule.secret ?? null])
}

/** Methods that may be sent again when nothing came back on a connection that was kept (RFC 9110 section 9.2.2). */
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether sending the request twice does what sending it once does. */
export const isRepeatable = ({ hasBody, target }: PreparedRequest): boolean => !hasBody && repeatable.has(target.capability.method)

/** The head of the request as it goes onto the wire, with `headers` for the guest's own: the secret is in them by now. */
export const headText = ({ target, contentLength, hasBody, expectsContinue }: PreparedRequest, headers: Headers): string => {
  const { scheme, host, port, method, path } = target.capability
  const bracketed = host.includes(':') ? `[${host}]` : host
  const counted = contentLength === undefined ? ({ kind: 'chunked' } as const) : ({ kind: 'counted', length: contentLength } as const)
  return requestText({
    method,
    target: path + target.query,
    host: port === defaultPort(scheme) ? bracketed : `${bracketed}:${port}`,
    headers: expectsContinue ? [...headers, ['expect', '100-continue']] : headers,
    framing: hasBody ? counted : { kind: 'none' },
  })
}
