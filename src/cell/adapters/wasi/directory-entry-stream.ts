import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { FileType } from '#wire/calls.ts'
import { toFileType } from './file-stat.ts'
import { succeeded } from './filesystem-error.ts'
import type { OpenFile } from './open-file.ts'

/** `wasi:filesystem/types` `directory-entry`. */
interface DirectoryEntry {
  readonly type: FileType
  readonly name: string
}

/** Entries as the host gave them, and whether it has more. */
interface Page {
  readonly entries: readonly unknown[]
  readonly more: boolean
}

const fetchPage = async (scope: SessionScope, { handle }: OpenFile, after: string | null): Promise<Page> => {
  const { value } = succeeded(await scope.call('fs.list', { handle, after }))
  const entries: unknown = value['entries']
  return Array.isArray(entries) ? { entries, more: value['more'] === true && entries.length > 0 } : { entries: [], more: false }
}

/** Reads the beginning of a directory. Throws the `error-code` of what it failed with. */
export const readDirectoryOf = async (scope: SessionScope, directory: OpenFile): Promise<DirectoryEntryStream> => {
  const done = directory.use()
  try {
    return new DirectoryEntryStream(scope, { directory, first: await fetchPage(scope, directory, null), done })
  } catch (error) {
    done()
    throw error
  }
}

/**
 * `wasi:filesystem/types` `directory-entry-stream`: the names in order, a page at a time. What is there all the while comes exactly once,
 * however the directory changes; what comes or goes meanwhile may be missed.
 */
export class DirectoryEntryStream {
  readonly #scope: SessionScope
  readonly #directory: OpenFile
  readonly #held: HeldResource
  readonly #done: () => void
  #page: Page
  #next = 0

  /** Takes over a use of the directory, which `done` ends. */
  constructor(
    scope: SessionScope,
    { directory, first, done }: { readonly directory: OpenFile; readonly first: Page; readonly done: () => void },
  ) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#directory = directory
    this.#page = first
    this.#done = done
  }

  async readDirectoryEntry(): Promise<DirectoryEntry | undefined> {
    if (this.#next === this.#page.entries.length && this.#page.more) await this.#turn()
    const entry = this.#page.entries[this.#next]
    if (!Array.isArray(entry)) return undefined
    this.#next++
    const [name, type]: readonly unknown[] = entry
    return { type: toFileType(type), name: String(name) }
  }

  [Symbol.dispose](): void {
    this.#done()
    this.#held.drop()
  }

  async #turn(): Promise<void> {
    const last = this.#page.entries.at(-1)
    this.#page = await fetchPage(this.#scope, this.#directory, Array.isArray(last) ? String(last[0]) : null)
    this.#next = 0
  }
}

sealClass(DirectoryEntryStream)
