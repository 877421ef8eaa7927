import { randomBytes } from 'node:crypto'
import type { Artifact } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { isWithin } from '#core/policy/path.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { RunReport } from '#core/report.ts'
import { Broker } from '#host/broker/broker.ts'
import type { ProviderSession } from '#host/broker/provider.ts'
import { CallQueue } from '#host/session/call-queue.ts'
import type { CellEnd } from '#host/launch/cell-port.ts'
import type { CellPool, Place } from '#host/pool/cell-pool.ts'
import { gone, type SessionSink } from '#host/pool/hosted-cell.ts'
import type { GuestLogSink } from '#host/providers/logging/logging-provider.ts'
import { sizeOfLine } from '#host/session/guest-log.ts'
import type { InvocationDriver, InvocationLine } from '#host/session/invocations.ts'
import { limitError, settledBy, type Settled } from '#host/session/outcome.ts'
import { OutputCapture } from '#host/session/output-capture.ts'
import { EventQueue, type SessionEvent } from '#host/session/session-event.ts'
import { SessionRecords, type SessionLog } from '#host/session/session-records.ts'
import { SessionUsage } from '#host/session/session-usage.ts'
import type { Call } from '#wire/calls.ts'
import type { GuestOutcome, GuestUsage, SessionStart } from '#wire/messages.ts'

/**
 * How long a killed session may take to unwind before its whole cell, and with it every neighbour, is ended. Unwinding takes a few
 * milliseconds of CPU time; on a busy machine those may be long in coming.
 */
const killGraceMs = 1500
/** How long a session may wait for its place, its cell and its code. */
const placingMs = 60_000

/** What a run gives when it went well. */
export interface RunResult<T = unknown> extends RunReport {
  readonly result: T
}

/** What is handed to the guest besides its policy: nothing of it is authority. */
export interface GuestInput {
  /** The export to call once; `null` for an open session, which its driver calls. */
  readonly call: string | null
  /** JSON text; empty for an open session. */
  readonly input: string
  readonly args: readonly string[]
}

export interface SessionOptions {
  readonly artifact: Artifact
  readonly guest: GuestInput
  readonly policy: EffectivePolicy
  readonly segment: string
  readonly audit: SessionLog
  readonly pool: CellPool
  readonly number: number
  readonly signal: AbortSignal | undefined
  /** Makes the session's providers; gives the handles of the mounts' roots. */
  readonly equip: (broker: Broker, session: ProviderSession, logged: GuestLogSink) => Promise<SessionStart['preopens']>
  /** Who calls the guest of an open session. */
  readonly driver: InvocationDriver | undefined
  readonly now: () => number
}

/**
 * One run of one agent instance, from the host's side. Iterating gives its events; `result` settles when it is over and every record is written.
 */
export class Session {
  readonly id: string = `s-${randomBytes(9).toString('base64url')}`
  readonly result: Promise<RunResult>
  readonly #options: SessionOptions
  readonly #events = new EventQueue()
  readonly #output = new OutputCapture()
  readonly #over = new AbortController()
  readonly #broker: Broker
  readonly #guestEnded: PromiseWithResolvers<Settled | 'killed'> = Promise.withResolvers()
  readonly #calls = new CallQueue()
  readonly #records: SessionRecords
  readonly #usage: SessionUsage
  #cause: CordonError | undefined
  #place: Place | undefined
  #started = false
  #deadline: NodeJS.Timeout | undefined
  /** When what the limit on time holds for began: the guest, or its present call. */
  #timedFromMs = 0

