import type { Headers } from '#host/providers/serve/incoming-exchange.ts'
import type { ServedRequestHead } from '#wire/served-request.ts'
import { isConnectionField, isFieldValue, isToken, mayTrail } from './field-rules.ts'
import type { ServeLimits } from './serve-limits.ts'

/** A request as Node's parser read it. */
export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly httpVersion: string
  /** Names and values in turn, as they were written. */
  readonly rawHeaders: readonly string[]
}

/** What became of a head: a request for a guest, or the status that refuses it. */
export type HeadReading = { readonly ok: true; readonly head: ServedRequestHead } | { readonly ok: false; readonly status: number }

/** A head that is not to be passed on; nobody but this file throws it. */
class Refusal extends Error {
  readonly status: number
  constructor(status: number) {
    super(`refused with ${status}`)
    this.status = status
  }
}

/** Methods that would turn this server into somebody's way to elsewhere, or into a mirror for headers that a browser hides. */
const refusedMethods: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])
/** What `Connection` may name. A client that names another field wants it dropped on the way, perhaps one that a proxy in front of us has set. */
const connectionOptions: ReadonlySet<string> = new Set(['close', 'keep-alive', 'te'])
const visibleAscii = /^[\x21-\x22\x24-\x7e]+$/
/** `uri-host [":" port]` (RFC 9110 section 7.2) without percent-encoding and sub-delimiters, which no name has that resolves. */
const authority = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/

const pairsOf = (rawHeaders: readonly string[]): Headers => {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  return pairs
}

/** All values of a field; `name` in lower case. */
const valuesOf = (headers: Headers, name: string): readonly string[] =>
  headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value)

const onlyValue = (headers: Headers, name: string): string | undefined => {
  const values = valuesOf(headers, name)
  if (values.length > 1) throw new Refusal(400)
  return values[0]
}

const checkFields = (headers: Headers, { headers: most, headerBytes }: ServeLimits): void => {
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
  if (headers.length > most || bytes > headerBytes) throw new Refusal(431)
  if (!headers.every(([name, value]) => isToken(name) && isFieldValue(value))) throw new Refusal(400)
}

const checkConnection = (headers: Headers): void => {
  const named = valuesOf(headers, 'connection').flatMap((value) => value.split(',').map((option) => option.trim().toLowerCase()))
  if (valuesOf(headers, 'upgrade').length > 0 || named.includes('upgrade')) throw new Refusal(501)
  if (!named.every((option) => option === '' || connectionOptions.has(option))) throw new Refusal(400)
}

/** How the body is framed, in one way and no other (RFC 9112 section 6.3): two ways to read it are two requests to smuggle in one. */
const hasBody = (headers: Headers, { bodyBytes }: ServeLimits): boolean => {
  const coding = onlyValue(headers, 'transfer-encoding')
  const length = onlyValue(headers, 'content-length')
  if (coding !== undefined) {
    if (length !== undefined) throw new Refusal(400)
    if (coding.toLowerCase() !== 'chunked') throw new Refusal(501)
    return true
  }
  if (length === undefined) return false
  if (!/^[0-9]{1,15}$/.test(length)) throw new Refusal(400)
  if (Number(length) > bodyBytes) throw new Refusal(413)
  return Number(length) > 0
}

const authorityOf = (headers: Headers): string => {
  const host = onlyValue(headers, 'host')
  if (host === undefined || !authority.test(host)) throw new Refusal(400)
  return host
}

const sameAuthority = (one: string, other: string): boolean =>
  one.toLowerCase().replace(/:80$/, '') === other.toLowerCase().replace(/:80$/, '')

/** Path with query, from any form of target that a server may be given (RFC 9112 section 3.2). */
const pathOf = ({ method, target }: RawRequest, host: string, { targetBytes }: ServeLimits): string => {
  if (target.length > targetBytes) throw new Refusal(414)
  if (!visibleAscii.test(target)) throw new Refusal(400)
  if (target.startsWith('/')) return target
  if (target === '*' && method === 'OPTIONS') return target
  const absolute = /^http:\/\/([^/?]*)([/?].*)?$/i.exec(target)
  if (absolute === null) throw new Refusal(400)
  const [, named = '', rest = '/'] = absolute
  if (!authority.test(named)) throw new Refusal(400)
  if (!sameAuthority(named, host)) throw new Refusal(421)
  return rest.startsWith('?') ? `/${rest}` : rest
}

/** Fields as a guest sees them: none that is about the connection, and not the authority, which it is told. */
const guestFields = (headers: Headers): Headers =>
  headers.filter(([name]) => {
    const lower = name.toLowerCase()
    return lower !== 'host' && lower !== 'expect' && !isConnectionField(lower)
  })

/**
 * Reads the head of a request that Node's parser let through, more strictly than that: whatever two parsers could read in two ways is refused.
 */
export const readRequestHead = (raw: RawRequest, limits: ServeLimits): HeadReading => {
  try {
    if (raw.httpVersion !== '1.1') throw new Refusal(505)
    if (!isToken(raw.method) || raw.method.length > 64) throw new Refusal(400)
    if (refusedMethods.has(raw.method.toUpperCase())) throw new Refusal(405)
    const headers = pairsOf(raw.rawHeaders)
    checkFields(headers, limits)
    checkConnection(headers)
    const host = authorityOf(headers)
    const pathWithQuery = pathOf(raw, host, limits)
    const body = hasBody(headers, limits)
    return {
      ok: true,
      head: { method: raw.method, scheme: 'http', authority: host, pathWithQuery, headers: guestFields(headers), hasBody: body },
    }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, status: error.status }
    throw error
  }
}

/** The one value of a field in a request that was read; `undefined` when it is not there, or there more than once. `name` in lower case. */
export const fieldOf = (raw: Pick<RawRequest, 'rawHeaders'>, name: string): string | undefined => {
  const values = valuesOf(pairsOf(raw.rawHeaders), name)
  return values.length === 1 ? values[0] : undefined
}

/** Trailers as a guest sees them: those that may stand there. */
export const readTrailers = (rawTrailers: readonly string[], { headers: most }: ServeLimits): Headers =>
  pairsOf(rawTrailers)
    .filter(([name, value]) => isToken(name) && isFieldValue(value) && mayTrail(name.toLowerCase()))
    .slice(0, most)
