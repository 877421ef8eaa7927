const words = 8
const wordBytes = 4

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * The sum of all entries' shares, modulo 2^256 (an additive multiset hash): a row that is missing, that is there twice or that is an older one of its own changes it,
 * in whatever order rows come.
 */
export class EntrySum {
  /** 32 bytes, the lowest word first. */
  readonly #sum = viewOf(new Uint8Array(words * wordBytes))

  /** Goes on from 32 bytes; from none, it is empty. */
  constructor(bytes?: Uint8Array) {
    if (bytes?.length === words * wordBytes) this.add(bytes)
  }

  add(share: Uint8Array): void {
    const added = viewOf(share)
    let carry = 0
    for (let at = 0; at < words * wordBytes; at += wordBytes) {
      const sum = this.#sum.getUint32(at, true) + added.getUint32(at, true) + carry
      this.#sum.setUint32(at, sum, true)
      carry = sum > 0xffff_ffff ? 1 : 0
    }
  }

  remove(share: Uint8Array): void {
    const removed = viewOf(share)
    let borrow = 0
    for (let at = 0; at < words * wordBytes; at += wordBytes) {
      const difference = this.#sum.getUint32(at, true) - removed.getUint32(at, true) - borrow
      this.#sum.setUint32(at, difference, true)
      borrow = difference < 0 ? 1 : 0
    }
  }

  /** 32 bytes. */
  get bytes(): Buffer {
    return Buffer.from(new Uint8Array(this.#sum.buffer))
  }
}
