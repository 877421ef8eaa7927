import { clampLength, safeInteger } from '#cell/adapters/guest-number.ts'
import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { maxChunkBytes, type FileType } from '#wire/calls.ts'
import { readDirectoryOf, type DirectoryEntryStream } from './directory-entry-stream.ts'
import {
  toDescriptorStat,
  toFileType,
  toMetadataHash,
  toNewTime,
  type DescriptorStat,
  type MetadataHash,
  type NewTimestamp,
} from './file-stat.ts'
import { fileInputStream, fileOutputStream } from './file-streams.ts'
import { changed, succeeded } from './filesystem-error.ts'
import { OpenFile, type FileAccess } from './open-file.ts'
import type { InputStream, OutputStream } from './streams.ts'

interface PathFlags {
  readonly symlinkFollow?: boolean
}

interface OpenFlags {
  readonly create?: boolean
  readonly directory?: boolean
  readonly exclusive?: boolean
  readonly truncate?: boolean
}

interface DescriptorFlags {
  readonly read?: boolean
  readonly write?: boolean
  readonly fileIntegritySync?: boolean
  readonly dataIntegritySync?: boolean
  readonly requestedWriteSync?: boolean
  readonly mutateDirectory?: boolean
}

/** The longest path the wire takes, in UTF-16 units. */
const maxPathLength = 4096

const checkedPath = (path: string): string => {
  if (path.length > maxPathLength) throw new WitError('name-too-long')
  return path
}

/** From here on an offset is negative where offsets are signed, as they are on all systems. */
const signedOffsets = 2n ** 63n

const refuseNegative = (offset: bigint): void => {
  if (offset >= signedOffsets) throw new WitError('invalid')
}

/** Where to read. No file reaches past what a safe integer counts, so that reading there finds the end. */
const readOffset = (offset: bigint): number => {
  refuseNegative(offset)
  return safeInteger(offset) ?? Number.MAX_SAFE_INTEGER
}

/** Where to write, or how far a file is to reach. */
const writeOffset = (offset: bigint): number => {
  refuseNegative(offset)
  const safe = safeInteger(offset)
  if (safe === undefined) throw new WitError('file-too-large')
  return safe
}

/**
 * What a descriptor is opened for. As in wasmtime, who creates or truncates may write too, and who does not ask to write may read:
 * `wasi-libc` and the preview 1 adapter count on it.
 */
const accessOf = (openFlags: OpenFlags, flags: DescriptorFlags): FileAccess => ({
  read: flags.read === true || flags.write !== true,
  write: flags.write === true || openFlags.create === true || openFlags.truncate === true,
  mutateDirectory: flags.mutateDirectory === true,
  fileIntegritySync: flags.fileIntegritySync === true,
  dataIntegritySync: flags.dataIntegritySync === true,
  requestedWriteSync: flags.requestedWriteSync === true,
})

/** How long each write waits. `requested-write-sync` is about reads, which always see what was written. */
const syncOf = ({ fileIntegritySync, dataIntegritySync }: FileAccess): 'none' | 'data' | 'file' => {
  if (fileIntegritySync) return 'file'
  return dataIntegritySync ? 'data' : 'none'
}

/**
 * `wasi:filesystem/types` `descriptor`. Whether a path is allowed, and where it leads, is for the host to say.
 *
 * Whether what is below a directory may be changed goes by its mount, not by whether this descriptor was opened with `mutate-directory`:
 * the preview 1 adapter never asks for that flag, and as in wasmtime its directories can be written to all the same.
 */
export class Descriptor {
  readonly #scope: SessionScope
  readonly #file: OpenFile
  readonly #held: HeldResource
  readonly #done: () => void

