import { inside, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import type { HasStore, StoreError } from './keyvalue-store.ts'

/** Keys in one batch at most: each is a call of its own, with a record of its own. */
const maxKeys = 1000
/** Bytes that one batch may bring at most: they are in the cell's memory before they are in the guest's. */
const maxBytes = 4 * 1024 * 1024
/** Calls of one batch under way at a time: as many as the host works on. */
const atATime = 16

const refused = (said: string): WitError => new WitError({ tag: 'other', val: said } satisfies StoreError)

/** Works on all items, some at a time and in order of their start. After a failure it begins no more, and throws the first when all are done. */
const onEach = async <T>(items: readonly T[], work: (item: T, at: number) => Promise<void>): Promise<void> => {
  if (items.length > maxKeys) throw refused(`a batch has at most ${maxKeys} keys`)
  const rest = items.entries()
  const failures: unknown[] = []
  const line = async (): Promise<void> => {
    for (const [at, item] of rest) {
      await work(item, at).catch((error: unknown) => failures.push(error))
      if (failures.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: atATime }, line))
  if (failures.length > 0) throw failures[0]
}

const getMany = async (bucket: HasStore, keys: readonly string[]): Promise<([string, Uint8Array] | undefined)[]> => {
  const store = bucket[inside]
  const found: ([string, Uint8Array] | undefined)[] = Array.from(keys, () => undefined)
  let bytes = 0
  await onEach(keys, async (key, at) => {
    const { value } = await store.get(key)
    if (value === undefined) return
    bytes += value.byteLength
    if (bytes > maxBytes) throw refused(`a batch brings at most ${maxBytes} bytes`)
    found[at] = [key, value]
  })
  return found
}

const setMany = async (bucket: HasStore, entries: readonly (readonly [string, Uint8Array])[]): Promise<void> => {
  const store = bucket[inside]
  await onEach(entries, ([key, value]) => store.set(key, value))
}

const deleteMany = async (bucket: HasStore, keys: readonly string[]): Promise<void> => {
  const store = bucket[inside]
  await onEach(keys, (key) => store.delete(key))
}

/** `wasi:keyvalue/batch`, the same in both drafts: each key is decided, metered and recorded like one asked for alone. */
export const batchInterface = (): Members => sealInterface({ getMany, setMany, deleteMany })
