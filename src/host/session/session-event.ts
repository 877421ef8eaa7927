import type { CallSummary } from '#core/report.ts'
import { GrowingBytes } from '#host/session/growing-bytes.ts'

/** What an embedder can watch a session do, in order. */
export type SessionEvent =
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  /** A capability call was decided and recorded. */
  | { readonly type: 'decision'; readonly call: CallSummary }
  /** The agent said something by `wasi:logging`: cut, and safe to show on one line. */
  | {
      readonly type: 'log'
      readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical'
      readonly context: string
      readonly message: string
    }
  /** So many lines of it were dropped since the last that were told: it logs too fast, or more than it may put out. */
  | { readonly type: 'log-dropped'; readonly lines: number }

type OutputEvent = Extract<SessionEvent, { type: 'output' }>
/** Output of one stream that nothing came between: one entry however many pieces it came in, or a guest that prints single bytes would cost hundreds for each. */
type Entry = { readonly stream: OutputEvent['stream']; readonly bytes: GrowingBytes } | Exclude<SessionEvent, OutputEvent>

/** Changes between stdout and stderr that are kept; what is printed after that many is in the report, not among the events. */
const maxOutputEntries = 16_384

/** Hands events to whoever iterates. What it holds is bounded by the session's own limits on output and calls. */
export class EventQueue {
  readonly #entries: Entry[] = []
  #outputs = 0
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()
  #ended = false

  push(event: SessionEvent): void {
    const last = this.#entries.at(-1)
    if (event.type !== 'output') this.#entries.push(event)
    else if (last !== undefined && 'stream' in last && last.stream === event.stream) last.bytes.append(event.bytes)
    else if (this.#outputs < maxOutputEntries) {
      this.#outputs += 1
      this.#entries.push({ stream: event.stream, bytes: new GrowingBytes(event.bytes) })
    }
    this.#wake.resolve()
  }

  end(): void {
    this.#ended = true
    this.#wake.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SessionEvent> {
    for (let next = 0, taken = 0; ;) {
      const entry = this.#entries[next]
      const fresh = entry !== undefined && 'stream' in entry ? outputFrom(entry, taken) : entry
      if (fresh !== undefined) {
        yield fresh
        if (fresh.type === 'output') taken += fresh.bytes.length
      }
      const mayGrow = next >= this.#entries.length - 1
      if ((fresh !== undefined && fresh.type !== 'output') || (fresh === undefined && !mayGrow)) {
        next += 1
        taken = 0
      } else if (fresh === undefined) {
        if (this.#ended) return
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
      }
    }
  }
}

const outputFrom = ({ stream, bytes }: { stream: OutputEvent['stream']; bytes: GrowingBytes }, taken: number): OutputEvent | undefined =>
  bytes.length > taken ? { type: 'output', stream, bytes: bytes.from(taken) } : undefined
