import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import type { BodySource } from './http-body-ends.ts'
import { HttpExchange, type ResponseHead } from './http-exchange.ts'
import { Fields } from './http-fields.ts'
import { InboundPipe } from './inbound-pipe.ts'
import type { HttpErrorCode } from './io-error.ts'
import { Pollable } from './poll.ts'
import { InputStream } from './streams.ts'

/** jco's form of a `result` inside of another type. */
type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E }

/** `wasi:http/types` `future-incoming-response`. */
export class FutureIncomingResponse {
  readonly #scope: SessionScope
  readonly #exchange: HttpExchange
  readonly #held: HeldResource
  #taken = false

  constructor(scope: SessionScope, exchange: HttpExchange) {
    this.#held = new HeldResource(scope)
    exchange.belongTo(this.#held)
    this.#scope = scope
    this.#exchange = exchange
  }

  subscribe(): Pollable {
    return new Pollable(this.#scope, this.#exchange)
  }

  /** The response once; after that an error without a payload. */
  get(): Result<Result<IncomingResponse, HttpErrorCode>, undefined> | undefined {
    const { response } = this.#exchange
    this.#scope.throwIfOver()
    if (response === undefined) return undefined
    if (this.#taken) return { tag: 'err', val: undefined }
    this.#taken = true
    if (!response.ok) return { tag: 'ok', val: { tag: 'err', val: response.code } }
    return { tag: 'ok', val: { tag: 'ok', val: new IncomingResponse(this.#scope, this.#exchange, response.value) } }
  }

  /** A response that nobody took is of no use: the exchange ends with its future. */
  [Symbol.dispose](): void {
    const exchange = this.#exchange
    if (!this.#taken) exchange.close()
    this.#held.drop()
  }
}

/** `wasi:http/types` `incoming-response`. */
export class IncomingResponse {
  readonly #scope: SessionScope
  readonly #exchange: HttpExchange
  readonly #head: ResponseHead
  readonly #held: HeldResource
  #consumed = false

  constructor(scope: SessionScope, exchange: HttpExchange, head: ResponseHead) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#exchange = exchange
    this.#head = head
  }

  status(): number {
    return this.#head.status
  }

  headers(): Fields {
    return new Fields(this.#scope, this.#head.headers, true)
  }

  consume(): IncomingBody {
    if (this.#consumed) throw new WitError()
    this.#consumed = true
    return new IncomingBody(this.#scope, this.#exchange)
  }

  [Symbol.dispose](): void {
    const exchange = this.#exchange
    if (!this.#consumed) exchange.close()
    this.#held.drop()
  }
}

/** `wasi:http/types` `incoming-body`. */
export class IncomingBody {
  readonly #scope: SessionScope
  readonly #source: BodySource
  readonly #pipe: InboundPipe
  readonly #held: HeldResource
  #streamed = false

  constructor(scope: SessionScope, source: BodySource) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#source = source
    this.#pipe = new InboundPipe(scope, (length) => source.read(length))
  }

  get [inside](): { readonly scope: SessionScope; readonly source: BodySource } {
    return { scope: this.#scope, source: this.#source }
  }

  stream(): InputStream {
    const pipe = this.#pipe
    if (this.#streamed) throw new WitError()
    this.#streamed = true
    return new InputStream(this.#scope, pipe, () => pipe.close())
  }

  /** The rest of the body is not read. */
  [Symbol.dispose](): void {
    this.#pipe.close()
    this.#source.close()
    this.#held.drop()
  }
}

/** `wasi:http/types` `future-trailers`: there at once, because a body that was not read to its end is not read for its trailers. */
export class FutureTrailers {
  readonly #scope: SessionScope
  readonly #source: BodySource
  readonly #held: HeldResource
  #taken = false

  constructor(scope: SessionScope, source: BodySource) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#source = source
  }

  subscribe(): Pollable {
    const source = this.#source
    return new Pollable(this.#scope, { ready: () => true, wait: (wake) => source.wait(wake) })
  }

  /** The trailers once; after that an error without a payload. */
  get(): Result<Result<Fields | undefined, HttpErrorCode>, undefined> {
    const { trailers } = this.#source
    if (this.#taken) return { tag: 'err', val: undefined }
    this.#taken = true
    const fields = trailers.length > 0 ? new Fields(this.#scope, trailers, true) : undefined
    return { tag: 'ok', val: { tag: 'ok', val: fields } }
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

/** `[static]incoming-body.finish`: closes the exchange. */
export const finishIncomingBody = (body: IncomingBody): FutureTrailers => {
  const { scope, source } = body[inside]
  body[Symbol.dispose]()
  return new FutureTrailers(scope, source)
}

for (const resource of [FutureIncomingResponse, IncomingResponse, IncomingBody, FutureTrailers]) sealClass(resource)
