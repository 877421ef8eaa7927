import { createHmac } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import type { FileStat, FileType } from '#wire/calls.ts'

/** Says whether two descriptors mean one file, without telling the host's device and inode numbers. */
export type Identify = (stats: BigIntStats) => string

/** Identities keyed by `key` (random, one per session): equal within a session, meaningless outside. */
export const identityWith =
  (key: Uint8Array): Identify =>
  ({ dev, ino }) =>
    createHmac('sha256', key).update(`${dev}:${ino}`).digest('hex').slice(0, 32)

/** What `Stats` and `Dirent` have in common. */
export interface TypedEntry {
  isDirectory(): boolean
  isFile(): boolean
  isSymbolicLink(): boolean
  isFIFO(): boolean
  isSocket(): boolean
  isBlockDevice(): boolean
  isCharacterDevice(): boolean
}

const typeChecks: readonly (readonly [keyof TypedEntry, FileType])[] = [
  ['isFile', 'regular-file'],
  ['isDirectory', 'directory'],
  ['isSymbolicLink', 'symbolic-link'],
  ['isFIFO', 'fifo'],
  ['isSocket', 'socket'],
  ['isBlockDevice', 'block-device'],
  ['isCharacterDevice', 'character-device'],
]

/** The type of a file as the wire names it. */
export const fileTypeOf = (entry: TypedEntry): FileType => typeChecks.find(([check]) => entry[check]())?.[1] ?? 'unknown'

/** Nanoseconds before the epoch have no place on the wire: they become 0. */
const nanoseconds = (value: bigint): string => (value < 0n ? 0n : value).toString()

/** What a guest may know of a file. */
export const fileStatOf = (stats: BigIntStats, identify: Identify): FileStat => ({
  type: fileTypeOf(stats),
  size: Number(stats.size),
  linkCount: Number(stats.nlink),
  accessedNs: nanoseconds(stats.atimeNs),
  modifiedNs: nanoseconds(stats.mtimeNs),
  changedNs: nanoseconds(stats.ctimeNs),
  identity: identify(stats),
})
