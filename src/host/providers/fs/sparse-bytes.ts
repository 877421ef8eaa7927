const blockBytes = 64 * 1024
const leastBytes = 256

/** The content of a file in memory: holes take no room, and a block no more than twice what is in it. */
export class SparseBytes {
  readonly #blocks = new Map<number, Uint8Array>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** At most `length` bytes from `offset`, in a buffer of their own. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#size - offset)))
    for (let done = 0; done < bytes.length;) {
      const { index, start, count } = span(offset + done, bytes.length - done)
      const block = this.#blocks.get(index)
      if (block !== undefined) bytes.set(block.subarray(start, start + count), done)
      done += count
    }
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const { index, start, count } = span(offset + done, bytes.length - done)
      this.#block(index, start + count).set(bytes.subarray(done, done + count), start)
      done += count
    }
    if (bytes.length > 0) this.#size = Math.max(this.#size, offset + bytes.length)
  }

  /** What is past the new size is forgotten: it reads as zeroes should the size grow again. */
  resize(size: number): void {
    const last = Math.floor(size / blockBytes)
    if (size < this.#size) {
      for (const index of this.#blocks.keys()) if (index > last) this.#blocks.delete(index)
      this.#blocks.get(last)?.fill(0, size - last * blockBytes)
    }
    this.#size = size
  }

  /** The block, with room for at least `needed` bytes. */
  #block(index: number, needed: number): Uint8Array {
    const old = this.#blocks.get(index)
    if (old !== undefined && old.length >= needed) return old
    let length = old?.length ?? leastBytes
    while (length < needed) length *= 2
    const block = new Uint8Array(length)
    if (old !== undefined) block.set(old)
    this.#blocks.set(index, block)
    return block
  }
}

/** The part of one block that a range begins with. */
const span = (offset: number, length: number): { readonly index: number; readonly start: number; readonly count: number } => {
  const index = Math.floor(offset / blockBytes)
  const start = offset - index * blockBytes
  return { index, start, count: Math.min(length, blockBytes - start) }
}
