import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { FileType } from '#wire/calls.ts'
import { toFileType } from './file-stat.ts'

/** `wasi:filesystem/types` `directory-entry`. */
interface DirectoryEntry {
  readonly type: FileType
  readonly name: string
}

/** `wasi:filesystem/types` `directory-entry-stream`: the entries as they were when the directory was listed. */
export class DirectoryEntryStream {
  readonly #entries: readonly unknown[]
  readonly #held: HeldResource
  #next = 0

  constructor(scope: SessionScope, entries: readonly unknown[]) {
    this.#held = new HeldResource(scope)
    this.#entries = entries
  }

  readDirectoryEntry(): DirectoryEntry | undefined {
    const entry = this.#entries[this.#next]
    if (!Array.isArray(entry)) return undefined
    this.#next++
    const [name, type]: readonly unknown[] = entry
    return { type: toFileType(type), name: String(name) }
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(DirectoryEntryStream)
