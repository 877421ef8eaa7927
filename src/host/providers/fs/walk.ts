import { faultCode, fsFault } from './errors.ts'
import type { HeldDirectory } from './file-tree.ts'
import { joinGuestPath, maxDepth, parseRelativePath, type RelativePath } from './guest-path.ts'
import type { Mount, MountTable } from './mount.ts'

/** A directory that a walk has reached. */
export interface Directory {
  readonly mount: Mount
  readonly held: HeldDirectory
  readonly guestPath: string
}

/** Where a path led: an entry of an open directory that need not exist, or that directory itself. */
export interface Located {
  readonly parent: Directory
  /** One segment; `undefined` means the directory itself. */
  readonly name: string | undefined
  readonly guestPath: string
  readonly mustBeDirectory: boolean
}

/** How a walk treats its last segment when that is a link. */
export interface LastSegment {
  readonly followLinks: boolean
  /** Whether a trailing slash alone makes the walk follow it, as `open` and `stat` do. */
  readonly slashFollows: boolean
}

const maxLinks = 32
/** Bounds the work of one walk, however its links multiply the segments. */
const maxSteps = 1024

/**
 * Walks one path from an open directory, one segment at a time, each step from the directory that the step before holds and
 * without following links: a tree never resolves more than one name that the guest chose. Links are read and walked
 * here, so that none leads above the directory where the walk began; `..` goes back to the directory that the walk
 * came from. An adversary who renames and relinks in parallel changes which of *its own* directories is reached, never more.
 */
export class Walk {
  readonly #mounts: MountTable
  readonly #stack: Directory[]
  readonly #opened: HeldDirectory[] = []
  readonly #last: LastSegment
  /** Segments still to walk, the next one at the end. */
  readonly #pending: string[]
  #mustBeDirectory: boolean
  #links = 0

  constructor(mounts: MountTable, base: Directory, path: RelativePath, last: LastSegment) {
    this.#mounts = mounts
    this.#stack = [base]
    this.#last = last
    this.#pending = path.segments.toReversed()
    this.#mustBeDirectory = path.mustBeDirectory
  }

  /** Walks to the end. Throws GuestFault or a system error. */
  async locate(): Promise<Located> {
    for (let steps = 0; steps < maxSteps; steps += 1) {
      const segment = this.#pending.pop()
      if (segment === undefined) return this.#found(undefined)
      if (segment === '..') this.#goBack()
      else if (this.#crosses(segment)) continue
      else if (this.#pending.length > 0) await this.#enter(segment)
      else if (!(await this.#followLast(segment))) return this.#found(segment)
    }
    throw fsFault('loop', 'too many steps')
  }

  /** Closes what the walk opened; only when nothing uses what it located any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((held) => held.close()))
  }

  get #here(): Directory {
    const here = this.#stack.at(-1)
    if (here === undefined) throw new TypeError('expected a directory on the stack, found none')
    return here
  }

  #found(name: string | undefined): Located {
    const parent = this.#here
    const guestPath = name === undefined ? parent.guestPath : joinGuestPath(parent.guestPath, name)
    return { parent, name, guestPath, mustBeDirectory: this.#mustBeDirectory || name === undefined }
  }

  #goBack(): void {
    if (this.#stack.length === 1) throw fsFault('not-permitted', '`..` above the directory it started from')
    this.#stack.pop()
  }

  #push(directory: Directory): void {
    if (this.#stack.length >= maxDepth) throw fsFault('name-too-long', 'too deep')
    this.#stack.push(directory)
  }

  /** Steps onto another mount's root where one lies at this path: the most specific mount wins. */
  #crosses(segment: string): boolean {
    const guestPath = joinGuestPath(this.#here.guestPath, segment)
    const mount = this.#mounts.at(guestPath)
    if (mount === undefined || mount === this.#here.mount) return false
    this.#push({ mount, held: mount.root, guestPath })
    return true
  }

  async #enter(segment: string): Promise<void> {
    const { mount, held, guestPath } = this.#here
    try {
      const directory = await held.enter(segment)
      this.#opened.push(directory)
      this.#push({ mount, held: directory, guestPath: joinGuestPath(guestPath, segment) })
    } catch (error) {
      if (faultCode(error) !== 'not-directory' || !(await this.#expand(segment))) throw error
    }
  }

  async #followLast(segment: string): Promise<boolean> {
    const follows = this.#last.followLinks || (this.#mustBeDirectory && this.#last.slashFollows)
    return follows && (await this.#expand(segment))
  }

  /** Puts a link's target in its place; false when the segment is no link. */
  async #expand(segment: string): Promise<boolean> {
    const target = await readLinkIfAny(this.#here.held, segment)
    if (target === undefined) return false
    this.#links += 1
    if (this.#links > maxLinks) throw fsFault('loop')
    const path = parseRelativePath(target)
    if (this.#pending.length === 0 && path.mustBeDirectory) this.#mustBeDirectory = true
    if (this.#pending.length + path.segments.length > maxSteps) throw fsFault('loop', 'too many steps')
    this.#pending.push(...path.segments.toReversed())
    return true
  }
}

/** The text of a link, or undefined where there is something else or nothing. */
const readLinkIfAny = async (directory: HeldDirectory, name: string): Promise<string | undefined> => {
  try {
    return await directory.readLink(name)
  } catch (error) {
    const code = faultCode(error)
    if (code === 'invalid' || code === 'no-entry') return undefined
    throw error
  }
}
