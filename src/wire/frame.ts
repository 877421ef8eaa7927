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
const nothing = new Uint8Array()
const firstBufferBytes = 64 * 1024
/** A buffer that is full is made this many times as long: a frame with the longest chunk of a stream is moved once. */
const growth = 5

/** Room before a body for the header and the head of its frame; a longer head makes {@link writeFrame} copy. */
const headroomBytes = 240
/** The memory of bodies that were made with room and not framed yet. */
const withRoom = new WeakSet<ArrayBufferLike>()

/**
 * A body of `length` zero bytes that {@link writeFrame} frames where it lies. Whoever hands it over to be framed lets go of it: the frame takes
 * its memory along, to another thread too.
 */
export const newBody = (length: number): Uint8Array<ArrayBuffer> => {
  const buffer = new ArrayBuffer(headroomBytes + length)
  withRoom.add(buffer)
  return new Uint8Array(buffer, headroomBytes)
}

/** Memory up to this size is left to the collector: freeing it by hand costs as much. */
const collectedBytes = 16 * 1024

/**
 * Frees the memory of `bytes` now: they, and all that shares it with them, are empty after that. Only for whoever has it to himself. The engine
 * counts large buffers that wait for its collector, and makes it go through the whole heap for every few of them.
 */
export const letGo = (bytes: Uint8Array): void => {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength > collectedBytes) buffer.transfer(0)
}

/** The bytes of a frame with its body in place and the rest yet to be written. */
const layOut = ({ head, body }: Frame): Uint8Array<ArrayBuffer> => {
  const before = frameOverheadBytes + head.length
  const { buffer } = body
  // Once only: a second frame would write over the header of the first.
  if (buffer instanceof ArrayBuffer && body.byteOffset === headroomBytes && before <= headroomBytes && withRoom.delete(buffer)) {
    return new Uint8Array(buffer, headroomBytes - before, before + body.length)
  }
  const bytes = new Uint8Array(before + body.length)
  bytes.set(body, before)
  return bytes
}

/** Lays out one frame. The result has its memory to itself. */
export const writeFrame = (frame: Frame): Uint8Array<ArrayBuffer> => {
  const bytes = layOut(frame)
  const view = new DataView(bytes.buffer, bytes.byteOffset, frameOverheadBytes)
  view.setUint32(0, bytes.length - lengthBytes, true)
  view.setUint8(4, frame.type)
  view.setUint32(5, frame.session, true)
  view.setUint32(9, frame.id, true)
  view.setUint32(13, frame.head.length, true)
  bytes.set(frame.head, frameOverheadBytes)
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
  #chunk: Uint8Array = nothing
  /** Whether the memory of the chunk may be freed once all of it is copied: no frame lies in it, and nothing else. */
  #isCopied = false

  /** `maxBytes` is the longest frame taken, its length field left out. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Hands over what has come, for good: frames may keep the memory of `chunk`. Take all frames with {@link next} before pushing more.
   * `isAlone`: nothing else lies in its memory.
   */
  push(chunk: Uint8Array, isAlone = chunk.length === chunk.buffer.byteLength): void {
    if (this.#chunk.length === 0) {
      this.#chunk = chunk
      this.#isCopied = isAlone
      return
    }
    const joined = new Uint8Array(this.#chunk.length + chunk.length)
    joined.set(this.#chunk)
    joined.set(chunk, this.#chunk.length)
    this.#chunk = joined
    this.#isCopied = true
  }

  /** The next whole frame, or `undefined` until more is pushed. Throws {@link WireViolation}. */
  next(): Frame | undefined {
    const whole = this.#takeWhole()
    if (whole !== undefined) return readFrame(whole)
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

  /**
   * A frame that came alone and makes up most of its memory, where it lies. Beside another one it would be freed with that, and one that kept
   * much more alive than it is long would be charged too little.
   */
  #takeWhole(): Uint8Array | undefined {
    const { buffer, byteOffset, length } = this.#chunk
    if (this.#frame !== undefined || this.#lengthHave > 0 || length < lengthBytes) return undefined
    const bytes = this.#expectLength(new DataView(buffer, byteOffset, lengthBytes))
    if (length !== lengthBytes + bytes || bytes * 2 < buffer.byteLength) return undefined
    this.#chunk = nothing
    // Never a `Buffer`, whose `slice` copies nothing.
    return new Uint8Array(buffer, byteOffset + lengthBytes, bytes)
  }

  #startFrame(): boolean {
    const part = this.#take(lengthBytes - this.#lengthHave)
    this.#length.set(part, this.#lengthHave)
    this.#lengthHave += part.length
    if (this.#lengthHave < lengthBytes) return false
    const bytes = this.#expectLength(new DataView(this.#length.buffer))
    this.#frameBytes = bytes
    this.#frameHave = 0
    this.#frame = new Uint8Array(Math.min(bytes, Math.max(firstBufferBytes, this.#chunk.length)))
    return true
  }

  #expectLength(field: DataView): number {
    const bytes = field.getUint32(0, true)
    if (bytes >= headerBytes && bytes <= this.#maxBytes) return bytes
    throw new WireViolation(`expected a frame of ${headerBytes} to ${this.#maxBytes} bytes, got ${bytes}`)
  }

  #fill(): void {
    const part = this.#take(this.#frameBytes - this.#frameHave)
    const needed = this.#frameHave + part.length
    let frame = this.#frame ?? new Uint8Array()
    if (needed > frame.length) {
      const grown = new Uint8Array(Math.min(this.#frameBytes, Math.max(needed, frame.length * growth)))
      grown.set(frame.subarray(0, this.#frameHave))
      letGo(frame)
      frame = grown
      this.#frame = grown
    }
    frame.set(part, this.#frameHave)
    this.#frameHave = needed
    if (!this.#isCopied || this.#chunk.length > 0) return
    this.#chunk = nothing
    letGo(part)
  }

  #take(count: number): Uint8Array {
    const part = this.#chunk.subarray(0, count)
    this.#chunk = this.#chunk.subarray(part.length)
    return part
  }
}
