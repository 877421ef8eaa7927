import type { NetCapability } from '#core/capability/capability.ts'
import { normaliseAuthority } from '#core/policy/host-pattern.ts'
import { splitUrlPath } from '#core/policy/path.ts'
import type { CallArgs } from '#wire/calls.ts'
import { httpFault } from './errors.ts'

export type StartArgs = CallArgs<'http.start'>
export type Headers = readonly (readonly [name: string, value: string])[]

/** A request as it was asked for, in the one form that is decided on and sent. */
export interface RequestTarget {
  readonly capability: NetCapability
  /** With its `?`, or empty. */
  readonly query: string
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Visible latin-1, space and tab (RFC 9110 section 5.5): no CR, LF, null or other control character. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** What servers take at least (RFC 9110 section 4.1) and many no more. */
const maxTargetLength = 8000

/** Bytes of all header lines together. */
const maxHeaderBytes = 65_536

/** Brings a request into its normal form. Throws GuestFault for what means nothing as a request. */
export const targetOf = ({ method, scheme, authority, pathWithQuery }: StartArgs): RequestTarget => {
  if (!token.test(method)) throw httpFault('HTTP-request-method-invalid')
  if (pathWithQuery.length > maxTargetLength) throw httpFault('HTTP-request-URI-too-long', `${pathWithQuery.length} characters`)
  const destination = normaliseAuthority(authority, scheme)
  const target = splitUrlPath(pathWithQuery)
  if (destination === undefined) throw httpFault('HTTP-request-URI-invalid', 'authority')
  if (target === undefined) throw httpFault('HTTP-request-URI-invalid', 'path or query')
  return {
    capability: { action: 'net:request', scheme, method: method.toUpperCase(), ...destination, path: target.path },
    query: target.query,
  }
}

/**
 * Fields that speak to the connection rather than to the server (RFC 9110 section 7.6.1), that frame the message, or that say who
 * asks and how it came: a guest that sets them desynchronises what we send from what we checked, or lies about its origin.
 */
const forbidden = new Set(['connection', 'forwarded', 'http2-settings', 'keep-alive', 'transfer-encoding', 'upgrade', 'via', 'x-real-ip'])

/** Fields by which servers let a request be another method or path than its own line says: past the rules on both. */
const rerouting = new Set(['x-http-method', 'x-http-method-override', 'x-method-override', 'x-original-url', 'x-rewrite-url'])

/** Fields that speak to the connection, and the only thing that a guest may say with each. */
const onlyAs: ReadonlyMap<string, RegExp> = new Map([
  ['expect', /^100-continue$/i],
  ['te', /^trailers$/i],
  ['trailer', /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:, ?[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/],
])

const forbiddenPrefixes = ['proxy-', 'x-forwarded-', 'sec-websocket-', ':']

/** One spelling for names that servers take for the same field: CGI makes `_` of `-`, and some proxies of `.`. */
export const foldFieldName = (name: string): string => name.toLowerCase().replace(/[._]/g, '-')

/** Refuses a field that is not for guests to set, in a header or trailer section. Throws GuestFault. */
export const refuseField = (name: string, value: string): void => {
  if (!token.test(name)) throw httpFault('HTTP-request-denied', 'a header name is no token')
  if (!fieldValue.test(value)) throw httpFault('HTTP-request-denied', `a value of header \`${name}\` holds control characters`)
  const folded = foldFieldName(name)
  const isForbidden = forbidden.has(folded) || rerouting.has(folded) || forbiddenPrefixes.some((prefix) => folded.startsWith(prefix))
  const only = onlyAs.get(folded)
  if (isForbidden || (only !== undefined && (name.toLowerCase() !== folded || !only.test(value))))
    throw httpFault('HTTP-request-denied', `header \`${name}\` is not for guests to set`)
}

/** The headers of a request after the check, with what they say about the body. */
export interface CheckedHeaders {
  /** Without `host` and `content-length`, which are ours to send. */
  readonly headers: Headers
  /** What the guest says the body's length is. */
  readonly contentLength: number | undefined
  /** Whether the server is to be asked before the body is sent. */
  readonly expectsContinue: boolean
}

/**
 * Checks what a guest wants sent. `host` is dropped when it says what the authority says and refused otherwise (domain fronting);
 * `content-length` is taken once, as a number, for the count of what is really written. Throws GuestFault.
 */
export const checkHeaders = (given: Headers, { scheme, authority }: StartArgs): CheckedHeaders => {
  const size = given.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
  if (size > maxHeaderBytes) throw httpFault('HTTP-request-header-section-size', `${size} bytes`, size)
  const headers: (readonly [string, string])[] = []
  let contentLength: number | undefined
  let expectsContinue = false
  for (const [name, value] of given) {
    refuseField(name, value)
    const folded = foldFieldName(name)
    if (folded === 'expect') expectsContinue = true
    else if (folded === 'host') refuseOtherHost(value, { scheme, authority })
    else if (folded === 'content-length') {
      if (contentLength !== undefined || !/^[0-9]{1,15}$/.test(value)) throw httpFault('HTTP-request-denied', 'content-length')
      contentLength = Number(value)
    } else headers.push([name, value])
  }
  return { headers, contentLength, expectsContinue }
}

const refuseOtherHost = (value: string, { scheme, authority }: Pick<StartArgs, 'scheme' | 'authority'>): void => {
  const asked = normaliseAuthority(value, scheme)
  const real = normaliseAuthority(authority, scheme)
  if (asked === undefined || asked.host !== real?.host || asked.port !== real.port) {
    throw httpFault('HTTP-request-denied', 'header `host` names another server than the request')
  }
}
