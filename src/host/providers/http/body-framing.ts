import { httpFault } from './errors.ts'
import { withoutBlanks } from './field-section.ts'
import type { Headers } from './request-head.ts'

/** How the body of a response is told from what follows (RFC 9112 section 6.3), and what becomes of the connection. */
export interface BodyFraming {
  readonly kind: 'counted' | 'chunked' | 'to-close'
  /** Bytes of a counted body; 0 for the others. */
  readonly length: number
  readonly isPersistent: boolean
  readonly idleMs: number | undefined
}

const valuesOf = (headers: Headers, name: string): readonly string[] =>
  headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value)

const elementsOf = (values: readonly string[]): readonly string[] =>
  values.flatMap((value) => value.split(',').map((part) => withoutBlanks(part).toLowerCase()))

/** Reads how long the body is. Throws GuestFault for a head that two readers could understand differently. */
export const bodyFraming = (
  headers: Headers,
  { version, status, isBodiless }: { readonly version: number; readonly status: number; readonly isBodiless: boolean },
): BodyFraming => {
  const codings = elementsOf(valuesOf(headers, 'transfer-encoding'))
  const lengths = valuesOf(headers, 'content-length')
  const isPersistent = version === 1 && !elementsOf(valuesOf(headers, 'connection')).includes('close')
  const framing = { length: 0, isPersistent, idleMs: idleOf(valuesOf(headers, 'keep-alive').join(',')) }
  if (codings.length > 0 && (lengths.length > 0 || version === 0)) {
    throw httpFault('HTTP-protocol-error', 'a transfer coding beside a length, or in HTTP/1.0')
  }
  const length = lengthOf(lengths)
  if (isBodiless || status === 204 || status === 304) return { ...framing, kind: 'counted' }
  if (codings.length > 0) {
    refuseOtherCodings(codings)
    return { ...framing, kind: 'chunked' }
  }
  return length === undefined ? { ...framing, kind: 'to-close' } : { ...framing, kind: 'counted', length }
}

/** Only chunks are undone here: a coding inside of them would reach the guest as if it were the body. */
const refuseOtherCodings = (codings: readonly string[]): void => {
  if (codings.length === 1 && codings[0] === 'chunked') return
  const other = codings.find((coding) => coding !== 'chunked')
  throw httpFault('HTTP-response-transfer-coding', undefined, /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}/.exec(other ?? '')?.[0])
}

const lengthOf = (values: readonly string[]): number | undefined => {
  const [only] = values
  if (only === undefined) return undefined
  if (values.length > 1 || !/^[0-9]{1,15}$/.test(only)) throw httpFault('HTTP-protocol-error', 'the length of the body is malformed')
  return Number(only)
}

const idleOf = (keepAlive: string): number | undefined => {
  const seconds = /(?:^|[ ,])timeout=([0-9]{1,5})(?:$|[ ,])/i.exec(keepAlive)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
