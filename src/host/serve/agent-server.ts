import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEvent } from '#core/audit/record.ts'
import { CordonError } from '#core/errors.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import type { ServedRequestHead } from '#wire/served-request.ts'
import { Admission } from './admission.ts'
import { HttpListener, type Arrived, type ListenAddress } from './http-listener.ts'
import { Instances } from './instances.ts'
import { NodeExchange } from './node-exchange.ts'
import { segmentOf, tellsApart, type PrincipalRule } from './principal.ts'
import { readRequestHead, type RawRequest } from './request-head.ts'
import { sendStatus } from './send-status.ts'
import { isServedHost } from './served-hosts.ts'
import type { RequestWork, ServedPlace, ServedRequest, SessionStarter } from './served-session.ts'
import type { ServeLimits } from './serve-limits.ts'

/** What a server is made of. */
export interface AgentServerParts {
  readonly starter: SessionStarter
  readonly agent: string
  readonly audit: AuditSink
  readonly limits: ServeLimits
  readonly principal: PrincipalRule
  /** Requests that one instance serves at most. */
  readonly reuse: number
  /** What segments of principals begin with. */
  readonly segment: string
  /** Names that requests may be for; any when left out. */
  readonly hosts: readonly string[] | undefined
  readonly listen: ListenAddress
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What a server has done so far. */
export interface ServeStats {
  /** Requests that a guest was given. */
  readonly requests: number
  /** Of those: answered in full by the guest. */
  readonly answered: number
  /** Requests and connections refused before a guest heard of them. */
  readonly refused: number
  /** Requests that a guest works on now. */
  readonly running: number
  /** Connections open now. */
  readonly connections: number
}

const serverStopped = 'the server was stopped'
/** How long clients may take for the answer that there is none. */
const lastWordsMs = 500

/** The status for a request that gets no turn. */
const noTurn = 503

/** Serves an agent over HTTP until it is closed. Made by `agent.serve`. */
export class AgentServer implements AsyncDisposable {
  readonly #parts: AgentServerParts
  readonly #listener: HttpListener
  readonly #admission: Admission
  readonly #instances: Instances
  readonly #running = new Set<Promise<void>>()
  readonly #works = new Set<RequestWork>()
  #address: ListenAddress
  /** Requests that came, whatever became of them. */
  #arrivals = 0
  #requests = 0
  #answered = 0
  #refused = 0
  #closed: Promise<void> | undefined
  #cut = Promise.withResolvers<void>()

  private constructor(parts: AgentServerParts) {
    const { limits, starter, reuse } = parts
    this.#parts = parts
    this.#address = parts.listen
    this.#admission = new Admission(limits)
    this.#instances = new Instances({ starter, reuse, idleMs: limits.stallMs, maxIdle: limits.concurrency })
    this.#listener = new HttpListener({
      limits,
      arrived: (arrived) => void this.#arrived(arrived),
      refused: () => (this.#refused += 1),
    })
  }

  /** Starts one. Throws CordonError `port.in-use`, `input.invalid`. */
  static async start(parts: AgentServerParts): Promise<AgentServer> {
    if (parts.reuse > 1 && !tellsApart(parts.principal)) {
      throw new CordonError('input.invalid', 'expected a principal to reuse instances for, got none: an instance never serves two', {
        hint: 'say on whose behalf requests come, with --principal header:NAME or --principal connection, or leave --reuse out',
      })
    }
    const server = new AgentServer(parts)
    server.#address = await server.#listener.listen(parts.listen)
    return server
  }

  /** Where it listens. */
  get address(): ListenAddress {
    return this.#address
  }

