import type { Granted } from '#core/policy/grant.ts'
import type { NetRule } from '#core/policy/rules.ts'
import { GuestFault, type Performed, type Plan, type Provider, type ProviderSession } from '#host/broker/provider.ts'
import { interfaceAddresses, type OwnAddresses, type ResolveName, systemResolver } from '#host/providers/host-addresses.ts'
import type { SecretVault } from '#host/providers/secrets/secret-vault.ts'
import { Turns } from '#host/providers/turns.ts'
import type { Call } from '#wire/calls.ts'
import { type ConnectionPlaces, processPlaces } from './connection-places.ts'
import { httpFault } from './errors.ts'
import { HttpExchange, type HttpWorld } from './http-exchange.ts'
import { IdleConnections } from './idle-connections.ts'
import type { PreparedRequest } from './prepared-request.ts'
import { checkHeaders, type Headers, type StartArgs, targetOf } from './request-head.ts'
import { checkTrailers } from './request-trailers.ts'
import { headBytes } from './response-head.ts'
import { refuseStrayPlaceholders, refuseStrayTrailers } from './secret-guard.ts'

export interface HttpOptions {
  readonly secrets: SecretVault
  /** Rules that deny: asked again of every address that a name leads to. */
  readonly denies?: readonly NetRule[]
  /** Addresses of this host; default: those of its interfaces. */
  readonly ownAddresses?: OwnAddresses
  /** Default: the system's resolver. */
  readonly resolve?: ResolveName
  /** PEM certificates to trust besides the built-in ones. */
  readonly extraCertificates?: readonly string[]
  /** For resolving and connecting, each: used when the guest sets none, and the most it may set; default 30,000. */
  readonly maxConnectMs?: number
  /** The same for the first byte and between bytes; default 600,000, since a model may think for minutes. The session's deadline counts all the same. */
  readonly maxSilenceMs?: number
  /** Where connections take their places; default: those of the process. */
  readonly places?: ConnectionPlaces
}

type HttpCall = Extract<Call, { readonly op: `http.${string}` }>
type ContinuingCall = Exclude<HttpCall, { readonly op: 'http.start' }>

const ops = ['http.start', 'http.write', 'http.finish', 'http.response', 'http.read', 'http.close'] as const

const isHttpCall = (call: Call): call is HttpCall => ops.some((op) => op === call.op)

/** These have no body here: servers, proxies and caches disagree about one, and that difference is how requests are smuggled. */
const bodyless = new Set(['GET', 'HEAD'])
/** Methods that reflect a request with what we put into it, or tunnel past every check. */
const neverSent = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** One slow name of a guest holds up its own next one, not those of others. */
const maxLookups = 1

/** The outgoing HTTP of one session. */
class OutgoingHttp implements Provider {
  readonly ops = ops
  readonly #world: HttpWorld
  readonly #timeouts: Required<Pick<HttpOptions, 'maxConnectMs' | 'maxSilenceMs'>>
  readonly #exchanges = new Set<HttpExchange>()

  constructor(world: HttpWorld, timeouts: Required<Pick<HttpOptions, 'maxConnectMs' | 'maxSilenceMs'>>) {
    this.#world = world
    this.#timeouts = timeouts
  }

  plan(call: Call): Plan {
    if (!isHttpCall(call)) throw new TypeError(`expected a call of http, got ${call.op}`)
    if (call.op === 'http.start') return { kind: 'capability', capability: targetOf(call.args).capability, effect: 'external' }
    return { kind: 'continuation', handle: call.args.handle, egressBytes: egressOf(call) }
  }

