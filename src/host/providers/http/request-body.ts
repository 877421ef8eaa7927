import type { PlaceholderScan } from '#host/providers/secrets/secret-vault.ts'
import { httpFault } from './errors.ts'
import type { Headers } from './request-head.ts'

interface Piece {
  readonly bytes: Uint8Array
  readonly taken: () => void
}

/**
 * The body of a request on its way from the guest to the connection. A write waits until its bytes are taken, so a guest never
 * has more in flight than the calls it may have waiting.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #contentLength: number | undefined
  readonly #scan: PlaceholderScan
  readonly #pieces: Piece[] = []
  #wake: (() => void) | undefined
  #finished = false
  #failure: Error | undefined
  #bytes = 0
  #trailers: Headers = []

  constructor(contentLength: number | undefined, scan: PlaceholderScan) {
    this.#contentLength = contentLength
    this.#scan = scan
  }

  /** Bytes that the guest has written. */
  get bytes(): number {
    return this.#bytes
  }

  /** What comes behind the body; known when it has ended. */
  get trailers(): Headers {
    return this.#trailers
  }

  /** Sends a piece, whose memory belongs to the body from now on; resolves when the connection has taken it. Throws GuestFault. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#refuseIfFailed()
    if (this.#finished) throw httpFault('HTTP-request-body-size', 'written after the end')
    this.#bytes += bytes.length
    if (this.#contentLength !== undefined && this.#bytes > this.#contentLength)
      throw httpFault('HTTP-request-body-size', 'longer than content-length')
    const [secret] = this.#scan.push(bytes)
    if (secret !== undefined) throw httpFault('HTTP-request-denied', `the placeholder of secret \`${secret}\` stands in the body`)
    if (bytes.length === 0) return
    const taken = Promise.withResolvers<void>()
    this.#pieces.push({ bytes, taken: taken.resolve })
    this.#wakeUp()
    await taken.promise
    this.#refuseIfFailed()
  }

  /** Ends the body. Throws GuestFault when it is shorter than it said. */
  finish(trailers: Headers): void {
    this.#refuseIfFailed()
    if (this.#finished) throw httpFault('HTTP-request-body-size', 'ended twice')
    if (this.#contentLength !== undefined && this.#bytes < this.#contentLength)
      throw httpFault('HTTP-request-body-size', 'shorter than content-length')
    this.#trailers = trailers
    this.#finished = true
    this.#wakeUp()
  }

  /** Gives the body up: whoever waits for it hears the failure. */
  fail(failure: Error): void {
    this.#failure ??= failure
    this.#wakeUp()
    for (const piece of this.#pieces.splice(0)) piece.taken()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = this.#pieces.shift()
      this.#refuseIfFailed()
      if (piece !== undefined) {
        piece.taken()
        yield piece.bytes
      } else if (this.#finished) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #refuseIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
