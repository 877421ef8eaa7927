import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { BodyTarget } from './http-body-ends.ts'
import { toHttpErrorCode } from './http-error-code.ts'
import type { HttpErrorCode } from './io-error.ts'
import { OutboundPipe } from './outbound-pipe.ts'
import { PipeFailure } from './pipe-failure.ts'

/**
 * The body of a request, from before the request is handed over (what is written then waits here, within the pipe's bounds) until its
 * last byte is with the host.
 */
export class RequestBody {
  readonly pipe: OutboundPipe
  readonly #declaredBytes: number | undefined
  readonly #attached = Promise.withResolvers<BodyTarget>()
  #exchange: BodyTarget | undefined
  #state: 'open' | 'finished' | 'aborted' = 'open'
  #trailers: [string, string][] = []

  /** `declaredBytes`: what the request's `content-length` says, if it has one. */
  constructor(scope: SessionScope, declaredBytes: number | undefined) {
    this.#declaredBytes = declaredBytes
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
    if (this.#state === 'aborted') exchange.fail(toHttpErrorCode('connection-terminated'))
    else if (this.#state === 'finished') void this.#complete(exchange)
    else if (eager || this.pipe.takenBytes > 0) exchange.begin(true)
  }

  /** Ends the body. Gives the failure when it is not as long as the request said; the request is given up then. */
  finish(trailers: [string, string][]): HttpErrorCode | undefined {
    if (this.#state !== 'open') return undefined
    const { takenBytes } = this.pipe
    if (this.#declaredBytes !== undefined && this.#declaredBytes !== takenBytes) {
      this.abort()
      return { tag: 'HTTP-request-body-size', val: BigInt(takenBytes) }
    }
    this.#state = 'finished'
    this.#trailers = trailers
    this.pipe.end()
    if (this.#exchange !== undefined) void this.#complete(this.#exchange)
    return undefined
  }

  /** Gives up an unfinished body, and the request with it: half a body must not look like a whole one. */
  abort(): void {
    if (this.#state !== 'open') return
    this.#state = 'aborted'
    this.pipe.abort()
    this.#attached.reject(new PipeFailure())
    this.#exchange?.fail(toHttpErrorCode('connection-terminated'))
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const exchange = await this.#attached.promise
    exchange.begin(true)
    await exchange.write(bytes)
  }

  async #complete(exchange: BodyTarget): Promise<void> {
    exchange.begin(this.pipe.takenBytes > 0 || this.#trailers.length > 0)
    try {
      await this.pipe.untilDrained()
      if (exchange.hasBody && !this.pipe.broken) await exchange.finish(this.#trailers)
    } catch {
      // Only the end of the session rejects here: there is nobody left to finish for.
    }
  }
}
