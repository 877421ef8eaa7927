/**
 * The language between ingest and its child, one frame each way over an inherited pipe: a kind (u8), a length (u32,
 * little-endian) and that many bytes. The child works on hostile bytes: the parent checks kind and length before it keeps a byte.
 */
export const frameKind = {
  /** To the child: profile (two u32: pages, table elements), then the component. */
  request: 1,
  /** From the child: an encoded artifact. */
  contents: 2,
  /** From the child: `{ code, message }` as JSON. */
  failure: 3,
  /** From the child: the component uses features past WASI 0.2; what it uses, as text. */
  beyond: 4,
  /** From the child: a core module that carries its world, for the child that encodes; no bytes. */
  carriesWorld: 5,
} as const

/** The header of a frame. */
export const frameHeader = (kind: number, length: number): Buffer => {
  const header = Buffer.alloc(5)
  header.writeUInt8(kind, 0)
  header.writeUInt32LE(length, 1)
  return header
}

/** A frame that arrives in pieces. */
export class FrameReader {
  #header = Buffer.alloc(0)
  #body: Buffer | undefined
  #kind = 0
  #filled = 0
  readonly #maxBytes: (kind: number) => number

  /** `maxBytes` gives the most a frame of that kind may have; a kind that may not come has none: -1. */
  constructor(maxBytes: (kind: number) => number) {
    this.#maxBytes = maxBytes
  }

  /** Takes the next bytes and gives the frame once it is whole. Throws RangeError for a frame that may not be, and for bytes past it. */
  take(chunk: Uint8Array): { readonly kind: number; readonly body: Buffer } | undefined {
    let rest = chunk
    if (this.#body === undefined) {
      const missing = 5 - this.#header.length
      this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (this.#header.length < 5) return undefined
      this.#body = this.#begin()
    }
    if (rest.length > this.#body.length - this.#filled) throw new RangeError('more bytes than the frame has')
    this.#body.set(rest, this.#filled)
    this.#filled += rest.length
    return this.#filled === this.#body.length ? { kind: this.#kind, body: this.#body } : undefined
  }

  #begin(): Buffer {
    this.#kind = this.#header.readUInt8(0)
    const length = this.#header.readUInt32LE(1)
    if (length > this.#maxBytes(this.#kind)) throw new RangeError(`a frame of kind ${this.#kind} with ${length} bytes`)
    return Buffer.alloc(length)
  }
}
