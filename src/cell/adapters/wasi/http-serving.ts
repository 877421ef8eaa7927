import { HeldResource } from '#cell/adapters/held-resource.ts'
import { guestConstructor, inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { Fields, fromWireHeaders } from './http-fields.ts'
import { IncomingBody } from './http-incoming.ts'
import type { Method, OutgoingResponse } from './http-outgoing.ts'
import type { HttpErrorCode } from './io-error.ts'
import type { ServedExchange } from './served-exchange.ts'

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/** `wasi:http/types` `incoming-request`: what a handler is called with. */
export class IncomingRequest {
  readonly #scope: SessionScope
  readonly #exchange: ServedExchange
  readonly #held: HeldResource
  #consumed = false

  constructor(scope: SessionScope, exchange: ServedExchange) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#exchange = exchange
  }

  method(): Method {
    const { method } = this.#exchange.head
    return methods.has(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method }
  }

  pathWithQuery(): string {
    return this.#exchange.head.pathWithQuery
  }

  scheme(): { readonly tag: string } {
    return { tag: this.#exchange.head.scheme.toUpperCase() }
  }

  authority(): string {
    return this.#exchange.head.authority
  }

  headers(): Fields {
    const { head } = this.#exchange
    return new Fields(this.#scope, fromWireHeaders(head.headers), true)
  }

  consume(): IncomingBody {
    const { request } = this.#exchange
    if (this.#consumed) throw new WitError()
    this.#consumed = true
    return new IncomingBody(this.#scope, request)
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

/** jco's form of the parameter `result<outgoing-response, error-code>`. */
type Answer = { readonly tag: 'ok'; readonly val: OutgoingResponse } | { readonly tag: 'err'; readonly val: HttpErrorCode }

/** `wasi:http/types` `response-outparam`: where a handler puts its answer, once. */
export class ResponseOutparam {
  readonly #exchange: ServedExchange
  readonly #held: HeldResource
  #taken = false

  constructor(scope: SessionScope, exchange: ServedExchange) {
    this.#held = new HeldResource(scope)
    this.#exchange = exchange
  }

  /** Consumes it; gives where the answer goes. */
  get [inside](): ServedExchange {
    const exchange = this.#exchange
    this.#taken = true
    return exchange
  }

  /** Resolves when the client's connection has it. Rejects with an error-code: the host knows what may be sent. */
  async sendInformational(status: number, headers: Fields): Promise<void> {
    if (this.#taken) throw new TypeError('expected a response that is not set yet')
    const entries = headers[inside]
    headers[Symbol.dispose]()
    await this.#exchange.response.inform(status, entries)
  }

  /** Dropped without an answer: there never will be one, and the client need not wait for the handler's end to hear it. */
  [Symbol.dispose](): void {
    const exchange = this.#exchange
    if (!this.#taken) exchange.response.fail({ tag: 'HTTP-response-incomplete' })
    this.#taken = true
    this.#held.drop()
  }
}

const setResponse = (parameter: ResponseOutparam, answer: Answer): void => {
  const { response } = parameter[inside]
  parameter[Symbol.dispose]()
  if (answer.tag === 'err') return response.fail(answer.val)
  const given = answer.val[inside]
  const { status, headers, body } = given
  // Taken over by the host: its body lives on with the exchange.
  given.body = undefined
  answer.val[Symbol.dispose]()
  response.set({ status, headers, body })
}

sealClass(IncomingRequest)
sealClass(ResponseOutparam)

const refuse = (): never => {
  throw new TypeError('expected a resource that guests may make')
}

/** What a guest sees as the class `response-outparam`. */
export const responseOutparamClass: unknown = guestConstructor(ResponseOutparam, refuse, { set: setResponse })
