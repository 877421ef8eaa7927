/** Shorter renderings would be found everywhere. */
const minPatternBytes = 5

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
const urlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_')

/**
 * What base64 makes of `bytes` wherever they stand inside a longer text: at each of the three alignments, the characters
 * that do not depend on the neighbours (RFC 4648 section 4), in both alphabets.
 */
export const base64Renderings = (bytes: Uint8Array): readonly string[] => {
  const renderings: string[] = []
  for (const offset of [0, 1, 2]) {
    const padded = new Uint8Array(offset + bytes.length)
    padded.set(bytes, offset)
    const first = Math.ceil((offset * 8) / 6)
    const whole = Math.floor(((offset + bytes.length) * 8) / 6)
    const core = base64(padded).slice(first, whole)
    renderings.push(core, urlSafe(core))
  }
  return renderings
}

/** Every byte as `%XX`, in both cases. */
const percentRenderings = (bytes: Uint8Array): readonly string[] => {
  const upper = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('')
  return [upper, upper.toLowerCase()]
}

/** As form and URL encoders write it (RFC 3986 section 2.1, WHATWG URL section 5). */
const urlRenderings = (text: string): readonly string[] => {
  const encoded = encodeURIComponent(text)
  const lower = encoded.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())
  const form = new URLSearchParams({ v: text }).toString().slice(2)
  return [encoded, lower, form, encodeURI(text)]
}

const htmlEscapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** The text that a value is the base64 of (`user:password` of Basic credentials), and its password. */
const decodedCredentials = (value: string): readonly string[] => {
  if (!/^[A-Za-z0-9+/_-]{8,}={0,2}$/.test(value)) return []
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  if (!/^[\x20-\x7e]+$/.test(decoded) || !decoded.includes(':')) return []
  return [decoded, decoded.slice(decoded.indexOf(':') + 1)]
}

/** The common ways to write a secret value: what a server that echoes it may send back. Distinct, longest first. */
export const renderingsOf = (value: string): readonly Uint8Array[] => {
  const utf8 = Buffer.from(value, 'utf8')
  const texts = [
    value,
    ...urlRenderings(value),
    ...percentRenderings(utf8),
    ...base64Renderings(utf8),
    JSON.stringify(value).slice(1, -1),
    value.replaceAll('/', '\\/'),
    value.replace(/[&<>"']/g, (character) => htmlEscapes[character] ?? character),
    utf8.toString('hex'),
    utf8.toString('hex').toUpperCase(),
    ...decodedCredentials(value),
  ]
  const patterns = new Map<string, Uint8Array>()
  for (const bytes of [...texts.map((text) => Buffer.from(text, 'utf8')), Buffer.from(value, 'latin1')]) {
    if (bytes.length >= minPatternBytes) patterns.set(bytes.toString('latin1'), bytes)
  }
  return [...patterns.values()].sort((one, other) => other.length - one.length)
}
