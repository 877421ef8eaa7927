/** sha256 of the concatenation of the parts. Passed in, since core has no crypto of its own. */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

/**
 * The root of a growing Merkle tree (RFC 6962, section 2.1), kept as the roots of its complete subtrees:
 * memory and work per added leaf are logarithmic in the number of leaves.
 */
export class MerkleRoot {
  readonly #sha256: Sha256
  /** Roots of complete subtrees, largest first; `height` is the logarithm of their number of leaves. */
  readonly #peaks: { hash: Uint8Array; height: number }[] = []
  #size = 0

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  add(leaf: Uint8Array): void {
    let peak = { hash: this.#sha256(leafPrefix, leaf), height: 0 }
    for (let last = this.#peaks.at(-1); last?.height === peak.height; last = this.#peaks.at(-1)) {
      this.#peaks.pop()
      peak = { hash: this.#sha256(nodePrefix, last.hash, peak.hash), height: peak.height + 1 }
    }
    this.#peaks.push(peak)
    this.#size += 1
  }

  /** 32 bytes. The root of the empty tree is the hash of nothing. */
  root(): Uint8Array {
    const [smallest, ...larger] = this.#peaks.toReversed()
    if (smallest === undefined) return this.#sha256()
    return larger.reduce((right, left) => this.#sha256(nodePrefix, left.hash, right), smallest.hash)
  }
}
