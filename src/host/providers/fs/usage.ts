import type { Stats } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { CordonError } from '#core/errors.ts'
import { fsFault } from './errors.ts'
import { Turns } from '#host/providers/turns.ts'

/** Entries that measuring a mount looks at before it gives up. */
const maxMeasuredEntries = 100_000

/** What bounds the growth of one mount. */
export interface UsageLimits {
  readonly bytes: number
  readonly usedBytes: number
  readonly newEntries: number
}

/**
 * Counts what one session makes a mount grow: apparent sizes, so that a sparse file costs its length. Whatever changes
 * sizes runs in `turns`, one at a time, so that no two changes are reckoned from the same old size.
 */
export class Usage {
  readonly turns = new Turns(1)
  readonly #limitBytes: number
  #usedBytes: number
  #entriesLeft: number

  constructor(limits: UsageLimits) {
    this.#limitBytes = limits.bytes
    this.#usedBytes = limits.usedBytes
    this.#entriesLeft = limits.newEntries
  }

  /** Reserves room. Throws GuestFault `quota`. */
  grow(bytes: number): void {
    if (this.#usedBytes + bytes > this.#limitBytes) throw fsFault('quota', `${this.#limitBytes} bytes`)
    this.#usedBytes += bytes
  }

  shrink(bytes: number): void {
    this.#usedBytes = Math.max(0, this.#usedBytes - bytes)
  }

  /** Reserves one entry. Throws GuestFault `quota`. */
  addEntry(): void {
    if (this.#entriesLeft <= 0) throw fsFault('quota', 'too many new entries')
    this.#entriesLeft -= 1
  }

  removeEntry(): void {
    this.#entriesLeft += 1
  }
}

/**
 * The apparent size in bytes of all regular files below a host folder; links are not followed.
 * Throws CordonError `mount.invalid` past 100,000 entries.
 */
export const measureBytes = async (hostPath: string): Promise<number> => {
  let bytes = 0
  let seen = 0
  const folders = [hostPath]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of await opendir(folder)) {
      seen += 1
      if (seen > maxMeasuredEntries) throw tooManyEntries(hostPath)
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isFile()) bytes += (await statIfThere(path))?.size ?? 0
    }
  }
  return bytes
}

const statIfThere = (path: string): Promise<Stats | undefined> => lstat(path).catch(() => undefined)

const tooManyEntries = (hostPath: string): CordonError =>
  new CordonError('mount.invalid', `expected at most ${maxMeasuredEntries} entries in \`${hostPath}\`, which has a quota, found more`, {
    hint: 'mount a smaller folder, or drop the quota',
  })
