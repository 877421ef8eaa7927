import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { entryOverheadBytes } from '#host/providers/keyvalue/namespace-stores.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { StoreHome, storeRule } from './store-guest.ts'

describe('a store', () => {
  test('keeps what is put into it, and gives it to a later session', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')]).open()
    expect(await bucket.get('greeting')).toBeUndefined()
    expect(await bucket.set('greeting', 'hello')).toBe('ok')
    expect(await bucket.set('empty', '')).toBe('ok')
    expect(await bucket.set('', 'of the empty key')).toBe('ok')
    expect(await bucket.set('greeting', 'good morning')).toBe('ok')
    expect([await bucket.get('greeting'), await bucket.get('empty'), await bucket.get('')]).toEqual([
      'good morning',
      '',
      'of the empty key',
    ])
    expect(await bucket.delete('greeting')).toBe('ok')
    expect(await bucket.delete('greeting')).toBe('ok')
    expect(await bucket.get('greeting')).toBeUndefined()

    const later = await home.guest([storeRule('default')]).open()
    expect([await later.get('greeting'), await later.get('empty')]).toEqual([undefined, ''])
    expect(await later.keys()).toEqual(['empty', ''])
  })

  test('does whatever a map does, in whatever order', async () => {
    await using home = new StoreHome()
    const stores = home.stores()
    const key = fc.constantFrom('a', 'b', 'c', 'ä', '\0', '__proto__', 'k'.repeat(1024))
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, value: fc.string({ maxLength: 300 }) }),
      fc.record({ do: fc.constantFrom('get' as const, 'delete' as const, 'stat' as const, 'keys' as const), key, value: fc.constant('') }),
    )
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const bucket = await home.guest([storeRule('default')], { stores, namespace: `agent ${(run += 1)}` }).open()
        const model = new Map<string, string>()
        for (const { do: action, key, value } of steps) {
          if (action === 'set') {
            expect(await bucket.set(key, value)).toBe('ok')
            model.set(key, new TextDecoder().decode(new TextEncoder().encode(value)))
          } else if (action === 'delete') {
            expect(await bucket.delete(key)).toBe('ok')
            model.delete(key)
          } else if (action === 'get') expect(await bucket.get(key)).toBe(model.get(key))
          else if (action === 'stat') expect((await bucket.stat(key)) !== '0').toBe(model.has(key))
          else expect((await bucket.keys()).toSorted()).toEqual([...model.keys()].toSorted())
        }
      }),
      { numRuns: 15 },
    )
    expect(home.troubles).toEqual([])
  })

  test('gives every change of a key another revision, also when the key was gone in between', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')]).open()
    const seen = new Set<unknown>()
    for (let round = 0; round < 3; round++) {
      await bucket.set('k', 'same')
      seen.add(await bucket.stat('k'))
      await bucket.set('k', 'same')
      seen.add(await bucket.stat('k'))
      await bucket.delete('k')
      expect(await bucket.stat('k')).toBe('0')
    }
    expect(seen.size).toBe(6)
  })

  test('is listed in pages, each key once, while others come and go', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')]).open()
    const names = Array.from({ length: 600 }, (_, index) => `key ${index}`)
    await Promise.all(names.map((name) => bucket.set(name, '')))
    const first = await bucket.page()
    expect(first.keys.length).toBe(256)
    await bucket.delete(first.keys[0] ?? '')
    await bucket.set(first.keys[1] ?? '', 'changed')
    const second = await bucket.page(first.next)
    const third = await bucket.page(second.next)
    expect([...first.keys, ...second.keys, ...third.keys].toSorted()).toEqual(names.toSorted())
    expect(third.next).toBeNull()
    const long = await home.guest([storeRule('long')]).open('long')
    const longNames = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(1024, '\u0001'))
    await Promise.all(longNames.map((name) => long.set(name, '')))
    const page = await long.page()
    // So that a page fits its frame even when every character takes six in JSON.
    expect(JSON.stringify(page).length).toBeLessThan(512 * 1024)
    expect((await long.keys()).toSorted()).toEqual(longNames.toSorted())
  })

  test('takes a page cursor for the number that it is, whatever it says', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')]).open()
    await bucket.set('a', '1')
    for (const forged of ['1', '999', '9007199254740993', '18446744073709551615', '99999999999999999999'])
      expect(await bucket.page(forged)).toEqual({ keys: [], next: null })
    expect(await bucket.page('0')).toEqual({ keys: ['a'], next: null })
  })
})

