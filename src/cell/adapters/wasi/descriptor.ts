import { clampLength, safeInteger } from '#cell/adapters/guest-number.ts'
import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { maxChunkBytes, type FileType } from '#wire/calls.ts'
import { DirectoryEntryStream } from './directory-entry-stream.ts'
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
import { succeeded } from './filesystem-error.ts'
import { OpenFile } from './open-file.ts'
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

const checkedOffset = (offset: bigint): number => {
  const safe = safeInteger(offset)
  if (safe === undefined) throw new WitError('invalid')
  return safe
}

/** `wasi:filesystem/types` `descriptor`. Whether a path is allowed, and where it leads, is for the host to say. */
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
    return fileInputStream(this.#scope, this.#readable(), checkedOffset(offset))
  }

  writeViaStream(offset: bigint): OutputStream {
    return fileOutputStream(this.#scope, this.#writable(), checkedOffset(offset))
  }

  appendViaStream(): OutputStream {
    return fileOutputStream(this.#scope, this.#writable(), null)
  }

  /** Advice is free to be ignored. */
  advise(): void {
    if (this.#file.type === 'directory') throw new WitError('bad-descriptor')
  }

  async syncData(): Promise<void> {
    succeeded(await this.#scope.call('fs.sync', { handle: this.#file.handle, dataOnly: true }))
  }

  getFlags(): DescriptorFlags {
    const { type, access } = this.#file
    return { read: access.read, write: access.write, mutateDirectory: type === 'directory' }
  }

  getType(): FileType {
    return this.#file.type
  }

  async setSize(size: bigint): Promise<void> {
    const { handle } = this.#writable()
    const safe = safeInteger(size)
    if (safe === undefined) throw new WitError('file-too-large')
    succeeded(await this.#scope.call('fs.set-size', { handle, size: safe }))
  }

  async setTimes(accessed: NewTimestamp, modified: NewTimestamp): Promise<void> {
    const { world } = this.#scope
    const { handle } = this.#file
    succeeded(
      await this.#scope.call('fs.set-times', { handle, accessedNs: toNewTime(world, accessed), modifiedNs: toNewTime(world, modified) }),
    )
  }

  /** The bytes, and whether the end was reached. May give fewer than asked. */
  async read(length: bigint, offset: bigint): Promise<[Uint8Array, boolean]> {
    const { handle } = this.#readable()
    const args = { handle, offset: checkedOffset(offset), length: clampLength(length, maxChunkBytes) }
    const { body } = succeeded(await this.#scope.call('fs.read', args))
    return [body, body.byteLength === 0 && length > 0n]
  }

  /** How many bytes were written, which may be fewer than given. */
  async write(buffer: Uint8Array, offset: bigint): Promise<bigint> {
    const { handle } = this.#writable()
    const args = { handle, offset: checkedOffset(offset) }
    const { value } = succeeded(await this.#scope.call('fs.write', args, buffer.subarray(0, maxChunkBytes)))
    const written = Number(value['written'])
    if (!(written >= 0 && written <= buffer.byteLength)) throw new WitError('io')
    return BigInt(written)
  }

  async readDirectory(): Promise<DirectoryEntryStream> {
    const { value } = succeeded(await this.#scope.call('fs.list', { handle: this.#file.handle }))
    const entries: unknown = value['entries']
    return new DirectoryEntryStream(this.#scope, Array.isArray(entries) ? entries : [])
  }

  async sync(): Promise<void> {
    succeeded(await this.#scope.call('fs.sync', { handle: this.#file.handle, dataOnly: false }))
  }

  async createDirectoryAt(path: string): Promise<void> {
    succeeded(await this.#scope.call('fs.mkdir', { dir: this.#file.handle, path: checkedPath(path) }))
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
    succeeded(await this.#scope.call('fs.set-times-at', args))
  }

  async linkAt(flags: PathFlags, path: string, toDirectory: Descriptor, toPath: string): Promise<void> {
    const from = { dir: this.#file.handle, path: checkedPath(path), followLinks: flags.symlinkFollow === true }
    const to = { toDir: toDirectory[inside].handle, toPath: checkedPath(toPath) }
    succeeded(await this.#scope.call('fs.link', { ...from, ...to }))
  }

  async openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Promise<Descriptor> {
    const write = flags.write === true
    const access = { read: flags.read === true || !write, write }
    const reply = await this.#scope.call('fs.open', {
      dir: this.#file.handle,
      path: checkedPath(path),
      followLinks: pathFlags.symlinkFollow === true,
      create: openFlags.create === true,
      exclusive: openFlags.exclusive === true,
      truncate: openFlags.truncate === true,
      directory: openFlags.directory === true,
      ...access,
    })
    const { value } = succeeded(reply)
    return new Descriptor(
      this.#scope,
      new OpenFile(this.#scope, { handle: Number(value['handle']), type: toFileType(value['type']), access }, true),
    )
  }

  async readlinkAt(path: string): Promise<string> {
    const { value } = succeeded(await this.#scope.call('fs.readlink', { dir: this.#file.handle, path: checkedPath(path) }))
    return String(value['target'])
  }

  async removeDirectoryAt(path: string): Promise<void> {
    succeeded(await this.#scope.call('fs.rmdir', { dir: this.#file.handle, path: checkedPath(path) }))
  }

  async renameAt(path: string, toDirectory: Descriptor, toPath: string): Promise<void> {
    const to = { toDir: toDirectory[inside].handle, toPath: checkedPath(toPath) }
    succeeded(await this.#scope.call('fs.rename', { dir: this.#file.handle, path: checkedPath(path), ...to }))
  }

  async symlinkAt(target: string, path: string): Promise<void> {
    succeeded(await this.#scope.call('fs.symlink', { dir: this.#file.handle, target: checkedPath(target), path: checkedPath(path) }))
  }

  async unlinkFileAt(path: string): Promise<void> {
    succeeded(await this.#scope.call('fs.unlink', { dir: this.#file.handle, path: checkedPath(path) }))
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

  #readable(): OpenFile {
    if (!this.#file.access.read) throw new WitError('bad-descriptor')
    if (this.#file.type === 'directory') throw new WitError('is-directory')
    return this.#file
  }

  #writable(): OpenFile {
    if (this.#file.type === 'directory') throw new WitError('is-directory')
    if (!this.#file.access.write) throw new WitError('bad-descriptor')
    return this.#file
  }
}

sealClass(Descriptor)
