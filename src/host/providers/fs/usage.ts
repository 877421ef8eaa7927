import { Turns } from '#host/providers/turns.ts'
import { fsFault } from './errors.ts'
import type { HeldDirectory, NodeStat } from './file-tree.ts'
import { everyEntry, isTooDeep } from './tree-entries.ts'

/** What a mount holds. */
export interface Measure {
  /** Sizes of files, each counted once however many names it has, holes as if they were full; and the texts of links. */
  readonly bytes: number
  /** Names: of files, directories, links and whatever else there is. */
  readonly entries: number
}

/**
 * Counts what a mount holds, or what one session makes it grow by. Whatever changes sizes or names runs in `turns`, one at a
 * time, so that no two changes are reckoned from the same old state.
 */
export class Usage {
  readonly turns = new Turns(1)
  readonly #limit: Measure
  #bytes: number
  #entries: number

  /** `used`: what counts already. It may be more than the limit: then nothing may grow. */
  constructor(limit: Measure, used: Measure = { bytes: 0, entries: 0 }) {
    this.#limit = limit
    this.#bytes = used.bytes
    this.#entries = used.entries
  }

  /** Reserves room. Throws GuestFault `quota`. */
  grow(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#limit.bytes) throw fsFault('quota', `${this.#limit.bytes} bytes`)
    this.#bytes += bytes
  }

  shrink(bytes: number): void {
    // What was there before, and did not count, may go too.
    this.#bytes = Math.max(0, this.#bytes - bytes)
  }

  /** Reserves one entry, and room for what it holds. Throws GuestFault `quota`. */
  addEntry(bytes = 0): void {
    if (this.#entries >= this.#limit.entries) throw fsFault('quota', `${this.#limit.entries} entries`)
    this.grow(bytes)
    this.#entries += 1
  }

  removeEntry(bytes = 0): void {
    this.#entries -= 1
    this.shrink(bytes)
  }
}

/** What an inode's last name frees when it goes and nothing holds it: nothing for a directory. */
export const bytesOf = ({ type, size }: NodeStat): number => (type === 'regular-file' || type === 'symbolic-link' ? size : 0)

/** Counts a tree. Gives undefined where it has more than `maxEntries` or is too deep. Names that are not UTF-8 do not count. */
export const measure = async (root: HeldDirectory, maxEntries: number): Promise<Measure | undefined> => {
  const counted = new Set<string>()
  let [bytes, entries] = [0, 0]
  for await (const { path, stat } of everyEntry(root)) {
    entries += 1
    if (entries > maxEntries || isTooDeep(path)) return undefined
    if (stat.links > 1 && stat.type !== 'directory') {
      if (counted.has(stat.inode)) continue
      counted.add(stat.inode)
    }
    bytes += bytesOf(stat)
  }
  return { bytes, entries }
}