describe('atomics', () => {
  test('count in decimal text, within 64 bits', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')]).open()
    expect(await bucket.increment('n', 5)).toBe('5')
    expect(await bucket.increment('n', -7)).toBe('-2')
    expect(await bucket.get('n')).toBe('-2')
    expect(await bucket.increment('n', 1, true)).toBe('!out-of-range')
    await bucket.set('n', '9223372036854775806')
    expect(await bucket.increment('n', 1)).toBe('9223372036854775807')
    expect(await bucket.increment('n', 1)).toBe('!out-of-range')
    expect(await bucket.increment('n', 1, true)).toBe('9223372036854775808')
    expect(await bucket.increment('n', '9223372036854775807', true)).toBe('18446744073709551615')
    expect(await bucket.increment('n', 1, true)).toBe('!out-of-range')
    expect(await bucket.get('n')).toBe('18446744073709551615')
    for (const text of ['', 'one', '1.5', '1e3', ' 1', '0x10', '1\n', '9'.repeat(21)]) {
      await bucket.set('odd', text)
      expect(await bucket.increment('odd', 1), text).toBe('!not-a-number')
    }
  })

  test('swap only what is still as it was', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')]).open()
    expect(await bucket.swap('k', '7', 'x')).toEqual([false, '0'])
    const [swapped, revision] = await bucket.swap('k', '0', 'one')
    expect(swapped).toBe(true)
    expect(await bucket.swap('k', '0', 'again')).toEqual([false, revision])
    await bucket.set('k', 'by another')
    expect((await bucket.swap('k', revision, 'two'))[0]).toBe(false)
    expect(await bucket.get('k')).toBe('by another')
    expect((await bucket.swap('k', await bucket.stat('k'), 'two'))[0]).toBe(true)
    expect(await bucket.get('k')).toBe('two')
  })
})

describe('what may be done with a store', () => {
  test('is what was granted: reading alone, that store alone', async () => {
    await using home = new StoreHome()
    const guest = home.guest([storeRule('notes', { mode: 'ro' })])
    const bucket = await guest.open('notes')
    expect(await bucket.get('k')).toBeUndefined()
    expect(await bucket.set('k', 'v')).toBe('!not-permitted')
    expect(await bucket.delete('k')).toBe('!not-permitted')
    expect(await bucket.increment('k', 1)).toBe('!not-permitted')
    expect(await bucket.swap('k', 0, 'v')).toEqual(['!not-permitted', undefined])
    await expect(guest.open('default')).rejects.toThrow('not-permitted')
  })

  test('ends with its handle, which is no other handle', async () => {
    await using home = new StoreHome()
    const guest = home.guest([storeRule('default')])
    const bucket = await guest.open()
    await bucket.set('k', 'v')
    expect((await bucket.close()).ok).toBe(true)
    expect(await bucket.get('k')).toBe('!bad-descriptor')
    const foreign = guest.session.adopt({ close: async () => undefined, summary: () => ({}) })
    const answer = await guest.session.call('kv.get', { bucket: foreign, key: 'k' })
    expect(answer).toMatchObject({ ok: false, code: 'bad-descriptor' })
    expect(guest.session.summaries).toContainEqual({ store: 'default', calls: 1 })
  })

  test('is bounded in size: keys, values, what a session may send and take', async () => {
    await using home = new StoreHome()
    const guest = home.guest([storeRule('default')])
    const bucket = await guest.open()
    expect(await bucket.set('k'.repeat(1024), 'v')).toBe('ok')
    expect(await bucket.set('ä'.repeat(513), 'v')).toBe('!too-large')
    expect(await bucket.set('\ud800', 'v')).toBe('!invalid')
    expect(await bucket.set('big', new Uint8Array(maxChunkBytes))).toBe('ok')
    expect(await bucket.set('big', new Uint8Array(maxChunkBytes + 1))).toBe('!too-large')
    guest.session.egressLeft = 10
    expect(await bucket.set('k', 'eleven byte')).toBe('!not-permitted')
    guest.session.ingressLeft = 100
    expect(await bucket.get('big')).toBe('!not-permitted')
  })
})

