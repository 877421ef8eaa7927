import { type FileHandle, utimes } from 'node:fs/promises'
import type { DescriptorPaths } from './descriptor-paths.ts'
import { fsFault } from './errors.ts'
import type { InodeRegistry } from './inode-registry.ts'

/** New times in nanoseconds since the epoch, as decimal text; null leaves one alone. */
export interface NewTimes {
  readonly accessedNs: string | null
  readonly modifiedNs: string | null
}

const maxNs = 2n ** 63n - 1n

const secondsOf = (chosen: string | null, current: bigint): number => {
  const ns = chosen === null ? current : BigInt(chosen)
  if (ns > maxNs) throw fsFault('overflow', 'time')
  return Number(ns) / 1e9
}

/**
 * Sets the times of the very file that the descriptor means, a link itself included. Node takes seconds as a double, so times
 * are exact to about a quarter of a microsecond, also the one that is left alone.
 */
export const changeTimes = async (
  world: { readonly paths: DescriptorPaths; readonly inodes: InodeRegistry },
  handle: FileHandle,
  { accessedNs, modifiedNs }: NewTimes,
): Promise<void> => {
  const stats = await handle.stat({ bigint: true })
  world.inodes.refuseForeignLinks(stats)
  if (accessedNs === null && modifiedNs === null) return
  await utimes(world.paths.itself(handle), secondsOf(accessedNs, stats.atimeNs), secondsOf(modifiedNs, stats.mtimeNs))
}
