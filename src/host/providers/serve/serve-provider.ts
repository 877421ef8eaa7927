import { GuestFault, type Performed, type Plan, type Provider, type ProviderSession } from '#host/broker/provider.ts'
import type { Call, CallOp } from '#wire/calls.ts'
import type { Headers, IncomingExchange, IncomingExchanges } from './incoming-exchange.ts'

const ops = [
  'serve.read',
  'serve.inform',
  'serve.respond',
  'serve.refuse',
  'serve.write',
  'serve.finish',
] as const satisfies readonly CallOp[]
type ServeCall = Extract<Call, { op: (typeof ops)[number] }>

const nothing: Performed = { value: {} }

const isServeCall = (call: Call): call is ServeCall => ops.some((op) => op === call.op)

const serveCall = (call: Call): ServeCall => {
  if (!isServeCall(call)) throw new TypeError(`expected one of ${ops.join(', ')}, got ${call.op}`)
  return call
}

const bytesOf = (headers: Headers): number => headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0)

/** What goes out to the client: heads are counted as well, or they would carry away what bodies may not. */
const egressOf = (call: ServeCall): number => {
  switch (call.op) {
    case 'serve.write':
      return call.body.length
    case 'serve.inform':
    case 'serve.respond':
      return bytesOf(call.args.headers)
    case 'serve.finish':
      return bytesOf(call.args.trailers)
    case 'serve.read':
    case 'serve.refuse':
      return 0
  }
}

/** Joins a session to the requests that it was given to serve. It reaches those and no others, whatever numbers its cell makes up. */
class ServeProvider implements Provider {
  readonly ops = ops
  readonly #session: ProviderSession
  readonly #exchanges: IncomingExchanges

  constructor(session: ProviderSession, exchanges: IncomingExchanges) {
    this.#session = session
    this.#exchanges = exchanges
  }

  plan(call: Call): Plan {
    return { kind: 'own', egressBytes: egressOf(serveCall(call)) }
  }

  perform(): Promise<Performed> {
    throw new TypeError('a request that is served needs no grant')
  }

  async continue(call: Call): Promise<Performed> {
    const served = serveCall(call)
    const exchange = this.#exchanges.get(served.args.exchange)
    if (exchange === undefined) throw new GuestFault('connection-terminated')
    return await this.#untilOver(this.#perform(served, exchange))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Exchanges are the server's: it answers or cuts them when the session is over.
  }

  async #perform(call: ServeCall, exchange: IncomingExchange): Promise<Performed> {
    switch (call.op) {
      case 'serve.read':
        return await this.#read(call.args.length, exchange)
      case 'serve.inform':
        await exchange.inform(call.args)
        return nothing
      case 'serve.respond':
        await exchange.respond(call.args)
        return nothing
      case 'serve.refuse':
        await exchange.refuse(call.args.code)
        return nothing
      case 'serve.write':
        return { value: {}, egressBytes: await exchange.write(call.body) }
      case 'serve.finish':
        await exchange.finish(call.args.trailers)
        return nothing
    }
  }

  async #read(length: number, exchange: IncomingExchange): Promise<Performed> {
    const allowed = Math.min(length, this.#session.ingressLeft)
    if (allowed === 0 && length > 0) throw new GuestFault('HTTP-request-body-size', 'ingress limit reached')
    const { bytes, end, trailers } = await exchange.read(allowed)
    return { value: { end, trailers }, body: bytes, ingressBytes: bytes.length }
  }

  /** A client that is slow holds nothing up: once the session is over, nobody waits for it. */
  async #untilOver<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#session
    const over = Promise.withResolvers<never>()
    const stop = (): void => over.reject(new GuestFault('connection-terminated', 'the session ended'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.race([work, over.promise])
    } finally {
      signal.removeEventListener('abort', stop)
      work.catch(() => undefined)
    }
  }
}

/** Serves the requests of one session. */
export const createServeProvider = (session: ProviderSession, exchanges: IncomingExchanges): Provider =>
  new ServeProvider(session, exchanges)