  constructor(options: SessionOptions) {
    this.#options = options
    const { policy, audit, now } = options
    this.#timedFromMs = now()
    this.#records = new SessionRecords(this.id, audit)
    this.#usage = new SessionUsage(now, policy.limits)
    this.#broker = new Broker({
      sessionId: this.id,
      policy,
      audit,
      now,
      notAfterMs: () => this.#timedFromMs + policy.limits.timeoutMs,
      fail: (error) => this.#end(error),
      recorded: (receipt) => this.#records.recorded(receipt),
      decided: (call) => this.#events.push({ type: 'decision', call }),
    })
    this.result = this.#run()
    // The caller may look at it later, or never: the end is in the log either way.
    this.result.catch(() => undefined)
  }

  [Symbol.asyncIterator](): AsyncGenerator<SessionEvent> {
    return this.#events[Symbol.asyncIterator]()
  }

  /** Ends the session; `result` rejects with `session.killed`. Idempotent. */
  kill(reason = 'killed by the operator'): void {
    this.#end(new CordonError('session.killed', reason))
  }

  async #run(): Promise<RunResult> {
    const { signal } = this.#options
    const interrupt = (): void => this.#end(interruption(signal?.reason))
    signal?.addEventListener('abort', interrupt, { once: true })
    if (signal?.aborted === true) interrupt()
    let settled: Settled
    try {
      settled = await this.#perform()
    } catch (error) {
      settled = { error: asCordonError(this.#cause ?? error) }
    } finally {
      clearTimeout(this.#deadline)
      signal?.removeEventListener('abort', interrupt)
    }
    return await this.#finish(settled)
  }

  async #perform(): Promise<Settled> {
    const { artifact, guest, policy, pool, segment, driver } = this.#options
    this.#deadline = setTimeout(() => this.#end(notPlaced()), placingMs)
    const open = driver === undefined ? {} : ({ open: true } as const)
    await this.#records.started(policy, { bundle: artifact.componentDigest, segment, isolation: pool.level, ...open })
    const preopens = await this.#options.equip(this.#broker, this.#providerSession(), this.#guestLog())
    await this.#missedMounts()
    const env = await this.#environment()
    // The digest is part of it, since a bundle chooses its own name: one that takes another's must not get into its cell.
    const cellsOf = `${policy.agent}\0${artifact.componentDigest}\0${segment}`
    this.#place = await pool.acquire(
      { segment: cellsOf, memoryBytes: policy.limits.memoryBytes, linking: artifact.linking },
      this.#over.signal,
    )
    const { cell } = this.#place
    await this.#unlessOver(cell.load(artifact))
    this.#over.signal.throwIfAborted()
    const { fuel, cpuTimeMs, memoryBytes, tableElements, handles } = policy.limits
    const budgets = { fuel, cpuTimeMs, memoryBytes, tableElements, handles }
    // What a guest writes is neutralised before any terminal shows it, and nobody types into it: to a guest that drew or prompted it would be a broken one.
    const terminal = { stdinIsTerminal: false, stdoutIsTerminal: false, stderrIsTerminal: false }
    this.#startClock(cell)
    cell.start(this.#options.number, { artifact: artifact.key, ...guest, env, preopens, ...budgets, ...terminal }, this.#sink())
    driver?.started(this.#line(cell))
    const ended = await this.#guestEnded.promise
    if (this.#cause !== undefined) return { error: this.#cause }
    return ended === 'killed' ? { error: new CordonError('cell.violation', 'the cell ended the session without being asked to') } : ended
  }

  /** A session that ends while its cell compiles leaves the cell to its neighbours: nothing of it is in there yet. */
  #unlessOver<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#over
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      work.then(resolve, reject)
    })
  }

  /** The agent's time begins when its guest does: waiting for a place or for a cell to start is not its doing, and has bounds of its own. */
  #startClock(cell: Place['cell']): void {
    clearTimeout(this.#deadline)
    this.#started = true
    this.#usage.start(cell)
    if (this.#options.driver?.timed !== 'call') this.#startDeadline()
  }

  #startDeadline(): void {
    const { policy, now } = this.#options
    this.#timedFromMs = now()
    this.#deadline = setTimeout(() => this.#end(limitError('timeout', policy.limits)), policy.limits.timeoutMs)
  }

  /** A folder that was asked for and not granted is simply not there for the guest; the operator is told what it missed. */
  async #missedMounts(): Promise<void> {
    const { grants, requests } = this.#options.policy
    for (const { guestPath, mode } of requests.fs) {
      const isMounted = grants.fs.some((mount) => isWithin(mount.guestPath, guestPath) || isWithin(guestPath, mount.guestPath))
      if (!isMounted)
        await this.#broker.decideAtStart({ action: mode === 'rw' ? 'fs:write' : 'fs:read', mount: guestPath, path: guestPath })
    }
  }

  /** Environment variables are handed over at the start, so each is decided and recorded then. */
  async #environment(): Promise<(readonly [string, string])[]> {
    const { grants, requests } = this.#options.policy
    const names = new Set([...requests.env, ...grants.env].map(({ name }) => name))
    const env: (readonly [string, string])[] = []
    for (const name of names) {
      const allowed = await this.#broker.decideAtStart({ action: 'env:read', name })
      const value = grants.env.find((rule) => rule.name === name)?.value
      if (allowed && value !== undefined) env.push([name, value])
    }
    return env
  }

  #providerSession(): ProviderSession {
    const broker = this.#broker
    return {
      id: this.id,
      signal: this.#over.signal,
      handle: (number) => broker.handleOf(number),
      get ingressLeft() {
        return broker.meter.ingressLeft
      },
      get egressLeft() {
        return broker.meter.egressLeft
      },
    }
  }

  /** What a guest logs is output: it counts as such, and is among the events. */
  #guestLog(): GuestLogSink {
    return {
      write: (line) => {
        const size = sizeOfLine(line)
        const fits = this.#broker.meter.output(size) === size
        if (fits) this.#events.push({ type: 'log', ...line })
        return fits
      },
      dropped: (lines) => this.#events.push({ type: 'log-dropped', lines }),
    }
  }

  #line(cell: Place['cell']): InvocationLine {
    const { number } = this.#options
    return {
      session: this.id,
      isEnding: () => this.#cause !== undefined,
      invoke: (id, call, input) => {
        if (this.#options.driver?.timed === 'call') this.#startDeadline()
        cell.invoke(number, { id, call, input })
      },
      finish: () => cell.finish(number),
      fail: (error) => this.#end(error),
    }
  }

  #sink(): SessionSink {
    return {
      call: (id, call) => this.#calls.add(call.op, () => this.#handle(id, call)),
      output: (stream, bytes) => {
        const kept = this.#output.take(stream, bytes, this.#broker.meter.output(bytes.length))
        if (kept.length > 0) this.#events.push({ type: 'output', stream, bytes: kept })
      },
      answered: (answer) => {
        const { driver } = this.#options
        if (driver?.timed === 'call') clearTimeout(this.#deadline)
        if (this.#cause === undefined) driver?.answered(answer)
      },
      ended: (outcome, usage, alone) => this.#guestEnd(outcome, usage, alone),
      lost: (end) => this.#lost(end),
    }
  }

  async #handle(id: number, call: Call): Promise<void> {
    const reply = this.#over.signal.aborted ? ({ ok: false, code: 'not-permitted' } as const) : await this.#broker.handle(call)
    this.#place?.cell.reply(this.#options.number, id, reply)
  }

  #guestEnd(outcome: GuestOutcome, usage: GuestUsage, alone: boolean): void {
    this.#usage.reported(usage, alone)
    this.#guestEnded.resolve(outcome.kind === 'killed' ? 'killed' : settledBy(outcome, this.#options.policy.limits))
  }

  #lost(end: CellEnd): void {
    this.#cause ??= gone(end)
    this.#guestEnded.resolve('killed')
  }

  /** Ends the session for `cause`, unless it already has another: the first cause is the true one. */
  #end(cause: CordonError): void {
    if (this.#cause !== undefined) return
    this.#cause = cause
    this.#over.abort(cause)
    const place = this.#place
    if (place === undefined || !this.#started) return
    place.cell.killSession(this.#options.number)
    const harder = setTimeout(() => place.cell.kill('a session did not end in time'), killGraceMs)
    void this.#guestEnded.promise.then(() => clearTimeout(harder))
  }

  async #finish(settled: Settled): Promise<RunResult> {
    const used = this.#usage.used()
    this.#cause ??= 'error' in settled ? settled.error : undefined
    this.#over.abort(this.#cause ?? new CordonError('runtime.closed', 'the session is over'))
    this.#place?.release()
    await this.#calls.settle()
    if (this.#cause === undefined) await this.#broker.finish().catch((error: unknown) => (this.#cause ??= asCordonError(error)))
    await this.#broker[Symbol.asyncDispose]().catch((error: unknown) => (this.#cause ??= asCordonError(error)))
    // What ended the session late (a log that failed at its last record) turns a success into a failure, never the other way round.
    const error = 'error' in settled ? settled.error : this.#cause
    const usage = { ...used, ...this.#broker.meter.counts }
    this.#options.driver?.over(error)
    const recordFailure = await this.#records.ended(error, usage).then(() => undefined, asCordonError)
    this.#events.end()
    const report = this.#report(usage)
    const failure = error ?? recordFailure
    if (failure !== undefined) throw failure.withReport(report)
    return { result: 'result' in settled ? settled.result : null, ...report }
  }

  #report(usage: RunReport['usage']): RunReport {
    const { artifact, policy, pool } = this.#options
    return {
      session: { id: this.id, agent: policy.agent, bundle: artifact.componentDigest, isolation: pool.level },
      usage,
      denials: this.#broker.ledger.denials,
      calls: this.#broker.ledger.calls,
      stdout: this.#output.text('stdout'),
      stderr: this.#output.text('stderr'),
      truncated: this.#output.truncated,
      audit: this.#records.place,
    }
  }
}

const notPlaced = (): CordonError =>
  new CordonError('runtime.overloaded', `the agent found no place within ${placingMs / 1000} s`, {
    hint: 'try again later, or raise pool.max',
  })

const asCordonError = (error: unknown): CordonError =>
  error instanceof CordonError ? error : new CordonError('internal', 'something in Cordon failed unexpectedly', { cause: error })

const interruption = (reason: unknown): CordonError =>
  reason instanceof CordonError ? reason : new CordonError('session.interrupted', 'the run was interrupted', { cause: reason })
