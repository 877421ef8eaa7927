import type { TurnTaker, Turns } from './turns.ts'

/** Starts something to wait for; gives a function that takes it back. */
type Begin<T> = (done: (value: T) => void) => () => void

/** The wish cannot be taken back; what comes too late is dropped. */
export const keepGoing = (): void => undefined

/**
 * Everything one session waits for. V8 never frees a suspended stack by itself, so each of these promises is settled: by what it
 * waits for, in a turn of the session, or by the end of the session.
 */
export class Waits {
  readonly #turns: Turns
  readonly #taker: TurnTaker
  readonly #open = new Set<(reason: Error) => void>()
  #over: Error | undefined

  constructor(turns: Turns, taker: TurnTaker) {
    this.#turns = turns
    this.#taker = taker
  }

  /** How many promises are not settled yet. */
  get size(): number {
    return this.#open.size
  }

  /** Resolves in a turn of the session, some time after `begin` called `done`. Rejects when the session is over. */
  until<T>(begin: Begin<T>, after: 'waiting' | 'slice' = 'waiting'): Promise<T> {
    const promise = this.#over === undefined ? this.#pending(begin, after) : Promise.reject<T>(this.#over)
    // An adapter may have let go of it: that must not count as an unhandled rejection, which ends the whole cell.
    promise.catch(() => undefined)
    return promise
  }

  /** Rejects everything that waits and all that comes later. */
  end(reason: Error): void {
    this.#over ??= reason
    const open = [...this.#open]
    this.#open.clear()
    for (const giveUp of open) giveUp(this.#over)
  }

  #pending<T>(begin: Begin<T>, after: 'waiting' | 'slice'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let takeBack = keepGoing
      const giveUp = (reason: Error): void => {
        takeBack()
        reject(reason)
      }
      this.#open.add(giveUp)
      takeBack = begin((value) =>
        this.#turns.take(this.#taker, after, () => {
          if (this.#open.delete(giveUp)) resolve(value)
        }),
      )
    })
  }
}
