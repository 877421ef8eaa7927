import { GuestFault } from '#host/broker/provider.ts'
import type { Headers } from '#host/providers/serve/incoming-exchange.ts'
import { isConnectionField, isFieldValue, isProxyOrder, isToken, mayTrail } from './field-rules.ts'

/** The head of an answer, checked, and how its body goes out. */
export interface ResponseHead {
  readonly status: number
  /** Names and values. */
  readonly fields: Headers
  /** `none`: there is no body whatever the guest writes (HEAD, 204, 205, 304). A number: exactly as many bytes. */
  readonly body: 'none' | 'chunked' | number
}

interface GuestHead {
  readonly status: number
  readonly headers: Headers
  readonly hasBody: boolean
}

const protocolError = (detail: string): GuestFault => new GuestFault('HTTP-protocol-error', detail)

const checkFields = (headers: Headers): void => {
  for (const [name, value] of headers) {
    if (!isToken(name) || !isFieldValue(value)) throw protocolError('a header that is none')
    if (isProxyOrder(name.toLowerCase())) throw protocolError(`a header for a proxy: ${name}`)
    if (isConnectionField(name.toLowerCase())) throw protocolError(`a header about the connection: ${name}`)
  }
}

const isLength = (name: string): boolean => name.toLowerCase() === 'content-length'

/** What the guest says of the length; `undefined` when it says nothing. */
const declaredLength = (headers: Headers): number | undefined => {
  const lengths = headers.filter(([name]) => isLength(name)).map(([, value]) => value)
  const [only] = lengths
  if (only === undefined) return undefined
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(only)) throw protocolError('a content-length that is none')
  return Number(only)
}

/** A response without any body by its status; 205 says as much (RFC 9110 section 15.3.6). */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Checks what a guest answers a `method` request with (RFC 9110, RFC 9112 section 6.3): nobody downstream may find another message in it than the one
 * it was given. Throws GuestFault `HTTP-protocol-error`.
 */
export const checkResponseHead = ({ status, headers, hasBody }: GuestHead, method: string): ResponseHead => {
  if (status < 200 || status > 599) throw protocolError(`status ${status}`)
  checkFields(headers)
  const length = declaredLength(headers)
  if (bodiless.has(status)) {
    const fields = status === 304 ? headers : headers.filter(([name]) => !isLength(name))
    return { status, fields: status === 205 ? [...fields, ['content-length', '0']] : fields, body: 'none' }
  }
  if (method === 'HEAD') return { status, fields: headers, body: 'none' }
  if (!hasBody && length !== undefined && length > 0) throw protocolError(`content-length ${length} and no body`)
  if (!hasBody) return { status, fields: [...headers.filter(([name]) => !isLength(name)), ['content-length', '0']], body: 0 }
  return { status, fields: headers, body: length ?? 'chunked' }
}

/**
 * Checks an informational response of a guest (RFC 9110 sections 15.2 and 8.6), and gives its fields. To switch protocols is not for a guest: what follows on such a connection
 * would be checked by nobody. Throws GuestFault `HTTP-protocol-error`.
 */
export const checkInformationalHead = ({ status, headers }: Pick<GuestHead, 'status' | 'headers'>): Headers => {
  if (status < 100 || status > 199 || status === 101) throw protocolError(`status ${status} of an informational response`)
  checkFields(headers)
  if (headers.some(([name]) => isLength(name))) throw protocolError('a content-length without content')
  return headers
}

/** Checks a guest's trailers. Throws GuestFault `HTTP-protocol-error`. */
export const checkTrailers = (trailers: Headers): Headers => {
  for (const [name, value] of trailers)
    if (!isToken(name) || !isFieldValue(value) || !mayTrail(name.toLowerCase())) throw protocolError('a trailer that is none')
  return trailers
}
