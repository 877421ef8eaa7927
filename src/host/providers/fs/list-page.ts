import type { FileType } from '#wire/calls.ts'
import { type ListPage, maxPageBytes, maxPageEntries } from './file-tree.ts'

type Entry = readonly [name: string, type: FileType]

/** How many pages' worth of names are kept until the greatest are thrown away. */
const slack = 4

/** Picks one {@link ListPage} out of names in any order, keeping few more of them than the page holds. */
export class PageCollector {
  readonly #after: string | null
  #kept: Entry[] = []
  #more = false

  /** A page of the names past `after`, or of the first ones. */
  constructor(after: string | null) {
    this.#after = after
  }

  add(name: string, type: FileType): void {
    if (this.#after !== null && name <= this.#after) return
    this.#kept.push([name, type])
    if (this.#kept.length >= slack * maxPageEntries) this.#cut(maxPageEntries)
  }

  done(): ListPage {
    this.#cut(maxPageEntries)
    let bytes = 0
    const fitting = this.#kept.findIndex(([name]) => {
      // Three bytes a UTF-16 unit is the most that UTF-8 needs.
      bytes += name.length * 3
      return bytes > maxPageBytes
    })
    if (fitting >= 0) this.#cut(Math.max(1, fitting))
    return { entries: this.#kept, more: this.#more }
  }

  #cut(length: number): void {
    this.#kept.sort(([one], [other]) => (one < other ? -1 : 1))
    if (this.#kept.length <= length) return
    this.#more = true
    this.#kept = this.#kept.slice(0, length)
  }
}
