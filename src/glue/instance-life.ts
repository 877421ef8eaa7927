import { LinkTrap } from '#cell/link/linker.ts'

/** Live timers of one instance. Glue has a few for each task that waits. */
const maxTimers = 4096

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/**
 * How long one instance lives. Its glue polls with timers and lets stacks of its guest wait for each other: both would go on for as long as the
 * cell, whatever became of the session. All of it ends with {@link InstanceLife.end}.
 */
export class InstanceLife {
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #waits = new Set<(reason: unknown) => void>()
  #over: { readonly reason: unknown } | undefined

  /** What glue has for `setTimeout`; keeps nobody awake. Throws {@link LinkTrap} `budget`. */
  readonly setTimeout = (run: () => unknown, ms = 0): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#run(run)
    }, ms)
    return this.#started(timer)
  }

  /** What glue has for `setInterval`, likewise. */
  readonly setInterval = (run: () => unknown, ms = 0): NodeJS.Timeout => this.#started(setInterval(() => this.#run(run), Math.max(ms, 1)))

  /** What glue has for `clearTimeout` and `clearInterval`. */
  readonly clearTimer = (timer: NodeJS.Timeout | undefined): void => {
    clearTimeout(timer)
    if (timer !== undefined) this.#timers.delete(timer)
  }

  /** What `result` comes to, unless the instance ends first: then it rejects with the reason. What does not wait is given back as it is. */
  until(result: unknown): unknown {
    return isThenable(result) ? this.#race(result) : result
  }

  /** Stops the timers and rejects all that waits. Idempotent: the first reason counts. */
  end(reason: unknown): void {
    if (this.#over !== undefined) return
    this.#over = { reason }
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    for (const reject of this.#waits) reject(reason)
    this.#waits.clear()
  }

  #race(result: PromiseLike<unknown>): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (this.#over === undefined) this.#waits.add(reject)
    else reject(this.#over.reason)
    result.then(resolve, reject)
    const settled = (): void => void this.#waits.delete(reject)
    promise.then(settled, settled)
    return promise
  }

  #started(timer: NodeJS.Timeout): NodeJS.Timeout {
    if (this.#over !== undefined || this.#timers.size >= maxTimers) {
      clearTimeout(timer)
      if (this.#over === undefined) throw new LinkTrap(`expected at most ${maxTimers} timers of one instance`, 'budget')
      return timer
    }
    this.#timers.add(timer.unref())
    return timer
  }

  /** An error in a timer has nobody who hears of it: it ends the instance, or its cell would end. */
  #run(run: () => unknown): void {
    try {
      const result = run()
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.end(error))
    } catch (error) {
      this.end(error)
    }
  }
}
