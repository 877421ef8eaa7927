import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters, type Waitable } from '#cell/adapters/waitable.ts'
import type { CallArgs, CallReply } from '#wire/calls.ts'
import { toHttpErrorCode } from './http-error-code.ts'
import { fromWireHeaders, type FieldEntry } from './http-fields.ts'
import type { Chunk } from './inbound-pipe.ts'
import type { HttpErrorCode } from './io-error.ts'
import { PipeFailure } from './pipe-failure.ts'

/** The head of a response. */
export interface ResponseHead {
  readonly status: number
  readonly headers: readonly FieldEntry[]
}

/** What `http.start` needs, but for what is only known when the body begins. */
export type RequestHead = Omit<CallArgs<'http.start'>, 'hasBody'>

/** A result that comes later. */
type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: HttpErrorCode }

type Succeeded = Extract<CallReply, { ok: true }>

const succeededOrFail = (reply: CallReply): Succeeded => {
  if (!reply.ok) throw new PipeFailure({ kind: 'http', code: toHttpErrorCode(reply.code) })
  return reply
}

/** Why an exchange broke off, in the terms of wasi:http. */
export const codeOfFailure = (failure: PipeFailure): HttpErrorCode =>
  failure.reason?.kind === 'http' ? failure.reason.code : toHttpErrorCode('connection-terminated')

/**
 * One HTTP exchange with the host, from the request to the last byte of the response. The place of its future in the session's count stays
 * taken until the host was told to close it, whatever the guest drops meanwhile.
 */
export class HttpExchange implements Waitable {
  readonly #scope: SessionScope
  readonly #waiters = new Waiters()
  readonly #request: RequestHead
  #release: (() => void) | undefined
  #handle: Promise<number> | undefined
  #hasBody = false
  #response: Outcome<ResponseHead> | undefined
  #trailers: readonly FieldEntry[] = []
  #closed = false

  constructor(scope: SessionScope, request: RequestHead) {
    this.#scope = scope
    this.#request = request
  }

  /** Names the resource whose place in the count stays taken until the host was told to close. */
  belongTo(owner: HeldResource): void {
    this.#release = owner.work()
  }

  /** The response, its failure, or nothing yet. */
  get response(): Outcome<ResponseHead> | undefined {
    return this.#response
  }

  /** Trailers of the response; known when its body has ended. */
  get trailers(): readonly FieldEntry[] {
    return this.#trailers
  }

  ready(): boolean {
    return this.#response !== undefined
  }

  /** Who waits for the response wants the request sent, whether its body is finished or not. */
  wait(wake: () => void): () => void {
    this.begin(true)
    return this.#waiters.add(wake)
  }

  /** Whether the request was begun with a body. */
  get hasBody(): boolean {
    return this.#hasBody
  }

  /** Sends the head; the response is waited for from now on. Does nothing when the exchange is closed or begun. */
  begin(hasBody: boolean): void {
    if (this.#handle !== undefined || this.#closed) return
    this.#hasBody = hasBody
    this.#handle = this.#start({ ...this.#request, hasBody })
    void this.#awaitResponse(this.#handle)
  }

  /** Sends a piece of the request's body. Rejects with {@link PipeFailure}. */
  async write(bytes: Uint8Array): Promise<void> {
    succeededOrFail(await this.#scope.call('http.write', { handle: await this.#begun() }, bytes))
  }

  /** Ends the request's body. */
  async finish(trailers: [string, string][]): Promise<void> {
    try {
      succeededOrFail(await this.#scope.call('http.finish', { handle: await this.#begun(), trailers }))
    } catch (error) {
      this.#failWith(error)
    }
  }

  /** Reads at most `length` bytes of the response's body. Rejects with {@link PipeFailure}. */
  async read(length: number): Promise<Chunk> {
    const { value, body } = succeededOrFail(await this.#scope.call('http.read', { handle: await this.#begun(), length }))
    const end = value['end'] === true
    if (end) {
      this.#trailers = fromWireHeaders(value['trailers'])
      this.close()
    }
    return { bytes: body, end }
  }

  /** Gives the exchange up: the response fails with `code` if it has not come, and the host closes. */
  fail(code: HttpErrorCode): void {
    this.#settle({ ok: false, code })
    this.close()
  }

  /** Tells the host to close; nobody waits for that. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    void this.#close().finally(() => this.#release?.())
  }

  async #start(request: CallArgs<'http.start'>): Promise<number> {
    const { value } = succeededOrFail(await this.#scope.call('http.start', request))
    return Number(value['handle'])
  }

  async #awaitResponse(begun: Promise<number>): Promise<void> {
    try {
      const handle = await begun
      if (this.#closed) return
      const { value } = succeededOrFail(await this.#scope.call('http.response', { handle }))
      this.#settle({ ok: true, value: { status: Number(value['status']), headers: fromWireHeaders(value['headers']) } })
    } catch (error) {
      this.#failWith(error)
    }
  }

  #begun(): Promise<number> {
    return this.#handle ?? Promise.reject(new PipeFailure())
  }

  #failWith(error: unknown): void {
    if (error instanceof PipeFailure) this.fail(codeOfFailure(error))
    else this.#scope.endWith(error)
  }

  #settle(response: Outcome<ResponseHead>): void {
    if (this.#response !== undefined) return
    this.#response = response
    this.#waiters.wakeAll()
  }

  async #close(): Promise<void> {
    try {
      if (this.#handle !== undefined) await this.#scope.call('http.close', { handle: await this.#handle })
    } catch {
      // The exchange never began, or the session is over: nothing is left to close.
    }
  }
}
