import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, readlink, rename, rmdir, symlink, unlink } from 'node:fs/promises'
import type { FileStat } from '#wire/calls.ts'
import { changeTimes, type NewTimes } from './change-times.ts'
import { errnoOf, fsFault, type FsErrorCode } from './errors.ts'
import { fileStatOf } from './file-stat.ts'
import { refusePinned, type FsWorld } from './fs-world.ts'
import { lexicalDepth, parseRelativePath } from './guest-path.ts'
import { type Mount, O_PATH } from './mount.ts'
import type { Located } from './walk.ts'

/** The descriptor path of a located entry. Throws `otherwise` where the path means an open directory itself. */
const entryOf = (world: FsWorld, { parent, name }: Located, otherwise: FsErrorCode): string => {
  if (name === undefined) throw fsFault(otherwise)
  return world.paths.entry(parent.handle, name)
}

/** Names a file without opening it, following nothing, while `work` needs it. */
const withProbe = async <T>(world: FsWorld, located: Located, work: (probe: FileHandle) => Promise<T>): Promise<T> => {
  if (located.name === undefined) return work(located.parent.handle)
  const probe = await open(world.paths.entry(located.parent.handle, located.name), O_PATH | constants.O_NOFOLLOW)
  try {
    return await work(probe)
  } finally {
    await probe.close()
  }
}

/** What a guest may know of a located file. */
export const statEntry = (world: FsWorld, located: Located): Promise<FileStat> =>
  withProbe(world, located, async (probe) => {
    const stats = await probe.stat({ bigint: true })
    if (located.mustBeDirectory && !stats.isDirectory()) throw fsFault('not-directory')
    return fileStatOf(stats, world.identify)
  })

/** Sets the times of a located file, never of what a link there leads to. */
export const setEntryTimes = (world: FsWorld, located: Located, times: NewTimes): Promise<void> =>
  withProbe(world, located, (probe) => changeTimes(world, probe, times))

/** The text of a link. One that leads out of the mount is refused: it would tell where the mount lies on the host. */
export const readEntryLink = async (world: FsWorld, located: Located): Promise<string> => {
  const target = await readlink(entryOf(world, located, 'invalid'))
  const folder = located.parent.guestPath.slice(located.parent.mount.guestPath.length)
  if (target.startsWith('/') || lexicalDepth(`${folder}/${target}`) < 0) throw fsFault('not-permitted', 'the link leads out of the mount')
  return target
}

export const makeDirectory = async (world: FsWorld, located: Located): Promise<void> => {
  const entry = entryOf(world, located, 'exist')
  await addingEntry(located.parent.mount, () => mkdir(entry, 0o755))
}

/** Makes a link whose target goes down only: one with `..` could lead a later tool of the host out of the mount, once moved. */
export const makeSymlink = async (world: FsWorld, located: Located, target: string): Promise<void> => {
  const entry = entryOf(world, located, 'exist')
  if (located.mustBeDirectory) throw fsFault('no-entry')
  if (parseRelativePath(target).segments.includes('..')) throw fsFault('not-permitted', 'a link with `..`')
  await addingEntry(located.parent.mount, () => symlink(target, entry))
}

/** Gives a file a second name in the same mount. */
export const makeHardLink = async (world: FsWorld, source: Located, located: Located): Promise<void> => {
  const from = entryOf(world, source, 'not-permitted')
  const to = entryOf(world, located, 'exist')
  if (source.mustBeDirectory || located.mustBeDirectory) throw fsFault('no-entry')
  if (source.parent.mount !== located.parent.mount) throw fsFault('cross-device')
  await located.parent.mount.usage.turns.take(async () => {
    await addingEntry(located.parent.mount, () => link(from, to))
    world.inodes.linked(await lstat(to, { bigint: true }))
  })
}

export const removeDirectory = async (world: FsWorld, located: Located): Promise<void> => {
  await rmdir(entryOf(world, located, 'busy'))
  located.parent.mount.usage.removeEntry()
}

export const removeFile = async (world: FsWorld, located: Located): Promise<void> => {
  const entry = entryOf(world, located, 'is-directory')
  const { mount } = located.parent
  await mount.usage.turns.take(async () => {
    const stats = await lstat(entry, { bigint: true })
    if (stats.isDirectory()) throw fsFault('is-directory')
    if (located.mustBeDirectory) throw fsFault('not-directory')
    await unlink(entry)
    gone(world, mount, stats)
  })
}

/** Moves an entry within its mount, replacing what is there as `rename(2)` does. */
export const renameEntry = async (world: FsWorld, source: Located, located: Located): Promise<void> => {
  const from = entryOf(world, source, 'busy')
  const to = entryOf(world, located, 'busy')
  const { mount } = located.parent
  if (source.parent.mount !== mount) throw fsFault('cross-device')
  refusePinned(world, source.guestPath)
  await mount.usage.turns.take(async () => {
    const moved = await lstat(from, { bigint: true })
    if ((source.mustBeDirectory || located.mustBeDirectory) && !moved.isDirectory()) throw fsFault('not-directory')
    const replaced = await statIfThere(to)
    await rename(from, to)
    const isSame = replaced !== undefined && replaced.ino === moved.ino && replaced.dev === moved.dev
    if (replaced !== undefined && !isSame) gone(world, mount, replaced)
  })
}

/** Settles the accounts after a name went. */
const gone = (world: FsWorld, mount: Mount, stats: BigIntStats): void => {
  mount.usage.removeEntry()
  if (stats.isFile() && world.inodes.unlinked(stats)) mount.usage.shrink(Number(stats.size))
}

const addingEntry = async (mount: Mount, make: () => Promise<unknown>): Promise<void> => {
  mount.usage.addEntry()
  try {
    await make()
  } catch (error) {
    mount.usage.removeEntry()
    throw error
  }
}

const statIfThere = async (entry: string): Promise<BigIntStats | undefined> => {
  try {
    return await lstat(entry, { bigint: true })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
