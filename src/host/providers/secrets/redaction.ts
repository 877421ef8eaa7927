import { findAll, unfinishedLength } from './stream-match.ts'

/** Masks secret values in a stream with as many `*`, so that lengths stay true. */
export interface Redaction {
  /** The bytes that are safe to show; holds back those at the end that may begin a secret. */
  push(chunk: Uint8Array): Uint8Array
  /** What was held back, at the end of the stream. */
  end(): Uint8Array
}

const mask = '*'.charCodeAt(0)

class PatternRedaction implements Redaction {
  readonly #patterns: readonly Uint8Array[]
  /** Bytes held back, as they came. */
  #held: Buffer = Buffer.alloc(0)
  /** How many of them a match that began before them covers. */
  #covered = 0

  constructor(patterns: readonly Uint8Array[]) {
    this.#patterns = patterns
  }

  push(chunk: Uint8Array): Uint8Array {
    const bytes = Buffer.concat([this.#held, chunk])
    return this.#show(bytes, bytes.length - unfinishedLength(bytes, this.#patterns))
  }

  end(): Uint8Array {
    return this.#show(this.#held, this.#held.length)
  }

  #show(bytes: Buffer, shown: number): Uint8Array {
    // A copy of its own: the originals are still needed to match what comes next.
    const safe = new Uint8Array(bytes)
    safe.fill(mask, 0, this.#covered)
    let covered = Math.max(0, this.#covered - shown)
    for (const { start, end } of findAll(bytes, this.#patterns)) {
      safe.fill(mask, start, end)
      if (start < shown) covered = Math.max(covered, end - shown)
    }
    this.#held = bytes.subarray(shown)
    this.#covered = covered
    return safe.slice(0, shown)
  }
}

/** Shows everything: there is nothing to hide. */
const nothingToHide: Redaction = { push: (chunk) => chunk, end: () => new Uint8Array() }

/** Masks the patterns wherever they stand, split over chunks too. */
export const redactionOf = (patterns: readonly Uint8Array[]): Redaction =>
  patterns.length === 0 ? nothingToHide : new PatternRedaction(patterns)
