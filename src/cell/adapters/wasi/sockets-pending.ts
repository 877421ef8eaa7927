import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters, type Waitable } from '#cell/adapters/waitable.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { socketError } from './sockets-error.ts'

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WitError }

/** Work of the host that a guest started and finishes later, as the `start-` and `finish-` functions have it. */
export class Pending<T> implements Waitable {
  readonly #scope: SessionScope
  readonly #waiters = new Waiters()
  #outcome: Outcome<T> | undefined
  #release: ((value: T) => void) | undefined

  /** `work` rejects with the WitError that the guest gets; anything else ends the session's waiting. */
  constructor(scope: SessionScope, work: Promise<T>) {
    this.#scope = scope
    work.then(
      (value) => this.#settle({ ok: true, value }),
      (error: unknown) => {
        if (error instanceof WitError) this.#settle({ ok: false, error })
        else scope.endWith(error)
      },
    )
  }

  ready(): boolean {
    return this.#outcome !== undefined
  }

  wait(wake: () => void): () => void {
    return this.#waiters.add(wake)
  }

  /** The result. Throws `would-block` while there is none, and the failure. */
  take(): T {
    this.#scope.throwIfOver()
    const outcome = this.#outcome
    if (outcome === undefined) throw socketError('would-block')
    if (!outcome.ok) throw outcome.error
    return outcome.value
  }

  /** Nobody will take it any more: a result, now or later, is released. */
  abandon(release: (value: T) => void): void {
    this.#release = release
    if (this.#outcome?.ok === true) release(this.#outcome.value)
  }

  #settle(outcome: Outcome<T>): void {
    this.#outcome = outcome
    if (outcome.ok) this.#release?.(outcome.value)
    this.#waiters.wakeAll()
  }
}
