import { randomBytes } from 'node:crypto'
import { copyBytes, openIfFile } from './copy-bytes.ts'
import { faultCode, fsFault } from './errors.ts'
import type { HeldDirectory, NodeStat } from './file-tree.ts'
import { everyEntry, isTooDeep, TreeCursor, type TreeEntry, unlessGone } from './tree-entries.ts'

/** The most refused names a report lists. */
const maxListed = 100

/** What the copy of one entry was made of: how its original was then, and how the copy was when it was done. */
export type CopiedEntry =
  | { readonly type: 'directory' }
  | { readonly type: 'regular-file'; readonly source: NodeStat; readonly copy: NodeStat }

/** By path below the root, segments joined by `/`. */
export type CopiedEntries = Map<string, CopiedEntry>

/** A private copy as it comes back. */
interface CopyToReturn {
  readonly root: HeldDirectory
  readonly entries: CopiedEntries
  /** Bytes that are written at most: a file with many names comes back as many files. */
  readonly maxBytes: number
}

/** What writing back came to. */
export interface WriteBackReport {
  /** Files that were made or replaced, and their bytes. */
  readonly written: number
  readonly bytes: number
  /** Files and folders that were removed. */
  readonly removed: number
  /** Folders that were made. */
  readonly made: number
  /** How many changes were not taken over, and the first of them with why. */
  readonly refusedCount: number
  readonly refused: readonly (readonly [path: string, why: string])[]
}

/**
 * Takes what changed in a private copy over to the host's folder. `allows` says of each path (segments below the root) whether it
 * may be written.
 */
export type WriteBack = (allows: (path: readonly string[]) => boolean) => Promise<WriteBackReport>

/** Whether a name is one that a half-written file has. */
export const isTemporary = (name: string): boolean => /^\.cordon-[0-9a-f]{32}\.part$/.test(name)

const temporaryName = (): string => `.cordon-${randomBytes(16).toString('hex')}.part`

/** Whether a host file is as it was. Not by its change time: taking another name of the file away changes that. */
const isUntouched = (now: NodeStat | undefined, then: NodeStat): boolean =>
  now !== undefined && now.inode === then.inode && now.size === then.size && now.modifiedNs === then.modifiedNs

/** Whether a copy was not written to. No guest can set a change time. */
const isUnchanged = (now: NodeStat, then: NodeStat): boolean => isUntouched(now, then) && now.changedNs === then.changedNs

/**
 * One writing back. The host's folder is walked as a guest's paths are, from the directory that has been held since the session
 * began, and nothing in it is followed: whoever swaps folders for links there reaches nothing. A file is written beside its place and
 * moved into it whole. What the host changed meanwhile stays as the host has it.
 */
class WritingBack {
  readonly #source: TreeCursor
  readonly #copy: HeldDirectory
  readonly #copied: CopiedEntries
  readonly #maxBytes: number
  readonly #allows: (path: readonly string[]) => boolean
  readonly #refused: (readonly [string, string])[] = []
  readonly #counts = { written: 0, bytes: 0, removed: 0, made: 0, refusedCount: 0 }

  constructor(source: HeldDirectory, { root, entries, maxBytes }: CopyToReturn, allows: (path: readonly string[]) => boolean) {
    this.#source = new TreeCursor(source)
    this.#copy = root
    this.#copied = entries
    this.#maxBytes = maxBytes
    this.#allows = allows
  }

