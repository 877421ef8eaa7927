import { IncomingMessage } from 'node:http'

/** Smaller pieces are put together. */
const smallBytes = 2048
const gatheredBytes = 16 * 1024

/**
 * A request whose body comes in pieces worth keeping. Node keeps each chunk by itself until somebody reads it: a client that puts every byte into a chunk of
 * its own has two hundred bytes kept for each.
 */
export class GatheredMessage extends IncomingMessage {
  #gathered: Buffer | undefined
  #length = 0

  /** Called by Node for each piece of the body, and with null at its end. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk instanceof Uint8Array && chunk.length <= smallBytes) return this.#gather(chunk)
    this.#handOn()
    return super.push(chunk, encoding)
  }

  #gather(piece: Uint8Array): boolean {
    if (this.#length + piece.length > gatheredBytes) this.#handOn()
    if (this.#gathered === undefined) {
      this.#gathered = Buffer.allocUnsafeSlow(gatheredBytes)
      // By then all that one read of the connection brought is parsed.
      setImmediate(() => this.#handOn())
    }
    this.#gathered.set(piece, this.#length)
    this.#length += piece.length
    return this.readableLength + this.#length < this.readableHighWaterMark
  }

  #handOn(): void {
    const gathered = this.#gathered
    if (gathered === undefined || this.destroyed) return
    const bytes = gathered.subarray(0, this.#length)
    this.#gathered = undefined
    this.#length = 0
    // Few bytes are not worth the memory that would have taken many.
    super.push(bytes.length <= smallBytes ? Buffer.from(bytes) : bytes)
  }
}
