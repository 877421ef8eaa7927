/** Keeps what a guest printed, up to what the meter lets it keep. */
export class OutputCapture {
  readonly #kept: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] }
  truncated = false

  /** Takes `bytes`, of which the first `keep` are kept; gives those. */
  take(stream: 'stdout' | 'stderr', bytes: Uint8Array, keep: number): Uint8Array {
    if (keep < bytes.length) this.truncated = true
    // A copy, since the bytes are a view into a frame that would stay alive with it.
    const kept = bytes.slice(0, keep)
    if (keep > 0) this.#kept[stream].push(kept)
    return kept
  }

  /** What was kept, as text; bytes that are no UTF-8 become U+FFFD. */
  text(stream: 'stdout' | 'stderr'): string {
    return new TextDecoder().decode(Buffer.concat(this.#kept[stream]))
  }
}
