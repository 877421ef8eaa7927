import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DatabasePool } from '#host/providers/keyvalue/database-pool.ts'
import { databaseName } from '#host/providers/keyvalue/sealing.ts'
import { StoreHome, storeRule } from '../../host/providers/keyvalue/store-guest.ts'

const rules = [storeRule('default')]
const quotaBytes = 64 * 1024 * 1024

/** Puts so many entries into a namespace's store, as an earlier process would have. */
const fill = (home: StoreHome, namespace: string, entries: number): void => {
  using pool = new DatabasePool(home.folder, home.key)
  const value = new Uint8Array(10)
  for (let at = 0; at < entries; at += 2000) {
    const asked = Array.from({ length: Math.min(2000, entries - at) }, (_, nth) => ({
      id: nth,
      namespace,
      operation: { kind: 'set', store: 'default', key: `key ${at + nth}`, value, quotaBytes } as const,
    }))
    while (typeof pool.perform(namespace, asked) === 'string');
  }
}

/** Does something of a neighbour's so often, one after the other, and gives how many times were done by the time that `work` is. */
const meanwhile = async (work: Promise<unknown>, neighbour: () => Promise<unknown>, times: number): Promise<number> => {
  const over = work.then(
    () => (isOver = true),
    () => (isOver = true),
  )
  let isOver = false
  let done = 0
  for (; done < times; done += 1) {
    await neighbour()
    if (isOver) break
  }
  await over
  return done
}

describe('an agent whose store takes long', () => {
  test('to look through keeps no other agent waiting', async () => {
    await using home = new StoreHome()
    fill(home, 'large', 6000)
    const stores = home.stores()
    const other = await home.guest(rules, { stores, namespace: 'other' }).open()
    await other.set('a', '1')
    const large = home.guest(rules, { stores, namespace: 'large' }).open()
    expect(await meanwhile(large, () => other.get('a'), 3)).toBe(3)
    expect(await (await large).get('key 5999')).toBe('\0'.repeat(10))
  })

  test('because it was changed from outside is looked through once, not with every call', async () => {
    await using home = new StoreHome()
    fill(home, 'large', 6000)
    home.tamper((database) => database.exec('DELETE FROM entry WHERE place = 77'))
    const stores = home.stores()
    await home.guest(rules, { stores, namespace: 'other' }).open()
    const began = performance.now()
    await expect(home.guest(rules, { stores, namespace: 'large' }).open()).rejects.toThrow('unavailable')
    const first = performance.now() - began
    for (let nth = 0; nth < 40; nth += 1)
      await expect(home.guest(rules, { stores, namespace: 'large' }).open()).rejects.toThrow('unavailable')
    expect(performance.now() - began).toBeLessThan(6 * first)
  })

  test('because another process has its database keeps no other agent waiting', async () => {
    await using home = new StoreHome()
    const stores = home.stores()
    const [held, other] = await Promise.all(['held', 'other'].map((namespace) => home.guest(rules, { stores, namespace }).open()))
    await held?.set('a', '1')
    await other?.set('a', '1')
    using holder = new DatabaseSync(join(home.folder, databaseName('held')))
    holder.exec('BEGIN IMMEDIATE')
    const waiting = Promise.all(Array.from({ length: 16 }, async (_, nth) => held?.set(`b${nth}`, '2')))
    expect(await meanwhile(waiting, async () => other?.set('a', '2'), 20)).toBe(20)
    expect(new Set(await waiting)).toEqual(new Set(['!busy']))
    holder.exec('ROLLBACK')
    expect(await held?.set('a', '3')).toBe('ok')
  })

  test('because it is asked for thousands of things at once has its turn and no more', async () => {
    await using home = new StoreHome()
    const stores = home.stores()
    const other = await home.guest(rules, { stores, namespace: 'other' }).open()
    let done = 0
    const flood = Array.from({ length: 3000 }, (_, nth) =>
      stores
        .perform('flood', { kind: 'set', store: 'default', key: `k${nth}`, value: new Uint8Array(1), quotaBytes })
        .then(() => (done += 1)),
    )
    await other.set('a', '1')
    expect(done).toBeLessThan(1000)
    await Promise.all(flood)
    expect(done).toBe(3000)
  })
})
