import { WitError } from '#cell/adapters/wit-error.ts'
import type { CallReply } from '#wire/calls.ts'

/** The error-code enum of `wasi:sockets/network`. */
export type SocketErrorCode =
  | 'unknown'
  | 'access-denied'
  | 'not-supported'
  | 'invalid-argument'
  | 'out-of-memory'
  | 'timeout'
  | 'concurrency-conflict'
  | 'not-in-progress'
  | 'would-block'
  | 'invalid-state'
  | 'new-socket-limit'
  | 'address-not-bindable'
  | 'address-in-use'
  | 'remote-unreachable'
  | 'connection-refused'
  | 'connection-reset'
  | 'connection-aborted'
  | 'datagram-too-large'
  | 'name-unresolvable'
  | 'temporary-resolver-failure'
  | 'permanent-resolver-failure'

/** What the host may say; the others are the adapters' own. */
const codesOfHost: ReadonlySet<string> = new Set<SocketErrorCode>([
  'access-denied',
  'not-supported',
  'invalid-argument',
  'out-of-memory',
  'timeout',
  'invalid-state',
  'new-socket-limit',
  'address-not-bindable',
  'address-in-use',
  'remote-unreachable',
  'connection-refused',
  'connection-reset',
  'connection-aborted',
  'datagram-too-large',
  'name-unresolvable',
  'temporary-resolver-failure',
  'permanent-resolver-failure',
])

const isCodeOfHost = (code: string): code is SocketErrorCode => codesOfHost.has(code)

/** The `error-code` for a code of the host: the same, `access-denied` for a denial, else `unknown`. */
export const toSocketErrorCode = (code: string): SocketErrorCode => {
  if (isCodeOfHost(code)) return code
  return code === 'not-permitted' ? 'access-denied' : 'unknown'
}

/** The declared error of a function of wasi:sockets. */
export const socketError = (code: SocketErrorCode): WitError => new WitError(code)

/** The value and body of a reply. Throws the `error-code` of a failed one. */
export const succeeded = (reply: CallReply): Extract<CallReply, { ok: true }> => {
  if (!reply.ok) throw socketError(toSocketErrorCode(reply.code))
  return reply
}
