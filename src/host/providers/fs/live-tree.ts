import { type BigIntStats, constants, type Dirent, fstatSync } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, opendir, readlink, rename, rmdir, symlink, unlink, utimes } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import { newBody } from '#wire/codec.ts'
import { FairTurns } from '#host/providers/turns.ts'
import type { DescriptorPaths } from './descriptor-paths.ts'
import { faultOfErrno, fsFault } from './errors.ts'
import { fileTypeOf } from './file-stat.ts'
import {
  type FileAccess,
  type HeldDirectory,
  type HeldEntry,
  type HeldFile,
  type ListPage,
  maxListedEntries,
  type NodeStat,
  type NodeTimes,
} from './file-tree.ts'
import { isWithin } from './guest-path.ts'
import { PageCollector } from './list-page.ts'

/** `open(2)`: names a file without opening it, which has no effect on any kind of file. Node does not export it. */
const O_PATH = 0o10000000
const newFileMode = 0o644
const newDirectoryMode = 0o755

const maxNs = 2n ** 63n - 1n

/** What a session's live trees stand on. */
interface LiveTree {
  readonly paths: DescriptorPaths
  readonly root: FileHandle
}

/**
 * Waiting for a disk keeps a thread of the process's small pool busy, which the audit log needs too, for as long as the disk takes: two at a time, and one of each
 * mount, so that a guest that writes and syncs holds up its own next sync.
 */
const syncs = new FairTurns<LiveTree>(2)

/** Does system calls; what they fail with becomes a code, which names no host path. */
const called = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw faultOfErrno(error)
  }
}

const nodeStatOf = (stats: BigIntStats): NodeStat => ({
  inode: `${stats.dev}:${stats.ino}`,
  type: fileTypeOf(stats),
  size: Number(stats.size),
  links: Number(stats.nlink),
  accessedNs: stats.atimeNs,
  modifiedNs: stats.mtimeNs,
  changedNs: stats.ctimeNs,
})

const statOfHandle = (handle: FileHandle): Promise<NodeStat> => called(async () => nodeStatOf(await handle.stat({ bigint: true })))

/**
 * Node takes seconds as a double, so times are exact to about a quarter of a microsecond.
 * Goes by the descriptor's own path, which means a link itself where one is held.
 */
const setTimesOf = (tree: LiveTree, handle: FileHandle, times: NodeTimes): Promise<void> =>
  called(async () => {
    const [accessed, modified] = [times.accessedNs, times.modifiedNs].map((ns) => {
      if (ns > maxNs) throw fsFault('overflow', 'time')
      return Number(ns) / 1e9
    })
    await utimes(tree.paths.itself(handle), accessed ?? 0, modified ?? 0)
  })

/** `O_NONBLOCK`: never waits, whatever the file turns out to be. */
const openFlags = ({ read, write, sync }: FileAccess): number => {
  const access = write ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY
  const waits = { none: 0, data: constants.O_DSYNC, file: constants.O_SYNC }
  return access | waits[sync] | constants.O_NONBLOCK | constants.O_NOCTTY
}

/** An open file of the host. */
class LiveFile implements HeldFile {
  readonly #tree: LiveTree
  readonly #handle: FileHandle
  readonly #syncs: boolean

  constructor(tree: LiveTree, handle: FileHandle, { sync }: FileAccess) {
    this.#tree = tree
    this.#handle = handle
    this.#syncs = sync !== 'none'
  }

