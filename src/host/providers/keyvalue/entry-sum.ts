const modulus = 1n << 256n

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)

/**
 * The sum of all entries' shares, modulo 2^256 (an additive multiset hash): a row that is missing, that is there twice or that is an older one of its own changes it,
 * in whatever order rows come.
 */
export class EntrySum {
  #sum: bigint

  /** Goes on from 32 bytes; from none, it is empty. */
  constructor(bytes?: Uint8Array) {
    this.#sum = bytes === undefined ? 0n : toBigInt(bytes)
  }

  add(share: Uint8Array): void {
    this.#sum = (this.#sum + toBigInt(share)) % modulus
  }

  remove(share: Uint8Array): void {
    this.#sum = (this.#sum - toBigInt(share) + modulus) % modulus
  }

  /** 32 bytes. */
  get bytes(): Buffer {
    return Buffer.from(this.#sum.toString(16).padStart(64, '0'), 'hex')
  }
}
