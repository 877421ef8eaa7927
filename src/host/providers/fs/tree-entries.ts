import { faultCode } from './errors.ts'
import type { HeldDirectory, NodeStat } from './file-tree.ts'

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

/**
 * Keeps hold of one directory below a root, found again name by name when another is asked for: who works through a tree folder by
 * folder needs few descriptors, however deep it is.
 */
export class TreeCursor implements AsyncDisposable {
  readonly #root: HeldDirectory
  #path: string | undefined
  #held: HeldDirectory | undefined

  constructor(root: HeldDirectory) {
    this.#root = root
  }

  /** The directory at a path, until the next call; undefined where there is none. */
  async at(path: readonly string[]): Promise<HeldDirectory | undefined> {
    const key = path.join('/')
    if (key === this.#path) return this.#held
    await this[Symbol.asyncDispose]()
    this.#held = await this.#find(path)
    this.#path = key
    return this.#held
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const held = this.#held
    this.#held = undefined
    this.#path = undefined
    await held?.close()
  }

  async #find(path: readonly string[]): Promise<HeldDirectory | undefined> {
    let directory = await this.#root.again()
    for (const name of path) {
      const above = directory
      const next = await unlessGone(above.enter(name)).finally(() => above.close())
      if (next === undefined) return undefined
      directory = next
    }
    return directory
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

/** Every name below a directory, a folder before what is in it. Follows nothing. Whatever goes meanwhile is left out. */
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
      if (stat.type === 'directory') folders.push(path)
    }
  }
}
