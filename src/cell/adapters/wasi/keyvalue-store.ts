import { toU64 } from '#cell/adapters/guest-number.ts'
import { inside } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { maxChunkBytes, maxKeyLength, type CallArgs, type CallOp, type CallReply } from '#wire/calls.ts'

/** `wasi:keyvalue/store` `error`. */
export type StoreError = { readonly tag: 'no-such-store' | 'access-denied' } | { readonly tag: 'other'; readonly val: string }

/** What a guest is told of each code. */
const told: Readonly<Record<string, string>> = {
  full: 'the store is full',
  'too-large': `a key has at most ${maxKeyLength} bytes and a value at most ${maxChunkBytes}`,
  busy: 'the store is busy, try again',
  'not-a-number': 'the value is not a whole number',
  'out-of-range': 'the sum is out of range',
  invalid: 'there is no such page of keys',
}

const toStoreError = (code: string): StoreError => {
  if (code === 'not-permitted') return { tag: 'access-denied' }
  if (code === 'no-such-store') return { tag: 'no-such-store' }
  return { tag: 'other', val: (Object.hasOwn(told, code) ? told[code] : undefined) ?? 'the store is not available' }
}

/** The `err` of a failed call. */
export const storeError = (code: string): WitError => new WitError(toStoreError(code))

type Succeeded = Extract<CallReply, { readonly ok: true }>

const succeeded = (reply: CallReply): Succeeded => {
  if (!reply.ok) throw storeError(reply.code)
  return reply
}

/** A revision as the host gave it; what is none counts as that of a key that is not there. */
const revisionOf = ({ value }: Succeeded): string => {
  const { revision } = value
  return typeof revision === 'string' && /^[0-9]{1,20}$/.test(revision) ? revision : '0'
}

/** What a key had when it was looked at; `value` is undefined where it was not there. */
export interface Seen {
  readonly value: Uint8Array | undefined
  readonly revision: string
}

/** The name of the store that the empty name stands for. */
const defaultStore = 'default'

/** Opens a store. Throws {@link WitError} with a {@link StoreError}. */
export const openStore = async (scope: SessionScope, identifier: string): Promise<OpenStore> => {
  const store = identifier === '' ? defaultStore : identifier
  if (store.length > 256) throw storeError('no-such-store')
  const { value } = succeeded(await scope.call('kv.open', { store }))
  return new OpenStore(scope, Number(toU64(value['handle'])))
}

/** One open store of the host, shared by a bucket and what was made from it. The host closes it when the last of them is done; nobody waits for that. */
export class OpenStore {
  readonly scope: SessionScope
  readonly #bucket: number
  #users = 0

  constructor(scope: SessionScope, bucket: number) {
    this.scope = scope
    this.#bucket = bucket
  }

  /** Counts one more user; the result ends its use (once). */
  use(): () => void {
    this.#users++
    let done = false
    return () => {
      if (done) return
      done = true
      this.#users--
      if (this.#users === 0) this.scope.call('kv.close', { bucket: this.#bucket }).catch(() => undefined)
    }
  }

  async get(key: string): Promise<Seen> {
    const reply = await this.#call('kv.get', { ...this.#at(key) })
    const revision = revisionOf(reply)
    return { revision, value: revision === '0' ? undefined : reply.body }
  }

  /** The revision of the key, `0` when it is not there. */
  async stat(key: string): Promise<string> {
    return revisionOf(await this.#call('kv.stat', this.#at(key)))
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.#call('kv.set', this.#at(key), fitting(value))
  }

  async delete(key: string): Promise<void> {
    await this.#call('kv.delete', this.#at(key))
  }

  /** Gives the revision that the key has now, `undefined` when the swap went well. */
  async swap(key: string, revision: string, value: Uint8Array): Promise<string | undefined> {
    const reply = await this.#call('kv.swap', { ...this.#at(key), revision }, fitting(value))
    return reply.value['swapped'] === true ? undefined : revisionOf(reply)
  }

  async increment(key: string, delta: bigint, unsigned: boolean): Promise<bigint> {
    const { value } = await this.#call('kv.increment', { ...this.#at(key), delta: String(delta), unsigned })
    const { sum } = value
    if (typeof sum !== 'string' || !/^-?[0-9]{1,20}$/.test(sum)) throw storeError('unavailable')
    return unsigned ? BigInt.asUintN(64, BigInt(sum)) : BigInt.asIntN(64, BigInt(sum))
  }

  /** One page of keys, and where the next begins. */
  async list(after: string | null): Promise<{ readonly keys: readonly string[]; readonly next: string | undefined }> {
    const { value } = await this.#call('kv.list', { bucket: this.#bucket, after })
    const { keys, next } = value
    if (!Array.isArray(keys)) throw storeError('unavailable')
    return { keys: keys.map(String), next: typeof next === 'string' && /^[0-9]{1,20}$/.test(next) ? next : undefined }
  }

  #at(key: string): { readonly bucket: number; readonly key: string } {
    if (key.length > maxKeyLength) throw storeError('too-large')
    return { bucket: this.#bucket, key }
  }

  async #call<O extends CallOp>(op: O, args: CallArgs<O>, body?: Uint8Array): Promise<Succeeded> {
    return succeeded(await this.scope.call(op, args, body))
  }
}

const fitting = (value: Uint8Array): Uint8Array => {
  if (value.byteLength > maxChunkBytes) throw storeError('too-large')
  return value
}

/** A guest's bucket, of either draft. */
export interface HasStore {
  readonly [inside]: OpenStore
}
