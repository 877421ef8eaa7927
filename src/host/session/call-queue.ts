import { setTimeout as sleep } from 'node:timers/promises'
import type { CallOp } from '#wire/calls.ts'

/** Calls of one session that are worked on at a time; the rest wait in order. */
const concurrentCalls = 16
/** How long what is under way at the end may take to settle. */
const settleMs = 2000

/**
 * Calls that last until the outside does something. They cost the host nothing meanwhile and take no place: a guest that waits for
 * sixteen peers at once must still be able to write to one of them. The wire bounds how many there may be.
 */
const lastingOps: ReadonlySet<CallOp> = new Set([
  'http.response',
  'http.read',
  'http.write',
  'serve.read',
  'serve.write',
  'stdin.read',
  'tcp.connected',
  'tcp.accept',
  'tcp.read',
  'tcp.write',
  'udp.receive',
])

/** Works on the calls of one session: in order, some at a time, so that no session takes the broker for itself. */
export class CallQueue {
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #working = new Set<Promise<void>>()
  readonly #lasting = new Set<Promise<void>>()

  /** Takes a call; `work` never rejects. */
  add(op: CallOp, work: () => Promise<void>): void {
    if (lastingOps.has(op)) return keepUntilDone(this.#lasting, work())
    this.#waiting.push(work)
    this.#next()
  }

  /** Waits for what is being performed to settle, as providers do once the session is over: its outcome belongs into the log before the end. */
  async settle(): Promise<void> {
    const enough = new AbortController()
    const bound = sleep(settleMs, undefined, { signal: enough.signal }).catch(() => undefined)
    while (this.#working.size + this.#lasting.size > 0 && !enough.signal.aborted) {
      await Promise.race([Promise.allSettled([...this.#working, ...this.#lasting]), bound.then(() => enough.abort())])
    }
    enough.abort()
  }

  #next(): void {
    while (this.#working.size < concurrentCalls) {
      const work = this.#waiting.shift()?.()
      if (work === undefined) return
      keepUntilDone(this.#working, work, () => this.#next())
    }
  }
}

const keepUntilDone = (set: Set<Promise<void>>, work: Promise<void>, after?: () => void): void => {
  set.add(work)
  void work.finally(() => {
    set.delete(work)
    after?.()
  })
}
