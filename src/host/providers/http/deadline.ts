/** One timer at a time: what a wait may take, and what it comes to when it takes longer. */
export class Deadline {
  #timer: NodeJS.Timeout | undefined

  /** Starts over: `expire` is called in `ms` unless something else is armed first. */
  arm(ms: number, expire: () => void): void {
    this.disarm()
    this.#timer = setTimeout(expire, ms)
  }

  /** Gives the current wait its whole time again. */
  extend(): void {
    this.#timer?.refresh()
  }

  disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
