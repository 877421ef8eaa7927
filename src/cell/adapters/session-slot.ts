import type { SessionScope } from './session-scope.ts'

/**
 * Which session the host functions of one instance serve at this moment. An instance outlives sessions, so its imports read the scope here
 * when they are called, before anything else; what a call makes keeps the scope it was made in, and so never reaches a later session.
 */
export class SessionSlot {
  #scope: SessionScope | undefined

  /** The present session's. Throws while there is none: nothing a guest does counts then. */
  get scope(): SessionScope {
    if (this.#scope === undefined) throw new Error('expected a session in this instance')
    return this.#scope
  }

  /** Begins to serve `scope`. Throws when the session before has not left. */
  place(scope: SessionScope): void {
    if (this.#scope !== undefined) throw new Error('expected the session before to have left this instance')
    this.#scope = scope
  }

  /** Ends serving whom it serves, if anybody. */
  clear(): void {
    this.#scope = undefined
  }
}
