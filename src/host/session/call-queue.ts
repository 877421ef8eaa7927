import { setTimeout as sleep } from 'node:timers/promises'

/** Calls of one session that are worked on at a time; the rest wait in order. */
const concurrentCalls = 16
/** How long what is under way at the end may take to settle. */
const settleMs = 2000

/** Works on the calls of one session: in order, some at a time, so that no session takes the broker for itself. */
export class CallQueue {
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #working = new Set<Promise<void>>()

  /** Takes a call; `work` never rejects. */
  add(work: () => Promise<void>): void {
    this.#waiting.push(work)
    this.#next()
  }

  /** Waits for what is being performed to settle, as providers do once the session is over: its outcome belongs into the log before the end. */
  async settle(): Promise<void> {
    const enough = new AbortController()
    const bound = sleep(settleMs, undefined, { signal: enough.signal }).catch(() => undefined)
    while (this.#working.size > 0 && !enough.signal.aborted) {
      await Promise.race([Promise.allSettled(this.#working), bound.then(() => enough.abort())])
    }
    enough.abort()
  }

  #next(): void {
    while (this.#working.size < concurrentCalls) {
      const work = this.#waiting.shift()?.()
      if (work === undefined) return
      this.#working.add(work)
      void work.finally(() => {
        this.#working.delete(work)
        this.#next()
      })
    }
  }
}
