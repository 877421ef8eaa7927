/** The other end broke a rule of the wire. The host ends the cell on it; `message` quotes nothing the other end sent. */
export class WireViolation extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WireViolation'
  }
}

/**
 * One frame as it travels: `u32 length · u8 type · u32 session · u32 id · u32 headLength · head · body`, little endian,
 * `length` counting what follows it. `head` is JSON in UTF-8. Which fields a type uses is in `wire/codec.ts`.
 */
export interface Frame {
  readonly type: number
  readonly session: number
  readonly id: number
  readonly head: Uint8Array
  readonly body: Uint8Array
}

const lengthBytes = 4
const headerBytes = 13
/** Bytes of a frame that are neither head nor body. */
export const frameOverheadBytes = lengthBytes + headerBytes
const firstBufferBytes = 64 * 1024

/** Lays out one frame. */
export const writeFrame = (frame: Frame): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(frameOverheadBytes + frame.head.length + frame.body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length - lengthBytes, true)
  view.setUint8(4, frame.type)
  view.setUint32(5, frame.session, true)
  view.setUint32(9, frame.id, true)
  view.setUint32(13, frame.head.length, true)
  bytes.set(frame.head, frameOverheadBytes)
  bytes.set(frame.body, frameOverheadBytes + frame.head.length)
  return bytes
}

const readFrame = (bytes: Uint8Array): Frame => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headLength = view.getUint32(9, true)
  if (headLength > bytes.length - headerBytes) throw new WireViolation('expected a head that fits its frame')
  return {
    type: view.getUint8(0),
    session: view.getUint32(1, true),
    id: view.getUint32(5, true),
    head: bytes.subarray(headerBytes, headerBytes + headLength),
    body: bytes.subarray(headerBytes + headLength),
  }
}

/**
 * Cuts a stream of bytes into frames. A frame's length is checked before a byte of it is kept, and the buffer grows
 * with what has come, not with what was announced: a sender that lies about lengths costs its own bytes and no more.
 */
export class FrameReader {
  readonly #maxBytes: number
  readonly #length = new Uint8Array(lengthBytes)
  #lengthHave = 0
  #frame: Uint8Array | undefined
  #frameHave = 0
  #frameBytes = 0
  #chunk: Uint8Array = new Uint8Array()

  /** `maxBytes` is the longest frame taken, its length field left out. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Hands over what has come. Take all frames with {@link next} before pushing more. */
  push(chunk: Uint8Array): void {
    if (this.#chunk.length === 0) {
      this.#chunk = chunk
      return
    }
    const joined = new Uint8Array(this.#chunk.length + chunk.length)
    joined.set(this.#chunk)
    joined.set(chunk, this.#chunk.length)
    this.#chunk = joined
  }

  /** The next whole frame, or `undefined` until more is pushed. Throws {@link WireViolation}. */
  next(): Frame | undefined {
    if (this.#frame === undefined && !this.#startFrame()) return undefined
    this.#fill()
    const frame = this.#frame
    if (frame === undefined || this.#frameHave < this.#frameBytes) return undefined
    this.#frame = undefined
    this.#lengthHave = 0
    return readFrame(frame)
  }

  /** Whether the stream may end here: no frame is half read. */
  get idle(): boolean {
    return this.#lengthHave === 0 && this.#chunk.length === 0
  }

  #startFrame(): boolean {
    const part = this.#take(lengthBytes - this.#lengthHave)
    this.#length.set(part, this.#lengthHave)
    this.#lengthHave += part.length
    if (this.#lengthHave < lengthBytes) return false
    const bytes = new DataView(this.#length.buffer).getUint32(0, true)
    if (bytes < headerBytes || bytes > this.#maxBytes) {
      throw new WireViolation(`expected a frame of ${headerBytes} to ${this.#maxBytes} bytes, got ${bytes}`)
    }
    this.#frameBytes = bytes
    this.#frameHave = 0
    this.#frame = new Uint8Array(Math.min(bytes, Math.max(firstBufferBytes, this.#chunk.length)))
    return true
  }

  #fill(): void {
    const part = this.#take(this.#frameBytes - this.#frameHave)
    const needed = this.#frameHave + part.length
    let frame = this.#frame ?? new Uint8Array()
    if (needed > frame.length) {
      const grown = new Uint8Array(Math.min(this.#frameBytes, Math.max(needed, frame.length * 2)))
      grown.set(frame.subarray(0, this.#frameHave))
      frame = grown
      this.#frame = grown
    }
    frame.set(part, this.#frameHave)
    this.#frameHave = needed
  }

  #take(count: number): Uint8Array {
    const part = this.#chunk.subarray(0, count)
    this.#chunk = this.#chunk.subarray(part.length)
    return part
  }
}
