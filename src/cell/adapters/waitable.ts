/** Something that a pollable can wait for. */
export interface Waitable {
  ready(): boolean
  /** Calls `wake` at most once, when it may have become ready (ask again); gives the way to take it back. */
  wait(wake: () => void): () => void
}

/** Those who wait for one event. Adding and taking back cost the same however many wait. */
export class Waiters {
  readonly #waiting = new Set<() => void>()

  add(wake: () => void): () => void {
    // Wrapped, because one function may wait here several times.
    const entry = (): void => wake()
    this.#waiting.add(entry)
    return () => this.#waiting.delete(entry)
  }

  wakeAll(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}
