import { closeSync, openSync } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Every write, sync and rename of the audit log, and no other: the one place where durability is decided, and the
 * one that fault tests replace.
 */
export interface FileOps {
  /** Opens for appending, creating it with mode 0600. */
  openAppend(path: string): Promise<FileHandle>
  /** Writes all of `bytes` at `position`. */
  write(file: FileHandle, bytes: Uint8Array, position: number): Promise<void>
  /** Makes what was written durable. A failure is final: the kernel may have dropped the pages (never retried). */
  sync(file: FileHandle): Promise<void>
  /** Cuts a file to `length` bytes. */
  truncate(file: FileHandle, length: number): Promise<void>
  /** Replaces `path` atomically by `bytes`, durable when it resolves. */
  replace(path: string, bytes: Uint8Array): Promise<void>
  /** Creates `path` with `bytes` unless it exists; false when it does. */
  createExclusive(path: string, bytes: Uint8Array): Promise<boolean>
  /** Moves a file within its folder; false when it is not there. */
  move(from: string, to: string): Promise<boolean>
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

/** The real file system. */
export const fileOps: FileOps = {
  openAppend: async (path) => {
    closeSync(openSync(path, 'a', 0o600))
    const file = await open(path, 'r+')
    await syncFolder(dirname(path))
    return file
  },
  write: writeAll,
  sync: (file) => file.datasync(),
  truncate: (file, length) => file.truncate(length),
  replace: async (path, bytes) => {
    const temporary = `${path}.new`
    const file = await open(temporary, 'w', 0o600)
    try {
      await writeAll(file, bytes, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  },
  createExclusive: async (path, bytes) => {
    try {
      const file = await open(path, 'wx', 0o600)
      await writeAll(file, bytes, 0)
      await file.close()
      return true
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    }
  },
  move: async (from, to) => {
    try {
      await rename(from, to)
      return true
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false
      throw error
    }
  },
  remove: (path) => rm(path, { force: true }),
}
