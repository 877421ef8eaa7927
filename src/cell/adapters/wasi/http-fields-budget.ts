import { perScope } from '#cell/adapters/per-scope.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'

/** Names and values of one `fields`, with what each entry costs beside them. */
const maxFieldsBytes = 128 * 1024
/** The same of all that a session holds at one time: they live in the memory of the cell, which its limit on guest memory does not see. */
const maxSessionBytes = 8 * 1024 * 1024
const entryBytes = 64

/** What the `fields` that a session holds may take. */
class FieldsBudget {
  readonly #scope: SessionScope
  #bytes = 0

  constructor(scope: SessionScope) {
    this.#scope = scope
  }

  /** Throws GuestEnd when it is too much: `header-error` has no case for that. */
  change(byBytes: number): void {
    if (byBytes > 0 && this.#bytes + byBytes > maxSessionBytes)
      throw this.#scope.trap(`fields of more than ${maxSessionBytes} bytes in all`)
    this.#bytes += byBytes
  }
}

const budgetOf = perScope((scope) => new FieldsBudget(scope))

/** What one `fields` takes of the session's budget until it is given back. */
export class FieldsShare {
  readonly #scope: SessionScope
  #bytes = 0

  /** Throws GuestEnd when there is no room. */
  constructor(scope: SessionScope, entries: readonly (readonly [string, Uint8Array])[]) {
    this.#scope = scope
    this.hold(entries)
  }

  /** Counts these entries instead of those before. Throws GuestEnd when they are too many. */
  hold(entries: readonly (readonly [string, Uint8Array])[]): void {
    let bytes = 0
    for (const [name, value] of entries) bytes += name.length + value.byteLength + entryBytes
    if (bytes > maxFieldsBytes) throw this.#scope.trap(`fields of ${bytes} bytes, expected at most ${maxFieldsBytes}`)
    budgetOf(this.#scope).change(bytes - this.#bytes)
    this.#bytes = bytes
  }

  giveBack(): void {
    budgetOf(this.#scope).change(-this.#bytes)
    this.#bytes = 0
  }
}