  stat(): Promise<NodeStat> {
    return statOfHandle(this.#handle)
  }

  setTimes(times: NodeTimes): Promise<void> {
    return setTimesOf(this.#tree, this.#handle, times)
  }

  close(): Promise<void> {
    return called(() => this.#handle.close())
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return called(async () => {
      // A buffer of its own, never a slice of Node's pool: it may be posted to a thread with all that is around it.
      const buffer = newBody(length)
      const { bytesRead } = await this.#handle.read(buffer, 0, length, offset)
      return buffer.subarray(0, bytesRead)
    })
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#syncs ? syncs.take(this.#tree, () => this.#write(offset, bytes)) : this.#write(offset, bytes)
  }

  #write(offset: number, bytes: Uint8Array): Promise<void> {
    return called(async () => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done)
        if (bytesWritten === 0) throw fsFault('io', 'nothing written')
        done += bytesWritten
      }
    })
  }

  resize(size: number): Promise<void> {
    return called(() => this.#handle.truncate(size))
  }

  sync(dataOnly: boolean): Promise<void> {
    return called(() => syncs.take(this.#tree, () => (dataOnly ? this.#handle.datasync() : this.#handle.sync())))
  }
}

/**
 * An inode of the host that an `O_PATH` descriptor holds. Names are reached by the descriptor's own path in `/proc`, so that the kernel
 * never resolves more than one name that a guest chose, whatever an adversary renames meanwhile.
 */
class LiveNode implements HeldDirectory, HeldEntry {
  readonly #tree: LiveTree
  readonly #handle: FileHandle

  constructor(tree: LiveTree, handle: FileHandle) {
    this.#tree = tree
    this.#handle = handle
  }

  stat(): Promise<NodeStat> {
    return statOfHandle(this.#handle)
  }

  setTimes(times: NodeTimes): Promise<void> {
    return setTimesOf(this.#tree, this.#handle, times)
  }

  close(): Promise<void> {
    return called(() => this.#handle.close())
  }

  asDirectory(): HeldDirectory {
    return this
  }

  openFile(access: FileAccess): Promise<HeldFile> {
    return called(async () => {
      const stats = await this.#handle.stat()
      // Opening a FIFO, device or socket may block, and reading one acts on the host.
      if (!stats.isFile()) throw fsFault('not-permitted', `a ${fileTypeOf(stats)}`)
      // The held inode itself is opened, so what was checked is what is used.
      return new LiveFile(this.#tree, await open(this.#tree.paths.itself(this.#handle), openFlags(access)), access)
    })
  }

  where(): string {
    const [rootPath, path, isRemoved] = this.#truths()
    if (isRemoved || !isWithin(path, rootPath)) throw fsFault('no-entry', 'the directory left its mount')
    return path === rootPath ? '' : path.slice(rootPath === '/' ? 1 : rootPath.length + 1)
  }

  again(): Promise<HeldDirectory> {
    return called(async () => new LiveNode(this.#tree, await open(this.#tree.paths.itself(this.#handle), O_PATH)))
  }

  enter(name: string): Promise<HeldDirectory> {
    return called(async () => {
      const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW
      return new LiveNode(this.#tree, await open(this.#entry(name), flags))
    })
  }

  hold(name: string): Promise<HeldEntry> {
    return called(async () => new LiveNode(this.#tree, await open(this.#entry(name), O_PATH | constants.O_NOFOLLOW)))
  }

  statOf(name: string): Promise<NodeStat> {
    return called(async () => nodeStatOf(await lstat(this.#entry(name), { bigint: true })))
  }

  readLink(name: string): Promise<string> {
    return called(async () => {
      const text = utf8Of(await readlink(this.#entry(name), { encoding: 'buffer' }))
      if (text === undefined) throw fsFault('illegal-byte-sequence', 'the text of a link')
      return text
    })
  }

  list(after: string | null): Promise<ListPage> {
    return called(async () => {
      const page = new PageCollector(after)
      let seen = 0
      // Node's types know no buffers here; it gives them all the same.
      const directory = await opendir(this.#tree.paths.itself(this.#handle), { encoding: 'buffer' as BufferEncoding, bufferSize: 256 })
      for await (const entry of directory) {
        seen += 1
        if (seen > maxListedEntries) throw fsFault('overflow', 'too many entries to list')
        const name = utf8Of(entry.name)
        if (name !== undefined) page.add(name, await this.#typeOf(entry, name))
      }
      return page.done()
    })
  }

  createFile(name: string, access: FileAccess, like?: string): Promise<HeldFile> {
    const flags = openFlags(access) | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    return called(async () => {
      const handle = await open(this.#entry(name), flags, newFileMode)
      try {
        if (like !== undefined) await this.#resemble(handle, like)
        return new LiveFile(this.#tree, handle, access)
      } catch (error) {
        await handle.close()
        throw error
      }
    })
  }

  createDirectory(name: string): Promise<void> {
    return called(() => mkdir(this.#entry(name), newDirectoryMode).then(() => undefined))
  }

  createLink(name: string, target: string): Promise<void> {
    return called(() => symlink(target, this.#entry(name)))
  }

  addName(name: string, source: HeldDirectory, from: string): Promise<void> {
    return called(() => link(this.#entryOf(source, from), this.#entry(name)))
  }

  moveHere(name: string, source: HeldDirectory, from: string): Promise<void> {
    return called(() => rename(this.#entryOf(source, from), this.#entry(name)))
  }

  removeFile(name: string): Promise<void> {
    return called(() => unlink(this.#entry(name)))
  }

  removeDirectory(name: string): Promise<void> {
    return called(() => rmdir(this.#entry(name)))
  }

  sync(): Promise<void> {
    return called(async () => {
      const directory = await open(this.#tree.paths.itself(this.#handle), constants.O_RDONLY | constants.O_DIRECTORY)
      await syncs.take(this.#tree, () => directory.sync()).finally(() => directory.close())
    })
  }

  /** Whoever could use a file can use what replaces it. */
  async #resemble(handle: FileHandle, like: string): Promise<void> {
    const other = await lstat(this.#entry(like)).catch(() => undefined)
    if (other?.isFile() !== true) return
    await handle.chown(other.uid, other.gid).catch(() => undefined)
    await handle.chmod(other.mode & 0o777)
  }

  /** Where the root and this are on the host, and whether this was removed. */
  #truths(): readonly [root: string, path: string, isRemoved: boolean] {
    try {
      const path = this.#tree.paths.truth(this.#handle)
      return [this.#tree.paths.truth(this.#tree.root), path, path.endsWith(' (deleted)') && fstatSync(this.#handle.fd).nlink === 0]
    } catch (error) {
      throw faultOfErrno(error)
    }
  }

  #entry(name: string): string {
    return this.#tree.paths.entry(this.#handle, name)
  }

  #entryOf(source: HeldDirectory, name: string): string {
    if (!(source instanceof LiveNode)) throw fsFault('cross-device')
    return source.#entry(name)
  }

  /** Some file systems do not tell types in their listings. */
  async #typeOf(entry: Dirent, name: string): Promise<NodeStat['type']> {
    const type = fileTypeOf(entry)
    if (type !== 'unknown') return type
    return await this.statOf(name).then(
      (stat) => stat.type,
      () => 'unknown',
    )
  }
}

const utf8Of = (name: string | Uint8Array): string | undefined => {
  if (typeof name === 'string') return name
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name)
  } catch {
    return undefined
  }
}

/**
 * Holds a folder of the host by its real path. Where a link stands in that path now, somebody put it there since policy was read
 * (an agent that may write the folder above), and it is refused. Throws CordonError `mount.invalid`.
 */
export const openLiveTree = async (hostPath: string, paths: DescriptorPaths): Promise<HeldDirectory> => {
  try {
    const root = await open(hostPath, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    if (paths.truth(root) === hostPath) return new LiveNode({ paths, root }, root)
    await root.close()
    throw new Error('a link is on the way now')
  } catch (cause) {
    throw new CordonError('mount.invalid', `expected a folder at \`${hostPath}\`, found none`, { cause })
  }
}
