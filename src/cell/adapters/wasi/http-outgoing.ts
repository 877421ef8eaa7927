import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { consumeFields, Fields, isToken, toWireHeaders, type FieldEntry } from './http-fields.ts'
import { RequestBody } from './request-body.ts'
import { OutputStream } from './streams.ts'

/** `wasi:http/types` `method`. */
export interface Method {
  readonly tag: string
  readonly val?: string
}

/** `wasi:http/types` `scheme`. */
interface Scheme {
  readonly tag: string
  readonly val?: string
}

/** What an outgoing request holds. */
export interface RequestState {
  method: Method
  scheme: Scheme | undefined
  authority: string | undefined
  pathWithQuery: string | undefined
  readonly headers: readonly FieldEntry[]
  body: RequestBody | undefined
}

/** Bounds of `http.start` in `wire/calls.ts`. */
const maxMethodLength = 64
const maxAuthorityLength = 1024
const maxTargetLength = 16_384

/** What no URI has (RFC 3986) and what some parsers cut at: white space, control characters, anything past ASCII. */
const visibleAscii = /^[\x21-\x7e]+$/

const isTarget = (text: string, maxLength: number): boolean => text.length <= maxLength && visibleAscii.test(text)

const declaredBytes = (headers: readonly FieldEntry[]): number | undefined => {
  const values = headers.filter(([name]) => name.toLowerCase() === 'content-length').map(([, value]) => String.fromCharCode(...value))
  const [only] = values
  return values.length === 1 && only !== undefined && /^[0-9]{1,15}$/.test(only) ? Number(only) : undefined
}

/** `wasi:http/types` `outgoing-request`. */
export class OutgoingRequest {
  readonly #scope: SessionScope
  readonly #state: RequestState
  readonly #held: HeldResource

  constructor(scope: SessionScope, headers: Fields) {
    this.#state = {
      method: { tag: 'get' },
      scheme: undefined,
      authority: undefined,
      pathWithQuery: undefined,
      headers: consumeFields(headers),
      body: undefined,
    }
    this.#held = new HeldResource(scope)
    this.#scope = scope
  }

  get [inside](): RequestState {
    return this.#state
  }

  body(): OutgoingBody {
    const state = this.#state
    if (state.body !== undefined) throw new WitError()
    state.body = new RequestBody(this.#scope, declaredBytes(state.headers))
    return new OutgoingBody(this.#scope, state.body)
  }

  method(): Method {
    return this.#state.method
  }

  setMethod(method: Method): void {
    const state = this.#state
    if (method.tag === 'other' && !(isToken(method.val ?? '') && (method.val ?? '').length <= maxMethodLength)) throw new WitError()
    state.method = method
  }

  pathWithQuery(): string | undefined {
    return this.#state.pathWithQuery
  }

  setPathWithQuery(path: string | undefined): void {
    const state = this.#state
    if (path !== undefined && path !== '' && !isTarget(path, maxTargetLength)) throw new WitError()
    state.pathWithQuery = path
  }

  scheme(): Scheme | undefined {
    return this.#state.scheme
  }

  setScheme(scheme: Scheme | undefined): void {
    const state = this.#state
    if (scheme?.tag === 'other' && !/^[A-Za-z][A-Za-z0-9+.-]{0,63}$/.test(scheme.val ?? '')) throw new WitError()
    state.scheme = scheme
  }

  authority(): string | undefined {
    return this.#state.authority
  }

  setAuthority(authority: string | undefined): void {
    const state = this.#state
    if (authority !== undefined && !isTarget(authority, maxAuthorityLength)) throw new WitError()
    state.authority = authority
  }

  headers(): Fields {
    return new Fields(this.#scope, this.#state.headers, true)
  }

  /** Dropped by the guest, which never handed it over. */
  [Symbol.dispose](): void {
    const state = this.#state
    state.body?.abort()
    this.#held.drop()
  }
}

sealClass(OutgoingRequest)

/** `wasi:http/types` `outgoing-body`. */
export class OutgoingBody {
  readonly #scope: SessionScope
  readonly #body: RequestBody
  readonly #held: HeldResource
  #written = false

  constructor(scope: SessionScope, body: RequestBody) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#body = body
  }

  get [inside](): RequestBody {
    return this.#body
  }

  write(): OutputStream {
    const { pipe } = this.#body
    if (this.#written) throw new WitError()
    this.#written = true
    return new OutputStream(this.#scope, pipe)
  }

  [Symbol.dispose](): void {
    this.#body.abort()
    this.#held.drop()
  }
}

/** `[static]outgoing-body.finish`. */
export const finishOutgoingBody = (body: OutgoingBody, trailers: Fields | undefined): void => {
  const content = body[inside]
  const failure = content.finish(trailers === undefined ? [] : toWireHeaders(consumeFields(trailers)))
  // Finished or given up: dropping it changes nothing but the count.
  body[Symbol.dispose]()
  if (failure !== undefined) throw new WitError(failure)
}

sealClass(OutgoingBody)

/** What an outgoing response holds. */
export interface ResponseState {
  status: number
  readonly headers: readonly FieldEntry[]
  body: RequestBody | undefined
}

/** Final codes of RFC 9110, section 15. */
const isStatus = (status: number): boolean => status >= 200 && status <= 599

/** `wasi:http/types` `outgoing-response`: what a guest answers a request with that it serves. */
export class OutgoingResponse {
  readonly #scope: SessionScope
  readonly #state: ResponseState
  readonly #held: HeldResource

  constructor(scope: SessionScope, headers: Fields) {
    this.#state = { status: 200, headers: consumeFields(headers), body: undefined }
    this.#held = new HeldResource(scope)
    this.#scope = scope
  }

  get [inside](): ResponseState {
    return this.#state
  }

  statusCode(): number {
    return this.#state.status
  }

  setStatusCode(status: number): void {
    const state = this.#state
    if (!isStatus(status)) throw new WitError()
    state.status = status
  }

  headers(): Fields {
    return new Fields(this.#scope, this.#state.headers, true)
  }

  body(): OutgoingBody {
    const state = this.#state
    if (state.body !== undefined) throw new WitError()
    state.body = new RequestBody(this.#scope, declaredBytes(state.headers))
    return new OutgoingBody(this.#scope, state.body)
  }

  [Symbol.dispose](): void {
    const state = this.#state
    state.body?.abort()
    this.#held.drop()
  }
}

sealClass(OutgoingResponse)
