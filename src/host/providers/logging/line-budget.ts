/** Lines and bytes that an agent may log at once, and how fast that comes back. */
export interface LineRate {
  readonly burstLines: number
  readonly linesPerSecond: number
  readonly burstBytes: number
  readonly bytesPerSecond: number
}

/** A token bucket over lines and one over bytes, filled by the time that is passed in. */
export class LineBudget {
  readonly #rate: LineRate
  #lines: number
  #bytes: number
  #atMs: number

  constructor(rate: LineRate, nowMs: number) {
    this.#rate = rate
    this.#lines = rate.burstLines
    this.#bytes = rate.burstBytes
    this.#atMs = nowMs
  }

  /** Takes a line of `bytes`; false, taking nothing, when it does not fit now. */
  take(bytes: number, nowMs: number): boolean {
    this.#fill(nowMs)
    if (this.#lines < 1 || this.#bytes < bytes) return false
    this.#lines -= 1
    this.#bytes -= bytes
    return true
  }

  #fill(nowMs: number): void {
    // A clock that was set back fills nothing.
    const seconds = Math.max(0, nowMs - this.#atMs) / 1000
    this.#atMs = nowMs
    this.#lines = Math.min(this.#rate.burstLines, this.#lines + seconds * this.#rate.linesPerSecond)
    this.#bytes = Math.min(this.#rate.burstBytes, this.#bytes + seconds * this.#rate.bytesPerSecond)
  }
}
