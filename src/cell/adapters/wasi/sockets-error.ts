import { WitError } from '#cell/adapters/wit-error.ts'
import type { CallReply } from '#wire/calls.ts'
import { socketHostCodes, type SocketHostCode } from '#wire/socket-calls.ts'

/** The error-code enum of `wasi:sockets/network`: what the host may say, and what the adapters say themselves. */
export type SocketErrorCode = SocketHostCode | 'concurrency-conflict' | 'not-in-progress' | 'would-block'

const codesOfHost: ReadonlySet<string> = new Set(socketHostCodes)

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
