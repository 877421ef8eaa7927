/** What takes the place of a range of the original bytes. */
export const patch = {
  /** A function index that moves past the added imports. Value: the old index. */
  func: 0,
  /** A global index that moves past the added import. Value: the old index. */
  global: 1,
  /** An insertion that charges and checks. Value: fuel, 0 for none. */
  charge: 2,
  /** An insertion that charges for as many bytes as the top of the stack says. */
  payBytes: 3,
  /** An insertion that charges for as many elements as the top of the stack says. */
  payElements: 4,
  /** A memory.size. */
  memorySize: 5,
  /** A memory.grow. */
  memoryGrow: 6,
  /** A table.grow. Value: the table. */
  tableGrow: 7,
} as const

const fields = 4

/** The changes to a module's bytes, ordered by position: start, end, kind and value of each, packed. */
export class PatchList {
  length = 0
  private words = new Int32Array(4096)

  /** Adds a change of the bytes from `start` up to `end` and gives its number. */
  add(start: number, end: number, kind: number, value: number): number {
    const at = this.length * fields
    if (at + fields > this.words.length) {
      const grown = new Int32Array(this.words.length * 2)
      grown.set(this.words)
      this.words = grown
    }
    this.words[at] = start
    this.words[at + 1] = end
    this.words[at + 2] = kind
    this.words[at + 3] = value
    return this.length++
  }

  setValue(index: number, value: number): void {
    this.words[index * fields + 3] = value
  }

  start(index: number): number {
    return this.words[index * fields] ?? 0
  }

  end(index: number): number {
    return this.words[index * fields + 1] ?? 0
  }

  /** True for a charge of nothing, which changes nothing. */
  isVoid(index: number): boolean {
    return this.kind(index) === patch.charge && this.value(index) === 0
  }

  kind(index: number): number {
    return this.words[index * fields + 2] ?? 0
  }

  value(index: number): number {
    return this.words[index * fields + 3] ?? 0
  }
}
