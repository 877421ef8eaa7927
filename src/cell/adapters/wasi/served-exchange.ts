import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { Waiters } from '#cell/adapters/waitable.ts'
import type { CallReply } from '#wire/calls.ts'
import type { ServedRequestHead } from '#wire/served-request.ts'
import type { BodySource, BodyTarget } from './http-body-ends.ts'
import { toHttpErrorCode } from './http-error-code.ts'
import { fromWireHeaders, toWireHeaders, type FieldEntry } from './http-fields.ts'
import type { Chunk } from './inbound-pipe.ts'
import type { HttpErrorCode } from './io-error.ts'
import { PipeFailure } from './pipe-failure.ts'
import type { RequestBody } from './request-body.ts'

/** What a guest answers with. */
export interface ResponseParts {
  readonly status: number
  readonly headers: readonly FieldEntry[]
  readonly body: RequestBody | undefined
}

const nothing = new Uint8Array(0)

const succeededOrFail = (reply: CallReply): Extract<CallReply, { ok: true }> => {
  if (!reply.ok) throw new PipeFailure({ kind: 'http', code: toHttpErrorCode(reply.code) })
  return reply
}

/** The body of the request that is served. */
class ServedRequestBody implements BodySource {
  readonly #scope: SessionScope
  readonly #exchange: number
  readonly #waiters = new Waiters()
  #trailers: readonly FieldEntry[] = []
  #ended: boolean

  constructor(scope: SessionScope, exchange: number, hasBody: boolean) {
    this.#scope = scope
    this.#exchange = exchange
    this.#ended = !hasBody
  }

  get trailers(): readonly FieldEntry[] {
    return this.#trailers
  }

  async read(length: number): Promise<Chunk> {
    if (this.#ended) return { bytes: nothing, end: true }
    const { value, body } = succeededOrFail(await this.#scope.call('serve.read', { exchange: this.#exchange, length }))
    const end = value['end'] === true
    if (end) {
      this.#trailers = fromWireHeaders(value['trailers'])
      this.close()
    }
    return { bytes: body, end }
  }

  close(): void {
    this.#ended = true
    this.#waiters.wakeAll()
  }

  wait(wake: () => void): () => void {
    return this.#waiters.add(wake)
  }
}

/** The response to the request that is served: set once, then sent as its body is written. */
class ServedResponse implements BodyTarget {
  readonly #scope: SessionScope
  readonly #exchange: number
  readonly #over = Promise.withResolvers<void>()
  #state: 'unset' | 'set' | 'over' = 'unset'
  #parts: ResponseParts | undefined
  #begun: Promise<void> | undefined
  #hasBody = false

  constructor(scope: SessionScope, exchange: number) {
    this.#scope = scope
    this.#exchange = exchange
  }

  get hasBody(): boolean {
    return this.#hasBody
  }

  /** Sends an informational response. Throws WitError with an error-code when the host does not. */
  async inform(status: number, headers: readonly FieldEntry[]): Promise<void> {
    const reply = await this.#scope.call('serve.inform', { exchange: this.#exchange, status, headers: toWireHeaders(headers) })
    if (!reply.ok) throw new WitError(toHttpErrorCode(reply.code))
  }

  /** Answers with a response. Does nothing once there is an answer, or nobody to have it. */
  set(parts: ResponseParts): void {
    if (this.#state !== 'unset') {
      parts.body?.abort()
      return
    }
    this.#state = 'set'
    this.#parts = parts
    if (parts.body === undefined) this.begin(false)
    else parts.body.attach(this, true)
  }

  begin(hasBody: boolean): void {
    const parts = this.#parts
    if (parts === undefined || this.#begun !== undefined || this.#state !== 'set') return
    this.#hasBody = hasBody
    this.#begun = this.#respond(parts, hasBody)
    this.#begun.catch(() => this.#end())
    if (!hasBody) void this.#begun.then(() => this.#end()).catch(() => undefined)
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#begun
      if (this.#state !== 'set') throw new PipeFailure()
      succeededOrFail(await this.#scope.call('serve.write', { exchange: this.#exchange }, bytes))
    } catch (error) {
      this.#end()
      throw error
    }
  }

  async finish(trailers: [string, string][]): Promise<void> {
    try {
      await this.#begun
      if (this.#state === 'set') await this.#scope.call('serve.finish', { exchange: this.#exchange, trailers })
    } finally {
      this.#end()
    }
  }

  /** Nothing more of it comes; the host answers with `code` where it still can. */
  fail(code: HttpErrorCode): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#scope.call('serve.refuse', { exchange: this.#exchange, code: code.tag }).then(
      () => this.#end(),
      () => this.#end(),
    )
  }

  /** Waits until all that the guest finished is on its way, and gives up what it did not. After that nothing it has left reaches the client. */
  async close(): Promise<void> {
    if (this.#state === 'unset') this.#end()
    this.#parts?.body?.abort()
    await this.#over.promise
  }

  async #respond({ status, headers }: ResponseParts, hasBody: boolean): Promise<void> {
    succeededOrFail(await this.#scope.call('serve.respond', { exchange: this.#exchange, status, headers: toWireHeaders(headers), hasBody }))
  }

  #end(): void {
    this.#state = 'over'
    this.#over.resolve()
  }
}

/** One request that this session serves, for as long as the guest's handler runs. */
export class ServedExchange {
  readonly head: ServedRequestHead
  readonly request: BodySource
  readonly response: ServedResponse

  constructor(scope: SessionScope, exchange: number, head: ServedRequestHead) {
    this.head = head
    this.request = new ServedRequestBody(scope, exchange, head.hasBody)
    this.response = new ServedResponse(scope, exchange)
  }

  /** The handler has returned. Rejects when the session is over. */
  async close(): Promise<void> {
    this.request.close()
    await this.response.close()
  }
}
