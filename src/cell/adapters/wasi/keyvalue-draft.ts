import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { batchInterface } from './keyvalue-batch.ts'
import { openStore, type HasStore, type OpenStore } from './keyvalue-store.ts'

/** `wasi:keyvalue/store@0.2.0-draft` `bucket`: its pages begin at numbers. */
class DraftBucket implements HasStore {
  readonly #store: OpenStore
  readonly #held: HeldResource
  readonly #done: () => void

  constructor(store: OpenStore) {
    this.#held = new HeldResource(store.scope)
    this.#store = store
    this.#done = store.use()
  }

  get [inside](): OpenStore {
    return this.#store
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.#store.get(key)).value
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.#store.set(key, value)
  }

  async delete(key: string): Promise<void> {
    await this.#store.delete(key)
  }

  async exists(key: string): Promise<boolean> {
    return (await this.#store.stat(key)) !== '0'
  }

  async listKeys(cursor: bigint | undefined): Promise<{ readonly keys: readonly string[]; readonly cursor: bigint | undefined }> {
    const { keys, next } = await this.#store.list(cursor === undefined ? null : String(cursor))
    return { keys, cursor: next === undefined ? undefined : BigInt.asUintN(64, BigInt(next)) }
  }

  [Symbol.dispose](): void {
    if (this.#held.dropped) return
    this.#held.drop()
    this.#done()
  }
}

sealClass(DraftBucket)

const increment = async (bucket: DraftBucket, key: string, delta: bigint): Promise<bigint> => bucket[inside].increment(key, delta, true)

/** `wasi:keyvalue` of 0.2.0-draft, which has no compare and swap. */
export const draftKeyvalueInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => ({
  'wasi:keyvalue/store@0.2.0-draft': sealInterface({
    Bucket: DraftBucket,
    open: async (identifier: string) => new DraftBucket(await openStore(slot.scope, identifier)),
  }),
  'wasi:keyvalue/atomics@0.2.0-draft': sealInterface({ increment }),
  'wasi:keyvalue/batch@0.2.0-draft': batchInterface(),
})
