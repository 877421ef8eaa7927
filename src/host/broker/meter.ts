import type { Limits } from '#core/budget/limits.ts'

/** How many continuations (reads and writes on open handles) one capability call may be worth at most. */
const continuationsPerCall = 10_000

/**
 * Counts what one session spends in host functions. Amounts are reserved before an act and settled after it, so that
 * calls in flight together cannot spend the same budget twice.
 */
export class Meter {
  readonly #limits: Limits
  #calls = 0
  #atStart = 0
  #denied = 0
  #continuations = 0
  #egress = 0
  #ingress = 0
  #output = 0
  #handles = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Counts a capability call; false when it is one too many. */
  call(): boolean {
    this.#calls += 1
    return this.#calls <= this.#limits.calls
  }

  /** Counts a decision that the host made at the start on its own: reported, but not held against the guest's limit. */
  decidedAtStart(): void {
    this.#atStart += 1
  }

  /** Counts a continuation; false when there were absurdly many. */
  continuation(): boolean {
    this.#continuations += 1
    return this.#continuations <= this.#limits.calls * continuationsPerCall
  }

  denied(): void {
    this.#denied += 1
  }

  /** Reserves a place for a handle; false when all are taken. */
  openHandle(): boolean {
    if (this.#handles >= this.#limits.handles) return false
    this.#handles += 1
    return true
  }

  closeHandle(): void {
    this.#handles -= 1
  }

  /** Reserves bytes to send out; false, reserving nothing, when they do not fit. */
  sendOut(bytes: number): boolean {
    if (this.#egress + bytes > this.#limits.egressBytes) return false
    this.#egress += bytes
    return true
  }

  /** Counts what turned out to differ from the reservation. */
  settle({ egressBytes, ingressBytes }: { readonly egressBytes: number; readonly ingressBytes: number }): void {
    this.#egress += egressBytes
    this.#ingress += ingressBytes
  }

  /** Takes up output; gives how many of the bytes may be kept. */
  output(bytes: number): number {
    const kept = Math.max(0, Math.min(bytes, this.#limits.outputBytes - this.#output))
    this.#output += bytes
    return kept
  }

  get egressLeft(): number {
    return Math.max(0, this.#limits.egressBytes - this.#egress)
  }

  get ingressLeft(): number {
    return Math.max(0, this.#limits.ingressBytes - this.#ingress)
  }

  get counts(): { calls: number; denied: number; egressBytes: number; ingressBytes: number; outputBytes: number } {
    return {
      calls: this.#calls + this.#atStart,
      denied: this.#denied,
      egressBytes: this.#egress,
      ingressBytes: this.#ingress,
      outputBytes: this.#output,
    }
  }
}
