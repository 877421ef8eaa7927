import type { ExportedFunction } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import type { RunReport } from '#core/report.ts'
import { functionOf, inputText } from '#host/session/guest-call.ts'
import type { Invocations } from '#host/session/invocations.ts'
import type { SessionEvent } from '#host/session/session-event.ts'
import type { Session } from '#host/session/session.ts'

/** What one call of an open session gives. */
export interface CallResult<T = unknown> {
  readonly result: T
}

/** How one call differs from the session's others. */
export interface CallOptions {
  /** The export to call; default `cordon:agent/run`, else `wasi:cli/run`, else `run`. */
  readonly call?: string
}

/**
 * One instance of an agent that stays: what it keeps in its memory is there at the next call. Everything it was started with holds
 * for its whole life: grants, segment and every limit, the time it is open included. It keeps its place in a cell until it is closed.
 * Iterating gives its events. Made by `agent.open`.
 *
 * @example
 * await using session = await agent.open({ limits: { timeoutMs: 60_000 } })
 * const { result } = await session.call({ day: 'today' })
 */
export class OpenSession implements AsyncDisposable {
  readonly #session: Session
  readonly #invocations: Invocations
  readonly #exports: readonly ExportedFunction[]
  #closed: Promise<RunReport> | undefined

  /** @internal */
  constructor(session: Session, invocations: Invocations, exports: readonly ExportedFunction[]) {
    this.#session = session
    this.#invocations = invocations
    this.#exports = exports
  }

  get id(): string {
    return this.#session.id
  }

  [Symbol.asyncIterator](): AsyncGenerator<SessionEvent> {
    return this.#session[Symbol.asyncIterator]()
  }

  /**
   * Calls the instance and waits for what it returns. Calls that are made at the same time wait for one another, in order.
   * A command (`wasi:cli/run`) can be called first and once: its instance ends with it, and a further call traps.
   * Throws CordonError `agent.error` when the agent returns its declared error: the session stays open. Throws what ended the session
   * (`agent.trap`, `agent.exit`, `deadline.*`, `limit.*`, `session.killed`, `cell.*`), with its report, when it ended during this call; `session.ended`
   * when it ended before this call was begun; `runtime.overloaded` when too many calls wait.
   */
  async call<T = unknown>(input?: unknown, { call }: CallOptions = {}): Promise<CallResult<T>> {
    const text = inputText(input)
    const came = await this.#invocations.add(functionOf(this.#exports, call).call, text)
    if (came === 'not-called') throw await this.#notCalled()
    // An agent that exits with 0 in a call ends its session as well, and with no more to say than a command has.
    const settled = came === 'ended' ? { result: (await this.#session.result).result } : came
    if ('error' in settled) throw settled.error
    // What an agent returns is whatever it returns; `T` is the caller's own expectation of it.
    return { result: settled.result as T }
  }

  /**
   * Takes no more calls, waits for those that were made, ends the instance and gives the report of its whole life. Idempotent.
   * Throws CordonError, with the report, when something else ended the session.
   */
  close(): Promise<RunReport> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Ends the session at once; the call that runs rejects with `session.killed`. Idempotent. */
  kill(reason?: string): void {
    this.#session.kill(reason)
  }

  /** Closes it; calls that have not come back are not waited for but ended. Never throws: who has to know how the session ended asks `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#invocations.busy) this.kill('the session was disposed of while a call ran')
    await this.close().catch(() => undefined)
  }

  async #close(): Promise<RunReport> {
    this.#invocations.close()
    const { result: _, ...report } = await this.#session.result
    return report
  }

  async #notCalled(): Promise<CordonError> {
    if (this.#closed !== undefined) return new CordonError('session.ended', 'the session was closed before this call')
    const how = await this.#session.result.catch((error: unknown) => error)
    if (!(how instanceof CordonError)) return new CordonError('session.ended', 'the agent ended the session before this call')
    const { report } = how
    return new CordonError('session.ended', `the session ended before this call: ${how.message}`, {
      cause: how,
      ...(report !== undefined && { report }),
    })
  }
}