  async run(): Promise<WriteBackReport> {
    await using _source = this.#source
    const present = new Map<string, NodeStat['type']>()
    for await (const { path, stat } of everyEntry(this.#copy)) present.set(path.join('/'), stat.type)
    // What changed its type makes room first; other things go last, so that what was moved is there before it is gone.
    const gone = [...this.#copied.keys()].filter((path) => !present.has(path))
    const changedType = new Set(
      [...this.#copied].filter(([path, { type }]) => present.has(path) && present.get(path) !== type).map(([path]) => path),
    )
    const inTheWay = new Set(gone.filter((path) => ancestorsOf(path).some((above) => changedType.has(above))))
    await this.#removeAll([...changedType, ...inTheWay])
    for await (const entry of everyEntry(this.#copy)) await this.#take(entry)
    await this.#removeAll(gone.filter((path) => !inTheWay.has(path)))
    return { ...this.#counts, refused: this.#refused }
  }

  async #take(entry: TreeEntry): Promise<void> {
    const { path, stat } = entry
    const known = this.#copied.get(path.join('/'))
    if (stat.type === 'regular-file' && known?.type === 'regular-file' && isUnchanged(stat, known.copy)) return
    if (stat.type === 'directory' && known?.type === 'directory') return
    await this.#attempt(path, async (folder, name) => {
      if (stat.type === 'directory') await this.#makeFolder(folder, name)
      else if (stat.type === 'regular-file') await this.#writeFile(entry, folder, known?.type === 'regular-file' ? known.source : undefined)
      else throw fsFault('unsupported', 'links are not taken over')
    })
  }

  async #makeFolder(folder: HeldDirectory, name: string): Promise<void> {
    const there = await unlessGone(folder.statOf(name))
    if (there?.type === 'directory') return
    await folder.createDirectory(name)
    this.#counts.made += 1
  }

  async #writeFile({ directory, name, stat }: TreeEntry, folder: HeldDirectory, original: NodeStat | undefined): Promise<void> {
    if (stat.size > this.#maxBytes - this.#counts.bytes) throw fsFault('quota', `more than ${this.#maxBytes} bytes come back`)
    const temporary = temporaryName()
    const source = await openIfFile(directory, name)
    if (source === undefined) throw fsFault('io', 'the copy is gone')
    try {
      const target = await folder.createFile(temporary, { read: false, write: true, sync: 'none' }, name)
      try {
        const bytes = await copyBytes(source, target)
        await target.setTimes(stat)
        await target.sync(false)
        this.#counts.bytes += bytes
      } finally {
        await target.close()
      }
      await putInPlace(folder, { temporary, name, original })
      this.#counts.written += 1
    } catch (error) {
      await folder.removeFile(temporary).catch(() => undefined)
      throw error
    } finally {
      await source.close()
    }
  }

  async #removeAll(paths: readonly string[]): Promise<void> {
    // Children sort after their parents.
    for (const path of paths.toSorted().toReversed()) {
      await this.#attempt(path.split('/'), (folder, name) => this.#remove(folder, name, this.#copied.get(path)))
    }
  }

  async #remove(folder: HeldDirectory, name: string, known: CopiedEntry | undefined): Promise<void> {
    const there = await unlessGone(folder.statOf(name))
    if (there === undefined) return
    if (known?.type === 'directory') await folder.removeDirectory(name)
    else if (known !== undefined && isUntouched(there, known.source)) await folder.removeFile(name)
    else throw fsFault('busy', 'changed on the host meanwhile')
    this.#counts.removed += 1
  }

  /** Does one change where its folder still is; a failure of one is no failure of the others. */
  async #attempt(path: readonly string[], change: (folder: HeldDirectory, name: string) => Promise<void>): Promise<void> {
    try {
      const name = path.at(-1)
      const folder = await this.#source.at(path.slice(0, -1))
      if (isTooDeep(path)) throw fsFault('name-too-long', 'too deep')
      if (name === undefined || folder === undefined) throw fsFault('no-entry', 'its folder is gone on the host')
      if (!this.#allows(path)) throw fsFault('not-permitted', 'denied by policy')
      await change(folder, name)
    } catch (error) {
      const code = faultCode(error)
      if (code === undefined) throw error
      this.#counts.refusedCount += 1
      if (this.#refused.length < maxListed) this.#refused.push([path.join('/'), error instanceof Error ? error.message : code])
    }
  }
}

/** Moves a whole file to its name: over what it was a copy of, or to where there is nothing. */
const putInPlace = async (
  folder: HeldDirectory,
  { temporary, name, original }: { readonly temporary: string; readonly name: string; readonly original: NodeStat | undefined },
): Promise<void> => {
  if (original === undefined) {
    // A second name is given only where there is none: no file that the host made meanwhile is replaced.
    await folder.addName(name, folder, temporary)
    await folder.removeFile(temporary)
    return
  }
  const there = await unlessGone(folder.statOf(name))
  if (!isUntouched(there, original)) throw fsFault('busy', 'changed on the host meanwhile')
  await folder.moveHere(name, folder, temporary)
}

/** `a` and `a/b` for `a/b/c`. */
const ancestorsOf = (path: string): readonly string[] => {
  const segments = path.split('/')
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'))
}

/** How what was copied from `source` and worked on in `copy` gets back. */
export const writeBackTo =
  (source: HeldDirectory, copy: CopyToReturn): WriteBack =>
  (allows) =>
    new WritingBack(source, copy, allows).run()
