import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'

/** The longest list one `poll` may name: the same pollable may stand in it more than once. */
const maxPollList = 8192

/** `wasi:io/poll` `pollable`. */
export class Pollable {
  readonly #scope: SessionScope
  readonly #waitable: Waitable
  readonly #held: HeldResource

  constructor(scope: SessionScope, waitable: Waitable) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#waitable = waitable
  }

  get [inside](): Waitable {
    return this.#waitable
  }

  ready(): boolean {
    return this.#waitable.ready()
  }

  block(): Promise<void> {
    return this.#scope.waitForAny([this.#waitable])
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(Pollable)

/** `wasi:io/poll` `poll`: the places in the list of those that are ready; traps for an empty list and for one too long. */
export const pollIn =
  (slot: SessionSlot) =>
  async (list: readonly Pollable[]): Promise<Uint32Array> => {
    const { scope } = slot
    if (list.length === 0) throw scope.trap('poll of an empty list')
    if (list.length > maxPollList) throw scope.trap(`poll of ${list.length} pollables, expected at most ${maxPollList}`)
    const waitables = list.map((pollable) => pollable[inside])
    await scope.waitForAny(waitables)
    const ready: number[] = []
    for (const [index, waitable] of waitables.entries()) if (waitable.ready()) ready.push(index)
    return Uint32Array.from(ready)
  }
