import { randomBytes } from 'node:crypto'
import type { Artifact, ExportedFunction } from '#core/artifact.ts'
import type { Receipt } from '#core/audit/receipt.ts'
import { CordonError } from '#core/errors.ts'
import { isWithin } from '#core/policy/path.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { RunReport } from '#core/report.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import { Broker } from '#host/broker/broker.ts'
import type { ProviderSession } from '#host/broker/provider.ts'
import { CallQueue } from '#host/session/call-queue.ts'
import type { CellEnd } from '#host/launch/cell-port.ts'
import type { CellPool, Place } from '#host/pool/cell-pool.ts'
import { gone, type SessionSink } from '#host/pool/hosted-cell.ts'
import { credible, limitError, settledBy, type Settled } from '#host/session/outcome.ts'
import { OutputCapture } from '#host/session/output-capture.ts'
import { EventQueue, type SessionEvent } from '#host/session/session-event.ts'
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
  readonly function: ExportedFunction
  /** JSON text. */
  readonly input: string
  readonly args: readonly string[]
}

export interface SessionOptions {
  readonly artifact: Artifact
  readonly guest: GuestInput
  readonly policy: EffectivePolicy
  readonly segment: string
  readonly audit: AuditSink & { readonly folder: string; readonly head: { readonly hash: string } }
  readonly pool: CellPool
  readonly number: number
  readonly signal: AbortSignal | undefined
  /** Makes the session's providers; gives the handles of the mounts' roots. */
  readonly equip: (broker: Broker, session: ProviderSession) => Promise<SessionStart['preopens']>
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
  #cause: CordonError | undefined
  #place: Place | undefined
  #startedMs: number
  #started = false
  #deadline: NodeJS.Timeout | undefined
  #cpuAtStartUs = 0
  /** `undefined` until the cell says how its guest ended; a lost cell never does. */
  #reported: GuestUsage | undefined
  #firstSeq = -1
  #lastSeq = -1

