import { CordonError } from '#core/errors.ts'
import type { FsRule } from '#core/policy/rules.ts'
import { copyBytes, openIfFile } from './copy-bytes.ts'
import type { DescriptorPaths } from './descriptor-paths.ts'
import type { HeldDirectory } from './file-tree.ts'
import { maxTreeDepth } from './guest-path.ts'
import { openLiveTree } from './live-tree.ts'
import { makePrivateFolder } from './private-folder.ts'
import { everyEntry, isTooDeep, TreeCursor, type TreeEntry } from './tree-entries.ts'
import type { Measure } from './usage.ts'
import { type CopiedEntries, isTemporary, writeBackTo, type WriteBack } from './write-back.ts'

/** How old a half-written file must be until it can be no other session's. */
const staleNs = 3_600_000_000_000n

/** How a copy is made. */
export interface CopyOptions {
  readonly paths: DescriptorPaths
  readonly limit: Measure
  readonly rule: FsRule
  /** Host folder in which private folders are made. */
  readonly folder: string
}

/** A private copy of a host folder. */
export interface PrivateCopy extends AsyncDisposable {
  readonly root: HeldDirectory
  readonly measure: Measure
  readonly writeBack: WriteBack
}

/** Copies files and folders in; links, FIFOs, sockets and devices stay out. */
class CopyIn {
  readonly entries: CopiedEntries = new Map()
  readonly #options: CopyOptions
  readonly #target: TreeCursor
  #bytes = 0

  constructor(root: HeldDirectory, options: CopyOptions) {
    this.#options = options
    this.#target = new TreeCursor(root)
  }

  async copy(source: HeldDirectory): Promise<Measure> {
    await using _target = this.#target
    for await (const entry of everyEntry(source)) {
      if (isTemporary(entry.name)) this.#leave(entry)
      else await this.#add(entry)
    }
    return { bytes: this.#bytes, entries: this.entries.size }
  }

  /** What a write-back left half done when its host crashed: not copied, so that the next one finds it gone and removes it. */
  #leave({ path, stat }: TreeEntry): void {
    const isStale = BigInt(Date.now()) * 1_000_000n - stat.modifiedNs > staleNs
    if (isStale && stat.type === 'regular-file') this.entries.set(path.join('/'), { type: 'regular-file', source: stat, copy: stat })
  }

  async #add(entry: TreeEntry): Promise<void> {
    const { limit } = this.#options
    const { path, name, stat } = entry
    if (stat.type !== 'directory' && stat.type !== 'regular-file') return
    if (isTooDeep(path)) throw this.#tooMuch(`${maxTreeDepth} folders within one another`, undefined)
    const folder = await this.#target.at(path.slice(0, -1))
    // What was no folder when its turn came was left out, and so is what seems to be in it now.
    if (folder === undefined) return
    if (this.entries.size >= limit.entries) throw this.#tooMuch(`${limit.entries} entries`, 'entries')
    if (stat.type === 'directory') {
      await folder.createDirectory(name)
      this.entries.set(path.join('/'), { type: 'directory' })
    } else await this.#copyFile(entry, folder)
  }

  async #copyFile({ directory, path, name }: TreeEntry, folder: HeldDirectory): Promise<void> {
    const { limit } = this.#options
    const source = await openIfFile(directory, name)
    if (source === undefined) return
    try {
      // As it was before: what the host changes meanwhile makes the copy differ from this, and is not overwritten later.
      const before = await source.stat()
      const target = await folder.createFile(name, { read: false, write: true, sync: 'none' })
      try {
        this.#bytes += await copyBytes(source, target, limit.bytes - this.#bytes)
        if (this.#bytes > limit.bytes) throw this.#tooMuch(`${limit.bytes} bytes`, 'quota')
        await target.setTimes(before)
        this.entries.set(path.join('/'), { type: 'regular-file', source: before, copy: await target.stat() })
      } finally {
        await target.close()
      }
    } finally {
      await source.close()
    }
  }

  #tooMuch(limit: string, field: string | undefined): CordonError {
    const { hostPath = '', origin } = this.#options.rule
    const raise = field === undefined ? '' : `, or raise \`${field}\` in ${origin}`
    return new CordonError('mount.invalid', `expected at most ${limit} in \`${hostPath}\`, which is mounted as a copy, found more`, {
      hint: `mount a smaller folder${raise}`,
    })
  }
}

/**
 * Copies a held host folder into a private folder of its own, which only this user can enter and which is gone when disposed.
 * Throws CordonError `mount.invalid` where the folder is beyond the limits, with nothing left behind.
 */
export const openPrivateCopy = async (source: HeldDirectory, options: CopyOptions): Promise<PrivateCopy> => {
  const folder = await makePrivateFolder(options.folder)
  let root: HeldDirectory | undefined
  const dispose = async (): Promise<void> => {
    await root?.close()
    await folder[Symbol.asyncDispose]()
  }
  try {
    const held = await openLiveTree(folder.path, options.paths)
    root = held
    const copying = new CopyIn(held, options)
    const measure = await copying.copy(source)
    return {
      root: held,
      measure,
      writeBack: writeBackTo(source, { root: held, entries: copying.entries, maxBytes: options.limit.bytes }),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}
