import type { IncomingMessage } from 'node:http'
import { GuestFault } from '#host/broker/provider.ts'
import type { IncomingExchange } from '#host/providers/serve/incoming-exchange.ts'
import { discardRest } from './discard-rest.ts'
import { readTrailers } from './request-head.ts'
import type { ServeLimits } from './serve-limits.ts'

/** What a request's body is read from. */
export interface RequestBodyOptions {
  readonly request: IncomingMessage
  readonly hasBody: boolean
  readonly limits: ServeLimits
  /** Tells a client that waits for it to send the body; false when it was told otherwise. */
  readonly invite: () => boolean
  /** Told, once, that the rest will not be read: with the status to answer and why. */
  readonly failed: (status: number, reason: string) => void
}

type Chunk = Awaited<ReturnType<IncomingExchange['read']>>

const nothing: Chunk = { bytes: new Uint8Array(), end: true, trailers: [] }

/** The body of one request, read when a guest asks for it and not before. */
export class RequestBody {
  readonly #options: RequestBodyOptions
  #rest: Uint8Array = nothing.bytes
  #received = 0
  #ended: boolean
  #failure: GuestFault | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #wake: (() => void) | undefined
  #invited = false

  constructor(options: RequestBodyOptions) {
    this.#options = options
    this.#ended = !options.hasBody
    if (!options.hasBody) return
    const wake = (): void => this.#wake?.()
    const { request } = options
    request.on('readable', wake)
    request.on('end', () => {
      this.#ended = true
      wake()
    })
    request.on('close', () => {
      if (!this.#ended) this.#failure ??= new GuestFault('connection-terminated')
      wake()
    })
  }

  get receivedBytes(): number {
    return this.#received
  }

  /** Has the body sent, once; whether somebody reads it or not. */
  invite(): void {
    if (this.#invited || this.#ended) return
    this.#invited = true
    if (!this.#options.invite()) this.#failure ??= new GuestFault('connection-terminated', 'the client was not told to send a body')
  }

  /** At most `length` bytes, waiting for some; one read after the other. Throws GuestFault. */
  read(length: number): Promise<Chunk> {
    const read = this.#turn.then(() => this.#read(length))
    this.#turn = read.catch(() => undefined)
    return read
  }

  /** Reads no more for any guest. */
  close(): void {
    this.#failure ??= new GuestFault('connection-terminated')
    this.#rest = nothing.bytes
    this.#wake?.()
  }

  /** Throws away what still comes; closes the connection when that is much. */
  async discard(): Promise<void> {
    const { request, hasBody } = this.#options
    this.close()
    if (hasBody && (await discardRest(request)) === 'unread') request.socket.destroy()
  }

  async #read(length: number): Promise<Chunk> {
    const { limits, request } = this.#options
    this.invite()
    if (length > 0) await this.#fill()
    if (this.#failure !== undefined) throw this.#failure
    // A copy of its own: a slice of Node's pool may be posted to a thread with all that is around it.
    const bytes = new Uint8Array(this.#rest.subarray(0, length))
    this.#rest = this.#rest.subarray(bytes.length)
    const end = this.#ended && this.#rest.length === 0
    return { bytes, end, trailers: end ? readTrailers(request.rawTrailers, limits) : [] }
  }

  async #fill(): Promise<void> {
    const { request, limits } = this.#options
    while (this.#rest.length === 0 && !this.#ended && this.#failure === undefined) {
      const chunk: unknown = request.read()
      if (!(chunk instanceof Uint8Array)) {
        await this.#moved()
        continue
      }
      this.#received += chunk.length
      this.#rest = chunk
      if (this.#received > limits.bodyBytes) this.#fail(413, 'HTTP-request-body-size', 'body-too-large')
    }
  }

  async #moved(): Promise<void> {
    const stalled = setTimeout(() => this.#fail(408, 'connection-read-timeout', 'stalled'), this.#options.limits.stallMs)
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
    clearTimeout(stalled)
  }

  #fail(status: number, code: string, reason: string): void {
    this.#failure ??= new GuestFault(code, reason)
    this.#wake?.()
    this.#options.failed(status, reason)
  }
}
