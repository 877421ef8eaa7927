import { describe, expect, test } from 'vitest'
import type { KeyValueRule } from '#core/policy/rules.ts'
import type { CallReply } from '#wire/calls.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { StoreHome, storeRule } from '../../host/providers/keyvalue/store-guest.ts'
import { bytes, errOf, importsOver, MemoryWorld, settled, text } from './memory-world.ts'

interface Bucket extends Disposable {
  get(key: string): Promise<Uint8Array | undefined>
  set(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
  exists(key: string): Promise<boolean>
  listKeys(cursor: string | bigint | undefined): Promise<{ keys: string[]; cursor: string | bigint | undefined }>
}

interface Cas extends Disposable {
  current(): Promise<Uint8Array | undefined>
}

interface Keyvalue {
  readonly store: { open(name: string): Promise<Bucket> }
  readonly atomics: {
    readonly Cas: { readonly new: (bucket: Bucket, key: string) => Promise<Cas> }
    increment(bucket: Bucket, key: string, delta: bigint): Promise<bigint>
    swap(cas: Cas, value: Uint8Array): Promise<void>
  }
  readonly batch: {
    getMany(bucket: Bucket, keys: readonly string[]): Promise<([string, Uint8Array] | undefined)[]>
    setMany(bucket: Bucket, entries: readonly (readonly [string, Uint8Array])[]): Promise<void>
    deleteMany(bucket: Bucket, keys: readonly string[]): Promise<void>
  }
}

/** A guest whose host is the real provider. */
class KeyvalueWorld extends MemoryWorld implements AsyncDisposable {
  readonly home = new StoreHome()
  readonly draft2: Keyvalue
  readonly draft: Keyvalue

