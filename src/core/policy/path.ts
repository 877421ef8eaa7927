/**
 * Paths in one normal form each, so that what is decided is what is performed. Guest paths are names in the guest's
 * own tree; URL paths are what is sent to a server, which may read them differently than we do: what servers are known to
 * disagree on is refused, not guessed.
 */

/** The longest path, in UTF-16 units. */
const maxPathLength = 4096

/**
 * The normal form of an absolute guest path: no empty or `.` segments, no trailing slash (but for `/`). `undefined` when it is
 * relative, has `..` (a link may stand before it, so it cannot be resolved as text), a null byte, a lone surrogate, or is too long.
 */
export const normaliseGuestPath = (path: string): string | undefined => {
  if (!path.startsWith('/') || path.length > maxPathLength || path.includes('\0') || !path.isWellFormed()) return undefined
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  return segments.includes('..') ? undefined : `/${segments.join('/')}`
}

/** Whether the normal guest path `path` is `folder` or lies below it. */
export const isWithin = (folder: string, path: string): boolean =>
  folder === '/' ? path.startsWith('/') : path === folder || path.startsWith(`${folder}/`)

/** Makes a host path absolute as text (POSIX): relative ones count from the absolute `folder`, dot segments are resolved. */
export const absoluteHostPath = (folder: string, path: string): string => {
  const resolved: string[] = []
  for (const segment of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (segment === '..') resolved.pop()
    else if (segment !== '' && segment !== '.') resolved.push(segment)
  }
  return `/${resolved.join('/')}`
}

const unreserved = /^[A-Za-z0-9._~-]$/
const pathCharacter = /^[A-Za-z0-9._~!$&'()*+,;=:@-]$/
/** Sent raw by WHATWG URL parsers, but not allowed raw by RFC 3986: encoded. */
const encodable = /^["<>[\]^`{|}]$/

const percent = (code: number): string => `%${code.toString(16).toUpperCase().padStart(2, '0')}`

/**
 * One percent-encoded byte, decoded when it is unreserved. Refused: slash and backslash (another server may split there), null
 * and controls, and `%25` before two hex digits (another server may decode twice).
 */
const normaliseEscape = (hex: string, following: string): string | undefined => {
  if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return undefined
  const code = Number.parseInt(hex, 16)
  if (code < 0x20 || code === 0x7f || code === 0x2f || code === 0x5c) return undefined
  if (code === 0x25 && /^[0-9A-Fa-f]{2}/.test(following)) return undefined
  const character = String.fromCharCode(code)
  return unreserved.test(character) ? character : percent(code)
}

const normaliseSegment = (segment: string): string | undefined => {
  let normal = ''
  for (let at = 0; at < segment.length; at++) {
    const character = segment.charAt(at)
    let next: string | undefined
    if (character === '%') {
      next = normaliseEscape(segment.slice(at + 1, at + 3), segment.slice(at + 3, at + 5))
      at += 2
    } else if (pathCharacter.test(character)) next = character
    else if (encodable.test(character)) next = percent(character.charCodeAt(0))
    if (next === undefined) return undefined
    normal += next
  }
  // `..;x` is `..` to servers that cut path parameters off before they resolve.
  return /^\.{1,2};/.test(normal) ? undefined : normal
}

/**
 * The normal form of a URL path without query: percent-decoded once where that is safe (RFC 3986 section 6.2.2), hex digits
 * upper case, dot segments resolved. `undefined` when it does not start with `/`, climbs above the root, or holds an encoded
 * slash, backslash, null or control character, a doubly encoded byte, a backslash, or a character outside ASCII.
 * Empty segments stay: `//` is another path than `/`.
 */
export const normaliseUrlPath = (path: string): string | undefined => {
  if (!path.startsWith('/') || path.length > 4 * maxPathLength) return undefined
  const normal: string[] = []
  const segments = path.slice(1).split('/')
  for (const [index, written] of segments.entries()) {
    const segment = normaliseSegment(written)
    const isLast = index === segments.length - 1
    if (segment === undefined || (segment === '..' && normal.length === 0)) return undefined
    if (segment === '..') normal.pop()
    if (segment !== '..' && segment !== '.') normal.push(segment)
    else if (isLast) normal.push('')
  }
  return `/${normal.join('/')}`
}

/**
 * Takes `path[?query]` as a guest wrote it apart: the path normalised, the query as it is (with its `?`, or empty). `undefined` when
 * the path has no normal form or the query holds anything but printable ASCII without `#`. An empty path is `/`.
 */
export const splitUrlPath = (pathWithQuery: string): { readonly path: string; readonly query: string } | undefined => {
  const mark = pathWithQuery.indexOf('?')
  const written = mark < 0 ? pathWithQuery : pathWithQuery.slice(0, mark)
  const query = mark < 0 ? '' : pathWithQuery.slice(mark)
  const path = normaliseUrlPath(written === '' ? '/' : written)
  return path === undefined || !/^[!"$-~]*$/.test(query) ? undefined : { path, query }
}

/**
 * Whether a normalised URL path is one that the pattern names. A pattern without `*` names exactly itself; one that ends in `*`
 * names every path that starts with what is before it, slashes included: `/v1/*` names `/v1/` and `/v1/a/b` but not `/v1`;
 * `/v1/items*` names `/v1/items`, `/v1/items/7` and `/v1/items-old`. `*` stands nowhere else.
 */
export const pathMatches = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path

/** Whether a pattern is one: `/` first, in normal form, `*` at its end at most. */
export const isPathPattern = (pattern: string): boolean => {
  const literal = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern
  return !literal.includes('*') && normaliseUrlPath(literal) === literal
}
