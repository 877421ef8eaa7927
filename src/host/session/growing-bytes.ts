/** Bytes that are appended to: one buffer, however small the pieces they come in. */
export class GrowingBytes {
  #buffer: Uint8Array
  #length: number

  constructor(first: Uint8Array = new Uint8Array()) {
    this.#buffer = first.slice()
    this.#length = first.length
  }

  get length(): number {
    return this.#length
  }

  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length))
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.#length)
    this.#length = needed
  }

  /** A copy of what lies at `offset` and after it. */
  from(offset: number): Uint8Array {
    return this.#buffer.slice(offset, this.#length)
  }
}