  constructor(options: SessionOptions) {
    this.#options = options
    const { policy, audit, now } = options
    this.#startedMs = now()
    this.#broker = new Broker({
      sessionId: this.id,
      policy,
      audit,
      now,
      notAfterMs: () => this.#startedMs + policy.limits.timeoutMs,
      fail: (error) => this.#end(error),
      recorded: (receipt) => this.#recorded(receipt),
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
    const { artifact, guest, policy, pool, segment } = this.#options
    this.#deadline = setTimeout(() => this.#end(notPlaced()), placingMs)
    await this.#recordStart()
    const preopens = await this.#options.equip(this.#broker, this.#providerSession())
    await this.#missedMounts()
    const env = await this.#environment()
    // The digest is part of it, since a bundle chooses its own name: one that takes another's must not get into its cell.
    const cellsOf = `${policy.agent}\0${artifact.componentDigest}\0${segment}`
    this.#place = await pool.acquire({ segment: cellsOf, memoryBytes: policy.limits.memoryBytes }, this.#over.signal)
    const { cell } = this.#place
    await this.#unlessOver(cell.load(artifact))
    this.#over.signal.throwIfAborted()
    const { fuel, cpuTimeMs, memoryBytes, tableElements, handles } = policy.limits
    const budgets = { fuel, cpuTimeMs, memoryBytes, tableElements, handles }
    const start: SessionStart = {
      artifact: artifact.key,
      call: guest.function.call,
      input: guest.input,
      args: guest.args,
      env,
      preopens,
      ...budgets,
      stdinIsTerminal: false,
      stdoutIsTerminal: false,
    }
    this.#startClock()
    this.#cpuAtStartUs = cell.cpuUs()
    cell.start(this.#options.number, start, this.#sink())
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
  #startClock(): void {
    const { limits } = this.#options.policy
    clearTimeout(this.#deadline)
    this.#started = true
    this.#startedMs = this.#options.now()
    this.#deadline = setTimeout(() => this.#end(limitError('timeout', limits)), limits.timeoutMs)
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

  #sink(): SessionSink {
    return {
      call: (id, call) => this.#calls.add(() => this.#handle(id, call)),
      output: (stream, bytes) => {
        const kept = this.#output.take(stream, bytes, this.#broker.meter.output(bytes.length))
        if (kept.length > 0) this.#events.push({ type: 'output', stream, bytes: kept })
      },
      ended: (outcome, usage, alone) => this.#guestEnd(outcome, { ...usage, cpuUs: this.#credibleCpuUs(usage.cpuUs, alone) }),
      lost: (end) => this.#lost(end),
    }
  }

  async #handle(id: number, call: Call): Promise<void> {
    const reply = this.#over.signal.aborted ? ({ ok: false, code: 'not-permitted' } as const) : await this.#broker.handle(call)
    this.#place?.cell.reply(this.#options.number, id, reply)
  }

  #guestEnd(outcome: GuestOutcome, usage: GuestUsage): void {
    this.#reported = credible(usage, this.#options.policy.limits)
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
    const used = this.#used()
    this.#cause ??= 'error' in settled ? settled.error : undefined
    this.#over.abort(this.#cause ?? new CordonError('runtime.closed', 'the session is over'))
    this.#place?.release()
    await this.#calls.settle()
    await this.#broker[Symbol.asyncDispose]().catch((error: unknown) => (this.#cause ??= asCordonError(error)))
    // What ended the session late (a log that failed at its last record) turns a success into a failure, never the other way round.
    const error = 'error' in settled ? settled.error : this.#cause
    const usage = { ...used, ...this.#broker.meter.counts }
    const recordFailure = await this.#recordEnd(error, usage)
    this.#events.end()
    const report = this.#report(usage)
    const failure = error ?? recordFailure
    if (failure !== undefined) throw failure.withReport(report)
    return { result: 'result' in settled ? settled.result : null, ...report }
  }

  /**
   * What the cell says of CPU time, held against what the host measured of the whole cell: a session that was alone in it used all of
   * that, one of several at most that. A breached cell can shift time between its own sessions, and no further.
   */
  #credibleCpuUs(reported: number, alone: boolean): number {
    const measured = this.#measuredCpuUs()
    return alone ? Math.max(measured, Math.min(reported, this.#wallMs() * 1000)) : Math.min(reported, measured)
  }

  #used(): Pick<RunReport['usage'], 'wallMs' | 'cpuMs' | 'fuel' | 'memoryPeakBytes'> {
    const { fuel, cpuUs, memoryPeakBytes } = this.#reported ?? { fuel: 0, cpuUs: this.#measuredCpuUs(), memoryPeakBytes: 0 }
    return { wallMs: this.#wallMs(), cpuMs: Math.round(cpuUs / 1000), fuel, memoryPeakBytes }
  }

  #measuredCpuUs(): number {
    return this.#place === undefined || !this.#started ? 0 : Math.max(0, this.#place.cell.cpuUs() - this.#cpuAtStartUs)
  }

  #wallMs(): number {
    return this.#started ? this.#options.now() - this.#startedMs : 0
  }

  #report(usage: RunReport['usage']): RunReport {
    const { artifact, audit, policy, pool } = this.#options
    return {
      session: { id: this.id, agent: policy.agent, bundle: artifact.componentDigest, isolation: pool.level },
      usage,
      denials: this.#broker.ledger.denials,
      calls: this.#broker.ledger.calls,
      stdout: this.#output.text('stdout'),
      stderr: this.#output.text('stderr'),
      truncated: this.#output.truncated,
      audit: { dir: audit.folder, firstSeq: this.#firstSeq, lastSeq: this.#lastSeq, head: audit.head.hash },
    }
  }

  async #recordStart(): Promise<void> {
    const { artifact, audit, policy, pool, segment } = this.#options
    const receipt = await audit.append(
      {
        type: 'session-started',
        session: this.id,
        agent: policy.agent,
        bundle: artifact.componentDigest,
        segment,
        isolation: pool.level,
        policy: policy.digest,
        limits: { ...policy.limits },
      },
      { durable: false },
    )
    this.#recorded(receipt)
  }

  async #recordEnd(error: CordonError | undefined, usage: RunReport['usage']): Promise<CordonError | undefined> {
    try {
      const outcome = error?.code ?? 'done'
      const receipt = await this.#options.audit.append(
        { type: 'session-ended', session: this.id, outcome, exitCode: error?.exitCode ?? 0, usage: { ...usage } },
        { durable: true },
      )
      this.#recorded(receipt)
      return undefined
    } catch (failure) {
      return asCordonError(failure)
    }
  }

  #recorded(receipt: Receipt): void {
    if (this.#firstSeq < 0) this.#firstSeq = receipt.seq
    this.#lastSeq = Math.max(this.#lastSeq, receipt.seq)
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
