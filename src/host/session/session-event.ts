import type { CallSummary } from '#core/report.ts'

/** What an embedder can watch a session do, in order. */
export type SessionEvent =
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  /** A capability call was decided and recorded. */
  | { readonly type: 'decision'; readonly call: CallSummary }

/** Hands events to whoever iterates. What it holds is bounded by the session's own limits on output and calls. */
export class EventQueue {
  readonly #events: SessionEvent[] = []
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()
  #ended = false

  push(event: SessionEvent): void {
    this.#events.push(event)
    this.#wake.resolve()
  }

  end(): void {
    this.#ended = true
    this.#wake.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SessionEvent> {
    for (let next = 0; ;) {
      for (; next < this.#events.length; next += 1) {
        const event = this.#events[next]
        if (event !== undefined) yield event
      }
      if (this.#ended) return
      await this.#wake.promise
      this.#wake = Promise.withResolvers()
    }
  }
}
