/**
 * Room for what the streams of one session read ahead and write behind beyond the little that each may hold anyway: streams that move
 * much data are fast, and a thousand idle ones hold nothing.
 */
export class ByteRoom {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Takes `bytes` when there is room for them; they are given back with {@link ByteRoom.giveBack}. */
  claim(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#left += bytes
  }
}
