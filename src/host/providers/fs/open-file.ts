import { createHash, type Hash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, opendir } from 'node:fs/promises'
import type { OpenHandle } from '#host/broker/provider.ts'
import type { FileType } from '#wire/calls.ts'
import type { DescriptorPaths } from './descriptor-paths.ts'
import { fsFault } from './errors.ts'
import { fileTypeOf } from './file-stat.ts'
import type { InodeRegistry } from './inode-registry.ts'
import { Lease } from './lease.ts'
import type { Mount } from './mount.ts'

/** Entries and bytes of names that one listing gives: it must fit one reply. */
const maxListedEntries = 16_384
const maxListedBytes = 512 * 1024

/** What an open file is made of. */
export interface OpenFileParts {
  readonly handle: FileHandle
  readonly mount: Mount
  readonly type: 'regular-file' | 'directory'
  /** Where it was when it was opened, for the record. */
  readonly guestPath: string
  readonly canRead: boolean
  readonly canWrite: boolean
  readonly stats: BigIntStats
}

/** What the open files of one session share. */
export interface OpenFileWorld {
  readonly paths: DescriptorPaths
  readonly inodes: InodeRegistry
  /** All that are open; each takes itself out when it closes. */
  readonly openFiles: Set<OpenFile>
}

/** A file or directory that a granted call opened. */
export class OpenFile implements OpenHandle {
  readonly mount: Mount
  readonly type: 'regular-file' | 'directory'
  readonly #parts: OpenFileParts
  readonly #world: OpenFileWorld
  readonly #lease: Lease
  readonly #readDigest: Hash = createHash('sha256')
  readonly #writeDigest: Hash = createHash('sha256')
  #bytesRead = 0
  #bytesWritten = 0

  constructor(parts: OpenFileParts, world: OpenFileWorld) {
    this.mount = parts.mount
    this.type = parts.type
    this.#parts = parts
    this.#world = world
    this.#lease = new Lease(() => this.#free())
    world.openFiles.add(this)
  }

  /** Whether the call that opened it was allowed to write. */
  get canWrite(): boolean {
    return this.#parts.canWrite
  }

  /** Works with the descriptor while nothing can close it. */
  use<T>(work: (handle: FileHandle) => Promise<T>): Promise<T> {
    return this.#lease.use(() => work(this.#parts.handle))
  }

  /** {@link use} at once, for what needs no waiting. */
  peek<T>(work: (handle: FileHandle) => T): T {
    return this.#lease.peek(() => work(this.#parts.handle))
  }

  close(): Promise<void> {
    return this.#lease.close()
  }

  summary(): Readonly<Record<string, string | number>> {
    return {
      path: this.#parts.guestPath,
      ...(this.#bytesRead > 0 && { bytesRead: this.#bytesRead, sha256Read: this.#readDigest.copy().digest('hex') }),
      ...(this.#bytesWritten > 0 && { bytesWritten: this.#bytesWritten, sha256Written: this.#writeDigest.copy().digest('hex') }),
    }
  }

  /** At most `length` bytes from `offset`; none at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array> {
    this.#require('canRead')
    return this.use(async (handle) => {
      // A buffer of its own, never a slice of Node's pool: it may be posted to a thread with all that is around it.
      const buffer = new Uint8Array(length)
      const { bytesRead } = await handle.read(buffer, 0, length, offset)
      const bytes = bytesRead === length ? buffer : buffer.slice(0, bytesRead)
      this.#bytesRead += bytesRead
      this.#readDigest.update(bytes)
      return bytes
    })
  }

  /** Writes at `offset`, or at the end. Returns the number of bytes written. */
  write(offset: number | null, bytes: Uint8Array): Promise<number> {
    this.#require('canWrite')
    return this.use((handle) =>
      this.mount.usage.turns.take(async () => {
        const { size } = await handle.stat()
        const start = offset ?? size
        const end = start + bytes.length
        if (!Number.isSafeInteger(end)) throw fsFault('file-too-large')
        if (bytes.length === 0) return 0
        this.mount.usage.grow(Math.max(0, end - size))
        try {
          await writeAll(handle, bytes, start)
        } catch (error) {
          const now = (await handle.stat()).size
          this.mount.usage.shrink(Math.max(0, end - size) - Math.max(0, now - size))
          throw error
        }
        this.#bytesWritten += bytes.length
        this.#writeDigest.update(bytes)
        return bytes.length
      }),
    )
  }

  /** Makes the file `size` bytes long. */
  resize(newSize: number): Promise<void> {
    this.#require('canWrite')
    return this.use((handle) =>
      this.mount.usage.turns.take(async () => {
        const { size } = await handle.stat()
        this.mount.usage.grow(Math.max(0, newSize - size))
        try {
          await handle.truncate(newSize)
        } catch (error) {
          this.mount.usage.shrink(Math.max(0, newSize - size))
          throw error
        }
        this.mount.usage.shrink(Math.max(0, size - newSize))
      }),
    )
  }

  /** Names and types of a directory's entries, sorted by name. Names that are not UTF-8 cannot be asked for and are left out. */
  list(): Promise<readonly (readonly [string, FileType])[]> {
    if (this.type !== 'directory') throw fsFault('not-directory')
    return this.use(async (handle) => {
      const entries: (readonly [string, FileType])[] = []
      let bytes = 0
      const directory = await opendir(this.#world.paths.itself(handle), { encoding: 'buffer' as BufferEncoding, bufferSize: 256 })
      for await (const entry of directory) {
        const name = utf8NameOf(entry.name)
        if (name === undefined) continue
        bytes += name.length * 3
        if (entries.length >= maxListedEntries || bytes > maxListedBytes) throw fsFault('overflow', 'too many entries to list')
        entries.push([name, fileTypeOf(entry)])
      }
      return entries.sort(([one], [other]) => (one < other ? -1 : 1))
    })
  }

  /** Brings what was written to stable storage. */
  sync(dataOnly: boolean): Promise<void> {
    return this.use(async (handle) => {
      if (this.type === 'directory') {
        const directory = await open(this.#world.paths.itself(handle), constants.O_RDONLY | constants.O_DIRECTORY)
        await directory.sync().finally(() => directory.close())
      } else {
        if (!this.#parts.canRead && !this.#parts.canWrite) throw fsFault('bad-descriptor', 'opened neither to read nor to write')
        await (dataOnly ? handle.datasync() : handle.sync())
      }
    })
  }

  #require(right: 'canRead' | 'canWrite'): void {
    if (this.type === 'directory') throw fsFault('is-directory')
    if (!this.#parts[right]) throw fsFault('bad-descriptor', right === 'canRead' ? 'not opened to read' : 'not opened to write')
  }

  async #free(): Promise<void> {
    const { handle, mount, stats, type } = this.#parts
    this.#world.openFiles.delete(this)
    if (type === 'directory') return handle.close()
    await mount.usage.turns.take(async () => {
      if (this.#world.inodes.closed(stats)) mount.usage.shrink((await handle.stat()).size)
      await handle.close()
    })
  }
}

const writeAll = async (handle: FileHandle, bytes: Uint8Array, start: number): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, start + done)
    if (bytesWritten === 0) throw fsFault('io', 'nothing written')
    done += bytesWritten
  }
}

const utf8NameOf = (name: string | Uint8Array): string | undefined => {
  if (typeof name === 'string') return name
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name)
  } catch {
    return undefined
  }
}
