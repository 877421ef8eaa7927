import { GrowingBytes } from '#host/session/growing-bytes.ts'

/** Keeps what a guest printed, up to what the meter lets it keep. */
export class OutputCapture {
  readonly #kept = { stdout: new GrowingBytes(), stderr: new GrowingBytes() }
  truncated = false

  /** Takes `bytes`, of which the first `keep` are kept; gives those. */
  take(stream: 'stdout' | 'stderr', bytes: Uint8Array, keep: number): Uint8Array {
    if (keep < bytes.length) this.truncated = true
    const kept = bytes.subarray(0, keep)
    this.#kept[stream].append(kept)
    return kept
  }

  /** What was kept, as text; bytes that are no UTF-8 become U+FFFD. */
  text(stream: 'stdout' | 'stderr'): string {
    return new TextDecoder().decode(this.#kept[stream].from(0))
  }
}
