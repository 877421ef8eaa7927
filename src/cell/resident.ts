import { buildImports } from '#cell/adapters/index.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { SessionSlot } from '#cell/adapters/session-slot.ts'
import type { Instance, Linked, MeterHooks } from './link/linker.ts'

/** An instance that serves one session after the other, with the slot by which its host functions find the present one. */
export class Resident {
  readonly #slot: SessionSlot
  readonly #instance: Instance
  #heldBytes = 0

  private constructor(slot: SessionSlot, instance: Instance) {
    this.#slot = slot
    this.#instance = instance
  }

  /** A new instance that serves the session of `scope`. Rejects like {@link Linked.instantiate}. */
  static async instantiate(linked: Linked, scope: SessionScope, hooks: MeterHooks): Promise<Resident> {
    const slot = new SessionSlot()
    slot.place(scope)
    return new Resident(slot, await linked.instantiate(buildImports(slot), hooks))
  }

  get instance(): Instance {
    return this.#instance
  }

  /** Bytes of its memories as they really are at most: one that has grown stays so when it is reset. */
  get heldBytes(): number {
    return Math.max(this.#heldBytes, this.#instance.memory().peakBytes)
  }

  /** Begins to serve another session after {@link Resident.leave}. Throws like {@link Instance.serve}. */
  serve(scope: SessionScope, hooks: MeterHooks): void {
    this.#slot.place(scope)
    this.#instance.serve(hooks)
  }

  /** The session leaves, and nothing of it stays in memory. False when that cannot be: then this instance is of no more use. */
  leave(): boolean {
    this.#heldBytes = this.heldBytes
    this.#slot.clear()
    try {
      return this.#instance.reset()
    } catch {
      return false
    }
  }

  /** Ends it for good; see {@link Instance.end}. */
  end(reason: Error): void {
    this.#slot.clear()
    this.#instance.end(reason)
  }
}