  constructor(rules: readonly KeyValueRule[] = [storeRule('default')]) {
    super()
    const { session } = this.home.guest(rules)
    this.host.intercept = async ({ op, args, body }): Promise<CallReply> => {
      const answer = await session.call(op, args, body)
      return answer.ok
        ? { ok: true, value: answer.handle < 0 ? answer.value : { ...answer.value, handle: answer.handle }, body: answer.body }
        : answer
    }
    const imports = importsOver(this.world)
    const at = (version: string): Keyvalue =>
      Object.fromEntries(
        ['store', 'atomics', 'batch'].map((name) => [name, imports[`wasi:keyvalue/${name}${version}`]]),
      ) as unknown as Keyvalue
    this.draft2 = at('')
    this.draft = at('@0.2.0-draft')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.home[Symbol.asyncDispose]()
  }
}

const read = async (bucket: Bucket, key: string): Promise<string | undefined> => {
  const value = await bucket.get(key)
  return value === undefined ? undefined : text(value)
}

describe.each(['draft2', 'draft'] as const)('a bucket of 0.2.0-%s', (version) => {
  test('keeps and gives, and is closed at the host when it is dropped', async () => {
    await using world = new KeyvalueWorld()
    const { store } = world[version]
    const bucket = await store.open('')
    expect(await bucket.exists('k')).toBe(false)
    await bucket.set('k', bytes('v'))
    expect([await read(bucket, 'k'), await bucket.exists('k'), await bucket.get('other')]).toEqual(['v', true, undefined])
    await bucket.set('empty', bytes(''))
    expect(await read(bucket, 'empty')).toBe('')
    await bucket.delete('k')
    expect((await bucket.listKeys(undefined)).keys).toEqual(['empty'])
    bucket[Symbol.dispose]()
    bucket[Symbol.dispose]()
    await settled()
    expect(world.host.ops().filter((op) => op === 'kv.close')).toEqual(['kv.close'])
    expect(world.held).toBe(0)
  })

  test('pages by cursors', async () => {
    await using world = new KeyvalueWorld()
    const bucket = await world[version].store.open('default')
    const names = Array.from({ length: 300 }, (_, index) => `${index}`)
    await world[version].batch.setMany(
      bucket,
      names.map((name) => [name, bytes('')]),
    )
    const { keys, cursor } = await bucket.listKeys(undefined)
    expect(typeof cursor).toBe(version === 'draft' ? 'bigint' : 'string')
    const rest = await bucket.listKeys(cursor)
    expect([...keys, ...rest.keys].toSorted()).toEqual(names.toSorted())
    expect(rest.cursor).toBeUndefined()
    const forged = version === 'draft' ? [2n ** 64n - 1n, 0n] : ['18446744073709551615', '0']
    expect((await bucket.listKeys(forged[0])).keys).toEqual([])
    expect((await bucket.listKeys(forged[1])).keys.length).toBe(256)
  })

  test('tells a guest what it may know, and never why', async () => {
    await using world = new KeyvalueWorld([storeRule('default', { mode: 'ro', quotaBytes: 10 })])
    const { store, batch } = world[version]
    expect(await errOf(() => store.open('notes'))).toEqual({ tag: 'access-denied' })
    expect(await errOf(() => store.open('../notes'))).toEqual({ tag: 'no-such-store' })
    expect(await errOf(() => store.open('x'.repeat(1000)))).toEqual({ tag: 'no-such-store' })
    const bucket = await store.open('default')
    expect(await errOf(() => bucket.set('k', bytes('v')))).toEqual({ tag: 'access-denied' })
    expect(await errOf(() => bucket.get('k'.repeat(1025)))).toMatchObject({ tag: 'other', val: expect.stringContaining('at most 1024') })
    expect(await errOf(() => bucket.set('k', new Uint8Array(maxChunkBytes + 1)))).toMatchObject({ tag: 'other' })
    expect(await errOf(() => batch.getMany(bucket, Array.from({ length: 1001 }, String)))).toEqual({
      tag: 'other',
      val: 'a batch has at most 1000 keys',
    })
    await using broken = new KeyvalueWorld()
    broken.host.intercept = () => ({ ok: false, code: 'unavailable' })
    expect(await errOf(() => broken[version].store.open('default'))).toEqual({ tag: 'other', val: 'the store is not available' })
    broken.host.intercept = () => ({ ok: false, code: 'constructor' })
    expect(await errOf(() => broken[version].store.open('default'))).toEqual({ tag: 'other', val: 'the store is not available' })
  })

  test('works on many keys in one call, each in its place', async () => {
    await using world = new KeyvalueWorld()
    const { store, batch } = world[version]
    const bucket = await store.open('default')
    await batch.setMany(bucket, [
      ['a', bytes('1')],
      ['b', bytes('2')],
      ['a', bytes('3')],
    ])
    const [a, none, b, again] = await batch.getMany(bucket, ['a', 'none', 'b', 'b'])
    expect([a?.[0], none, b?.[0], text(b?.[1] ?? bytes('')), again]).toEqual(['a', undefined, 'b', '2', ['b', bytes('2')]])
    await batch.deleteMany(bucket, ['a', 'none', 'b'])
    expect((await bucket.listKeys(undefined)).keys).toEqual([])
    expect(await batch.getMany(bucket, [])).toEqual([])
  })

  test('brings no more in one batch than the cell can hold, and stops when something fails', async () => {
    await using world = new KeyvalueWorld([storeRule('default', { quotaBytes: 400_000 })])
    const { store, batch } = world[version]
    const bucket = await store.open('default')
    await bucket.set('big', new Uint8Array(maxChunkBytes))
    expect(
      await errOf(() =>
        batch.getMany(
          bucket,
          Array.from({ length: 40 }, () => 'big'),
        ),
      ),
    ).toMatchObject({ tag: 'other', val: expect.stringContaining('bytes') })
    const before = world.host.calls.length
    const entries = Array.from({ length: 500 }, (_, index) => [`${index}`, new Uint8Array(100_000)] as const)
    expect(await errOf(() => batch.setMany(bucket, entries))).toEqual({ tag: 'other', val: 'the store is full' })
    expect(world.host.calls.length - before).toBeLessThan(100)
  })

  test('counts atomically', async () => {
    await using world = new KeyvalueWorld()
    const { store, atomics } = world[version]
    const bucket = await store.open('default')
    expect(await atomics.increment(bucket, 'n', 5n)).toBe(5n)
    const most = version === 'draft' ? 2n ** 64n - 1n : 2n ** 63n - 1n
    expect(await atomics.increment(bucket, 'n', most - 5n)).toBe(most)
    expect(await errOf(() => atomics.increment(bucket, 'n', 1n))).toEqual({ tag: 'other', val: 'the sum is out of range' })
    await bucket.set('text', bytes('one'))
    expect(await errOf(() => atomics.increment(bucket, 'text', 1n))).toEqual({ tag: 'other', val: 'the value is not a whole number' })
    if (version === 'draft2') expect(await atomics.increment(bucket, 'n', -most)).toBe(0n)
    else expect(Object.keys(atomics)).toEqual(['increment'])
  })
})

describe('compare and swap', () => {
  const opened = async (world: KeyvalueWorld): Promise<{ bucket: Bucket; look: (key: string) => Promise<Cas> }> => {
    const bucket = await world.draft2.store.open('default')
    const { Cas } = world.draft2.atomics
    return { bucket, look: (key) => Cas.new(bucket, key) }
  }

  test('swaps what nobody changed, and uses its handle up', async () => {
    await using world = new KeyvalueWorld()
    const { bucket, look } = await opened(world)
    const held = world.held
    const cas = await look('k')
    expect(await cas.current()).toBeUndefined()
    await world.draft2.atomics.swap(cas, bytes('one'))
    expect(await read(bucket, 'k')).toBe('one')
    expect(world.held).toBe(held)
    cas[Symbol.dispose]()
    expect(world.held).toBe(held)
  })

  test('that comes too late gives a fresh handle, which has seen the present value', async () => {
    await using world = new KeyvalueWorld()
    const { bucket, look } = await opened(world)
    const cas = await look('k')
    await bucket.set('k', bytes('by another'))
    const failed = (await errOf(() => world.draft2.atomics.swap(cas, bytes('mine')))) as { tag: string; val: Cas }
    expect(failed.tag).toBe('cas-failed')
    expect(await read(bucket, 'k')).toBe('by another')
    await world.draft2.atomics.swap(failed.val, bytes('mine'))
    expect(await read(bucket, 'k')).toBe('mine')
  })

  test('compares with what was read last', async () => {
    await using world = new KeyvalueWorld()
    const { bucket, look } = await opened(world)
    const cas = await look('k')
    await bucket.set('k', bytes('1'))
    expect(text((await cas.current()) ?? bytes(''))).toBe('1')
    await world.draft2.atomics.swap(cas, bytes('2'))
    const stale = await look('k')
    await stale.current()
    await bucket.delete('k')
    await bucket.set('k', bytes('2'))
    expect(await errOf(() => world.draft2.atomics.swap(stale, bytes('3')))).toMatchObject({ tag: 'cas-failed' })
  })

  test('tells an error of the store as such, and outlives its bucket', async () => {
    await using world = new KeyvalueWorld([storeRule('default', { quotaBytes: 200 })])
    const { bucket, look } = await opened(world)
    const cas = await look('k')
    const kept = await look('k')
    bucket[Symbol.dispose]()
    await settled()
    expect(world.host.ops()).not.toContain('kv.close')
    expect(await errOf(() => world.draft2.atomics.swap(cas, new Uint8Array(300)))).toEqual({
      tag: 'store-error',
      val: { tag: 'other', val: 'the store is full' },
    })
    expect(await kept.current()).toBeUndefined()
    kept[Symbol.dispose]()
    await settled()
    expect(world.host.ops().at(-1)).toBe('kv.close')
    expect(world.held).toBe(0)
  })
})
