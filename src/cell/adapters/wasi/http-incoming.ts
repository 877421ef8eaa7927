import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters } from '#cell/adapters/waitable.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import type { BodySource } from './http-body-ends.ts'
import { codeOfFailure, HttpExchange, type ResponseHead } from './http-exchange.ts'
import { Fields, type FieldEntry } from './http-fields.ts'
import { type Chunk, InboundPipe } from './inbound-pipe.ts'
import type { HttpErrorCode } from './io-error.ts'
import { PipeFailure } from './pipe-failure.ts'
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

/** A body that its stream may still be reading when its trailers are asked for: one read after the other, and none past its end. */
class BodyInTurns {
  readonly #source: BodySource
  #last: Promise<unknown> = Promise.resolve()
  #failure: PipeFailure | undefined
  #ended = false

  constructor(source: BodySource) {
    this.#source = source
  }

  /** Whether the last byte came. */
  get ended(): boolean {
    return this.#ended
  }

  get trailers(): readonly FieldEntry[] {
    return this.#source.trailers
  }

  /** Reads at most `length` bytes. Rejects with {@link PipeFailure}. */
  read(length: number): Promise<Chunk> {
    const read = this.#last.then(() => this.#read(length))
    this.#last = read.catch(() => undefined)
    return read
  }

  close(): void {
    this.#source.close()
  }

  async #read(length: number): Promise<Chunk> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ended) return { bytes: nothing, end: true }
    try {
      const chunk = await this.#source.read(length)
      this.#ended = chunk.end
      return chunk
    } catch (error) {
      if (error instanceof PipeFailure) this.#failure = error
      throw error
    }
  }
}

const nothing = new Uint8Array(0)

/** `wasi:http/types` `incoming-body`. */
export class IncomingBody {
  readonly #scope: SessionScope
  readonly #source: BodyInTurns
  readonly #pipe: InboundPipe
  readonly #held: HeldResource
  #stream: 'none' | 'open' | 'dropped' = 'none'

  constructor(scope: SessionScope, source: BodySource) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    const inTurns = new BodyInTurns(source)
    this.#source = inTurns
    this.#pipe = new InboundPipe(scope, (length) => inTurns.read(length))
  }

  stream(): InputStream {
    const pipe = this.#pipe
    if (this.#stream !== 'none') throw new WitError()
    this.#stream = 'open'
    return new InputStream(this.#scope, pipe, () => {
      this.#stream = 'dropped'
      pipe.close()
    })
  }

  /** Hands the rest of the body over to whoever waits for its trailers. Traps while its stream lives. */
  finish(): FutureTrailers {
    this.#refuseWithStream()
    this.#pipe.close()
    this.#held.drop()
    return new FutureTrailers(this.#scope, this.#source)
  }

  /** The rest of the body is not read. Traps while its stream lives. */
  [Symbol.dispose](): void {
    this.#refuseWithStream()
    this.#pipe.close()
    this.#source.close()
    this.#held.drop()
  }

  #refuseWithStream(): void {
    // A trap: nothing without a payload is an error that a guest could take.
    if (this.#stream === 'open') throw new TypeError('an incoming-body was given up before its input-stream was dropped')
  }
}

/** `wasi:http/types` `future-trailers`. What is left of the body is read and let go of, once somebody asks. */
export class FutureTrailers {
  readonly #scope: SessionScope
  readonly #source: BodyInTurns
  readonly #held: HeldResource
  readonly #waiters = new Waiters()
  #outcome: Result<readonly FieldEntry[], HttpErrorCode> | undefined
  #isReading = false
  #taken = false

  constructor(scope: SessionScope, source: BodyInTurns) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#source = source
  }

  subscribe(): Pollable {
    this.#begin()
    return new Pollable(this.#scope, {
      ready: () => this.#outcome !== undefined,
      wait: (wake) => this.#waiters.add(wake),
    })
  }

  /** The trailers once; after that an error without a payload. */
  get(): Result<Result<Fields | undefined, HttpErrorCode>, undefined> | undefined {
    this.#begin()
    const outcome = this.#outcome
    if (outcome === undefined) return undefined
    if (this.#taken) return { tag: 'err', val: undefined }
    this.#taken = true
    if (outcome.tag === 'err') return { tag: 'ok', val: outcome }
    const fields = outcome.val.length > 0 ? new Fields(this.#scope, outcome.val, true) : undefined
    return { tag: 'ok', val: { tag: 'ok', val: fields } }
  }

  [Symbol.dispose](): void {
    const source = this.#source
    source.close()
    this.#held.drop()
  }

  #begin(): void {
    if (this.#isReading) return
    this.#isReading = true
    const done = this.#held.work()
    void this.#readOn().finally(done)
  }

  async #readOn(): Promise<void> {
    const source = this.#source
    try {
      while (!source.ended) await source.read(maxChunkBytes)
      this.#outcome = { tag: 'ok', val: source.trailers }
    } catch (error) {
      if (error instanceof PipeFailure) this.#outcome = { tag: 'err', val: codeOfFailure(error) }
      else this.#scope.endWith(error)
    }
    this.#waiters.wakeAll()
  }
}

/** `[static]incoming-body.finish`. */
export const finishIncomingBody = (body: IncomingBody): FutureTrailers => body.finish()

for (const resource of [FutureIncomingResponse, IncomingResponse, IncomingBody, FutureTrailers]) sealClass(resource)
