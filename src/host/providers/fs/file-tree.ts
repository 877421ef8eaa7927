import type { FileType } from '#wire/calls.ts'

/**
 * The port of mounts: a tree of files and directories whose inodes are *held*, and below a held directory one name is reached at
 * a time. Paths, links, rights and quotas are for those who use it ({@link Walk}, the operations), so that they are the
 * same for every kind of mount. Behind it are a folder of the host (`live-tree.ts`) and a tree in memory (`memory-tree.ts`).
 *
 * A `name` is one segment: never empty, `.`, `..`, or with a slash or null byte in it. Every method throws GuestFault with a code of
 * wasi:filesystem, as `openat(2)` and its kin would on Linux; none ever follows a link, blocks on, or opens a FIFO, socket or device.
 */
export interface HeldNode {
  stat(): Promise<NodeStat>
  setTimes(times: NodeTimes): Promise<void>
  /** Lets go of it. */
  close(): Promise<void>
}

/** What is known of an inode. */
export interface NodeStat {
  /** The same for one inode while it lives, and for no other of the session's trees. */
  readonly inode: string
  readonly type: FileType
  /** Bytes: of a file, or of a link's text. */
  readonly size: number
  readonly links: number
  /** Nanoseconds since the epoch. */
  readonly accessedNs: bigint
  readonly modifiedNs: bigint
  readonly changedNs: bigint
}

/** Nanoseconds since the epoch. */
export interface NodeTimes {
  readonly accessedNs: bigint
  readonly modifiedNs: bigint
}

/** What a file is opened for. `sync`: whether each write waits until data, or data and metadata, are on stable storage. */
export interface FileAccess {
  readonly read: boolean
  readonly write: boolean
  readonly sync: 'none' | 'data' | 'file'
}

/** An open regular file. Offsets and sizes are safe integers. */
export interface HeldFile extends HeldNode {
  /** At most `length` bytes, in a buffer of their own; none at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Writes all of the bytes. */
  write(offset: number, bytes: Uint8Array): Promise<void>
  resize(size: number): Promise<void>
  sync(dataOnly: boolean): Promise<void>
}

/** An inode that is held without being opened: of any type, which has no effect on it. */
export interface HeldEntry extends HeldNode {
  /** Opens it when it is a regular file, else `not-permitted`. */
  openFile(access: FileAccess): Promise<HeldFile>
  /** The same hold as a directory. For whoever knows that it is one: else every method says `not-directory`. */
  asDirectory(): HeldDirectory
}

/** Part of a directory's names, sorted. */
export interface ListPage {
  readonly entries: readonly (readonly [name: string, type: FileType])[]
  /** Whether there are names after the last one. */
  readonly more: boolean
}

/** A held directory. Once it is removed it is empty, and everything below it is `no-entry`. */
export interface HeldDirectory extends HeldNode {
  /** Where it is now below the root of its tree, without leading slash, empty for the root. `no-entry` once it left the tree. */
  where(): string
  /** Holds it once more, by itself. */
  again(): Promise<HeldDirectory>
  /** Holds the directory of that name; `not-directory` for anything else. */
  enter(name: string): Promise<HeldDirectory>
  hold(name: string): Promise<HeldEntry>
  statOf(name: string): Promise<NodeStat>
  /** `invalid` where it is no link. */
  readLink(name: string): Promise<string>
  /** At most {@link maxPageEntries} names past `after`. Names that are not UTF-8 cannot be asked for, and are left out. */
  list(after: string | null): Promise<ListPage>
  /**
   * Makes a file and opens it; `exist` where there is any entry. It gets the permissions (never a set-user-id bit), and as far as this
   * process may the owner, of the file called `like` here, where there is one.
   */
  createFile(name: string, access: FileAccess, like?: string): Promise<HeldFile>
  createDirectory(name: string): Promise<void>
  createLink(name: string, target: string): Promise<void>
  /** Gives what is called `from` in the directory `source` of the same tree one more name here; `not-permitted` for a directory. */
  addName(name: string, source: HeldDirectory, from: string): Promise<void>
  /** Moves `from` here, replacing what it may replace by `rename(2)`. */
  moveHere(name: string, source: HeldDirectory, from: string): Promise<void>
  removeFile(name: string): Promise<void>
  removeDirectory(name: string): Promise<void>
  sync(): Promise<void>
}

/** Bounds of one {@link ListPage}, so that it fits a reply; and how many names a directory may have to be listed at all. */
export const maxPageEntries = 4096
export const maxPageBytes = 256 * 1024
export const maxListedEntries = 262_144

/** The greatest name in bytes (Linux NAME_MAX). */
export const maxNameBytes = 255
