import { createHash } from 'node:crypto'
import { CordonError } from '#core/errors.ts'
import type { Limits } from '#core/budget/limits.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import { settledBy, type Settled } from '#host/session/outcome.ts'
import type { GuestAnswer } from '#wire/messages.ts'

/** Calls that may wait for the one that runs. */
const maxQueued = 1000
/** Bytes of input that may wait with them. */
const maxQueuedBytes = 64 * 1024 * 1024

/** What a session lends to whoever calls its guest, once that stands ready. */
export interface InvocationLine {
  readonly session: string
  /** Whether the session has a reason to end: then its guest is called no more. */
  readonly isEnding: () => boolean
  readonly invoke: (id: number, call: string, input: string) => void
  /** Ends the guest the normal way. */
  readonly finish: () => void
  /** Ends the session for this cause, unless it already has one. */
  readonly fail: (error: CordonError) => void
}

/** Who calls the guest of an open session, and hears from it. */
export interface InvocationDriver {
  /** What the session's limit on time holds for: its whole life, or each call. */
  readonly timed: 'life' | 'call'
  started(line: InvocationLine): void
  /** Only what was asked and not answered; nothing once the session has a reason to end. */
  answered(answer: GuestAnswer): void
  /** The session is over, for `error` where there is one; the record of its end is written next. */
  over(error: CordonError | undefined): void
}

/** How a call left the session: with what it came to, or together with it (`ended`), or never begun (`not-called`). */
export type Invoked = Settled | 'ended' | 'not-called'

interface Invocation {
  readonly call: string
  readonly input: string
  readonly came: PromiseWithResolvers<Invoked>
}

interface Running extends Invocation {
  readonly id: number
  readonly startedMs: number
}

export interface InvocationOptions {
  readonly agent: string
  readonly limits: Limits
  readonly audit: AuditSink
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly timed?: InvocationDriver['timed']
}

/**
 * The calls of one open session: one at a time, in the order they were made, each recorded before and after. Nothing waits for these records to be on
 * stable storage, since a call into a sandbox is no act outside it; but what the guest then does is recorded after them, and who called hears of the
 * answer once it is written.
 */
export class Invocations implements InvocationDriver {
  readonly timed: InvocationDriver['timed']
  readonly #options: InvocationOptions
  readonly #ready = Promise.withResolvers<void>()
  readonly #queue: Invocation[] = []
  #queuedBytes = 0
  #running: Running | undefined
  #line: InvocationLine | undefined
  #nextId = 0
  #closing = false
  #over = false

  constructor(options: InvocationOptions) {
    this.#options = options
    this.timed = options.timed ?? 'life'
  }

  /** Resolves when the guest may be called; never, when its session ends before that. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Whether a call runs or waits. */
  get busy(): boolean {
    return this.#running !== undefined || this.#queue.length > 0
  }

  /** Takes a call; never rejects but with CordonError `runtime.overloaded`, when too many wait. */
  async add(call: string, input: string): Promise<Invoked> {
    if (this.#closing || this.#over) return 'not-called'
    if (this.#queue.length >= maxQueued || this.#queuedBytes + input.length > maxQueuedBytes)
      throw new CordonError('runtime.overloaded', `${this.#queue.length} calls already wait for this session`, {
        hint: 'wait for answers, or open more sessions',
      })
    const came = Promise.withResolvers<Invoked>()
    this.#queue.push({ call, input, came })
    this.#queuedBytes += input.length
    this.#next()
    return await came.promise
  }

  /** Takes no more calls, and ends the guest once those that were made are answered. Idempotent. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#next()
  }

  started(line: InvocationLine): void {
    this.#line = line
    this.#ready.resolve()
    this.#next()
  }

  answered(answer: GuestAnswer): void {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    const settled = settledBy(answer, this.#options.limits)
    const text = answer.kind === 'returned' ? answer.result : answer.error
    this.#recordEnd(running, 'error' in settled ? settled.error.code : 'done', Buffer.byteLength(text)).then(
      () => running.came.resolve(settled),
      // The session ends for this, which is what its caller is to hear.
      () => running.came.resolve('ended'),
    )
    this.#next()
  }

  over(error: CordonError | undefined): void {
    this.#over = true
    const running = this.#running
    this.#running = undefined
    if (running !== undefined) {
      // The log has its own failure recorded with the session: there is nobody left to tell.
      this.#recordEnd(running, error?.code ?? 'done', 0).catch(() => undefined)
      running.came.resolve('ended')
    }
    for (const { came } of this.#queue.splice(0)) came.resolve('not-called')
    this.#queuedBytes = 0
  }

  #next(): void {
    if (this.#line === undefined || this.#line.isEnding() || this.#running !== undefined || this.#over) return
    const invocation = this.#queue.shift()
    if (invocation === undefined) {
      if (this.#closing) this.#line.finish()
      return
    }
    const { call, input } = invocation
    this.#queuedBytes -= input.length
    this.#running = { ...invocation, id: this.#nextId, startedMs: this.#options.now() }
    this.#nextId += 1
    this.#recordStart(this.#line, this.#running)
    this.#line.invoke(this.#running.id, call, input)
  }

  #recordStart({ session, fail }: InvocationLine, { id, call, input }: Running): void {
    const { agent, audit } = this.#options
    const inputDigest = `sha256:${createHash('sha256').update(input).digest('hex')}`
    const inputBytes = Buffer.byteLength(input)
    audit
      .append({ type: 'invoked', session, agent, invocation: id, export: call, inputDigest, inputBytes }, { durable: false })
      .catch((error: unknown) => fail(logFailure(error)))
  }

  async #recordEnd({ id, startedMs }: Running, outcome: string, resultBytes: number): Promise<void> {
    const line = this.#line
    if (line === undefined) return
    const { audit, now } = this.#options
    const { session } = line
    try {
      await audit.append(
        { type: 'invocation-ended', session, invocation: id, outcome, resultBytes, durationMs: now() - startedMs },
        { durable: false },
      )
    } catch (error) {
      line.fail(logFailure(error))
      throw error
    }
  }
}

const logFailure = (error: unknown): CordonError =>
  error instanceof CordonError ? error : new CordonError('audit.failed', 'the audit log cannot be written', { cause: error })
