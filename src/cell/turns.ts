/** Who a turn is for: hears when it begins and how much CPU time it took. */
export interface TurnTaker {
  turnBegins(): void
  /** Called right after the turn, with microseconds on the CPU. */
  turnEnded(cpuUs: number): void
}

interface Turn {
  readonly taker: TurnTaker
  readonly run: () => void
}

/**
 * Shares one thread between sessions. Whatever lets a guest go on (its start, a reply, a timer, the end of a yield) runs
 * as a turn: a macrotask of its own, so that the CPU time is known per session, the wire is served between any two turns,
 * and no session runs twice while another waits. Woken sessions and those that used up their slice take turns alternately.
 */
export class Turns {
  readonly #woken: Turn[] = []
  readonly #yielded: Turn[] = []
  #scheduled = false
  #lastWasWoken = false
  #current: TurnTaker | undefined
  #startedUs = 0

  /** Runs `run` in a turn of `taker` soon. `after` says what the taker did before: wait for something, or use up its slice. */
  take(taker: TurnTaker, after: 'waiting' | 'slice', run: () => void): void {
    const line = after === 'waiting' ? this.#woken : this.#yielded
    line.push({ taker, run })
    this.#schedule()
  }

  /** Microseconds on the CPU since the turn of `taker` began; 0 when it is not its turn. */
  runningUs(taker: TurnTaker): number {
    return this.#current === taker ? threadCpuUs() - this.#startedUs : 0
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
    this.#startedUs = threadCpuUs()
    // A tick queued from a microtask runs when no microtask is left: when the guest waits again or is done.
    queueMicrotask(() => process.nextTick(() => this.#settle(turn.taker)))
    turn.taker.turnBegins()
    turn.run()
  }

  #settle(taker: TurnTaker): void {
    this.#current = undefined
    taker.turnEnded(threadCpuUs() - this.#startedUs)
    if (this.#woken.length + this.#yielded.length > 0) this.#schedule()
  }

  #pick(): Turn | undefined {
    const [first, second] = this.#lastWasWoken ? [this.#yielded, this.#woken] : [this.#woken, this.#yielded]
    const line = first.length > 0 ? first : second
    this.#lastWasWoken = line === this.#woken
    return line.shift()
  }
}

const threadCpuUs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
