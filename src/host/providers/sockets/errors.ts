import { GuestFault } from '#host/broker/provider.ts'
import type { SocketHostCode } from '#wire/socket-calls.ts'

/** A refusal with a code of wasi:sockets; `detail` is for the operator. */
export const socketFault = (code: SocketHostCode, detail?: string): GuestFault => new GuestFault(code, detail)

const codeOfCause: Readonly<Record<string, SocketHostCode>> = {
  EACCES: 'access-denied',
  EPERM: 'access-denied',
  EADDRINUSE: 'address-in-use',
  EADDRNOTAVAIL: 'address-not-bindable',
  EAFNOSUPPORT: 'not-supported',
  EINVAL: 'invalid-argument',
  ECONNABORTED: 'connection-aborted',
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  EHOSTDOWN: 'remote-unreachable',
  EHOSTUNREACH: 'remote-unreachable',
  ENETDOWN: 'remote-unreachable',
  ENETUNREACH: 'remote-unreachable',
  ENONET: 'remote-unreachable',
  EMFILE: 'new-socket-limit',
  ENFILE: 'new-socket-limit',
  EMSGSIZE: 'datagram-too-large',
  ENOBUFS: 'out-of-memory',
  ENOMEM: 'out-of-memory',
  ETIMEDOUT: 'timeout',
  EAI_AGAIN: 'temporary-resolver-failure',
  EAI_FAIL: 'permanent-resolver-failure',
  EAI_MEMORY: 'out-of-memory',
  EAI_ADDRFAMILY: 'name-unresolvable',
  EAI_NODATA: 'name-unresolvable',
  EAI_NONAME: 'name-unresolvable',
  ENODATA: 'name-unresolvable',
  ENOTFOUND: 'name-unresolvable',
}

/** The stable code of an error of the system, if it has one. */
export const causeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** What an error of the system comes to for the guest. Messages hold addresses, so only the errno goes into the record. */
export const codeOf = (error: unknown): SocketHostCode => codeOfCause[causeOf(error) ?? ''] ?? 'unknown'

/** The refusal for an error of the system. */
export const faultOf = (error: unknown): GuestFault => (error instanceof GuestFault ? error : socketFault(codeOf(error), causeOf(error)))
