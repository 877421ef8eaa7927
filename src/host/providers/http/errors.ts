import { GuestFault } from '#host/broker/provider.ts'

/** A case name of the error-code variant of wasi:http 0.2 (`types.wit`). */
export type HttpErrorCode =
  | 'DNS-error'
  | 'DNS-timeout'
  | 'connection-read-timeout'
  | 'connection-refused'
  | 'connection-terminated'
  | 'connection-timeout'
  | 'destination-IP-prohibited'
  | 'destination-IP-unroutable'
  | 'destination-not-found'
  | 'destination-unavailable'
  | 'HTTP-protocol-error'
  | 'HTTP-request-body-size'
  | 'HTTP-request-denied'
  | 'HTTP-request-header-section-size'
  | 'HTTP-request-method-invalid'
  | 'HTTP-request-trailer-section-size'
  | 'HTTP-request-URI-invalid'
  | 'HTTP-response-body-size'
  | 'HTTP-response-content-coding'
  | 'HTTP-response-header-section-size'
  | 'HTTP-response-incomplete'
  | 'HTTP-response-timeout'
  | 'internal-error'
  | 'TLS-certificate-error'
  | 'TLS-protocol-error'

/** A refusal with a wasi:http code; `detail` is for the operator and never holds a secret. */
export const httpFault = (code: HttpErrorCode, detail?: string): GuestFault => new GuestFault(code, detail)

/** Codes of Node, OpenSSL's verifier and undici → what the guest learns. */
const codeOfCause: Readonly<Record<string, HttpErrorCode>> = {
  EAI_AGAIN: 'DNS-error',
  EAI_FAIL: 'DNS-error',
  ENODATA: 'DNS-error',
  ENOTFOUND: 'DNS-error',
  ESERVFAIL: 'DNS-error',
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-terminated',
  EPIPE: 'connection-terminated',
  EPROTO: 'TLS-protocol-error',
  ETIMEDOUT: 'connection-timeout',
  EADDRNOTAVAIL: 'destination-IP-unroutable',
  EHOSTUNREACH: 'destination-IP-unroutable',
  ENETUNREACH: 'destination-IP-unroutable',
  EACCES: 'destination-unavailable',
  EHOSTDOWN: 'destination-unavailable',
  ENETDOWN: 'destination-unavailable',
  EPERM: 'destination-unavailable',
  CERT_HAS_EXPIRED: 'TLS-certificate-error',
  CERT_NOT_YET_VALID: 'TLS-certificate-error',
  CERT_REJECTED: 'TLS-certificate-error',
  CERT_REVOKED: 'TLS-certificate-error',
  CERT_SIGNATURE_FAILURE: 'TLS-certificate-error',
  CERT_UNTRUSTED: 'TLS-certificate-error',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS-certificate-error',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'TLS-certificate-error',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS-certificate-error',
  INVALID_CA: 'TLS-certificate-error',
  INVALID_PURPOSE: 'TLS-certificate-error',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS-certificate-error',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS-certificate-error',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS-certificate-error',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS-certificate-error',
  UND_ERR_HEADERS_OVERFLOW: 'HTTP-response-header-section-size',
  UND_ERR_INVALID_ARG: 'HTTP-request-denied',
  UND_ERR_NOT_SUPPORTED: 'HTTP-request-denied',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'HTTP-request-body-size',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'HTTP-response-incomplete',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'HTTP-response-body-size',
  UND_ERR_SOCKET: 'connection-terminated',
}

/** Families of codes, when the code itself is not in the table. */
const codeOfPrefix: readonly (readonly [prefix: string, code: HttpErrorCode])[] = [
  ['HPE_', 'HTTP-protocol-error'],
  ['ERR_SSL_', 'TLS-protocol-error'],
  ['ERR_TLS_', 'TLS-protocol-error'],
  ['EAI_', 'DNS-error'],
]

/** The stable code of an error, if it has one. */
export const causeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/**
 * What a failed exchange comes to for the guest. Messages may hold addresses, header text or parts of a response, so only
 * the code goes into the record. What has no code is a broken connection as far as the guest can tell.
 */
export const faultOfCause = (error: unknown): GuestFault => {
  if (error instanceof GuestFault) return error
  const cause = causeOf(error)
  if (cause === undefined) return httpFault('connection-terminated', error instanceof Error ? error.name : undefined)
  const byPrefix = codeOfPrefix.find(([prefix]) => cause.startsWith(prefix))?.[1]
  return httpFault(codeOfCause[cause] ?? byPrefix ?? 'connection-terminated', cause)
}
