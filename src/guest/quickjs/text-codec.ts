/** UTF-8 for an engine that comes without it (Encoding Standard, UTF-8 only). */

/** Encodes text as UTF-8; lone surrogates become U+FFFD. */
export const encodeUtf8 = (text: string): Uint8Array => {
  const escaped = encodeURIComponent(text.toWellFormed())
  const bytes = new Uint8Array(escaped.length)
  let length = 0
  for (let at = 0; at < escaped.length; at += 1) {
    const isEscape = escaped.charCodeAt(at) === 37
    bytes[length] = isEscape ? Number.parseInt(escaped.slice(at + 1, at + 3), 16) : escaped.charCodeAt(at)
    if (isEscape) at += 2
    length += 1
  }
  return bytes.slice(0, length)
}

/** `[bytes that follow, least and greatest first following byte, bits of the lead byte]` (Encoding Standard, UTF-8 decoder). */
const lead = (byte: number): readonly [number, number, number, number] | undefined => {
  if (byte >= 0xc2 && byte <= 0xdf) return [1, 0x80, 0xbf, byte & 0x1f]
  if (byte >= 0xe0 && byte <= 0xef) return [2, byte === 0xe0 ? 0xa0 : 0x80, byte === 0xed ? 0x9f : 0xbf, byte & 0xf]
  if (byte >= 0xf0 && byte <= 0xf4) return [3, byte === 0xf0 ? 0x90 : 0x80, byte === 0xf4 ? 0x8f : 0xbf, byte & 0x7]
  return undefined
}

/** One code point from `at`: its value (U+FFFD for a bad sequence) and how many bytes it took. */
const decodeAt = (bytes: Uint8Array, at: number): readonly [number, number] => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return [first, 1]
  const shape = lead(first)
  if (shape === undefined) return [0xfffd, 1]
  const [follow, least, greatest, bits] = shape
  let point = bits
  for (let index = 1; index <= follow; index += 1) {
    const byte = bytes[at + index] ?? 0
    const isGood = index === 1 ? byte >= least && byte <= greatest : byte >= 0x80 && byte <= 0xbf
    if (!isGood) return [0xfffd, index]
    point = (point << 6) | (byte & 0x3f)
  }
  return [point, follow + 1]
}

/** Decodes UTF-8; each bad sequence becomes U+FFFD. */
export const decodeUtf8 = (bytes: Uint8Array): string => {
  const parts: string[] = []
  let points: number[] = []
  for (let at = 0; at < bytes.length;) {
    const [point, taken] = decodeAt(bytes, at)
    points.push(point)
    at += taken
    if (points.length === 4096) {
      parts.push(String.fromCodePoint(...points))
      points = []
    }
  }
  return parts.join('') + String.fromCodePoint(...points)
}

const bytesOf = (input: ArrayBuffer | ArrayBufferView | undefined): Uint8Array => {
  if (input === undefined) return new Uint8Array()
  return ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input)
}

export class Utf8Encoder {
  readonly encoding = 'utf-8'
  encode(text: unknown = ''): Uint8Array {
    return encodeUtf8(String(text))
  }
}

export class Utf8Decoder {
  readonly encoding = 'utf-8'
  readonly fatal: boolean
  readonly ignoreBOM: boolean

  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false }: { readonly fatal?: boolean; readonly ignoreBOM?: boolean } = {}) {
    if (!/^\s*utf-?8\s*$/i.test(label)) throw new RangeError(`expected the encoding utf-8, got \`${label}\``)
    this.fatal = fatal
    this.ignoreBOM = ignoreBOM
  }

  decode(input?: ArrayBuffer | ArrayBufferView): string {
    const bytes = bytesOf(input)
    const text = decodeUtf8(bytes)
    // A sequence that was replaced does not encode back to the same bytes.
    if (this.fatal && encodeUtf8(text).length !== bytes.length) throw new TypeError('the data is not valid UTF-8')
    return !this.ignoreBOM && text.startsWith('\uFEFF') ? text.slice(1) : text
  }
}
