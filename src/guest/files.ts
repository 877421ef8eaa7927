import { getDirectories } from 'wasi:filesystem/preopens@0.2.12'
import type { Descriptor } from 'wasi:filesystem/types@0.2.12'

import { errorCase, release, u64 } from './engine.ts'

/** What a name in a folder stands for. */
export type FileKind = 'unknown' | 'block-device' | 'character-device' | 'directory' | 'fifo' | 'symbolic-link' | 'regular-file' | 'socket'

/** One name in a folder. */
export interface FolderEntry {
  readonly name: string
  readonly kind: FileKind
}

/** What is known of a file without opening it. */
export interface FileStat {
  readonly kind: FileKind
  /** `bytes` */
  readonly size: number
  /** Milliseconds since 1970; undefined where the host does not say. */
  readonly modifiedMs: number | undefined
}

/** Why a file operation gave nothing: `code` is the case of wasi:filesystem's `error-code`, e.g. `access` or `no-entry`. */
export class FileError extends Error {
  readonly code: string
  readonly path: string
  constructor(code: string, path: string) {
    super(`${code}: \`${path}\``)
    this.name = 'FileError'
    this.code = code
    this.path = path
  }
}

const chunkBytes = 65_536

/** Mounts of this session, asked for once and late: a JavaScript guest cannot call its host while it is being built. */
let mounts: readonly (readonly [Descriptor, string])[] = []

/** The mount that holds `path` (the most specific one) and the rest of the path. `..` is left to the host to judge. */
const locate = (path: string): { readonly folder: Descriptor; readonly rest: string } => {
  if (mounts.length === 0) mounts = getDirectories().toSorted(([, a], [, b]) => b.length - a.length)
  for (const [folder, name] of mounts) {
    const root = name.endsWith('/') ? name : `${name}/`
    if (path === name || path === root) return { folder, rest: '.' }
    if (path.startsWith(root)) return { folder, rest: path.slice(root.length) }
  }
  throw new FileError('no-entry', path)
}

/** Runs one operation and names the path in its error. */
const at = <T>(path: string, operation: (folder: Descriptor, rest: string) => T): T => {
  try {
    const { folder, rest } = locate(path)
    return operation(folder, rest)
  } catch (error) {
    const code = errorCase(error)
    if (code === undefined) throw error
    throw new FileError(code, path)
  }
}

const using = <R extends { [Symbol.dispose]?(): void }, T>(resource: R, work: (resource: R) => T): T => {
  try {
    return work(resource)
  } finally {
    release(resource)
  }
}

const readAll = (file: Descriptor): Uint8Array => {
  const chunks: Uint8Array[] = []
  let size = 0
  for (let done = false; !done;) {
    const [chunk, end] = file.read(u64(chunkBytes), u64(size))
    chunks.push(Uint8Array.from(chunk))
    size += chunk.length
    done = end || chunk.length === 0
  }
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/** Reads a whole file. @throws FileError */
export const readBytes = (path: string): Uint8Array =>
  at(path, (folder, rest) => using(folder.openAt({ symlinkFollow: true }, rest, {}, { read: true }), readAll))

/** Reads a whole file as UTF-8. @throws FileError */
export const readText = (path: string): string => new TextDecoder().decode(readBytes(path))

/** Writes a whole file; one that is there is replaced. @throws FileError */
export const writeBytes = (path: string, bytes: Uint8Array): void =>
  at(path, (folder, rest) =>
    using(folder.openAt({ symlinkFollow: true }, rest, { create: true, truncate: true }, { write: true }), (file) => {
      for (let offset = 0; offset < bytes.length;) {
        const written = Number(file.write(bytes.subarray(offset, offset + chunkBytes), u64(offset)))
        if (written <= 0) throw new FileError('io', path)
        offset += written
      }
    }),
  )

/** Writes a whole file as UTF-8; one that is there is replaced. @throws FileError */
export const writeText = (path: string, text: string): void => writeBytes(path, new TextEncoder().encode(text))

/** Lists a folder, sorted by name. @throws FileError */
export const listFolder = (path: string): readonly FolderEntry[] =>
  at(path, (folder, rest) =>
    using(folder.openAt({ symlinkFollow: true }, rest, { directory: true }, { read: true }), (opened) =>
      using(opened.readDirectory(), (names) => {
        const entries: FolderEntry[] = []
        for (let next = names.readDirectoryEntry(); next; next = names.readDirectoryEntry()) {
          entries.push({ name: next.name, kind: next.type })
        }
        return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
      }),
    ),
  )

/** Says what is at a path; a symbolic link is not followed. @throws FileError */
export const statFile = (path: string): FileStat =>
  at(path, (folder, rest) => {
    const { type, size, dataModificationTimestamp: modified } = folder.statAt({}, rest)
    const modifiedMs = modified ? Number(modified.seconds) * 1000 + Math.floor(modified.nanoseconds / 1e6) : undefined
    return { kind: type, size: Number(size), modifiedMs }
  })

/** Makes a folder. @throws FileError */
export const makeFolder = (path: string): void => at(path, (folder, rest) => folder.createDirectoryAt(rest))

/** Removes a file. @throws FileError */
export const removeFile = (path: string): void => at(path, (folder, rest) => folder.unlinkFileAt(rest))
