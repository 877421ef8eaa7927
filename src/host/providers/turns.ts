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
