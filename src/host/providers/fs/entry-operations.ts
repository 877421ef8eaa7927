import type { FileStat } from '#wire/calls.ts'
import { faultCode, fsFault, type FsErrorCode } from './errors.ts'
import { fileStatOf } from './file-stat.ts'
import type { HeldDirectory, HeldNode, NodeStat } from './file-tree.ts'
import { refusePinned, type FsWorld } from './fs-world.ts'
import { lexicalDepth, parseRelativePath } from './guest-path.ts'
import type { InodeRegistry } from './inode-registry.ts'
import type { Mount } from './mount.ts'
import { bytesOf } from './usage.ts'
import type { Located } from './walk.ts'

/** New times in nanoseconds since the epoch, as decimal text; null leaves one alone. */
export interface NewTimes {
  readonly accessedNs: string | null
  readonly modifiedNs: string | null
}

interface Entry {
  readonly directory: HeldDirectory
  readonly name: string
}

/** The located name. Throws `otherwise` where the path means an open directory itself. */
const entryOf = ({ parent, name }: Located, otherwise: FsErrorCode): Entry => {
  if (name === undefined) throw fsFault(otherwise)
  return { directory: parent.held, name }
}

/** What a guest may know of a located file. */
export const statEntry = async (world: FsWorld, { parent, name, mustBeDirectory }: Located): Promise<FileStat> => {
  const stat = await (name === undefined ? parent.held.stat() : parent.held.statOf(name))
  if (mustBeDirectory && stat.type !== 'directory') throw fsFault('not-directory')
  return fileStatOf(stat, world.identify)
}

/** Sets the times of the very inode that is held, a link itself included. The one that is left alone is as exact as the tree's clock. */
export const changeTimes = async (inodes: InodeRegistry, node: HeldNode, { accessedNs, modifiedNs }: NewTimes): Promise<void> => {
  const stat = await node.stat()
  inodes.refuseForeignLinks(stat)
  if (accessedNs === null && modifiedNs === null) return
  await node.setTimes({
    accessedNs: accessedNs === null ? stat.accessedNs : BigInt(accessedNs),
    modifiedNs: modifiedNs === null ? stat.modifiedNs : BigInt(modifiedNs),
  })
}

/** Sets the times of a located file, never of what a link there leads to. */
export const setEntryTimes = async (world: FsWorld, { parent, name, mustBeDirectory }: Located, times: NewTimes): Promise<void> => {
  if (name === undefined) return await changeTimes(world.inodes, parent.held, times)
  const held = await parent.held.hold(name)
  try {
    if (mustBeDirectory && (await held.stat()).type !== 'directory') throw fsFault('not-directory')
    await changeTimes(world.inodes, held, times)
  } finally {
    await held.close()
  }
}

/** The text of a link. One that leads out of the mount is refused: it would tell where the mount lies on the host. */
export const readEntryLink = async (located: Located): Promise<string> => {
  const { directory, name } = entryOf(located, 'invalid')
  const target = await directory.readLink(name)
  const folder = located.parent.guestPath.slice(located.parent.mount.guestPath.length)
  if (target.startsWith('/') || lexicalDepth(`${folder}/${target}`) < 0) throw fsFault('not-permitted', 'the link leads out of the mount')
  return target
}

export const makeDirectory = async (located: Located): Promise<void> => {
  const { directory, name } = entryOf(located, 'exist')
  await addingEntry(located.parent.mount, 0, () => directory.createDirectory(name))
}

/** Makes a link whose target goes down only: one with `..` could lead a later tool of the host out of the mount, once moved. */
export const makeSymlink = async (located: Located, target: string): Promise<void> => {
  const { directory, name } = entryOf(located, 'exist')
  if (located.mustBeDirectory) throw fsFault(await nameFaultOf(directory, name))
  if (parseRelativePath(target).segments.includes('..')) throw fsFault('not-permitted', 'a link with `..`')
  await addingEntry(located.parent.mount, new TextEncoder().encode(target).length, () => directory.createLink(name, target))
}

/** Gives a file a second name in the same mount. */
export const makeHardLink = async (world: FsWorld, source: Located, located: Located): Promise<void> => {
  const from = entryOf(source, 'not-permitted')
  const to = entryOf(located, 'exist')
  const { mount } = located.parent
  if (located.mustBeDirectory) throw fsFault(await nameFaultOf(to.directory, to.name))
  if (source.mustBeDirectory && (await from.directory.statOf(from.name)).type !== 'directory') throw fsFault('not-directory')
  if (source.parent.mount !== mount) throw fsFault('cross-device')
  await mount.usage.turns.take(async () => {
    mount.usage.addEntry()
    try {
      await to.directory.addName(to.name, from.directory, from.name)
    } catch (error) {
      mount.usage.removeEntry()
      throw error
    }
    world.inodes.linked(await to.directory.statOf(to.name))
  })
}

export const removeDirectory = async (located: Located): Promise<void> => {
  const { directory, name } = entryOf(located, 'invalid')
  const { usage } = located.parent.mount
  await usage.turns.take(async () => {
    await directory.removeDirectory(name)
    usage.removeEntry()
  })
}

export const removeFile = async (world: FsWorld, located: Located): Promise<void> => {
  const { directory, name } = entryOf(located, 'is-directory')
  const { mount } = located.parent
  await mount.usage.turns.take(async () => {
    const stat = await directory.statOf(name)
    if (stat.type === 'directory') throw fsFault('is-directory')
    if (located.mustBeDirectory) throw fsFault('not-directory')
    await directory.removeFile(name)
    gone(world, mount, stat)
  })
}

/** Moves an entry within its mount, replacing what is there as `rename(2)` does. */
export const renameEntry = async (world: FsWorld, source: Located, located: Located): Promise<void> => {
  const from = entryOf(source, 'busy')
  const to = entryOf(located, 'busy')
  const { mount } = located.parent
  if (source.parent.mount !== mount) throw fsFault('cross-device')
  refusePinned(world, source.guestPath)
  await mount.usage.turns.take(async () => {
    const moved = await from.directory.statOf(from.name)
    if ((source.mustBeDirectory || located.mustBeDirectory) && moved.type !== 'directory') throw fsFault('not-directory')
    const replaced = await statIfThere(to)
    await to.directory.moveHere(to.name, from.directory, from.name)
    if (replaced !== undefined && replaced.inode !== moved.inode) gone(world, mount, replaced)
  })
}

/** Settles the accounts after a name went. */
const gone = (world: FsWorld, mount: Mount, stat: NodeStat): void => {
  const isLast = stat.type === 'directory' || world.inodes.unlinked(stat)
  mount.usage.removeEntry(isLast ? bytesOf(stat) : 0)
}

const addingEntry = async (mount: Mount, bytes: number, make: () => Promise<unknown>): Promise<void> => {
  mount.usage.addEntry(bytes)
  try {
    await make()
  } catch (error) {
    mount.usage.removeEntry(bytes)
    throw error
  }
}

const statIfThere = async ({ directory, name }: Entry): Promise<NodeStat | undefined> => {
  try {
    return await directory.statOf(name)
  } catch (error) {
    if (faultCode(error) === 'no-entry') return undefined
    throw error
  }
}

/** Why a new name with a slash after it cannot be made of anything but a directory. */
const nameFaultOf = async (directory: HeldDirectory, name: string): Promise<FsErrorCode> => {
  const there = await statIfThere({ directory, name })
  if (there === undefined) return 'no-entry'
  return there.type === 'directory' ? 'exist' : 'not-directory'
}
