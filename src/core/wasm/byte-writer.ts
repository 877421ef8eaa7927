/** A growing buffer with wasm's binary encodings. */
export class ByteWriter {
  private buffer: Uint8Array
  length = 0

  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(capacity)
  }

  /** Writes one byte. */
  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  /** Writes an unsigned LEB128. */
  u32(value: number): void {
    this.reserve(5)
    let rest = value
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buffer[this.length++] = rest
  }

  /** Writes a signed LEB128 of 32 bits. */
  s32(value: number): void {
    this.reserve(5)
    let rest = value | 0
    while (rest < -0x40 || rest > 0x3f) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80
      rest >>= 7
    }
    this.buffer[this.length++] = rest & 0x7f
  }

  /** Writes bytes as they are. */
  raw(bytes: ArrayLike<number>): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /** Writes `source` from `start` up to `end`. */
  slice(source: Uint8Array, start: number, end: number): void {
    const size = end - start
    this.reserve(size)
    if (size > 32) this.buffer.set(source.subarray(start, end), this.length)
    else for (let at = 0; at < size; at++) this.buffer[this.length + at] = source[start + at] ?? 0
    this.length += size
  }

  /** Writes a length-prefixed ASCII name. */
  name(text: string): void {
    this.u32(text.length)
    this.raw(Array.from(text, (letter) => letter.charCodeAt(0)))
  }

  /** Puts the length of what `write` writes in front of it. */
  prefixed(write: () => void): void {
    const widest = 5
    this.reserve(widest)
    const start = this.length
    this.length += widest
    write()
    const size = this.length - start - widest
    const end = this.length
    this.length = start
    this.u32(size)
    this.buffer.copyWithin(this.length, start + widest, end)
    this.length += size
  }

  /** What was written so far; valid until the next write. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }

  private reserve(size: number): void {
    const needed = this.length + size
    if (needed <= this.buffer.length) return
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2))
    grown.set(this.view())
    this.buffer = grown
  }
}
