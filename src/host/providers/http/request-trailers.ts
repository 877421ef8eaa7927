import { httpFault } from './errors.ts'
import { foldFieldName, type Headers, refuseField } from './request-head.ts'

/** Bytes of all trailer lines together. */
const maxTrailerBytes = 16 * 1024

/**
 * Fields that mean something only before the body (RFC 9110 section 6.5.1): how it is framed, routed, coded and authenticated. A server that merges
 * trailers into headers would let a guest say them behind every check.
 */
const headerOnly = new Set([
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'host',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'set-cookie',
  'te',
  'trailer',
])

const headerOnlyPrefixes = ['if-', 'sec-', 'access-control-']

/** Checks what a guest wants sent behind the body. Throws GuestFault. */
export const checkTrailers = (given: Headers): Headers => {
  const size = given.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
  if (size > maxTrailerBytes) throw httpFault('HTTP-request-trailer-section-size', `${size} bytes`, size)
  for (const [name, value] of given) {
    refuseField(name, value)
    const folded = foldFieldName(name)
    if (headerOnly.has(folded) || headerOnlyPrefixes.some((prefix) => folded.startsWith(prefix))) {
      throw httpFault('HTTP-request-denied', `\`${name}\` is no trailer`)
    }
  }
  return given
}
