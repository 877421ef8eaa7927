import { readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { entryOverheadBytes } from '#host/providers/keyvalue/namespace-stores.ts'
import { StoreHome, storeRule, type TestBucket } from '../../host/providers/keyvalue/store-guest.ts'

const rules = [storeRule('default'), storeRule('notes')]

describe('an agent', () => {
  test('reaches nothing of another one, whatever names they choose', async () => {
    await using home = new StoreHome()
    const stores = home.stores()
    const names = ['agent', 'agent\0default', 'agent/default', 'Agent', 'agent ', '../agent', '']
    for (const namespace of names) {
      const bucket = await home.guest(rules, { stores, namespace }).open()
      expect(await bucket.keys()).toEqual([])
      expect(await bucket.set('k', `of ${namespace}`)).toBe('ok')
      const notes = await home.guest(rules, { stores, namespace }).open('notes')
      expect(await notes.get('k')).toBeUndefined()
    }
    for (const namespace of names) {
      const bucket = await home.guest(rules, { stores, namespace }).open()
      expect(await bucket.get('k')).toBe(`of ${namespace}`)
    }
    expect(home.files().length).toBe(names.length)
  })

  test('makes no file by the name of a store', async () => {
    await using home = new StoreHome()
    const named = [
      '../../etc',
      '/etc/passwd',
      '..',
      '.',
      '',
      'a/b',
      'a\\b',
      'default\0',
      'dеfault',
      'default ',
      'DEFAULT\n',
      'x'.repeat(129),
      '\ud800',
      '%2e%2e',
    ]
    // Even where an operator granted such a name, if one could.
    const guest = home.guest([...rules, ...named.map((name) => storeRule(name))])
    await guest.open()
    const before = readdirSync(home.folder).toSorted()
    for (const name of named) await expect(guest.open(name), name).rejects.toThrow('no-such-store')
    expect(readdirSync(home.folder).toSorted()).toEqual(before)
  })
})

/** A store with two entries, written and closed. */
const written = async (): Promise<StoreHome> => {
  const home = new StoreHome()
  const stores = home.stores()
  for (const store of ['default', 'notes']) {
    const bucket = await home.guest(rules, { stores }).open(store)
    await bucket.set('role', 'guest')
    await bucket.set('name', 'admin')
  }
  await stores[Symbol.asyncDispose]()
  return home
}

/** What a new process makes of a changed database. */
const outcome = async (home: StoreHome): Promise<string> => {
  const open = await home
    .guest(rules)
    .open()
    .catch((error: unknown) => error)
  if (open instanceof Error) return open.message
  return String(await (open as TestBucket).get('role'))
}

describe('whoever can write the database and has no key', () => {
  type Tampering = (database: DatabaseSync) => void
  test.each<readonly [string, Tampering]>([
    ['swaps two values', (db) => swapColumns(db, ['value'])],
    ['swaps two values with their revisions', (db) => swapColumns(db, ['value', 'revision'])],
    ['swaps two keys', (db) => swapColumns(db, ['tag'])],
    ['swaps all but the place', (db) => swapColumns(db, ['tag', 'name', 'value', 'revision'])],
    ['moves entries to another store', (db) => db.exec('UPDATE entry SET store = store + 2; UPDATE entry SET store = 5 - store')],
    [
      'gives a store the name of another',
      (db) => {
        const [first, second] = db.prepare('SELECT tag FROM store ORDER BY id').all()
        const put = db.prepare('UPDATE store SET tag = ? WHERE id = ?')
        put.run(Buffer.alloc(32), 1)
        put.run(first?.['tag'] ?? null, 2)
        put.run(second?.['tag'] ?? null, 1)
      },
    ],
    ['removes an entry', (db) => db.exec('DELETE FROM entry WHERE store = 1 AND place = 1')],
    [
      'adds an entry',
      (db) =>
        db.exec(
          'INSERT INTO entry (store, tag, place, revision, name, value) SELECT store, zeroblob(32), 99, revision, name, value FROM entry WHERE store = 1 LIMIT 1',
        ),
    ],
    ['flips a bit of a value', (db) => db.exec('UPDATE entry SET value = zeroblob(length(value)) WHERE place = 1')],
    ['cuts a value', (db) => db.exec("UPDATE entry SET value = x'00'")],
    ['makes a value a text', (db) => db.exec("UPDATE entry SET value = 'guest'")],
    ['makes a number a text', (db) => db.exec("UPDATE entry SET revision = 'x'")],
    ['counts a store down, to get round its quota', (db) => db.exec('UPDATE store SET bytes = 0, entries = 0')],
    ['adds a trigger', (db) => db.exec('CREATE TRIGGER evil AFTER INSERT ON entry BEGIN DELETE FROM entry; END')],
    ['puts a view in the place of a table', (db) => db.exec('ALTER TABLE entry RENAME TO other; CREATE VIEW entry AS SELECT * FROM other')],
    ['says that another key was used', (db) => db.exec("UPDATE about SET value = '0' WHERE name = 'key'")],
    ['says that it is of another format', (db) => db.exec("UPDATE about SET value = '2' WHERE name = 'format'")],
  ])('%s: the store gives nothing more, and the operator hears of it', async (_what, tampering) => {
    await using home = await written()
    home.tamper(tampering)
    expect(await outcome(home)).toMatch(/unavailable/)
    expect(home.troubles.join()).not.toBe('')
    // What a guest hears of it names neither a file nor a reason: see the adapter. What the operator hears names no key and no value.
    expect(home.troubles.join()).not.toMatch(/role|admin/)
  })

  test('puts an older entry back in its place: found by the next process', async () => {
    await using home = await written()
    let old: unknown[] = []
    home.tamper((db) => {
      old = Object.values(db.prepare('SELECT revision, value FROM entry WHERE store = 1 AND place = 1').get() ?? {})
    })
    await (await home.guest(rules).open()).set('role', 'nobody')
    home.tamper((db) => {
      db.prepare('UPDATE entry SET revision = ?, value = ? WHERE store = 1 AND place = 1').run(...(old as [number, Uint8Array]))
    })
    expect(await outcome(home)).toMatch(/unavailable/)
  })

  test('fills the file with noise, or cuts it: nothing is given and nothing is thrown away', async () => {
    const { truncateSync, writeFileSync, readFileSync } = await import('node:fs')
    for (const damage of ['noise', 'cut']) {
      await using home = await written()
      const [file = ''] = home.files()
      if (damage === 'noise') writeFileSync(file, Buffer.alloc(40_000, 0x5a))
      else truncateSync(file, 5000)
      const before = readFileSync(file)
      expect(await outcome(home)).toMatch(/unavailable/)
      expect(readFileSync(file)).toEqual(before)
    }
  })
})

const swapColumns = (db: DatabaseSync, columns: readonly string[]): void => {
  const rows = db.prepare('SELECT id, tag, name, value, revision FROM entry WHERE store = 1 ORDER BY place').all()
  const [first, second] = rows
  if (first === undefined || second === undefined) throw new Error('expected two entries')
  const park = db.prepare('UPDATE entry SET tag = ? WHERE id = ?')
  park.run(Buffer.alloc(32, 1), first['id'] ?? 0)
  park.run(Buffer.alloc(32, 2), second['id'] ?? 0)
  const put = db.prepare('UPDATE entry SET tag = ?, name = ?, value = ?, revision = ? WHERE id = ?')
  const mixed = (own: typeof first, other: typeof first): void => {
    const [tag, name, value, revision] = ['tag', 'name', 'value', 'revision'].map(
      (each) => (columns.includes(each) ? other : own)[each] ?? null,
    )
    put.run(tag ?? null, name ?? null, value ?? null, revision ?? null, own['id'] ?? 0)
  }
  mixed(first, second)
  mixed(second, first)
}

describe('a wrong key of the host', () => {
  test('opens nothing and changes nothing, and the right one opens everything again', async () => {
    await using home = await written()
    const { key } = home
    home.key = Buffer.alloc(32, 7)
    expect(await outcome(home)).toMatch(/unavailable/)
    expect(home.troubles.join()).toMatch(/was made with another key of this host: put that one back/)
    home.key = key
    expect(await outcome(home)).toBe('guest')
  })
})

describe('many at once', () => {
  test('that share a quota never get past it, from threads and connections of their own', async () => {
    await using home = new StoreHome()
    const quotaBytes = 20 * (entryOverheadBytes + 2)
    const buckets = await Promise.all(Array.from({ length: 4 }, () => home.guest([storeRule('default', { quotaBytes })]).open()))
    const told = await Promise.all(
      buckets.flatMap((bucket, who) =>
        Array.from({ length: 20 }, (_, nth) => bucket.set(`${'abcd'[who] ?? ''}${String.fromCharCode(65 + nth)}`, '')),
      ),
    )
    expect(new Set(told)).toEqual(new Set(['ok', '!full']))
    expect(told.filter((each) => each === 'ok').length).toBe(20)
    expect((await buckets[0]?.keys())?.length).toBe(20)
  })

  test('that swap and count lose no step of one another', async () => {
    await using home = new StoreHome()
    const buckets = await Promise.all(Array.from({ length: 4 }, () => home.guest(rules).open()))
    const rounds = 15
    let failed = 0
    const swapping = async (bucket: TestBucket): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        let revision: unknown = await bucket.stat('swapped')
        for (;;) {
          const present = Number((await bucket.get('swapped')) ?? '0')
          const [swapped, now] = await bucket.swap('swapped', revision, `${present + 1}`)
          if (swapped === true) break
          expect(swapped).toBe(false)
          failed++
          revision = now
        }
        await bucket.increment('counted', 1)
      }
    }
    await Promise.all(buckets.map(swapping))
    const [bucket] = buckets
    // A value that was read after the revision may be newer than it; the swap then fails, so that no step is lost.
    expect(await bucket?.get('swapped')).toBe(String(4 * rounds))
    expect(await bucket?.get('counted')).toBe(String(4 * rounds))
    expect(failed).toBeGreaterThan(0)
    expect(home.troubles).toEqual([])
  })

  test('wait a bounded time for one that holds the database, and are told to try again', async () => {
    await using home = await written()
    const bucket = await home.guest(rules).open()
    const [file = ''] = home.files()
    const holder = new DatabaseSync(file)
    holder.exec('BEGIN IMMEDIATE')
    const began = performance.now()
    expect(await bucket.set('role', 'x')).toBe('!busy')
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(await bucket.get('role')).toBe('guest')
    holder.exec('COMMIT')
    holder.close()
    expect(await bucket.set('role', 'x')).toBe('ok')
  })
})

describe('a cell that closes a store while it changes it', () => {
  test('is told, and so is the record, that the change was made', async () => {
    await using home = new StoreHome()
    const guest = home.guest(rules)
    const bucket = await guest.open()
    const changing = guest.session.call('kv.set', { bucket: bucket.bucket, key: 'role' }, 'admin')
    await bucket.close()
    const answer = await changing
    const after = await (await guest.open()).get('role')
    expect([answer.ok, after]).toEqual([true, 'admin'])
  })
})
