import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { BodyTarget } from './http-body-ends.ts'
import { toHttpErrorCode } from './http-error-code.ts'
import type { HttpErrorCode } from './io-error.ts'
import { OutboundPipe } from './outbound-pipe.ts'
import { PipeFailure } from './pipe-failure.ts'

/** What is taken of a body before its message is handed over: a guest that flushes first would otherwise wait for itself. */
const maxEarlyBytes = 64 * 1024

/** What a body is too long or too short for. */
export type BodySizeCode = 'HTTP-request-body-size' | 'HTTP-response-body-size'

/**
 * The body of a request or a response, from before it is handed over (what is written then waits here, within the pipe's bounds) until its
 * last byte is with the host.
 */
export class RequestBody {
  readonly pipe: OutboundPipe
  readonly #declaredBytes: number | undefined
  readonly #sizeCode: BodySizeCode
  readonly #early: Uint8Array[] = []
  #earlyBytes = 0
  #earlySent: Promise<void> | undefined
  readonly #attached = Promise.withResolvers<BodyTarget>()
  #exchange: BodyTarget | undefined
  #state: 'open' | 'finished' | 'aborted' = 'open'
  #trailers: [string, string][] = []
  #abortCode: HttpErrorCode | undefined

  /** `declaredBytes`: what `content-length` says, if there is one. */
  constructor(scope: SessionScope, declaredBytes: number | undefined, sizeCode: BodySizeCode) {
    this.#declaredBytes = declaredBytes
    this.#sizeCode = sizeCode
    this.#attached.promise.catch(() => undefined)
    this.pipe = new OutboundPipe(scope, { ordered: false, write: (bytes) => this.#send(bytes) })
  }

  /**
   * Joins the body to its exchange. An `eager` request begins at once; another one first waits for a byte or the end of its body, so that
   * a GET with an empty body goes out as a GET without one.
   */
  attach(exchange: BodyTarget, eager: boolean): void {
    this.#exchange = exchange
    this.#attached.resolve(exchange)
    if (this.#abortCode !== undefined) exchange.fail(this.#abortCode)
    else if (this.#state === 'finished') void this.#complete(exchange)
    else if (eager || this.pipe.takenBytes > 0) {
      exchange.begin(true)
      // A failure is told to whoever asks for the response.
      this.#sendEarly(exchange).catch(() => undefined)
    }
  }

  /** Ends the body. Gives the failure when it is not as long as the request said; the request is given up then. */
  finish(trailers: [string, string][]): HttpErrorCode | undefined {
    const { takenBytes } = this.pipe
    if (this.#declaredBytes !== undefined && this.#declaredBytes !== takenBytes) {
      const code = { tag: this.#sizeCode, val: BigInt(takenBytes) }
      this.abort(code)
      return code
    }
    if (this.#state !== 'open') return undefined
    this.#state = 'finished'
    this.#trailers = trailers
    this.pipe.end()
    if (this.#exchange !== undefined) void this.#complete(this.#exchange)
    return undefined
  }

  /** Gives up an unfinished body, and the request with it: half a body must not look like a whole one. */
  abort(code: HttpErrorCode = toHttpErrorCode('connection-terminated')): void {
    if (this.#state !== 'open') return
    this.pipe.abort()
    this.#giveUp(code)
  }

  #giveUp(code: HttpErrorCode): void {
    this.#state = 'aborted'
    this.#abortCode = code
    this.#attached.reject(new PipeFailure())
    this.#exchange?.fail(code)
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { takenBytes } = this.pipe
    if (this.#declaredBytes !== undefined && takenBytes > this.#declaredBytes) {
      const code = { tag: this.#sizeCode, val: BigInt(takenBytes) }
      this.#giveUp(code)
      throw new PipeFailure({ kind: 'http', code })
    }
    if (this.#exchange === undefined && this.#earlyBytes + bytes.byteLength <= maxEarlyBytes) {
      this.#early.push(bytes)
      this.#earlyBytes += bytes.byteLength
      return
    }
    const exchange = await this.#attached.promise
    exchange.begin(true)
    await this.#sendEarly(exchange)
    await exchange.write(bytes)
  }

  /** What was taken before goes first, whoever comes first to send. */
  #sendEarly(exchange: BodyTarget): Promise<void> {
    this.#earlySent ??= (async () => {
      for (const bytes of this.#early.splice(0)) await exchange.write(bytes)
    })()
    return this.#earlySent
  }

  async #complete(exchange: BodyTarget): Promise<void> {
    exchange.begin(this.pipe.takenBytes > 0 || this.#trailers.length > 0)
    try {
      if (exchange.hasBody) await this.#sendEarly(exchange)
      await this.pipe.untilDrained()
      if (exchange.hasBody && !this.pipe.broken) await exchange.finish(this.#trailers)
    } catch {
      // Only the end of the session rejects here: there is nobody left to finish for.
    }
  }
}
