import { fsFault } from './errors.ts'

/** Keeps a resource open while anyone works with it: closing waits for the work under way and refuses new work. */
export class Lease {
  readonly #free: () => Promise<void>
  #users = 0
  #drained: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(free: () => Promise<void>) {
    this.#free = free
  }

  /** Does `work` while the resource is open. Throws GuestFault `bad-descriptor` once it closes. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw fsFault('bad-descriptor', 'closed')
    this.#users += 1
    try {
      return await work()
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#drained?.()
    }
  }

  /** Does `work` that does not wait. Throws GuestFault `bad-descriptor` once the resource closes. */
  peek<T>(work: () => T): T {
    if (this.#closing !== undefined) throw fsFault('bad-descriptor', 'closed')
    return work()
  }

  /** Frees the resource when the last user has left; idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
    await this.#free()
  }
}