  /** `http://127.0.0.1:8080` */
  get url(): string {
    const { host, port } = this.#address
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  get stats(): ServeStats {
    return {
      requests: this.#requests,
      answered: this.#answered,
      refused: this.#refused,
      running: this.#works.size,
      connections: this.#listener.connections,
    }
  }

  /** Takes nothing more, lets what runs come to its end within `drainMs`, then cuts it. Resolves when all is over and recorded. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#drain()
    return this.#closed
  }

  /** Ends everything at once. */
  async cut(): Promise<void> {
    const closed = this.close()
    this.#cut.resolve()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
  }

  async #drain(): Promise<void> {
    this.#listener.stop()
    this.#admission.close()
    const late = setTimeout(() => this.#cut.resolve(), this.#parts.limits.drainMs)
    await Promise.race([this.#allDone(), this.#cut.promise])
    clearTimeout(late)
    for (const { session } of this.#works) session.kill(serverStopped)
    this.#instances.kill(serverStopped)
    // Those that are killed are told so, unless they do not take it.
    await Promise.race([this.#allDone(), sleep(lastWordsMs, undefined, { ref: false })])
    this.#listener.cut()
    await this.#allDone()
  }

  async #allDone(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
    await this.#instances.close()
  }

  async #arrived(arrived: Arrived): Promise<void> {
    const work = this.#take(arrived).catch(() => arrived.request.socket.destroy())
    const kept = work.then(() => undefined)
    this.#running.add(kept)
    await kept
    this.#running.delete(kept)
  }

  /** Looks at one request, waits for its turn, and has it served. */
  async #take(arrived: Arrived): Promise<void> {
    const { request, response } = arrived
    const raw = rawOf(request)
    const reading = readRequestHead(raw, this.#parts.limits)
    if (!reading.ok) return await this.#refuse(arrived, reading.status)
    const { principal, segment, hosts } = this.#parts
    if (!isServedHost(reading.head.authority, hosts, this.#address)) return await this.#refuse(arrived, 421)
    const origin = { connection: arrived.connection, request: (this.#arrivals += 1) }
    const own = segmentOf(principal, segment, raw, origin)
    if (own === undefined) return await this.#refuse(arrived, 400)
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const turn = await this.#admission.enter(gone.signal)
    if (turn !== 'in') return await this.#refuse(arrived, noTurn)
    try {
      if (!gone.signal.aborted) await this.#serve(arrived, reading.head, own)
    } finally {
      this.#admission.leave()
    }
  }

  async #refuse({ request, response }: Arrived, status: number): Promise<void> {
    this.#refused += 1
    if (!response.destroyed) await sendStatus(request, response, status)
  }

  async #serve({ request, response, expectsContinue }: Arrived, head: ServedRequestHead, segment: string): Promise<void> {
    const { limits, now } = this.#parts
    const recorded = Promise.withResolvers<unknown>()
    recorded.promise.catch(() => undefined)
    const startedMs = now()
    this.#requests += 1
    const exchange = new NodeExchange({
      request,
      response,
      hasBody: head.hasBody,
      expectsContinue,
      limits,
      recorded: recorded.promise,
      isLast: () => this.#listener.stopping,
    })
    const begins = (place: ServedPlace): void => {
      this.#record(requestEvent(this.#parts.agent, place, head), true).then(recorded.resolve, recorded.reject)
      recorded.promise.catch(() => place.session.kill('the audit log cannot be written'))
      void exchange.givenUp.then((why) => place.session.kill(`the client's side of the request ended: ${why}`))
    }
    const work = await this.#begin(segment, { input: JSON.stringify(head), exchange, begins })
    if (work === undefined) return
    this.#works.add(work)
    const ended = this.#recordEnd(exchange, work, startedMs)
    exchange.conclude(await work.done)
    this.#works.delete(work)
    await ended
  }

  /** A session that cannot even be started answers with its error. */
  async #begin(segment: string, request: ServedRequest & { readonly exchange: NodeExchange }): Promise<RequestWork | undefined> {
    try {
      return await this.#instances.serve(segment, request)
    } catch (error) {
      request.exchange.conclude(
        error instanceof CordonError ? error : new CordonError('internal', 'a session did not start', { cause: error }),
      )
      return undefined
    }
  }

  async #recordEnd(exchange: NodeExchange, work: RequestWork, startedMs: number): Promise<void> {
    const end = await exchange.ended
    if (end.outcome === 'done') this.#answered += 1
    const { session, invocation } = work
    const durationMs = Math.max(0, this.#parts.now() - startedMs)
    // A log that fails has ended what it could: nothing more is granted.
    await this.#record({ type: 'request-ended', session: session.id, invocation, ...end, durationMs }, false).catch(() => undefined)
  }

  async #record(event: AuditEvent, durable: boolean): Promise<void> {
    await this.#parts.audit.append(event, { durable })
  }
}

const rawOf = ({ method = '', url = '', httpVersion, rawHeaders }: Arrived['request']): RawRequest => ({
  method,
  target: url,
  httpVersion,
  rawHeaders,
})

const requestEvent = (agent: string, { session, invocation }: ServedPlace, head: ServedRequestHead): AuditEvent => {
  const [path = ''] = head.pathWithQuery.split('?')
  return { type: 'request', session: session.id, agent, invocation, method: head.method, authority: head.authority, path }
}
