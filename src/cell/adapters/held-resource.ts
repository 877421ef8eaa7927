import type { SessionScope } from './session-scope.ts'

/**
 * The place of one guest resource in the session's count. It stays taken until the guest has dropped the resource *and*
 * the work started through it is done, so that dropping in a loop piles up nothing.
 */
export class HeldResource {
  readonly #scope: SessionScope
  #dropped = false
  #released = false
  #working = 0

  /** Throws GuestEnd when the guest holds too much. */
  constructor(scope: SessionScope) {
    this.#scope = scope
    scope.world.resources.add()
  }

  get dropped(): boolean {
    return this.#dropped
  }

  /** The guest has let go of it, or handed it over to the host. */
  drop(): void {
    this.#dropped = true
    this.#releaseWhenIdle()
  }

  /** Begins work that outlives a drop; the result ends it (once). */
  work(): () => void {
    this.#working++
    let done = false
    return () => {
      if (done) return
      done = true
      this.#working--
      this.#releaseWhenIdle()
    }
  }

  #releaseWhenIdle(): void {
    if (!this.#dropped || this.#working > 0 || this.#released) return
    this.#released = true
    this.#scope.world.resources.drop()
  }
}
