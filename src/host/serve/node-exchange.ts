import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CordonError } from '#core/errors.ts'
import { GuestFault } from '#host/broker/provider.ts'
import type { Headers, IncomingExchange } from '#host/providers/serve/incoming-exchange.ts'
import { statusOfError, statusOfErrorCode } from './answer-status.ts'
import { isToken } from './field-rules.ts'
import { RequestBody } from './request-body.ts'
import { checkInformationalHead, checkResponseHead, checkTrailers, type ResponseHead } from './response-head.ts'
import { sendStatus } from './send-status.ts'
import type { ServeLimits } from './serve-limits.ts'

/** How an exchange ended: see `request-ended` in `core/audit/record.ts`. */
export interface ExchangeEnd {
  /** What the client was sent, 0 when that was nothing. */
  readonly status: number
  readonly outcome: string
  readonly ingressBytes: number
  readonly egressBytes: number
}

/** One request and its response on Node's server. */
export interface NodeExchangeOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly hasBody: boolean
  /** The client waits to be told to send its body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean
  readonly limits: ServeLimits
  /** Resolves when the record of the request is on stable storage: no byte of an answer goes out before. */
  readonly recorded: Promise<unknown>
  /** Whether the connection is to be closed after this answer. */
  readonly isLast: () => boolean
}

const terminated = (detail?: string): GuestFault => new GuestFault('connection-terminated', detail)

/** Informational responses before one answer; a guest that sends more keeps its client waiting with them. */
const mostInformational = 32

/**
 * Joins a guest to one client: bytes both ways with backpressure, nothing kept but what Node's buffers hold. However it ends, the client never takes half
 * an answer for a whole one.
 */
export class NodeExchange implements IncomingExchange {
  readonly #options: NodeExchangeOptions
  readonly #body: RequestBody
  readonly #ended = Promise.withResolvers<ExchangeEnd>()
  readonly #given = Promise.withResolvers<string>()
  #state: 'waiting' | 'answering' | 'ending' | 'over' = 'waiting'
  #head: ResponseHead | undefined
  #informed = 0
  #status = 0
  #sent = 0
  #ending: Promise<void> | undefined
  #wakes = new Set<() => void>()

