import { WasmError, type WasmErrorCode } from './wasm-error.ts'

/** Reads wasm's binary encodings from a range of bytes; every method throws {@link WasmError} `malformed` past its end. */
export class ByteReader {
  readonly bytes: Uint8Array
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  /** True when nothing is left. */
  get done(): boolean {
    return this.position >= this.end
  }

  /** One byte. */
  byte(expected: string): number {
    const byte = this.bytes[this.position]
    if (byte === undefined || this.position >= this.end) throw this.truncated(expected)
    this.position++
    return byte
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(expected: string): number {
    const first = this.position < this.end ? this.bytes[this.position] : undefined
    if (first === undefined || first >= 0x80) return this.longU32(expected)
    this.position++
    return first
  }

  /** A count or size of at most `limit`. */
  count(what: string, limit: number): number {
    const at = this.position
    const value = this.u32(`the number of ${what}`)
    if (value > limit) throw new WasmError('limit', at, `expected at most ${limit} ${what}, got ${value}`)
    return value
  }

  /** An index below `bound`. */
  index(what: string, bound: number): number {
    const at = this.position
    const value = this.u32(`a ${what} index`)
    if (value >= bound) throw new WasmError('malformed', at, `expected a ${what} index below ${bound}, got ${value}`)
    return value
  }

  /** Passes over `length` bytes. */
  skip(length: number, what: string): void {
    if (length > this.end - this.position) {
      throw new WasmError('malformed', this.position, `expected ${length} bytes of ${what}, got ${this.end - this.position}`)
    }
    this.position += length
  }

  /** Passes over a LEB128 of at most `longest` bytes. */
  skipLeb(longest: number, expected: string): void {
    const start = this.position
    const last = Math.min(start + longest, this.end)
    for (let at = start; at < last; at++) {
      if ((this.bytes[at] ?? 0) < 0x80) {
        this.position = at + 1
        return
      }
    }
    if (last === this.end) throw this.truncated(expected)
    throw new WasmError('malformed', start, `expected ${expected} in at most ${longest} bytes of LEB128`)
  }

  /**
   * A length-prefixed name of printable ASCII. Anything else is refused as a `name`: names of other alphabets are
   * valid wasm, but they end in generated code and in front of operators.
   */
  asciiName(what: string, limit: number): string {
    const length = this.count(`bytes in the name of ${what}`, limit)
    const start = this.position
    this.skip(length, `the name of ${what}`)
    let name = ''
    for (let at = start; at < this.position; at++) {
      const byte = this.bytes[at] ?? 0
      if (byte < 0x20 || byte > 0x7e) {
        throw new WasmError('name', at, `expected printable ASCII in the name of ${what}, got byte 0x${byte.toString(16).padStart(2, '0')}`)
      }
      name += String.fromCharCode(byte)
    }
    return name
  }

  /** A reader over the next `length` bytes, which this one passes over. */
  part(length: number, what: string): ByteReader {
    const start = this.position
    this.skip(length, what)
    return new ByteReader(this.bytes, start, this.position)
  }

  /** Throws unless everything was read. */
  expectEnd(what: string): void {
    if (!this.done) {
      throw new WasmError('malformed', this.position, `expected the end of ${what}, got ${this.end - this.position} more bytes`)
    }
  }

  /** An error at the last byte read. */
  refuse(code: WasmErrorCode, message: string): WasmError {
    return new WasmError(code, this.position - 1, message)
  }

  private longU32(expected: string): number {
    const start = this.position
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte(expected)
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new WasmError('malformed', start, `expected ${expected} as an unsigned LEB128 of 32 bits, got one that is too long`)
  }

  private truncated(expected: string): WasmError {
    return new WasmError('malformed', this.position, `expected ${expected}, got the end of the bytes`)
  }
}
