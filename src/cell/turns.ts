/** Who a turn is for. */
export interface TurnTaker {
  turnBegins(): void
  /** Microseconds on the CPU that its turns took, told a little later: see {@link Turns}. */
  charge(cpuUs: number): void
}

interface Turn {
  readonly taker: TurnTaker
  readonly run: () => void
}

/**
 * Shares one thread between sessions. Whatever lets a guest go on (its start, a reply, a timer, the end of a yield) runs
 * as a turn: a macrotask of its own, so that the CPU time is known per session, the wire is served between any two turns,
 * and no session runs twice while another waits. Woken sessions and those that used up their slice take turns alternately.
 *
 * The system counts a thread's CPU time in steps of some milliseconds, longer than most turns. Whenever the count moves, the step is
 * shared out over the turns since the last one by their length: a guest that dodges the steps still pays its part.
 */
export class Turns {
  readonly #woken: Turn[] = []
  readonly #yielded: Turn[] = []
  /** Length of the turns that the thread's CPU time has not moved since, in microseconds. */
  readonly #unsettled = new Map<TurnTaker, number>()
  /** The same of takers that have left. */
  #unsettledOfGone = 0
  #scheduled = false
  #lastWasWoken = false
  #current: TurnTaker | undefined
  #startedMs = 0
  #cpuSeenUs = threadCpuUs()

  /** Runs `run` in a turn of `taker` soon. `after` says what the taker did before: wait for something, or use up its slice. */
  take(taker: TurnTaker, after: 'waiting' | 'slice', run: () => void): void {
    const line = after === 'waiting' ? this.#woken : this.#yielded
    line.push({ taker, run })
    this.#schedule()
  }

  /** Microseconds of turns of `taker` that it was not charged for yet, the current one included. */
  unsettledUs(taker: TurnTaker): number {
    const running = this.#current === taker ? usSince(this.#startedMs) : 0
    return (this.#unsettled.get(taker) ?? 0) + running
  }

  /** Forgets `taker`, which takes no more turns: an idle thread must hold nothing of what is over. Its part of the time is nobody else's. */
  leave(taker: TurnTaker): void {
    this.#unsettledOfGone += this.#unsettled.get(taker) ?? 0
    this.#unsettled.delete(taker)
    if (this.#current === taker) this.#current = undefined
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#runNext())
  }

  #runNext(): void {
    const turn = this.#pick()
    this.#scheduled = false
    if (turn === undefined) return
    this.#current = turn.taker
    this.#startedMs = performance.now()
    // A tick queued from a microtask runs when no microtask is left: when the guest waits again or is done.
    queueMicrotask(() => process.nextTick(() => this.#end()))
    turn.taker.turnBegins()
    turn.run()
  }

  #end(): void {
    const taker = this.#current
    const us = usSince(this.#startedMs)
    this.#current = undefined
    if (taker === undefined) this.#unsettledOfGone += us
    else this.#unsettled.set(taker, (this.#unsettled.get(taker) ?? 0) + us)
    this.#settle()
    if (this.#woken.length + this.#yielded.length > 0) this.#schedule()
  }

  #settle(): void {
    const cpuUs = threadCpuUs()
    const spent = cpuUs - this.#cpuSeenUs
    if (spent <= 0) return
    this.#cpuSeenUs = cpuUs
    const turns = [...this.#unsettled]
    const total = turns.reduce((sum, [, us]) => sum + us, this.#unsettledOfGone)
    this.#unsettled.clear()
    this.#unsettledOfGone = 0
    // More than a turn's length was spent between turns: reading the wire, compiling.
    const share = Math.min(1, spent / total)
    for (const [taker, us] of turns) taker.charge(us * share)
  }

  #pick(): Turn | undefined {
    const [first, second] = this.#lastWasWoken ? [this.#yielded, this.#woken] : [this.#woken, this.#yielded]
    const line = first.length > 0 ? first : second
    this.#lastWasWoken = line === this.#woken
    return line.shift()
  }
}

const usSince = (startedMs: number): number => (performance.now() - startedMs) * 1000

const threadCpuUs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
