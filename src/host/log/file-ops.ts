import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Every write, sync and rename of the audit log, and no other: the one place where durability is decided, and the
 * one that fault tests replace.
 */
export interface FileOps {
  /** Opens to read and write, creating it with mode 0600. Rejects for a link and for a file with a second name: both may be another's file. */
  openAppend(path: string): Promise<FileHandle>
  /** Writes all of `bytes` at `position`. */
  write(file: FileHandle, bytes: Uint8Array, position: number): Promise<void>
  /** Makes what was written durable. A failure is final: the kernel may have dropped the pages (never retried). */
  sync(file: FileHandle): Promise<void>
  /** Cuts a file to `length` bytes. */
  truncate(file: FileHandle, length: number): Promise<void>
  /** Replaces `path` atomically by `bytes`, durable when it resolves. */
  replace(path: string, bytes: Uint8Array): Promise<void>
  /** Creates `path` with `bytes` unless it exists; false when it does. Nobody ever sees it with less than all of them. */
  createExclusive(path: string, bytes: Uint8Array): Promise<boolean>
  /** Whether `path` still names the open file and that is `length` bytes long. */
  isInPlace(file: FileHandle, path: string, length: number): Promise<boolean>
  remove(path: string): Promise<void>
}

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const writeAll = async (file: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code

/** A name that nobody else uses or can guess. */
const draftOf = (path: string): string => `${path}.${randomUUID()}.new`

/** Writes a file that is new, so that no planted link is written through. */
const writeNew = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'wx', 0o600)
  try {
    await writeAll(file, bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The real file system. */
export const fileOps: FileOps = {
  openAppend: async (path) => {
    const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
    const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
    try {
      const found = await file.stat()
      if (!found.isFile() || found.nlink !== 1) throw Object.assign(new Error('expected a file of its own'), { code: 'ENOTSUP' })
      await syncFolder(dirname(path))
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  },
  write: writeAll,
  sync: (file) => file.datasync(),
  truncate: (file, length) => file.truncate(length),
  replace: async (path, bytes) => {
    const temporary = draftOf(path)
    try {
      await writeNew(temporary, bytes)
      await rename(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
    await syncFolder(dirname(path))
  },
  createExclusive: async (path, bytes) => {
    const temporary = draftOf(path)
    try {
      await writeNew(temporary, bytes)
      await link(temporary, path)
      return true
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    } finally {
      await rm(temporary, { force: true })
    }
  },
  isInPlace: async (file, path, length) => {
    const [mine, there] = await Promise.all([file.stat(), lstat(path).catch(() => undefined)])
    return there?.ino === mine.ino && there.dev === mine.dev && mine.size === length
  },
  remove: (path) => rm(path, { force: true }),
}
