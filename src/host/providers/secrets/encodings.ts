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

const lowerEscapes = (encoded: string): string => encoded.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())

/** As form and URL encoders write it (RFC 3986 section 2.1, WHATWG URL section 5), also twice and sparing what some spare. */
const urlRenderings = (text: string): readonly string[] => {
  const encoded = encodeURIComponent(text)
  const strict = encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  const form = new URLSearchParams({ v: text }).toString().slice(2)
  const once = [encoded, strict, encoded.replaceAll('%2F', '/'), strict.replaceAll('%2F', '/'), form, encodeURI(text)]
  return [...once, ...once.map(lowerEscapes), encodeURIComponent(encoded), encodeURIComponent(strict)]
}

const hexOf = (character: string, length: number): string => character.charCodeAt(0).toString(16).padStart(length, '0')

/** As JSON encoders write it inside a string (RFC 8259 section 7): some escape slashes, what HTML minds, or all but ASCII. */
const jsonRenderings = (text: string): readonly string[] => {
  const plain = JSON.stringify(text).slice(1, -1)
  const escaping = (characters: RegExp, from: string): string => from.replace(characters, (each) => String.raw`\u` + hexOf(each, 4))
  const forHtml = escaping(/[&<>\u2028\u2029]/g, plain)
  const cautious = escaping(/[&<>'"+`\\]/g, text)
  const forms = [plain, forHtml, escaping(/[&<>'=]/g, plain), escaping(/[&<>'+=]/g, plain), cautious, escaping(/[^\0-\x7e]/g, plain)]
  const upper = forms.map((form) => form.replace(/\\u[0-9a-f]{4}/g, (escape) => String.raw`\u` + escape.slice(2).toUpperCase()))
  const all = [...forms, ...upper].flatMap((form) => [form, form.replaceAll('/', String.raw`\/`)])
  return [...all, JSON.stringify(plain).slice(1, -1)]
}

const htmlNames: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** As HTML and XML writers write it: the five characters that mean something there, by name or number, some a few more. */
const htmlRenderings = (text: string): readonly string[] => [
  text.replace(/[&<>"']/g, (character) => htmlNames[character] ?? character),
  text.replace(/[&<>"']/g, (character) => (character === "'" ? '&#x27;' : (htmlNames[character] ?? character))),
  ...[/[&<>"']/g, /[&<>"'/]/g, /[&<>"'/+]/g, /[&<>"'/`=]/g].flatMap((characters) => [
    text.replace(characters, (character) => `&#${character.charCodeAt(0)};`),
    text.replace(characters, (character) => `&#x${hexOf(character, 2)};`),
    text.replace(characters, (character) => `&#x${hexOf(character, 2).toUpperCase()};`),
  ]),
]

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
    ...jsonRenderings(value),
    value.replaceAll('/', String.raw`\/`),
    ...htmlRenderings(value),
    utf8.toString('hex'),
    utf8.toString('hex').toUpperCase(),
    ...decodedCredentials(value),
  ]
  const patterns = new Map<string, Uint8Array>()
  const utf16 = Buffer.from(value, 'utf16le')
  const others = [Buffer.from(value, 'latin1'), utf16, Buffer.from(utf16).swap16()]
  for (const bytes of [...texts.map((text) => Buffer.from(text, 'utf8')), ...others]) {
    if (bytes.length >= minPatternBytes) patterns.set(bytes.toString('latin1'), bytes)
  }
  return [...patterns.values()].sort((one, other) => other.length - one.length)
}
