import type { CallArgs } from '#wire/calls.ts'
import { faultCode, fsFault } from './errors.ts'
import type { FileAccess, HeldDirectory, HeldEntry, HeldFile, NodeStat } from './file-tree.ts'
import type { FsWorld } from './fs-world.ts'
import { OpenDirectory, OpenFile } from './open-file.ts'
import type { Located } from './walk.ts'

/** How a guest wants a file opened. */
export type OpenWish = Omit<CallArgs<'fs.open'>, 'dir' | 'path'>

/** An adversary who creates and removes the name in parallel wins at most this many times. */
const maxAttempts = 8

/** Whether an open needs `fs:write`. */
export const changes = (wish: OpenWish): boolean => wish.write || wish.create || wish.truncate

/** Opens what a walk located: a regular file or a directory, never anything that could block or act. */
export const openEntry = async (world: FsWorld, located: Located, wish: OpenWish): Promise<OpenFile | OpenDirectory> => {
  refuseNonsense(located, wish)
  const { parent, name } = located
  if (name === undefined) {
    refuseChange(wish)
    return openDirectory(world, located, await parent.held.again())
  }
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const held = await holdIfThere(parent.held, name)
    if (held !== undefined) return openHeld(world, located, wish, held)
    if (!wish.create) throw fsFault('no-entry')
    const created = await createFile(world, located, wish, name)
    if (created !== undefined) return created
  }
  throw fsFault('busy', 'the entry keeps changing')
}

const refuseNonsense = (located: Located, wish: OpenWish): void => {
  if (wish.truncate && !wish.write) throw fsFault('invalid', 'truncate without write')
  if (wish.directory && (wish.create || wish.exclusive || wish.truncate))
    throw fsFault('invalid', 'a directory is neither made nor emptied')
  if (wish.create && wish.exclusive && located.name === undefined) throw fsFault('exist')
  if (wish.create && located.mustBeDirectory) throw fsFault('is-directory')
}

/** Holds the entry without opening it, following nothing. */
const holdIfThere = async (directory: HeldDirectory, name: string): Promise<HeldEntry | undefined> => {
  try {
    return await directory.hold(name)
  } catch (error) {
    if (faultCode(error) === 'no-entry') return undefined
    throw error
  }
}

const openHeld = async (world: FsWorld, located: Located, wish: OpenWish, held: HeldEntry): Promise<OpenFile | OpenDirectory> => {
  let file: HeldFile
  try {
    const stat = await held.stat()
    if (wish.create && wish.exclusive) throw fsFault('exist')
    if (stat.type === 'directory') {
      refuseChange(wish)
      return openDirectory(world, located, held.asDirectory())
    }
    refuseLink(stat, wish.directory || located.mustBeDirectory)
    if (wish.write) world.inodes.refuseForeignLinks(stat)
    file = await held.openFile(accessOf(wish))
  } catch (error) {
    await held.close()
    throw error
  }
  await held.close()
  return await adopt(world, located, wish, file)
}

const refuseLink = (stat: NodeStat, mustBeDirectory: boolean): void => {
  if (mustBeDirectory) throw fsFault('not-directory')
  // A link is here when it is not to be followed, or was put here after the walk looked.
  if (stat.type === 'symbolic-link') throw fsFault('loop')
}

const refuseChange = (wish: OpenWish): void => {
  if (changes(wish)) throw fsFault('is-directory')
}

const openDirectory = (world: FsWorld, { guestPath, parent }: Located, held: HeldDirectory): OpenDirectory =>
  new OpenDirectory({ held, mount: parent.mount, guestPath }, world)

const createFile = async (world: FsWorld, located: Located, wish: OpenWish, name: string): Promise<OpenFile | undefined> => {
  const { held, mount } = located.parent
  mount.usage.addEntry()
  let file: HeldFile
  try {
    file = await held.createFile(name, accessOf(wish))
  } catch (error) {
    mount.usage.removeEntry()
    if (faultCode(error) === 'exist') return undefined
    throw error
  }
  return await adopt(world, located, wish, file)
}

/** Turns a file that a tree has opened into an open file, or closes it. */
const adopt = async (world: FsWorld, located: Located, wish: OpenWish, held: HeldFile): Promise<OpenFile> => {
  const file = await register(world, located, wish, held)
  try {
    // An unlink that came between was not told of this handle, and counted the bytes as free.
    const { links } = await file.stat()
    if (links === 0) throw fsFault('no-entry')
    if (wish.truncate) await file.resize(0)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

const register = async (world: FsWorld, located: Located, wish: OpenWish, held: HeldFile): Promise<OpenFile> => {
  try {
    const stat = await held.stat()
    world.inodes.opened(stat)
    const { guestPath, parent } = located
    return new OpenFile({ held, mount: parent.mount, guestPath, canRead: wish.read, canWrite: wish.write, stat }, world)
  } catch (error) {
    await held.close()
    throw error
  }
}

const accessOf = ({ read, write, sync }: OpenWish): FileAccess => ({ read: read || !write, write, sync })
