import { inside, sealInterface, guestConstructor, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { HttpExchange, type RequestHead } from './http-exchange.ts'
import { Fields, fieldsClass, toWireHeaders } from './http-fields.ts'
import { FutureIncomingResponse, FutureTrailers, finishIncomingBody, IncomingBody, IncomingResponse } from './http-incoming.ts'
import { finishOutgoingBody, OutgoingBody, OutgoingRequest, OutgoingResponse, type Method, type RequestState } from './http-outgoing.ts'
import { RequestOptions, type Timeouts } from './http-request-options.ts'
import { refusedHeaders } from './http-section-size.ts'
import { IncomingRequest, responseOutparamClass } from './http-serving.ts'
import type { HttpErrorCode, IoError } from './io-error.ts'

/** The longest timeout that the wire takes: a day. */
const maxTimeoutMs = 86_400_000

/** Methods whose requests normally have no body; such a request waits for the first byte or the end of one that was opened. */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD'])

const methodText = (method: Method): string => (method.tag === 'other' ? (method.val ?? '') : method.tag.toUpperCase())

const toTimeoutMs = (ns: bigint | undefined): number | null => {
  if (ns === undefined) return null
  const ms = (ns + 999_999n) / 1_000_000n
  return ms > BigInt(maxTimeoutMs) ? maxTimeoutMs : Math.max(1, Number(ms))
}

const refusal = (code: HttpErrorCode): WitError => new WitError(code)

/** Without one a request goes out over TLS; of the others there is no protocol here to speak. */
const toScheme = (state: RequestState): 'http' | 'https' => {
  const tag = state.scheme?.tag ?? 'HTTPS'
  if (tag === 'HTTP') return 'http'
  if (tag === 'HTTPS') return 'https'
  throw refusal({ tag: 'HTTP-protocol-error' })
}

/** The longest path with query that the wire takes. */
const maxTargetLength = 16_384

const toRequestHead = (state: RequestState, timeouts: Timeouts | undefined): RequestHead => {
  const { authority, headers, pathWithQuery = '/' } = state
  const scheme = toScheme(state)
  if (authority === undefined) throw refusal({ tag: 'HTTP-request-URI-invalid' })
  if (pathWithQuery.length > maxTargetLength) throw refusal({ tag: 'HTTP-request-URI-too-long' })
  const refused = refusedHeaders(headers)
  if (refused !== undefined) throw refusal(refused)
  return {
    method: methodText(state.method),
    scheme,
    authority,
    pathWithQuery,
    headers: toWireHeaders(headers),
    connectTimeoutMs: toTimeoutMs(timeouts?.connectNs),
    firstByteTimeoutMs: toTimeoutMs(timeouts?.firstByteNs),
    betweenBytesTimeoutMs: toTimeoutMs(timeouts?.betweenBytesNs),
  }
}

const outgoingHandler = (slot: SessionSlot): Members => {
  const handle = (request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse => {
    const { scope } = slot
    const state = request[inside]
    const { body } = state
    // Taken over by the host: its body lives on with the exchange.
    state.body = undefined
    request[Symbol.dispose]()
    const timeouts = options?.[inside]
    options?.[Symbol.dispose]()
    const head = orAbort(body, () => toRequestHead(state, timeouts))
    const exchange = new HttpExchange(scope, head)
    const future = new FutureIncomingResponse(scope, exchange)
    if (body === undefined) exchange.begin(false)
    else body.attach(exchange, !bodiless.has(head.method))
    return future
  }
  return sealInterface({ handle })
}

const orAbort = <T>(body: RequestState['body'], step: () => T): T => {
  try {
    return step()
  } catch (error) {
    body?.abort()
    throw error
  }
}

const refuse = (): never => {
  throw new TypeError('expected a resource that guests may make')
}
const incomingBodyClass = guestConstructor(IncomingBody, refuse, { finish: finishIncomingBody })
const outgoingBodyClass = guestConstructor(OutgoingBody, refuse, { finish: finishOutgoingBody })

/** `wasi:http/types` and `outgoing-handler`. */
export const httpInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const httpErrorCode = (error: IoError): HttpErrorCode | undefined => {
    const cause = error[inside]
    return cause.kind === 'http' ? cause.code : undefined
  }
  const types = {
    Fields: fieldsClass(slot),
    FutureIncomingResponse,
    FutureTrailers,
    IncomingBody: incomingBodyClass,
    IncomingRequest,
    IncomingResponse,
    OutgoingBody: outgoingBodyClass,
    OutgoingRequest: guestConstructor(OutgoingRequest, (headers) => new OutgoingRequest(slot.scope, asFields(headers))),
    OutgoingResponse: guestConstructor(OutgoingResponse, (headers) => new OutgoingResponse(slot.scope, asFields(headers))),
    RequestOptions: guestConstructor(RequestOptions, () => new RequestOptions(slot.scope)),
    ResponseOutparam: responseOutparamClass,
    httpErrorCode,
  }
  return { 'wasi:http/types': sealInterface(types), 'wasi:http/outgoing-handler': outgoingHandler(slot) }
}

/** What a guest hands over as `fields`; a forged handle passes here and throws TypeError at the first touch. */
const asFields = (value: unknown): Fields => {
  if (!(value instanceof Fields)) throw new TypeError('expected fields')
  return value
}
