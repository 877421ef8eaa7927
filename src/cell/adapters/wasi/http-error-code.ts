import type { HttpErrorCode } from './io-error.ts'

/** The cases of wasi:http's `error-code`, each with the payload it has when no more is known. */
const errorCodes: ReadonlyMap<string, HttpErrorCode> = new Map<string, HttpErrorCode>(
  [
    { tag: 'DNS-timeout' },
    { tag: 'DNS-error', val: { rcode: undefined, infoCode: undefined } },
    { tag: 'destination-not-found' },
    { tag: 'destination-unavailable' },
    { tag: 'destination-IP-prohibited' },
    { tag: 'destination-IP-unroutable' },
    { tag: 'connection-refused' },
    { tag: 'connection-terminated' },
    { tag: 'connection-timeout' },
    { tag: 'connection-read-timeout' },
    { tag: 'connection-write-timeout' },
    { tag: 'connection-limit-reached' },
    { tag: 'TLS-protocol-error' },
    { tag: 'TLS-certificate-error' },
    { tag: 'TLS-alert-received', val: { alertId: undefined, alertMessage: undefined } },
    { tag: 'HTTP-request-denied' },
    { tag: 'HTTP-request-length-required' },
    { tag: 'HTTP-request-body-size', val: undefined },
    { tag: 'HTTP-request-method-invalid' },
    { tag: 'HTTP-request-URI-invalid' },
    { tag: 'HTTP-request-URI-too-long' },
    { tag: 'HTTP-request-header-section-size', val: undefined },
    { tag: 'HTTP-request-header-size', val: undefined },
    { tag: 'HTTP-request-trailer-section-size', val: undefined },
    { tag: 'HTTP-request-trailer-size', val: { fieldName: undefined, fieldSize: undefined } },
    { tag: 'HTTP-response-incomplete' },
    { tag: 'HTTP-response-header-section-size', val: undefined },
    { tag: 'HTTP-response-header-size', val: { fieldName: undefined, fieldSize: undefined } },
    { tag: 'HTTP-response-body-size', val: undefined },
    { tag: 'HTTP-response-trailer-section-size', val: undefined },
    { tag: 'HTTP-response-trailer-size', val: { fieldName: undefined, fieldSize: undefined } },
    { tag: 'HTTP-response-transfer-coding', val: undefined },
    { tag: 'HTTP-response-content-coding', val: undefined },
    { tag: 'HTTP-response-timeout' },
    { tag: 'HTTP-upgrade-failed' },
    { tag: 'HTTP-protocol-error' },
    { tag: 'loop-detected' },
    { tag: 'configuration-error' },
    { tag: 'internal-error', val: undefined },
  ].map((code) => [code.tag, code]),
)

const internalError: HttpErrorCode = { tag: 'internal-error', val: undefined }
const requestDenied: HttpErrorCode = { tag: 'HTTP-request-denied' }

/** What a host may say behind a code: a number, a name of DNS or TLS, a name of a field or a coding. */
const payloadText = /^[!-~]{1,300}$/

const numberOf = (text: string, most: number): number | undefined =>
  /^[0-9]{1,15}$/.test(text) && Number(text) <= most ? Number(text) : undefined

const bodySize = (text: string): bigint | undefined => {
  const size = numberOf(text, Number.MAX_SAFE_INTEGER)
  return size === undefined ? undefined : BigInt(size)
}
const sectionSize = (text: string): number | undefined => numberOf(text, 0xffff_ffff)
const fieldName = (text: string): unknown => ({ fieldName: text, fieldSize: undefined })

/** How the payload of a case is made of the host's word. */
const payloads: ReadonlyMap<string, (text: string) => unknown> = new Map<string, (text: string) => unknown>([
  ['DNS-error', (rcode) => ({ rcode, infoCode: undefined })],
  ['TLS-alert-received', (id) => ({ alertId: numberOf(id, 255), alertMessage: undefined })],
  ['HTTP-request-body-size', bodySize],
  ['HTTP-response-body-size', bodySize],
  ['HTTP-request-header-section-size', sectionSize],
  ['HTTP-request-trailer-section-size', sectionSize],
  ['HTTP-response-header-section-size', sectionSize],
  ['HTTP-response-trailer-section-size', sectionSize],
  ['HTTP-response-header-size', fieldName],
  ['HTTP-response-trailer-size', fieldName],
  ['HTTP-response-transfer-coding', (coding) => coding],
  ['HTTP-response-content-coding', (coding) => coding],
])

/**
 * The `error-code` for a code of the host, with what stands behind its `:` as payload: the case of that name, `HTTP-request-denied` for a denial,
 * else `internal-error`.
 */
export const toHttpErrorCode = (code: string): HttpErrorCode => {
  if (code === 'not-permitted' || code === 'denied') return requestDenied
  const colon = code.indexOf(':')
  const known = errorCodes.get(colon < 0 ? code : code.slice(0, colon))
  if (known === undefined) return internalError
  const text = colon < 0 ? '' : code.slice(colon + 1)
  const payload = payloadText.test(text) ? payloads.get(known.tag) : undefined
  return payload === undefined ? known : { tag: known.tag, val: payload(text) }
}
