import { createHmac } from 'node:crypto'
import type { FileStat, FileType } from '#wire/calls.ts'
import type { NodeStat } from './file-tree.ts'

/** Says whether two handles mean one file, without telling the host's device and inode numbers. */
export type Identify = (inode: string) => string

/** Identities keyed by `key` (random, one per session): equal within a session, meaningless outside. */
export const identityWith =
  (key: Uint8Array): Identify =>
  (inode) =>
    createHmac('sha256', key).update(inode).digest('hex').slice(0, 32)

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
export const fileStatOf = (stat: NodeStat, identify: Identify): FileStat => ({
  type: stat.type,
  size: stat.size,
  linkCount: stat.links,
  accessedNs: nanoseconds(stat.accessedNs),
  modifiedNs: nanoseconds(stat.modifiedNs),
  changedNs: nanoseconds(stat.changedNs),
  identity: identify(stat.inode),
})
