/** Does work in turns: at most `width` at a time, the rest in order of arrival. */
export class Turns {
  readonly #width: number
  readonly #waiting: (() => void)[] = []
  #active = 0

  constructor(width: number) {
    this.#width = width
  }

  /** Does `work` when it is its turn. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#active < this.#width) this.#active += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // The turn is handed over, so that nobody who comes in between can take it.
      if (next === undefined) this.#active -= 1
      else next()
    }
  }
}

/** Does work of several owners in turns: at most `width` at a time and one of each owner, whoever waits longest after its last turn first. */
export class FairTurns<Owner> {
  readonly #width: number
  readonly #waiting = new Map<Owner, (() => void)[]>()
  readonly #active = new Set<Owner>()

  constructor(width: number) {
    this.#width = width
  }

  /** Does `work` when it is its owner's turn. */
  async take<T>(owner: Owner, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(owner)
      if (waiting === undefined) this.#waiting.set(owner, [resolve])
      else waiting.push(resolve)
      this.#next()
    })
    try {
      return await work()
    } finally {
      this.#active.delete(owner)
      this.#next()
    }
  }

  #next(): void {
    for (const [owner, waiting] of this.#waiting) {
      if (this.#active.size >= this.#width) return
      if (this.#active.has(owner)) continue
      const begin = waiting.shift()
      this.#waiting.delete(owner)
      if (waiting.length > 0) this.#waiting.set(owner, waiting)
      this.#active.add(owner)
      begin?.()
    }
  }
}