describe('a quota', () => {
  const room = (entries: number, each: number): number => entries * (each + entryOverheadBytes)

  test('counts keys, values and what an entry takes besides, to the byte', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default', { quotaBytes: room(2, 10) })]).open()
    expect(await bucket.set('a', '123456789')).toBe('ok')
    expect(await bucket.set('b', '1234567890')).toBe('!full')
    expect(await bucket.set('b', '123456789')).toBe('ok')
    expect(await bucket.set('c', '')).toBe('!full')
    expect(await bucket.set('a', '1234567890')).toBe('!full')
    expect(await bucket.get('a')).toBe('123456789')
    expect(await bucket.set('a', '1234')).toBe('ok')
    expect(await bucket.set('b', '12345678901234')).toBe('ok')
    expect(await bucket.increment('n', 1)).toBe('!full')
    expect(await bucket.swap('n', '0', '')).toEqual(['!full', undefined])
    await bucket.delete('a')
    expect(await bucket.increment('n', 1)).toBe('1')
  })

  test('that was lowered lets a store shrink and not grow', async () => {
    await using home = new StoreHome()
    await (await home.guest([storeRule('default')]).open()).set('a', 'x'.repeat(1000))
    const bucket = await home.guest([storeRule('default', { quotaBytes: 300 })]).open()
    expect(await bucket.set('a', 'x'.repeat(1001))).toBe('!full')
    expect(await bucket.set('b', '')).toBe('!full')
    expect(await bucket.set('a', 'x'.repeat(999))).toBe('ok')
    expect(await bucket.get('a')).toBe('x'.repeat(999))
  })
})

describe('the folder of the stores', () => {
  test('is closed to others, as are the databases, and says nothing of their content', async () => {
    await using home = new StoreHome()
    const bucket = await home.guest([storeRule('default')], { namespace: 'briefing' }).open()
    await bucket.set('the-secret-key', 'the-secret-value')
    expect(statSync(home.folder).mode & 0o777).toBe(0o700)
    const [file = ''] = home.files()
    expect(file).not.toContain('briefing')
    expect(file).toMatch(/\/[0-9a-f]{40}\.sqlite$/)
    home.tamper((database) => {
      expect(statSync(file).mode & 0o077).toBe(0)
      expect(statSync(`${file}-wal`).mode & 0o077).toBe(0)
      const all = database
        .prepare(
          'SELECT hex(name) || hex(value) AS text FROM entry UNION ALL SELECT hex(tag) || hex(mac) FROM store UNION ALL SELECT hex(name || value) FROM about',
        )
        .all()
      const hex = Buffer.from('the-secret').toString('hex').toUpperCase()
      expect(all.length).toBeGreaterThan(3)
      expect(all.filter(({ text }) => String(text).includes(hex))).toEqual([])
    })
  })

  test('is not used when others can look into it, or when the file of a database is a link', async () => {
    await using open = new StoreHome()
    mkdirSync(open.folder)
    chmodSync(open.folder, 0o755)
    await expect(open.guest([storeRule('default')]).open()).rejects.toThrow('unavailable')
    expect(open.troubles.join()).toContain('chmod 700')

    await using linked = new StoreHome()
    await (await linked.guest([storeRule('default')]).open()).set('k', 'v')
    const [file = ''] = linked.files()
    const other = new StoreHome()
    mkdirSync(other.folder, { mode: 0o700 })
    writeFileSync(join(other.folder, 'elsewhere'), '', { mode: 0o600 })
    symlinkSync(join(other.folder, 'elsewhere'), join(other.folder, file.slice(file.lastIndexOf('/') + 1)))
    other.key = linked.key
    await expect(other.guest([storeRule('default')]).open()).rejects.toThrow('unavailable')
    expect(statSync(join(other.folder, 'elsewhere')).size).toBe(0)
    await other[Symbol.asyncDispose]()
  })
})
