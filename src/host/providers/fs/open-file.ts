import { createHash, type Hash } from 'node:crypto'
import type { OpenHandle } from '#host/broker/provider.ts'
import { fsFault } from './errors.ts'
import type { HeldDirectory, HeldFile, HeldNode, ListPage, NodeStat } from './file-tree.ts'
import type { InodeRegistry } from './inode-registry.ts'
import { Lease } from './lease.ts'
import type { Mount } from './mount.ts'

/** What the open files of one session share. */
export interface OpenFileWorld {
  readonly inodes: InodeRegistry
  /** All that are open; each takes itself out when it closes. */
  readonly openFiles: Set<OpenFile | OpenDirectory>
}

/** Where a handle is, and where it was when it was opened, for the record. */
interface Opened<H extends HeldNode> {
  readonly held: H
  readonly mount: Mount
  readonly guestPath: string
}

/** A directory that a granted call opened, or the root of a mount. */
export class OpenDirectory implements OpenHandle {
  readonly type = 'directory'
  readonly mount: Mount
  readonly #parts: Opened<HeldDirectory>
  readonly #lease: Lease

  constructor(parts: Opened<HeldDirectory>, world: OpenFileWorld) {
    this.mount = parts.mount
    this.#parts = parts
    this.#lease = new Lease(async () => {
      world.openFiles.delete(this)
      await parts.held.close()
    })
    world.openFiles.add(this)
  }

  /** Works with the directory while nothing can close it. */
  use<T>(work: (held: HeldDirectory) => Promise<T>): Promise<T> {
    return this.#lease.use(() => work(this.#parts.held))
  }

  /** Its guest path now. Throws GuestFault `no-entry` when it left its mount, or was removed. */
  guestPath(): string {
    return this.#lease.peek(() => this.mount.guestPathOf(this.#parts.held))
  }

  stat(): Promise<NodeStat> {
    return this.use((held) => held.stat())
  }

  list(after: string | null): Promise<ListPage> {
    return this.use((held) => held.list(after))
  }

  /** Brings its names to stable storage, where they may have been changed. */
  async sync(): Promise<void> {
    if (this.mount.mode === 'rw') await this.use((held) => held.sync())
  }

  close(): Promise<void> {
    return this.#lease.close()
  }

  summary(): Readonly<Record<string, string | number>> {
    return { path: this.#parts.guestPath }
  }
}

/** What an open file is made of. */
export interface OpenFileParts extends Opened<HeldFile> {
  readonly canRead: boolean
  readonly canWrite: boolean
  readonly stat: NodeStat
}

/** A file that a granted call opened. */
export class OpenFile implements OpenHandle {
  readonly type = 'regular-file'
  readonly mount: Mount
  readonly #parts: OpenFileParts
  readonly #world: OpenFileWorld
  readonly #lease: Lease
  readonly #readDigest: Hash = createHash('sha256')
  readonly #writeDigest: Hash = createHash('sha256')
  #lastRead: Promise<void> = Promise.resolve()
  #bytesRead = 0
  #bytesWritten = 0

  constructor(parts: OpenFileParts, world: OpenFileWorld) {
    this.mount = parts.mount
    this.#parts = parts
    this.#world = world
    this.#lease = new Lease(() => this.#free())
    world.openFiles.add(this)
  }

  /** Works with the file while nothing can close it. */
  use<T>(work: (held: HeldFile) => Promise<T>): Promise<T> {
    return this.#lease.use(() => work(this.#parts.held))
  }

  /** Its guest path when it was opened. */
  guestPath(): string {
    return this.#lease.peek(() => this.#parts.guestPath)
  }

  stat(): Promise<NodeStat> {
    return this.use((held) => held.stat())
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
    return this.use(async (held) => {
      const before = this.#lastRead
      const turn = Promise.withResolvers<void>()
      this.#lastRead = turn.promise
      try {
        const bytes = await held.read(offset, length)
        // Several reads may be under way: what they bring is counted in the order they were asked for.
        await before
        this.#bytesRead += bytes.length
        this.#readDigest.update(bytes)
        return bytes
      } finally {
        turn.resolve()
      }
    })
  }

  /** Writes at `offset`, or at the end. Returns the number of bytes written. */
  write(offset: number | null, bytes: Uint8Array): Promise<number> {
    this.#require('canWrite')
    return this.use((held) =>
      this.mount.usage.turns.take(async () => {
        const { size } = await held.stat()
        const start = offset ?? size
        const end = start + bytes.length
        if (!Number.isSafeInteger(end)) throw fsFault('file-too-large')
        if (bytes.length === 0) return 0
        await this.#growing(held, { from: size, to: Math.max(size, end) }, () => held.write(start, bytes))
        this.#bytesWritten += bytes.length
        this.#writeDigest.update(bytes)
        return bytes.length
      }),
    )
  }

  /** Makes the file `newSize` bytes long. */
  resize(newSize: number): Promise<void> {
    this.#require('canWrite')
    return this.use((held) =>
      this.mount.usage.turns.take(async () => {
        const { size } = await held.stat()
        await this.#growing(held, { from: size, to: newSize }, () => held.resize(newSize))
      }),
    )
  }

  /** Brings what was written to stable storage; has no effect on a file that is not open to write. */
  async sync(dataOnly: boolean): Promise<void> {
    if (this.#parts.canWrite) await this.use((held) => held.sync(dataOnly))
  }

  /** Reserves room before a file grows, and settles after it shrank or was only half written. */
  async #growing(held: HeldFile, { from, to }: { readonly from: number; readonly to: number }, work: () => Promise<void>): Promise<void> {
    const { usage } = this.mount
    const reserved = Math.max(0, to - from)
    usage.grow(reserved)
    try {
      await work()
      usage.shrink(Math.max(0, from - to))
    } catch (error) {
      const now = (await held.stat()).size
      usage.shrink(reserved - Math.max(0, now - from))
      throw error
    }
  }

  #require(right: 'canRead' | 'canWrite'): void {
    if (!this.#parts[right]) throw fsFault('bad-descriptor', right === 'canRead' ? 'not opened to read' : 'not opened to write')
  }

  async #free(): Promise<void> {
    const { held, mount, stat } = this.#parts
    this.#world.openFiles.delete(this)
    await mount.usage.turns.take(async () => {
      if (this.#world.inodes.closed(stat)) mount.usage.shrink((await held.stat()).size)
      await held.close()
    })
  }
}