  constructor(scope: SessionScope, file: OpenFile) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#file = file
    this.#done = file.use()
  }

  get [inside](): OpenFile {
    return this.#file
  }

  readViaStream(offset: bigint): InputStream {
    if (this.#file.type === 'directory') throw new WitError('is-directory')
    return fileInputStream(this.#scope, this.#readable(), readOffset(offset))
  }

  writeViaStream(offset: bigint): OutputStream {
    return fileOutputStream(this.#scope, this.#writable(), writeOffset(offset))
  }

  appendViaStream(): OutputStream {
    return fileOutputStream(this.#scope, this.#writable(), null)
  }

  /** Advice is free to be ignored. */
  advise(offset: bigint, length: bigint): void {
    this.#regular()
    refuseNegative(offset)
    refuseNegative(length)
  }

  async syncData(): Promise<void> {
    succeeded(await this.#scope.call('fs.sync', { handle: this.#file.handle, dataOnly: true }))
  }

  getFlags(): DescriptorFlags {
    const { type, access } = this.#file
    return { ...access, mutateDirectory: type === 'directory' && access.mutateDirectory }
  }

  getType(): FileType {
    return this.#file.type
  }

  async setSize(size: bigint): Promise<void> {
    const { handle, access } = this.#regular()
    // What ftruncate(2) answers.
    if (!access.write) throw new WitError('invalid')
    succeeded(await this.#scope.call('fs.set-size', { handle, size: writeOffset(size) }))
  }

  async setTimes(accessed: NewTimestamp, modified: NewTimestamp): Promise<void> {
    const { world } = this.#scope
    const { handle } = this.#file
    const times = { accessedNs: toNewTime(world, accessed), modifiedNs: toNewTime(world, modified) }
    changed(await this.#scope.call('fs.set-times', { handle, ...times }), this.#file)
  }

  /** The bytes, and whether the end was reached. May give fewer than asked. */
  async read(length: bigint, offset: bigint): Promise<[Uint8Array, boolean]> {
    const { handle } = this.#readable()
    const args = { handle, offset: readOffset(offset), length: clampLength(length, maxChunkBytes) }
    const { body } = succeeded(await this.#scope.call('fs.read', args))
    return [body, body.byteLength === 0 && length > 0n]
  }

  /** How many bytes were written, which may be fewer than given. */
  async write(buffer: Uint8Array, offset: bigint): Promise<bigint> {
    const { handle } = this.#writable()
    const args = { handle, offset: writeOffset(offset) }
    const { value } = succeeded(await this.#scope.call('fs.write', args, buffer.subarray(0, maxChunkBytes)))
    const written = Number(value['written'])
    if (!(written >= 0 && written <= buffer.byteLength)) throw new WitError('io')
    return BigInt(written)
  }

  async readDirectory(): Promise<DirectoryEntryStream> {
    return await readDirectoryOf(this.#scope, this.#file)
  }

  async sync(): Promise<void> {
    succeeded(await this.#scope.call('fs.sync', { handle: this.#file.handle, dataOnly: false }))
  }

  async createDirectoryAt(path: string): Promise<void> {
    changed(await this.#scope.call('fs.mkdir', { dir: this.#file.handle, path: checkedPath(path) }), this.#file)
  }

  async stat(): Promise<DescriptorStat> {
    return toDescriptorStat(await this.#stat())
  }

  async statAt(flags: PathFlags, path: string): Promise<DescriptorStat> {
    return toDescriptorStat(await this.#statAt(flags, path))
  }

  async setTimesAt(flags: PathFlags, path: string, accessed: NewTimestamp, modified: NewTimestamp): Promise<void> {
    const { world } = this.#scope
    const times = { accessedNs: toNewTime(world, accessed), modifiedNs: toNewTime(world, modified) }
    const args = { dir: this.#file.handle, path: checkedPath(path), followLinks: flags.symlinkFollow === true, ...times }
    changed(await this.#scope.call('fs.set-times-at', args), this.#file)
  }

  async linkAt(flags: PathFlags, path: string, toDirectory: Descriptor, toPath: string): Promise<void> {
    if (flags.symlinkFollow === true) throw new WitError('invalid')
    const from = { dir: this.#file.handle, path: checkedPath(path) }
    const to = { toDir: toDirectory[inside].handle, toPath: checkedPath(toPath) }
    changed(await this.#scope.call('fs.link', { ...from, ...to }), { writable: this.#file.writable && toDirectory[inside].writable })
  }

  async openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Promise<Descriptor> {
    if (flags.mutateDirectory === true && !this.#file.writable) throw new WitError('read-only')
    const access = accessOf(openFlags, flags)
    const reply = await this.#scope.call('fs.open', {
      dir: this.#file.handle,
      path: checkedPath(path),
      followLinks: pathFlags.symlinkFollow === true,
      create: openFlags.create === true,
      exclusive: openFlags.exclusive === true,
      truncate: openFlags.truncate === true,
      directory: openFlags.directory === true,
      read: access.read,
      write: access.write,
      sync: syncOf(access),
    })
    const { value } = access.write ? changed(reply, this.#file) : succeeded(reply)
    const opened = { handle: Number(value['handle']), type: toFileType(value['type']), access, writable: value['writable'] === true }
    return new Descriptor(this.#scope, new OpenFile(this.#scope, opened, true))
  }

  async readlinkAt(path: string): Promise<string> {
    const { value } = succeeded(await this.#scope.call('fs.readlink', { dir: this.#file.handle, path: checkedPath(path) }))
    return String(value['target'])
  }

  async removeDirectoryAt(path: string): Promise<void> {
    changed(await this.#scope.call('fs.rmdir', { dir: this.#file.handle, path: checkedPath(path) }), this.#file)
  }

  async renameAt(path: string, toDirectory: Descriptor, toPath: string): Promise<void> {
    const to = { toDir: toDirectory[inside].handle, toPath: checkedPath(toPath) }
    changed(await this.#scope.call('fs.rename', { dir: this.#file.handle, path: checkedPath(path), ...to }), {
      writable: this.#file.writable && toDirectory[inside].writable,
    })
  }

  async symlinkAt(target: string, path: string): Promise<void> {
    changed(
      await this.#scope.call('fs.symlink', { dir: this.#file.handle, target: checkedPath(target), path: checkedPath(path) }),
      this.#file,
    )
  }

  async unlinkFileAt(path: string): Promise<void> {
    changed(await this.#scope.call('fs.unlink', { dir: this.#file.handle, path: checkedPath(path) }), this.#file)
  }

  async isSameObject(other: Descriptor): Promise<boolean> {
    const [mine, others] = [this.#file.handle, other[inside].handle]
    if (mine === others) return true
    const stats = [await this.#scope.call('fs.stat', { handle: mine }), await this.#scope.call('fs.stat', { handle: others })]
    const [first, second] = stats.map((reply) => (reply.ok ? reply.value['identity'] : undefined))
    return first !== undefined && first === second
  }

  async metadataHash(): Promise<MetadataHash> {
    return toMetadataHash(await this.#stat())
  }

  async metadataHashAt(flags: PathFlags, path: string): Promise<MetadataHash> {
    return toMetadataHash(await this.#statAt(flags, path))
  }

  [Symbol.dispose](): void {
    this.#done()
    this.#held.drop()
  }

  async #stat(): Promise<Readonly<Record<string, unknown>>> {
    return succeeded(await this.#scope.call('fs.stat', { handle: this.#file.handle })).value
  }

  async #statAt(flags: PathFlags, path: string): Promise<Readonly<Record<string, unknown>>> {
    const args = { dir: this.#file.handle, path: checkedPath(path), followLinks: flags.symlinkFollow === true }
    return succeeded(await this.#scope.call('fs.stat-at', args)).value
  }

  #regular(): OpenFile {
    if (this.#file.type === 'directory') throw new WitError('bad-descriptor')
    return this.#file
  }

  #readable(): OpenFile {
    if (!this.#file.access.read) throw new WitError('bad-descriptor')
    return this.#regular()
  }

  #writable(): OpenFile {
    if (!this.#file.access.write) throw new WitError('bad-descriptor')
    return this.#regular()
  }
}

sealClass(Descriptor)
