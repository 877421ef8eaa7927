import { letGo } from '#wire/codec.ts'
import type { Connection } from './connection.ts'
import { chunkHead, lastChunk } from './request-text.ts'
import type { RequestBody } from './request-body.ts'

/** How long a server is waited for that was asked whether it wants the body: it may not know the question (RFC 9110 section 10.1.1). */
const leaveMs = 1000

export interface SenderOptions {
  readonly isChunked: boolean
  /** Told when the server takes nothing more, and when it goes on. */
  readonly stalled: (isStalled: boolean) => void
  readonly failed: (error: unknown) => void
}

/** Brings the body of one request onto its connection, no faster than the connection takes it. */
export class RequestSender {
  readonly #connection: Connection
  readonly #body: RequestBody
  readonly #options: SenderOptions
  #leave: NodeJS.Timeout | undefined
  #state: 'waiting' | 'sending' | 'done' | 'stopped' = 'waiting'

  constructor(connection: Connection, body: RequestBody, options: SenderOptions) {
    this.#connection = connection
    this.#body = body
    this.#options = options
  }

  /** Whether the whole request is on its way. */
  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** There is no body. */
  skip(): void {
    this.#state = 'done'
  }

  /** Sends the body, once. */
  begin(): void {
    clearTimeout(this.#leave)
    if (this.#state !== 'waiting') return
    this.#state = 'sending'
    void this.#sendAll()
  }

  /** Sends the body when the server says so, or does not say anything. */
  beginSoon(): void {
    this.#leave = setTimeout(() => this.begin(), leaveMs)
  }

  /** Sends no more. */
  stop(): void {
    clearTimeout(this.#leave)
    if (this.#state !== 'done') this.#state = 'stopped'
  }

  async #sendAll(): Promise<void> {
    try {
      for await (const piece of this.#body) {
        if (this.#state !== 'sending') return
        if (!this.#put(piece)) await this.#drained()
      }
      if (this.#state !== 'sending') return
      if (this.#options.isChunked) this.#connection.socket.write(lastChunk(this.#body.trailers), 'latin1')
      this.#state = 'done'
    } catch (error) {
      if (this.#state === 'sending') this.#options.failed(error)
    }
  }

  #put(piece: Uint8Array): boolean {
    const { socket } = this.#connection
    const written = (): void => letGo(piece)
    if (!this.#options.isChunked) return socket.write(piece, written)
    socket.cork()
    socket.write(chunkHead(piece.length), 'latin1')
    socket.write(piece, written)
    const goesOn = socket.write('\r\n', 'latin1')
    socket.uncork()
    return goesOn
  }

  async #drained(): Promise<void> {
    this.#options.stalled(true)
    await this.#connection.untilDrained()
    if (this.#state === 'sending') this.#options.stalled(false)
  }
}
