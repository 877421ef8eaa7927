import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { refusedTrailers } from './http-section-size.ts'
import { consumeFields, Fields, isToken, toWireHeaders, type FieldEntry } from './http-fields.ts'
import { RequestBody } from './request-body.ts'
import type { HttpErrorCode } from './io-error.ts'
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

/** The longest method; a bound of `http.start` in `wire/calls.ts`. */
const maxMethodLength = 64
const maxAuthorityLength = 1024
/** What a request may hold. Sending one has a bound of its own, `maxTarget` in `http.ts`. */
const maxTargetLength = 64 * 1024

/**
 * RFC 3986 section 3.2: user information, a host (a literal in brackets, or a name of unreserved characters, escapes and sub-delimiters), a port.
 * Whether it may be sent to is not asked here.
 */
const authorityForm = /^(?:[\w.~!$&'()*+,;=:%-]*@)?(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::([0-9]{1,5}))?$/

const isAuthority = (text: string): boolean => {
  if (text.length > maxAuthorityLength) return false
  const match = authorityForm.exec(text)
  return match !== null && Number(match[1] ?? 0) <= 65_535
}

/** RFC 3986 sections 3.3 and 3.4, and the characters beside them that URL parsers let through. No fragment, no half of an escape, nothing past ASCII. */
const targetForm = /^(?:\*|[/?](?:[!"$&-[\]^-~]|%[0-9A-Fa-f]{2})*)?$/

const isTarget = (text: string): boolean => text.length <= maxTargetLength && targetForm.test(text)

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
    state.body = new RequestBody(this.#scope, declaredBytes(state.headers), 'HTTP-request-body-size')
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
    if (path !== undefined && !isTarget(path)) throw new WitError()
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
    if (authority !== undefined && !isAuthority(authority)) throw new WitError()
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
  #stream: 'none' | 'open' | 'dropped' = 'none'

  constructor(scope: SessionScope, body: RequestBody) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#body = body
  }

  write(): OutputStream {
    const { pipe } = this.#body
    if (this.#stream !== 'none') throw new WitError()
    this.#stream = 'open'
    return new OutputStream(this.#scope, pipe, () => (this.#stream = 'dropped'))
  }

  /** Ends the body. Gives the failure when it is not as long as it said. Traps while its stream lives. */
  finish(trailers: [string, string][]): HttpErrorCode | undefined {
    this.#refuseWithStream()
    const failure = this.#body.finish(trailers)
    this.#held.drop()
    return failure
  }

  /** Gives up an unfinished body. Traps while its stream lives. */
  [Symbol.dispose](): void {
    this.#refuseWithStream()
    this.#body.abort()
    this.#held.drop()
  }

  #refuseWithStream(): void {
    // A trap: nothing without a payload is an error that a guest could take.
    if (this.#stream === 'open') throw new TypeError('an outgoing-body was given up before its output-stream was dropped')
  }
}

/** `[static]outgoing-body.finish`. */
export const finishOutgoingBody = (body: OutgoingBody, trailers: Fields | undefined): void => {
  const given = trailers === undefined ? [] : consumeFields(trailers)
  const failure = refusedTrailers(given) ?? body.finish(toWireHeaders(given))
  if (failure === undefined) return
  body[Symbol.dispose]()
  throw new WitError(failure)
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
    state.body = new RequestBody(this.#scope, declaredBytes(state.headers), 'HTTP-response-body-size')
    return new OutgoingBody(this.#scope, state.body)
  }

  [Symbol.dispose](): void {
    const state = this.#state
    state.body?.abort()
    this.#held.drop()
  }
}

sealClass(OutgoingResponse)
