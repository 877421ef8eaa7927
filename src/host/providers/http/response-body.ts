import type { Redaction } from '#host/providers/secrets/redaction.ts'
import { letGo, newBody } from '#wire/codec.ts'
import type { Headers } from './request-head.ts'

/** What one read gives. */
export interface ResponseChunk {
  readonly bytes: Uint8Array
  /** Whether these are the last bytes. */
  readonly end: boolean
  readonly trailers: Headers
}

interface Piece {
  readonly bytes: Uint8Array
  /** Bytes of the same memory behind these that nobody has used. */
  readonly spare: number
  /** Whether it came with all of its memory, which then is nobody else's; of another one's the connection may still have a part to read. */
  readonly isAlone: boolean
}

/** How the connection is told to wait and to go on. */
export interface Flow {
  pause(): void
  resume(): void
}

/** What the connection has for this turn of the event loop is read by then: an answer for each of its pieces would cost more than the pieces. */
const allThatCame = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Smaller pieces are put together: a server may send each byte by itself, and the pieces would take a hundred times what is in them. */
const smallBytes = 2048
const gatheredBytes = 16 * 1024

/** Bytes kept for a guest that does not read: past this the connection waits. */
const highWaterBytes = 512 * 1024

/** The body of a response on its way to the guest, secrets masked, kept within bounds. */
export class ResponseBody {
  readonly #redaction: Redaction
  readonly #pieces: Piece[] = []
  #queued = 0
  #flow: Flow | undefined
  #waiting: (() => void)[] = []
  #ended = false
  #trailers: Headers = []
  #failure: Error | undefined

  constructor(redaction: Redaction) {
    this.#redaction = redaction
  }

  /** Bytes that wait for the guest. */
  get queuedBytes(): number {
    return this.#queued
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Takes bytes from the connection; true when it must wait now. */
  push(chunk: Uint8Array, flow: Flow): boolean {
    this.#queue(this.#redaction.push(chunk))
    if (this.#queued < highWaterBytes) return false
    this.#flow = flow
    flow.pause()
    return true
  }

  /** The body is complete. */
  end(trailers: Headers): void {
    this.#queue(this.#redaction.end())
    this.#ended = true
    this.#trailers = trailers
    this.#wakeAll()
  }

  /** The body will not be complete: what came is still read, then the failure. */
  fail(failure: Error): void {
    if (this.#ended) return
    this.#failure ??= failure
    this.#wakeAll()
  }

  /** At most `length` bytes, waiting for some. Throws GuestFault when the response failed. */
  async read(length: number): Promise<ResponseChunk> {
    while (this.#queued === 0 && !this.#ended && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#queued < length && !this.#ended && this.#failure === undefined) await allThatCame()
    if (this.#queued === 0 && this.#failure !== undefined) throw this.#failure
    const bytes = this.#take(length)
    if (this.#queued < highWaterBytes / 2) this.#goOn()
    const end = this.#ended && this.#queued === 0
    return { bytes, end, trailers: end ? this.#trailers : [] }
  }

  #queue(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const last = this.#pieces.at(-1)
    const gathered = last === undefined ? undefined : gatheredPiece(last, bytes)
    if (gathered === undefined) this.#pieces.push({ bytes, spare: 0, isAlone: bytes.length === bytes.buffer.byteLength })
    else this.#pieces[this.#pieces.length - 1] = gathered
    this.#queued += bytes.length
    this.#wakeAll()
  }

  /** A buffer of its own: it may be posted to a thread with all that is around it. */
  #take(length: number): Uint8Array {
    const bytes = newBody(Math.min(length, this.#queued))
    for (let filled = 0; filled < bytes.length;) {
      const piece = this.#pieces.shift()
      if (piece === undefined) break
      const part = piece.bytes.subarray(0, bytes.length - filled)
      bytes.set(part, filled)
      filled += part.length
      if (part.length < piece.bytes.length) this.#pieces.unshift({ ...piece, bytes: piece.bytes.subarray(part.length) })
      else if (piece.isAlone) letGo(piece.bytes)
    }
    this.#queued -= bytes.length
    return bytes
  }

  #goOn(): void {
    const flow = this.#flow
    this.#flow = undefined
    flow?.resume()
  }

  #wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

/** The two as one piece, when they are small. */
const gatheredPiece = ({ bytes, spare }: Piece, more: Uint8Array): Piece | undefined => {
  const length = bytes.length + more.length
  if (more.length <= spare) {
    const grown = new Uint8Array(bytes.buffer, bytes.byteOffset, length)
    grown.set(more, bytes.length)
    return { bytes: grown, spare: spare - more.length, isAlone: true }
  }
  if (bytes.length > smallBytes || more.length > smallBytes) return undefined
  const memory = new Uint8Array(gatheredBytes)
  memory.set(bytes)
  memory.set(more, bytes.length)
  return { bytes: memory.subarray(0, length), spare: gatheredBytes - length, isAlone: true }
}
