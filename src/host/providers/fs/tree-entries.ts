import { faultCode } from './errors.ts'
import type { HeldDirectory, NodeStat } from './file-tree.ts'
import { maxTreeDepth } from './guest-path.ts'

/** One name of a tree, while the directory that has it is held. */
export interface TreeEntry {
  readonly directory: HeldDirectory
  /** Segments below the root; the last one is the name. */
  readonly path: readonly string[]
  readonly name: string
  readonly stat: NodeStat
}

/** What a look-up found; undefined where there is nothing of that kind (now). */
export const unlessGone = async <T>(found: Promise<T>): Promise<T | undefined> => {
  try {
    return await found
  } catch (error) {
    const code = faultCode(error)
    if (code === 'no-entry' || code === 'not-directory') return undefined
    throw error
  }
}

/** Directories on the way to a cursor's own that it holds: one in so many. */
const heldEvery = 16

/** How many segments two paths begin with alike. */
const sharedLength = (one: readonly string[], other: readonly string[]): number => {
  const end = one.findIndex((segment, index) => segment !== other[index])
  return end < 0 ? one.length : end
}

/**
 * Keeps hold of one directory below a root and goes from it to the next one that is asked for, name by name. Holds few of those on the way, however deep it is: who
 * works through a tree folder by folder needs few descriptors, and few steps for each.
 */
export class TreeCursor implements AsyncDisposable {
  readonly #root: HeldDirectory
  #path: readonly string[] = []
  /** All on the path, the deepest last. */
  readonly #held: { readonly depth: number; readonly directory: HeldDirectory }[] = []

  constructor(root: HeldDirectory) {
    this.#root = root
  }

  /** The directory at a path, until the next call; undefined where there is none. */
  async at(path: readonly string[]): Promise<HeldDirectory | undefined> {
    await this.#dropBelow(sharedLength(this.#path, path))
    this.#path = path
    if (this.#held.length === 0) this.#held.push({ depth: 0, directory: await this.#root.again() })
    for (;;) {
      const last = this.#held.at(-1)
      const name = last === undefined ? undefined : path[last.depth]
      if (last === undefined || name === undefined) return last?.directory
      const directory = await unlessGone(last.directory.enter(name))
      if (directory === undefined) return undefined
      if (last.depth % heldEvery !== 0) this.#held.pop()
      this.#held.push({ depth: last.depth + 1, directory })
      if (last.depth % heldEvery !== 0) await last.directory.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dropBelow(-1)
  }

  async #dropBelow(depth: number): Promise<void> {
    for (let last = this.#held.at(-1); last !== undefined && last.depth > depth; last = this.#held.at(-1)) {
      this.#held.pop()
      await last.directory.close()
    }
  }
}

async function* namesOf(directory: HeldDirectory): AsyncGenerator<string> {
  let after: string | null = null
  for (;;) {
    const { entries, more } = await directory.list(after)
    for (const [name] of entries) yield name
    after = entries.at(-1)?.[0] ?? null
    if (!more) return
  }
}

/** Whether a path is deeper than any that work is done on: whoever nests folders without end must not make hosts walk them, which takes the square of their depth. */
export const isTooDeep = (path: readonly string[]): boolean => path.length > maxTreeDepth

/**
 * Every name below a directory, a folder before what is in it. Follows nothing. Whatever goes meanwhile is left out. The first names that are too deep come too, and
 * nothing in them.
 */
export async function* everyEntry(root: HeldDirectory): AsyncGenerator<TreeEntry> {
  await using cursor = new TreeCursor(root)
  const folders: (readonly string[])[] = [[]]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const directory = await cursor.at(folder)
    if (directory === undefined) continue
    for await (const name of namesOf(directory)) {
      const stat = await unlessGone(directory.statOf(name))
      if (stat === undefined) continue
      const path = [...folder, name]
      yield { directory, path, name, stat }
      if (stat.type === 'directory' && !isTooDeep(path)) folders.push(path)
    }
  }
}
