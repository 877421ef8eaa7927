import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { batchInterface } from './keyvalue-batch.ts'
import { openStore, storeError, type HasStore, type OpenStore, type StoreError } from './keyvalue-store.ts'

/** `wasi:keyvalue/store` `key-response`. */
interface KeyResponse {
  readonly keys: readonly string[]
  readonly cursor: string | undefined
}

/** `wasi:keyvalue/store` `bucket`. */
export class Bucket implements HasStore {
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

  async listKeys(cursor: string | undefined): Promise<KeyResponse> {
    const store = this.#store
    if (cursor !== undefined && !/^[0-9]{1,20}$/.test(cursor)) throw storeError('invalid')
    const { keys, next } = await store.list(cursor ?? null)
    return { keys, cursor: next }
  }

  [Symbol.dispose](): void {
    if (this.#held.dropped) return
    this.#held.drop()
    this.#done()
  }
}

sealClass(Bucket)

/** What {@link Cas} holds. */
interface Guess {
  readonly store: OpenStore
  readonly key: string
  readonly revision: string
}

/** `wasi:keyvalue/atomics` `cas`: the revision that its key had when it was looked at last. */
class Cas {
  readonly #store: OpenStore
  readonly #key: string
  readonly #held: HeldResource
  readonly #done: () => void
  #revision: string

  constructor({ store, key, revision }: Guess) {
    this.#held = new HeldResource(store.scope)
    this.#store = store
    this.#key = key
    this.#revision = revision
    this.#done = store.use()
  }

  static async new(bucket: Bucket, key: string): Promise<Cas> {
    const store = bucket[inside]
    return new Cas({ store, key, revision: await store.stat(key) })
  }

  get [inside](): Guess {
    return { store: this.#store, key: this.#key, revision: this.#revision }
  }

  /** Whoever computes from this value swaps against this value. */
  async current(): Promise<Uint8Array | undefined> {
    const { value, revision } = await this.#store.get(this.#key)
    this.#revision = revision
    return value
  }

  [Symbol.dispose](): void {
    if (this.#held.dropped) return
    this.#held.drop()
    this.#done()
  }
}

type CasError = { readonly tag: 'store-error'; readonly val: StoreError } | { readonly tag: 'cas-failed'; readonly val: Cas }

const isStoreError = (error: unknown): error is WitError & { readonly payload: StoreError } => error instanceof WitError

const swap = async (cas: Cas, value: Uint8Array): Promise<void> => {
  const { store, key, revision } = cas[inside]
  const done = store.use()
  cas[Symbol.dispose]()
  try {
    const present = await store.swap(key, revision, value)
    if (present === undefined) return
    throw new WitError({ tag: 'cas-failed', val: new Cas({ store, key, revision: present }) } satisfies CasError)
  } catch (error) {
    if (isStoreError(error) && isPlain(error.payload)) throw new WitError({ tag: 'store-error', val: error.payload } satisfies CasError)
    throw error
  } finally {
    done()
  }
}

/** Whether it is the error of a store and not already one of a swap. */
const isPlain = (payload: StoreError | CasError): payload is StoreError => payload.tag !== 'cas-failed' && payload.tag !== 'store-error'

sealClass(Cas)

/** `wasi:keyvalue` of 0.2.0-draft2: `store`, `atomics` and `batch`. */
export const keyvalueInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => ({
  'wasi:keyvalue/store': sealInterface({ Bucket, open: async (identifier: string) => new Bucket(await openStore(slot.scope, identifier)) }),
  'wasi:keyvalue/atomics': sealInterface({
    Cas,
    increment: async (bucket: Bucket, key: string, delta: bigint): Promise<bigint> => bucket[inside].increment(key, delta, false),
    swap,
  }),
  'wasi:keyvalue/batch': batchInterface(),
})
