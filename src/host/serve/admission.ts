/** Why a request does not get its turn. */
export type Refused = 'full' | 'late' | 'closed' | 'gone'

interface Waiter {
  readonly turn: PromiseWithResolvers<'in' | Refused>
  readonly timer: NodeJS.Timeout
}

interface AdmissionOptions {
  /** How many may be in at one time. */
  readonly concurrency: number
  /** How many may wait. */
  readonly queued: number
  /** How long one may wait. */
  readonly queueMs: number
}

/** Lets so many in at a time, keeps so many waiting in order, and turns the rest away at once: a flood costs its own connections and nothing else. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #waiting = new Set<Waiter>()
  #inside = 0
  #closed = false

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** How many are in. */
  get inside(): number {
    return this.#inside
  }

  /** Waits for a turn; whoever is `in` has to {@link leave}. `gone` gives up waiting. */
  async enter(gone: AbortSignal): Promise<'in' | Refused> {
    if (this.#closed) return 'closed'
    if (this.#inside < this.#options.concurrency) {
      this.#inside += 1
      return 'in'
    }
    if (this.#waiting.size >= this.#options.queued) return 'full'
    const turn = Promise.withResolvers<'in' | Refused>()
    const waiter = { turn, timer: setTimeout(() => this.#turnAway(waiter, 'late'), this.#options.queueMs) }
    const giveUp = (): void => this.#turnAway(waiter, 'gone')
    this.#waiting.add(waiter)
    if (gone.aborted) giveUp()
    else gone.addEventListener('abort', giveUp, { once: true })
    return await turn.promise.finally(() => gone.removeEventListener('abort', giveUp))
  }

  /** Gives a turn back, to whoever waits longest. */
  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#inside -= 1
      return
    }
    this.#forget(next)
    next.turn.resolve('in')
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiting) this.#turnAway(waiter, 'closed')
  }

  #turnAway(waiter: Waiter, why: Refused): void {
    if (!this.#forget(waiter)) return
    waiter.turn.resolve(why)
  }

  #forget(waiter: Waiter): boolean {
    clearTimeout(waiter.timer)
    return this.#waiting.delete(waiter)
  }
}
