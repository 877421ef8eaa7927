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

/** The `error-code` for a code of the host: the case of that name, `HTTP-request-denied` for a denial, else `internal-error`. */
export const toHttpErrorCode = (code: string): HttpErrorCode =>
  errorCodes.get(code) ?? (code === 'not-permitted' || code === 'denied' ? requestDenied : internalError)