  constructor(options: NodeExchangeOptions) {
    this.#options = options
    const { request, response, hasBody, expectsContinue, limits } = options
    const invite = (): boolean => {
      // In an answer that has begun it would pass for a part of that.
      if (expectsContinue && !response.headersSent) response.writeContinue()
      return !expectsContinue || !response.headersSent
    }
    this.#body = new RequestBody({ request, hasBody, limits, invite, failed: (status, reason) => this.#giveUp(status, reason) })
    response.on('drain', () => this.#wake())
    response.on('close', () => {
      if (this.#state !== 'over' && !response.writableFinished) this.#giveUp(0, 'gone')
    })
    response.on('error', () => undefined)
    request.on('error', () => undefined)
  }

  /** How it ended; never rejects. */
  get ended(): Promise<ExchangeEnd> {
    return this.#ended.promise
  }

  /** Resolves when nothing that a guest does has a use any more: the client went away, or broke a limit. Says which. */
  get givenUp(): Promise<string> {
    return this.#given.promise
  }

  async read(length: number): ReturnType<IncomingExchange['read']> {
    if (this.#state === 'over') throw terminated()
    return await this.#body.read(length)
  }

  async inform(head: { readonly status: number; readonly headers: Headers }): Promise<void> {
    const { request, response, expectsContinue, recorded } = this.#options
    this.#expectUnanswered('an informational response after the response')
    const fields = checkInformationalHead(head)
    if (++this.#informed > mostInformational) {
      throw new GuestFault('HTTP-protocol-error', `more than ${mostInformational} informational responses`)
    }
    await recorded
    this.#expectUnanswered('an informational response after the response')
    // HTTP/1.0 has none: it would pass for the answer (RFC 9110 section 15.2).
    if (request.httpVersion === '1.0') return
    // The one that the client waits for is sent once, whoever asks for it.
    if (head.status === 100 && expectsContinue) return this.#body.invite()
    let written = false
    response.writeInformation(head.status, fields.flat(), () => {
      written = true
      this.#wake()
    })
    await this.#moved(() => written)
  }

  async respond(head: { readonly status: number; readonly headers: Headers; readonly hasBody: boolean }): Promise<void> {
    const { request, recorded } = this.#options
    this.#expectUnanswered('a second response')
    const checked = checkResponseHead(head, request.method ?? '')
    this.#head = checked
    await recorded
    if (this.#state !== 'waiting') throw terminated()
    this.#state = 'answering'
    // A guest that has success to tell before it has read anything may mean to read while it writes.
    if (head.hasBody && head.status < 300) this.#body.invite()
    this.#sendHead(checked)
    if (!head.hasBody) await this.finish([])
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { response } = this.#options
    const head = this.#head
    if (this.#state !== 'answering' || head === undefined) throw terminated()
    if (head.body === 'none') return 0
    if (typeof head.body === 'number' && this.#sent + bytes.length > head.body) {
      this.cut('a body longer than its content-length')
      throw new GuestFault('HTTP-response-body-size', 'a body longer than its content-length')
    }
    this.#sent += bytes.length
    const hasRoom = bytes.length === 0 || response.write(bytes)
    // A client that has all that was announced may go: that is no answer cut short.
    if (head.body === this.#sent) await this.#end([])
    else if (!hasRoom) await this.#moved(() => !response.writableNeedDrain)
    return bytes.length
  }

  async finish(trailers: Headers): Promise<void> {
    const head = this.#head
    if (this.#ending !== undefined) return await this.#ending
    if (this.#state !== 'answering' || head === undefined) throw terminated()
    if (typeof head.body === 'number' && this.#sent !== head.body) {
      this.cut('a body shorter than its content-length')
      throw new GuestFault('HTTP-response-body-size', 'a body shorter than its content-length')
    }
    await this.#end(head.body === 'chunked' ? checkTrailers(trailers) : [])
  }

  async refuse(code: string): Promise<void> {
    if (this.#state === 'answering') return this.cut(`given up: ${isToken(code) ? code : 'for no known reason'}`)
    await this.#options.recorded
    this.#answer(statusOfErrorCode(code), 'refused')
  }

  /** The guest is done, or ended for `error`: answers in its place, or cuts an answer that is not whole. */
  conclude(error: CordonError | undefined): void {
    if (this.#state === 'answering') return this.cut(error?.code ?? 'cut')
    this.#answer(error === undefined ? 502 : statusOfError(error), error?.code ?? 'no-response')
  }

  /** Closes the connection so that the client sees that the answer is not whole. */
  cut(outcome: string): void {
    if (this.#state === 'over') return
    this.#over(outcome)
    this.#options.request.socket.destroy()
  }

  #expectUnanswered(otherwise: string): void {
    if (this.#head !== undefined) throw new GuestFault('HTTP-protocol-error', otherwise)
    if (this.#state !== 'waiting') throw terminated()
  }

  #sendHead({ status, fields }: ResponseHead): void {
    const { response, isLast } = this.#options
    const closing: Headers = isLast() ? [['connection', 'close']] : []
    this.#status = status
    response.writeHead(status, [...fields, ...closing].flat())
    response.flushHeaders()
  }

  #end(trailers: Headers): Promise<void> {
    this.#state = 'ending'
    this.#ending = this.#sendEnd(trailers)
    this.#ending.catch(() => undefined)
    return this.#ending
  }

  async #sendEnd(trailers: Headers): Promise<void> {
    const { response } = this.#options
    if (trailers.length > 0) response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]))
    response.end(() => this.#wake())
    await this.#moved(() => response.writableFinished)
    this.#over('done')
    void this.#body.discard()
  }

  #answer(status: number, outcome: string): void {
    if (this.#state !== 'waiting') return
    const { request, response } = this.#options
    this.#status = status
    this.#over(outcome)
    void sendStatus(request, response, status)
  }

  #giveUp(status: number, reason: string): void {
    if (this.#state === 'over') return
    if (status > 0 && this.#state === 'waiting') this.#answer(status, reason)
    else this.cut(reason)
    this.#given.resolve(reason)
  }

  /** Waits until `done`; gives the client up when nothing moves for too long. Throws GuestFault `connection-terminated`. */
  async #moved(done: () => boolean): Promise<void> {
    const stalled = setTimeout(() => this.#giveUp(408, 'stalled'), this.#options.limits.stallMs)
    try {
      while (!done()) {
        if (this.#state === 'over') throw terminated()
        await new Promise<void>((resolve) => this.#wakes.add(resolve))
      }
    } finally {
      clearTimeout(stalled)
    }
  }

  #over(outcome: string): void {
    this.#state = 'over'
    this.#wake()
    this.#body.close()
    this.#ended.resolve({ status: this.#status, outcome, ingressBytes: this.#body.receivedBytes, egressBytes: this.#sent })
  }

  #wake(): void {
    const wakes = [...this.#wakes]
    this.#wakes.clear()
    for (const wake of wakes) wake()
  }
}
