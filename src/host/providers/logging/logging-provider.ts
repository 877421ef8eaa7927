import { setTimeout as sleep } from 'node:timers/promises'
import { neutralise } from '#core/policy/neutralise.ts'
import type { Performed, Plan, Provider, ProviderSession } from '#host/broker/provider.ts'
import type { Call, CallArgs } from '#wire/calls.ts'
import { LineBudget, type LineRate } from './line-budget.ts'

/** One line of a guest, each text on one line and safe to show. */
export interface GuestLogLine {
  readonly level: CallArgs<'log.write'>['level']
  readonly context: string
  readonly message: string
}

/** Who takes a session's lines. */
export interface GuestLogSink {
  /** Takes a line; false when the session has no room for it. */
  write(line: GuestLogLine): boolean
  /** Told how many lines were dropped since it was told last: once a second at most, and at the end. */
  dropped(lines: number): void
}

/** Characters that are shown of a context and of a message; what is cut ends in `…`. */
const maxContextLength = 256
const maxMessageLength = 8192
const defaultRate: LineRate = { burstLines: 1000, linesPerSecond: 200, burstBytes: 512 * 1024, bytesPerSecond: 128 * 1024 }
/** How long the answer to a dropped line takes: who floods waits, and the host does not work. */
const pauseMs = 5
const tellEveryMs = 1000

/** Takes the lines that a guest logs. */
class GuestLogging implements Provider {
  readonly ops = ['log.write'] as const
  readonly #session: Pick<ProviderSession, 'signal'>
  readonly #sink: GuestLogSink
  readonly #budget: LineBudget
  readonly #decoder = new TextDecoder()
  #dropped = 0
  #telling: NodeJS.Timeout | undefined

  constructor(session: Pick<ProviderSession, 'signal'>, sink: GuestLogSink, rate: LineRate) {
    this.#session = session
    this.#sink = sink
    this.#budget = new LineBudget(rate, performance.now())
  }

  plan(): Plan {
    return { kind: 'own' }
  }

  perform(): Promise<Performed> {
    throw new TypeError('logging needs no grant')
  }

  async continue(call: Call): Promise<Performed> {
    if (call.op !== 'log.write') throw new TypeError(`expected log.write, got ${call.op}`)
    const { level, context } = call.args
    // Taken as it came: neutralising a line is already work for the host.
    const mayLog = this.#budget.take(context.length + call.body.length, performance.now())
    if (!mayLog || !this.#write({ level, context }, call.body)) await this.#drop()
    return { value: {} }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell()
  }

  #write({ level, context }: CallArgs<'log.write'>, body: Uint8Array): boolean {
    return this.#sink.write({
      level,
      context: neutralise(context, maxContextLength),
      message: neutralise(this.#decoder.decode(body), maxMessageLength),
    })
  }

  async #drop(): Promise<void> {
    this.#dropped += 1
    this.#telling ??= setTimeout(() => this.#tell(), tellEveryMs).unref()
    await sleep(pauseMs, undefined, { signal: this.#session.signal }).catch(() => undefined)
  }

  #tell(): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    const dropped = this.#dropped
    this.#dropped = 0
    if (dropped > 0) this.#sink.dropped(dropped)
  }
}

/** Performs `log.write` of one session. */
export const createLoggingProvider = (
  session: Pick<ProviderSession, 'signal'>,
  sink: GuestLogSink,
  rate: LineRate = defaultRate,
): Provider => new GuestLogging(session, sink, rate)