  async perform(granted: Granted, call: Call): Promise<Performed> {
    const target = granted.consume()
    const { rule } = granted
    if (target.action !== 'net:request' || rule.kind !== 'net' || call.op !== 'http.start')
      throw new TypeError('expected a grant for a request')
    if (neverSent.has(target.method)) throw httpFault('HTTP-request-denied', target.method)
    refuseStrayPlaceholders(call.args, rule, this.#world.secrets)
    // The target comes from the grant alone; only what the decision does not cover comes from the call.
    const request = this.#prepared(call.args, { target: { capability: target, query: targetOf(call.args).query }, rule })
    const egressBytes = target.method.length + target.path.length + request.target.query.length + headBytes(call.args.headers)
    if (egressBytes > this.#world.session.egressLeft) throw httpFault('HTTP-request-denied', 'egress limit reached')
    const opened = new HttpExchange(request, this.#world)
    this.#exchanges.add(opened)
    void opened.start()
    return { value: {}, opened, egressBytes }
  }

  async continue(call: Call): Promise<Performed> {
    if (!isHttpCall(call) || call.op === 'http.start') throw new TypeError(`expected a call on an exchange, got ${call.op}`)
    return this.#continue(this.#exchange(call.args.handle), call)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#exchanges].map((exchange) => exchange.close()))
    this.#exchanges.clear()
    this.#world.idle.close()
  }

  #prepared(args: StartArgs, decided: Pick<PreparedRequest, 'target' | 'rule'>): PreparedRequest {
    const { headers, contentLength, expectsContinue } = checkHeaders(args.headers, args)
    const { maxConnectMs, maxSilenceMs } = this.#timeouts
    const hasBody = args.hasBody && !bodyless.has(decided.target.capability.method)
    if (!hasBody && contentLength !== undefined && contentLength > 0)
      throw httpFault('HTTP-request-body-size', 'content-length without a body')
    return {
      ...decided,
      headers,
      contentLength,
      hasBody,
      expectsContinue: hasBody && expectsContinue,
      connectTimeoutMs: Math.min(args.connectTimeoutMs ?? maxConnectMs, maxConnectMs),
      firstByteTimeoutMs: Math.min(args.firstByteTimeoutMs ?? maxSilenceMs, maxSilenceMs),
      betweenBytesTimeoutMs: Math.min(args.betweenBytesTimeoutMs ?? maxSilenceMs, maxSilenceMs),
    }
  }

  #exchange(number: number): HttpExchange {
    const handle = this.#world.session.handle(number)
    if (!(handle instanceof HttpExchange) || !this.#exchanges.has(handle)) throw new GuestFault('bad-descriptor')
    return handle
  }

  #finish(exchange: HttpExchange, trailers: Headers): void {
    try {
      refuseStrayTrailers(trailers, exchange.rule, this.#world.secrets)
      exchange.finish(checkTrailers(trailers))
    } catch (error) {
      // Half a body must not look like a whole one: what cannot end well is given up.
      void exchange.close()
      throw error
    }
  }

  async #continue(exchange: HttpExchange, call: ContinuingCall): Promise<Performed> {
    switch (call.op) {
      case 'http.write':
        await exchange.write(call.body)
        return { value: {}, egressBytes: call.body.length }
      case 'http.finish':
        this.#finish(exchange, call.args.trailers)
        return { value: {}, egressBytes: headBytes(call.args.trailers) }
      case 'http.response': {
        const { status, headers, bytes } = await exchange.response()
        return { value: { status, headers }, ingressBytes: bytes }
      }
      case 'http.read': {
        const { bytes, end, trailers } = await exchange.read(call.args.length)
        return { value: { end, trailers }, body: bytes, ingressBytes: bytes.length }
      }
      case 'http.close':
        this.#exchanges.delete(exchange)
        await exchange.close()
        return { value: {}, closed: true }
    }
  }
}

/** What a continuation sends out. */
const egressOf = (call: ContinuingCall): number => {
  if (call.op === 'http.write') return call.body.length
  return call.op === 'http.finish' ? headBytes(call.args.trailers) : 0
}

/** Performs wasi:http outgoing requests over HTTP/1.1. Follows no redirect, honours no proxy, dials only addresses it checked. */
export const createHttpProvider = (session: ProviderSession, options: HttpOptions): Provider => {
  const { secrets, resolve = systemResolver, extraCertificates = [], maxConnectMs = 30_000, maxSilenceMs = 600_000 } = options
  const { denies = [], ownAddresses = interfaceAddresses, places = processPlaces } = options
  const lookups = new Turns(maxLookups)
  const resolveInTurn: ResolveName = (name) => lookups.take(() => resolve(name))
  return new OutgoingHttp(
    { session, secrets, resolve: resolveInTurn, denies, ownAddresses, extraCertificates, places, idle: new IdleConnections() },
    { maxConnectMs, maxSilenceMs },
  )
}
