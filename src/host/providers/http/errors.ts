import { GuestFault } from '#host/broker/provider.ts'
import { tlsAlertOf } from './tls-alert.ts'

/** A case name of the error-code variant of wasi:http 0.2 (`types.wit`), which follows RFC 9209 section 2.3. */
export type HttpErrorCode =
  | 'DNS-error'
  | 'DNS-timeout'
  | 'configuration-error'
  | 'connection-limit-reached'
  | 'connection-read-timeout'
  | 'connection-refused'
  | 'connection-terminated'
  | 'connection-timeout'
  | 'connection-write-timeout'
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
  | 'HTTP-request-URI-too-long'
  | 'HTTP-response-body-size'
  | 'HTTP-response-content-coding'
  | 'HTTP-response-header-section-size'
  | 'HTTP-response-header-size'
  | 'HTTP-response-incomplete'
  | 'HTTP-response-timeout'
  | 'HTTP-response-trailer-section-size'
  | 'HTTP-response-trailer-size'
  | 'HTTP-response-transfer-coding'
  | 'HTTP-upgrade-failed'
  | 'internal-error'
  | 'TLS-alert-received'
  | 'TLS-certificate-error'
  | 'TLS-protocol-error'

/**
 * A refusal with a wasi:http code; `detail` is for the operator and never holds a secret, `payload` is what the guest learns beside the code: a
 * number, a name of a field, a name of DNS or TLS. See `GuestErrorCode` in `wire/calls.ts`.
 */
export const httpFault = (code: HttpErrorCode, detail?: string, payload?: string | number): GuestFault =>
  new GuestFault(payload === undefined ? code : `${code}:${payload}`, detail)

/** The case of a fault without its payload. */
export const caseOf = ({ code }: GuestFault): string => code.split(':', 1)[0] ?? ''

/** Names of RFC 1035's and 9250's response codes by what Node's resolvers call them. */
const dnsRcodes: Readonly<Record<string, string>> = {
  EFORMERR: 'FORMERR',
  ENOTFOUND: 'NXDOMAIN',
  ENOTIMP: 'NOTIMP',
  EREFUSED: 'REFUSED',
  ESERVFAIL: 'SERVFAIL',
}

/** Codes of Node → what the guest learns. */
const codeOfCause: Readonly<Record<string, HttpErrorCode>> = {
  EAI_AGAIN: 'DNS-error',
  EAI_FAIL: 'DNS-error',
  ENODATA: 'DNS-error',
  ETIMEOUT: 'DNS-timeout',
  ECONNREFUSED: 'connection-refused',
  ECONNABORTED: 'connection-terminated',
  ECONNRESET: 'connection-terminated',
  EPIPE: 'connection-terminated',
  EMFILE: 'connection-limit-reached',
  ENFILE: 'connection-limit-reached',
  ENOBUFS: 'connection-limit-reached',
  EPROTO: 'TLS-protocol-error',
  ETIMEDOUT: 'connection-timeout',
  EADDRNOTAVAIL: 'destination-IP-unroutable',
  EHOSTUNREACH: 'destination-IP-unroutable',
  ENETUNREACH: 'destination-IP-unroutable',
  EACCES: 'destination-unavailable',
  EHOSTDOWN: 'destination-unavailable',
  ENETDOWN: 'destination-unavailable',
  EPERM: 'destination-unavailable',
}

/** What OpenSSL's verifier calls a chain that it does not take (`X509_V_ERR_*` without the prefix), as Node hands it on. */
const certificateErrors = new Set([
  'AKID_ISSUER_SERIAL_MISMATCH',
  'AKID_SKID_MISMATCH',
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CRL_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'KEYUSAGE_NO_CERTSIGN',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'SUBJECT_ISSUER_MISMATCH',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNSPECIFIED',
])

/** Families of codes, when the code itself is in no table. */
const codeOfPrefix: readonly (readonly [prefix: string, code: HttpErrorCode])[] = [
  ['ERR_TLS_CERT_', 'TLS-certificate-error'],
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
  const rcode = dnsRcodes[cause]
  if (rcode !== undefined) return httpFault('DNS-error', cause, rcode)
  const alert = tlsAlertOf(cause)
  if (alert !== undefined) return httpFault('TLS-alert-received', cause, alert)
  if (certificateErrors.has(cause)) return httpFault('TLS-certificate-error', cause)
  const byPrefix = codeOfPrefix.find(([prefix]) => cause.startsWith(prefix))?.[1]
  return httpFault(codeOfCause[cause] ?? byPrefix ?? 'connection-terminated', cause)
}
