import type { CordonError } from '#core/errors.ts'

/** Cases of wasi:http's error-code by which a guest may have the host answer. */
const statusOfCode: Readonly<Record<string, number>> = {
  'HTTP-request-denied': 403,
  'HTTP-request-length-required': 411,
  'HTTP-request-body-size': 413,
  'HTTP-request-method-invalid': 405,
  'HTTP-request-URI-invalid': 400,
  'HTTP-request-URI-too-long': 414,
  'HTTP-request-header-section-size': 431,
  'HTTP-request-header-size': 431,
  'HTTP-request-trailer-section-size': 431,
  'HTTP-request-trailer-size': 431,
  'HTTP-response-timeout': 504,
  'DNS-timeout': 504,
  'connection-timeout': 504,
  'connection-read-timeout': 504,
  'connection-write-timeout': 504,
  'connection-limit-reached': 503,
  'configuration-error': 500,
  'internal-error': 500,
  'loop-detected': 508,
}

/** The status for an `error-code` of a guest: what is not the client's fault came from behind us. */
export const statusOfErrorCode = (code: string): number => (Object.hasOwn(statusOfCode, code) ? (statusOfCode[code] ?? 502) : 502)

/** The status for what ended a session before it had answered. */
export const statusOfError = ({ code }: CordonError): number => {
  if (code === 'deadline.timeout') return 504
  if (code.startsWith('agent.')) return 502
  if (code.startsWith('deadline.') || code.startsWith('limit.') || code.startsWith('session.') || code.startsWith('runtime.')) return 503
  return 500
}
