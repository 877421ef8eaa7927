import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { CallArgs } from '#wire/calls.ts'
import { errnoOf, fsFault } from './errors.ts'
import { fileTypeOf } from './file-stat.ts'
import type { FsWorld } from './fs-world.ts'
import { O_PATH } from './mount.ts'
import { OpenFile } from './open-file.ts'
import type { Located } from './walk.ts'

/** How a guest wants a file opened. */
export type OpenWish = Omit<CallArgs<'fs.open'>, 'dir' | 'path'>

/** An adversary who creates and removes the name in parallel wins at most this many times. */
const maxAttempts = 8
const newFileMode = 0o644

/** Whether an open needs `fs:write`. */
export const changes = (wish: OpenWish): boolean => wish.write || wish.create || wish.truncate

/** Opens what a walk located: a regular file or a directory, never anything that could block or act. */
export const openEntry = async (world: FsWorld, located: Located, wish: OpenWish): Promise<OpenFile> => {
  refuseNonsense(located, wish)
  const { parent, name } = located
  if (name === undefined) return openDirectory(world, located, wish, await open(world.paths.itself(parent.handle), O_PATH))
  const entry = world.paths.entry(parent.handle, name)
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const probe = await openIfThere(entry)
    if (probe !== undefined) return openProbed(world, located, wish, probe)
    if (!wish.create) throw fsFault('no-entry')
    const created = await createFile(world, located, wish, entry)
    if (created !== undefined) return created
  }
  throw fsFault('busy', 'the entry keeps changing')
}

const refuseNonsense = (located: Located, wish: OpenWish): void => {
  if (wish.truncate && !wish.write) throw fsFault('invalid', 'truncate without write')
  if (wish.create && wish.directory) throw fsFault('invalid', 'create and directory')
  if (wish.create && wish.exclusive && located.name === undefined) throw fsFault('exist')
  if (wish.create && located.mustBeDirectory) throw fsFault('is-directory')
}

/** Names the entry without opening it, following nothing. */
const openIfThere = async (entry: string): Promise<FileHandle | undefined> => {
  try {
    return await open(entry, O_PATH | constants.O_NOFOLLOW)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const openProbed = async (world: FsWorld, located: Located, wish: OpenWish, probe: FileHandle): Promise<OpenFile> => {
  try {
    const stats = await probe.stat({ bigint: true })
    if (wish.create && wish.exclusive) throw fsFault('exist')
    if (stats.isDirectory()) return await openDirectory(world, located, wish, probe)
    refuseUnlessRegular(stats, wish.directory || located.mustBeDirectory)
    if (wish.write) world.inodes.refuseForeignLinks(stats)
    if (!wish.read && !wish.write) return await adopt(world, located, wish, probe)
    // The probe's own inode is opened, so what was checked is what is used.
    const handle = await open(world.paths.itself(probe), accessFlags(wish))
    await probe.close()
    return await adopt(world, located, wish, handle)
  } catch (error) {
    await closeQuietly(probe)
    throw error
  }
}

const refuseUnlessRegular = (stats: BigIntStats, mustBeDirectory: boolean): void => {
  // A link is here when it is not to be followed, or was put here after the walk looked.
  if (stats.isSymbolicLink()) throw fsFault(mustBeDirectory ? 'not-directory' : 'loop')
  if (mustBeDirectory) throw fsFault('not-directory')
  // Opening a FIFO, device or socket may block, and reading one acts on the host.
  if (!stats.isFile()) throw fsFault('not-permitted', `a ${fileTypeOf(stats)}`)
}

const openDirectory = async (world: FsWorld, located: Located, wish: OpenWish, handle: FileHandle): Promise<OpenFile> => {
  try {
    if (changes(wish)) throw fsFault('is-directory')
    const stats = await handle.stat({ bigint: true })
    const { guestPath, parent } = located
    return new OpenFile({ handle, mount: parent.mount, type: 'directory', guestPath, canRead: true, canWrite: false, stats }, world)
  } catch (error) {
    await closeQuietly(handle)
    throw error
  }
}

const createFile = async (world: FsWorld, located: Located, wish: OpenWish, entry: string): Promise<OpenFile | undefined> => {
  const { usage } = located.parent.mount
  usage.addEntry()
  try {
    const flags = accessFlags(wish) | constants.O_CREAT | constants.O_EXCL
    return await adopt(world, located, wish, await open(entry, flags, newFileMode))
  } catch (error) {
    usage.removeEntry()
    if (errnoOf(error) === 'EEXIST') return undefined
    throw error
  }
}

/** Turns a descriptor of a regular file into an open file, or closes it. */
const adopt = async (world: FsWorld, located: Located, wish: OpenWish, handle: FileHandle): Promise<OpenFile> => {
  const file = await register(world, located, wish, handle)
  try {
    // An unlink that came between was not told of this handle, and counted the bytes as free.
    const { nlink } = await file.use((descriptor) => descriptor.stat({ bigint: true }))
    if (nlink === 0n) throw fsFault('no-entry')
    if (wish.truncate) await file.resize(0)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

const register = async (world: FsWorld, located: Located, wish: OpenWish, handle: FileHandle): Promise<OpenFile> => {
  try {
    const stats = await handle.stat({ bigint: true })
    world.inodes.opened(stats)
    const { guestPath, parent } = located
    return new OpenFile(
      { handle, mount: parent.mount, type: 'regular-file', guestPath, canRead: wish.read, canWrite: wish.write, stats },
      world,
    )
  } catch (error) {
    await closeQuietly(handle)
    throw error
  }
}

/** `O_NONBLOCK`: never waits, whatever the file turns out to be. */
const accessFlags = ({ read, write }: OpenWish): number => {
  const access = write ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY
  return access | constants.O_NONBLOCK | constants.O_NOCTTY
}

/** Closes what may be closed already; the error that led here is the one to tell. */
const closeQuietly = async (handle: FileHandle): Promise<void> => {
  if (handle.fd >= 0) await handle.close().catch(() => undefined)
}
