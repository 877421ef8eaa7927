/** Bytes with the place up to which they were read. */
export interface Cursor {
  readonly bytes: Buffer
  at: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** What stands on the wire where a line should: `long` with its beginning, or `bare` when something else than CR LF ends it. */
export type BrokenLine = { readonly broken: 'long'; readonly beginning: string } | { readonly broken: 'bare' }

/**
 * Cuts lines off bytes that come in pieces, each byte looked at once however small the pieces are. Only CR LF ends a line: readers that take
 * a bare LF for one and readers that do not see two different messages (RFC 9112 section 2.2 leaves it open).
 */
export class LineReader {
  readonly #parts: Buffer[] = []
  #length = 0

  /** The next line without its end, as latin-1; undefined when it has not come whole. At most `limit` bytes are kept. */
  take(cursor: Cursor, limit: number): string | BrokenLine | undefined {
    const { bytes, at } = cursor
    const found = bytes.indexOf(lineFeed, at)
    const end = found < 0 ? bytes.length : found + 1
    const part = bytes.subarray(at, Math.min(end, at + limit + 2 - this.#length))
    this.#length += end - at
    this.#parts.push(part)
    cursor.at = end
    if (this.#length > limit + 2) return { broken: 'long', beginning: this.#whole().toString('latin1') }
    return found < 0 ? undefined : lineOf(this.#whole())
  }

  #whole(): Buffer {
    const [only] = this.#parts
    const whole = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts)
    this.#parts.length = 0
    this.#length = 0
    return whole
  }
}

const lineOf = (whole: Buffer): string | BrokenLine => {
  const text = whole.length - 2
  if (text < 0 || whole[text] !== carriageReturn) return { broken: 'bare' }
  return whole.toString('latin1', 0, text)
}
