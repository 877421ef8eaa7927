import type { Granted } from '#core/policy/grant.ts'
import type { KeyValueCapability } from '#core/capability/capability.ts'
import { GuestFault, type OpenHandle, type Performed, type Plan, type Provider, type ProviderSession } from '#host/broker/provider.ts'
import { maxChunkBytes, maxKeyLength, type Call } from '#wire/calls.ts'
import type { KeyValueStores } from './key-value-stores.ts'
import type { StoreOperation } from './store-operation.ts'

type StoreCall = Extract<Call, { readonly op: `kv.${string}` }>
type BucketCall = Exclude<StoreCall, { readonly op: 'kv.open' | 'kv.close' }>

/** What a session may use the stores of. */
export interface KeyValueOptions {
  readonly stores: KeyValueStores
  /** Whose stores: names in different namespaces have nothing in common. */
  readonly namespace: string
}

/** For grants that name no quota. */
const defaultQuotaBytes = 64 * 1024 * 1024

/** Names of stores, as policies have them. */
const storeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

const changing: ReadonlySet<string> = new Set(['kv.set', 'kv.delete', 'kv.increment', 'kv.swap'])

const isStoreCall = (call: Call): call is StoreCall => call.op.startsWith('kv.')

/** A store that a session opened: the name that later calls on it mean. */
class OpenBucket implements OpenHandle {
  readonly store: string
  calls = 0

  constructor(store: string) {
    this.store = store
  }

  async close(): Promise<void> {}

  summary(): Readonly<Record<string, string | number | boolean>> {
    return { store: this.store, calls: this.calls }
  }
}

/** Performs `kv.*` for one session. */
class GrantedStores implements Provider {
  readonly ops = ['kv.open', 'kv.get', 'kv.stat', 'kv.set', 'kv.delete', 'kv.increment', 'kv.swap', 'kv.list', 'kv.close'] as const
  readonly #session: ProviderSession
  readonly #options: KeyValueOptions

  constructor(session: ProviderSession, options: KeyValueOptions) {
    this.#session = session
    this.#options = options
  }

  plan(call: Call): Plan {
    if (!isStoreCall(call)) throw new TypeError(`expected a call of stores, got ${call.op}`)
    if (call.op === 'kv.close') {
      this.#bucket(call.args.bucket)
      return { kind: 'continuation', handle: call.args.bucket, egressBytes: 0 }
    }
    if (call.op === 'kv.open') {
      const { store } = call.args
      if (!storeName.test(store)) throw new GuestFault('no-such-store', 'no name of a store')
      return { kind: 'capability', capability: { action: 'kv:read', store, key: '' }, effect: 'read' }
    }
    const { store } = this.#bucket(call.args.bucket)
    const isChange = changing.has(call.op)
    const capability: KeyValueCapability = { action: isChange ? 'kv:write' : 'kv:read', store, key: keyOf(call) }
    return { kind: 'capability', capability, effect: isChange ? 'external' : 'read', egressBytes: call.body.length }
  }

  async perform(granted: Granted, call: Call): Promise<Performed> {
    if (!isStoreCall(call) || call.op === 'kv.close') throw new TypeError(`expected a decided call of stores, got ${call.op}`)
    const { target, quotaBytes = defaultQuotaBytes } = storeGrant(granted)
    // Before the act: a bucket that is closed meanwhile must not make the record say that nothing was done.
    const bucket = call.op === 'kv.open' ? new OpenBucket(target.store) : this.#bucket(call.args.bucket)
    const { fields, body } = await this.#options.stores.perform(this.#options.namespace, operationOf(call, target, quotaBytes))
    if (call.op === 'kv.open') return { value: {}, opened: bucket }
    bucket.calls += 1
    const ingressBytes = (body?.length ?? 0) + lengthOf(fields['keys'])
    if (ingressBytes > this.#session.ingressLeft) throw new GuestFault('not-permitted', 'ingress limit reached')
    return { value: fields, ...(body !== undefined && { body }), egressBytes: call.body.length, ingressBytes }
  }

  async continue(call: Call): Promise<Performed> {
    if (call.op !== 'kv.close') throw new TypeError(`expected kv.close, got ${call.op}`)
    return { value: {}, closed: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #bucket(number: number): OpenBucket {
    const open = this.#session.handle(number)
    if (!(open instanceof OpenBucket)) throw new GuestFault('bad-descriptor')
    return open
  }
}

/** What a grant is good for. */
const storeGrant = (granted: Granted): { readonly target: KeyValueCapability; readonly quotaBytes: number | undefined } => {
  const { rule } = granted
  const target = granted.consume()
  if ((target.action !== 'kv:read' && target.action !== 'kv:write') || rule.kind !== 'keyvalue') {
    throw new TypeError('expected a grant for a store')
  }
  return { target, quotaBytes: rule.quotaBytes }
}

/** The key of a call, `''` for those on the store itself. Throws {@link GuestFault} for what no guest could write. */
const keyOf = (call: BucketCall): string => {
  if (call.op === 'kv.list') return ''
  const { key } = call.args
  if (!key.isWellFormed()) throw new GuestFault('invalid', 'the key is no text')
  if (Buffer.byteLength(key) > maxKeyLength) throw new GuestFault('too-large', `a key of ${Buffer.byteLength(key)} bytes`)
  if (call.body.length > maxChunkBytes) throw new GuestFault('too-large', `a value of ${call.body.length} bytes`)
  return key
}

/** A piece of memory of its own: only that goes to another thread, not what lies around it. */
const own = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)

const operationOf = (
  call: Exclude<StoreCall, { readonly op: 'kv.close' }>,
  { store, key }: KeyValueCapability,
  quotaBytes: number,
): StoreOperation => {
  switch (call.op) {
    case 'kv.open':
      return { kind: 'open', store }
    case 'kv.get':
      return { kind: 'get', store, key }
    case 'kv.stat':
      return { kind: 'stat', store, key }
    case 'kv.delete':
      return { kind: 'delete', store, key }
    case 'kv.set':
      return { kind: 'set', store, key, value: own(call.body), quotaBytes }
    case 'kv.increment':
      return { kind: 'increment', store, key, delta: call.args.delta, unsigned: call.args.unsigned, quotaBytes }
    case 'kv.swap':
      return { kind: 'swap', store, key, revision: call.args.revision, value: own(call.body), quotaBytes }
    case 'kv.list':
      return { kind: 'list', store, after: call.args.after }
  }
}

const lengthOf = (keys: unknown): number =>
  Array.isArray(keys) ? keys.reduce((sum: number, key: unknown) => sum + (typeof key === 'string' ? Buffer.byteLength(key) : 0), 0) : 0

/** Performs `kv.*` on the stores of one namespace; each key is decided on its own. */
export const createKeyValueProvider = (session: ProviderSession, options: KeyValueOptions): Provider => new GrantedStores(session, options)
