import { CordonError } from '#core/errors.ts'
import type { IncomingExchange, IncomingExchanges } from '#host/providers/serve/incoming-exchange.ts'
import type { Invocations } from '#host/session/invocations.ts'
import type { Session } from '#host/session/session.ts'

/** How the runtime starts what a server asks for: one policy, one agent. */
export interface SessionStarter {
  /** A session of one request. Throws CordonError. */
  begin(start: { readonly segment: string; readonly input: string; readonly exchanges: IncomingExchanges }): Session
  /** A session that is called for each of several requests, its time counted for each. */
  open(start: { readonly segment: string; readonly exchanges: IncomingExchanges }): {
    readonly session: Session
    readonly invocations: Invocations
  }
  /** Whether sessions wait for a place. */
  readonly crowded: () => boolean
  /** Name of the export that serves. */
  readonly call: string
}

/** What an instance is given. */
export interface ServedRequest {
  /** JSON text of the head. */
  readonly input: string
  /** `ended` resolves when the client has its answer, or never will. */
  readonly exchange: IncomingExchange & { readonly ended: Promise<{ readonly outcome: string }> }
  /** Told where it is served, before a guest hears of it. */
  readonly begins: (place: ServedPlace) => void
}

/** Where a request is served. */
export interface ServedPlace {
  readonly session: Session
  /** Number of the request in its session. */
  readonly invocation: number
}

/** Works on one request in some instance. */
export interface RequestWork extends ServedPlace {
  /** What the guest's part came to: an error, or nothing. Never rejects. */
  readonly done: Promise<CordonError | undefined>
}

/** The requests of one session: one at a time. */
class CurrentExchange implements IncomingExchanges {
  #current: { readonly invocation: number; readonly exchange: IncomingExchange } | undefined

  /** Begins to serve it; gives the way to end that. */
  begin(invocation: number, exchange: IncomingExchange): () => void {
    const current = { invocation, exchange }
    this.#current = current
    return () => {
      if (this.#current === current) this.#current = undefined
    }
  }

  get(invocation: number): IncomingExchange | undefined {
    return this.#current?.invocation === invocation ? this.#current.exchange : undefined
  }
}

const asError = (error: unknown): CordonError =>
  error instanceof CordonError ? error : new CordonError('internal', 'a served session failed unexpectedly', { cause: error })

/** Serves one request in a session of its own. */
export const serveFresh = (starter: SessionStarter, segment: string, request: ServedRequest): RequestWork => {
  const exchanges = new CurrentExchange()
  const over = exchanges.begin(0, request.exchange)
  const session = starter.begin({ segment, input: request.input, exchanges })
  // Nothing of it reaches a cell before its own start is in the log.
  request.begins({ session, invocation: 0 })
  const done = session.result.then(() => undefined, asError).finally(over)
  return { session, invocation: 0, done }
}

/** An open session that serves one request after the other, all of one principal. */
export class ReusedInstance {
  readonly segment: string
  readonly #exchanges = new CurrentExchange()
  readonly #call: string
  readonly #session: Session
  readonly #invocations: Invocations
  #served = 0
  #over = false

  constructor(starter: SessionStarter, segment: string) {
    this.segment = segment
    this.#call = starter.call
    const { session, invocations } = starter.open({ segment, exchanges: this.#exchanges })
    this.#session = session
    this.#invocations = invocations
    void session.result.catch(() => undefined).finally(() => (this.#over = true))
  }

  /** How many requests it has been given. */
  get served(): number {
    return this.#served
  }

  /** Whether it has ended: nothing can be served by it. */
  get over(): boolean {
    return this.#over
  }

  /** Resolves when it has its place, or never will. */
  get placed(): Promise<unknown> {
    return Promise.race([this.#invocations.ready, this.ended])
  }

  /** Ends when its session has. */
  get ended(): Promise<unknown> {
    return this.#session.result.catch(() => undefined)
  }

  /** Serves a request; the one before has to be done. */
  serve(request: ServedRequest): RequestWork {
    const invocation = this.#served
    this.#served += 1
    const over = this.#exchanges.begin(invocation, request.exchange)
    request.begins({ session: this.#session, invocation })
    const done = this.#work(request.input).catch(asError).finally(over)
    return { session: this.#session, invocation, done }
  }

  /** Ends it the normal way. */
  close(): void {
    this.#invocations.close()
  }

  kill(reason: string): void {
    this.#session.kill(reason)
  }

  async #work(input: string): Promise<CordonError | undefined> {
    const came = await this.#invocations.add(this.#call, input)
    if (came === 'ended' || came === 'not-called') return await this.#session.result.then(() => gone, asError)
    return 'error' in came ? came.error : undefined
  }
}

const gone = new CordonError('session.ended', 'the agent ended its session while it served')
