import { toU64 } from '#cell/adapters/guest-number.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import type { SessionWorld } from '#cell/adapters/world.ts'
import type { FileType } from '#wire/calls.ts'
import { datetimeOf, toNanoseconds, type Datetime } from './datetime.ts'

/** `wasi:filesystem/types` `descriptor-stat`. */
export interface DescriptorStat {
  readonly type: FileType
  readonly linkCount: bigint
  readonly size: bigint
  readonly dataAccessTimestamp: Datetime | undefined
  readonly dataModificationTimestamp: Datetime | undefined
  readonly statusChangeTimestamp: Datetime | undefined
}

/** `wasi:filesystem/types` `new-timestamp`. */
export type NewTimestamp = { readonly tag: 'no-change' } | { readonly tag: 'now' } | { readonly tag: 'timestamp'; readonly val: Datetime }

/** `wasi:filesystem/types` `metadata-hash-value`. */
export interface MetadataHash {
  readonly lower: bigint
  readonly upper: bigint
}

type HostValue = Readonly<Record<string, unknown>>

const fileTypes: ReadonlySet<unknown> = new Set<FileType>([
  'directory',
  'regular-file',
  'symbolic-link',
  'fifo',
  'socket',
  'block-device',
  'character-device',
])

const isFileType = (value: unknown): value is FileType => fileTypes.has(value)

/** The file type that the host names. */
export const toFileType = (value: unknown): FileType => (isFileType(value) ? value : 'unknown')

/** A `FileStat` of the host as the guest gets it. */
export const toDescriptorStat = (stat: HostValue): DescriptorStat => ({
  type: toFileType(stat['type']),
  linkCount: toU64(stat['linkCount']),
  size: toU64(stat['size']),
  dataAccessTimestamp: datetimeOf(stat['accessedNs']),
  dataModificationTimestamp: datetimeOf(stat['modifiedNs']),
  statusChangeTimestamp: datetimeOf(stat['changedNs']),
})

/** Decimal nanoseconds, or null to leave the time alone. Throws `invalid` for what is no time, `overflow` for one that files cannot have. */
export const toNewTime = (world: SessionWorld, time: NewTimestamp): string | null => {
  if (time.tag === 'no-change') return null
  if (time.tag === 'now') return world.clock.wallNs().toString()
  const ns = toNanoseconds(time.val)
  if (ns === undefined) throw new WitError(time.val.nanoseconds < 1_000_000_000 ? 'overflow' : 'invalid')
  return ns
}

/** The same for the same file in the same state, different (as far as 128 bits go) for others. Not meant to resist forging. */
export const toMetadataHash = (stat: HostValue): MetadataHash => {
  const text = ['identity', 'type', 'size', 'modifiedNs', 'changedNs'].map((field) => String(stat[field])).join('\n')
  return { lower: fnv64(text, 0xcbf29ce484222325n), upper: fnv64(text, 0x9e3779b97f4a7c15n) }
}

/** FNV-1a over UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/), with a start value of one's own. */
const fnv64 = (text: string, start: bigint): bigint => {
  let hash = start
  for (let at = 0; at < text.length; at++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n)
  return hash
}
