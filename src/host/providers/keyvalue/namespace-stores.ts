import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { EntrySum } from './entry-sum.ts'
import { sealedOverheadBytes, type EntryPlace, type NamespaceSeal } from './sealing.ts'
import { StoreFault, type StoreOperation, type StoreResult } from './store-operation.ts'

/** What an entry counts beside its key and its value: about what its row and indices take. */
export const entryOverheadBytes = 128
/** Entries of one store at most, whatever its quota. */
const maxEntries = 65_536
/** One page of keys. */
const pageKeys = 256
const pageBytes = 64 * 1024
/** Entries that are looked through in one step of a check: about 5 ms. */
const checkedTogether = 1000

/** A row of the table of stores. */
interface Account {
  readonly id: number
  revision: number
  entries: number
  bytes: number
  readonly sum: EntrySum
}

/** A row of the table of entries. `bytes` is what it counts. */
interface Entry {
  readonly at: EntryPlace
  readonly revision: number
  readonly bytes: number
}

type Write = Extract<StoreOperation, { readonly kind: 'set' | 'increment' | 'swap' }>

const utf8 = new TextEncoder()
const bytesOf = (nameLength: number, valueLength: number): number =>
  nameLength - sealedOverheadBytes + (valueLength - sealedOverheadBytes) + entryOverheadBytes

const tampered = (what: string): StoreFault => new StoreFault('unavailable', `${what}: the database was changed from outside`)

/** Thrown for a store that was not looked through yet: its operations want a {@link NamespaceStores.check} first, and another transaction. */
export class Unchecked extends Error {
  readonly store: string
  constructor(store: string) {
    super('the store was not checked')
    this.name = 'Unchecked'
    this.store = store
  }
}

/** What is known of the stores of a namespace for as long as the process lives, however often its database is opened. */
export interface KnownStores {
  /** Those whose entries were all found as their account has them. */
  readonly good: Set<string>
  /** Those that were changed from outside, with how that showed: nothing more is given of them. */
  readonly bad: Map<string, StoreFault>
}

/** A column that is a number; anything else was not put there by us. */
const numberIn = (row: Readonly<Record<string, unknown>>, column: string): number => {
  const value = row[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw tampered(`a row has no number as \`${column}\``)
  return value
}

const bytesIn = (row: Readonly<Record<string, unknown>>, column: string): Uint8Array => {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw tampered(`a row has no bytes as \`${column}\``)
  return value
}

const statementsOf = (
  database: DatabaseSync,
): Readonly<
  Record<
    'account' | 'addAccount' | 'saveAccount' | 'entry' | 'value' | 'addEntry' | 'saveEntry' | 'dropEntry' | 'page' | 'all',
    StatementSync
  >
> => ({
  account: database.prepare('SELECT id, revision, entries, bytes, sum, mac FROM store WHERE tag = ?'),
  addAccount: database.prepare('INSERT INTO store (tag, revision, entries, bytes, sum, mac) VALUES (?, 0, 0, 0, ?, ?) RETURNING id'),
  saveAccount: database.prepare('UPDATE store SET revision = ?, entries = ?, bytes = ?, sum = ?, mac = ? WHERE id = ?'),
  entry: database.prepare(
    'SELECT place, revision, length(name) AS nameLength, length(value) AS valueLength FROM entry WHERE store = ? AND tag = ?',
  ),
  value: database.prepare('SELECT value FROM entry WHERE store = ? AND tag = ?'),
  addEntry: database.prepare('INSERT INTO entry (store, tag, place, revision, name, value) VALUES (?, ?, ?, ?, ?, ?)'),
  saveEntry: database.prepare('UPDATE entry SET revision = ?, value = ? WHERE store = ? AND tag = ?'),
  dropEntry: database.prepare('DELETE FROM entry WHERE store = ? AND tag = ?'),
  page: database.prepare('SELECT tag, place, name FROM entry WHERE store = ? AND place > ? ORDER BY place LIMIT ?'),
  all: database.prepare('SELECT tag, place, revision, length(name) AS nameLength, length(value) AS valueLength FROM entry WHERE store = ?'),
})

/**
 * The stores of one namespace, in one database. Every method wants to be inside of a transaction of its caller's. Throws {@link StoreFault}, or an error of SQLite.
 */
export class NamespaceStores {
  readonly #seal: NamespaceSeal
  readonly #rows: ReturnType<typeof statementsOf>
  readonly #database: DatabaseSync
  readonly #known: KnownStores
  /** Stores that the present transaction made. */
  readonly #made = new Set<string>()

  constructor(database: DatabaseSync, seal: NamespaceSeal, known: KnownStores) {
    this.#database = database
    this.#seal = seal
    this.#known = known
    this.#rows = statementsOf(database)
  }

  /** Begins a transaction of its caller's, who ends it. */
  begin(isChange: boolean): void {
    this.#made.clear()
    this.#database.exec(isChange ? 'BEGIN IMMEDIATE' : 'BEGIN')
  }

  /**
   * Looks through a store, step by step, in a transaction of its own: a row that is missing, older than it should be or too many shows only in the sum. Done once a process. A full store
   * takes a second: other namespaces have their turns between the steps.
   */
  *check(store: string): Generator<undefined, void, undefined> {
    this.begin(false)
    try {
      const account = this.#accountRow(store)
      if (account === undefined) return
      const sum = new EntrySum()
      let seen = 0
      for (const row of this.#rows.all.iterate(account.id)) {
        const at = { store, tag: bytesIn(row, 'tag'), place: numberIn(row, 'place') }
        sum.add(this.#seal.share(at, numberIn(row, 'revision'), bytesOf(numberIn(row, 'nameLength'), numberIn(row, 'valueLength'))))
        seen += 1
        if (seen % checkedTogether === 0) yield
      }
      if (Buffer.compare(sum.bytes, account.sum.bytes) !== 0) throw tampered('the entries of a store are not those that were put there')
      this.#known.good.add(store)
    } catch (error) {
      if (!(error instanceof StoreFault)) throw error
      this.#known.bad.set(store, error)
    } finally {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    }
  }

  perform(operation: StoreOperation): StoreResult {
    const account = this.#account(operation.store)
    switch (operation.kind) {
      case 'open':
        return { fields: {} }
      case 'get':
        return this.#get(account, operation)
      case 'stat':
        return { fields: { revision: String(this.#entry(account, operation)?.revision ?? 0) } }
      case 'set':
        this.#write(account, operation, operation.value)
        return { fields: {} }
      case 'delete':
        this.#delete(account, operation)
        return { fields: {} }
      case 'increment':
        return this.#increment(account, operation)
      case 'swap':
        return this.#swap(account, operation)
      case 'list':
        return this.#list(account, operation)
    }
  }

  #get(account: Account | undefined, operation: { readonly store: string; readonly key: string }): StoreResult {
    const entry = this.#entry(account, operation)
    if (account === undefined || entry === undefined) return { fields: { revision: '0' } }
    return { fields: { revision: String(entry.revision) }, body: this.#value(account, entry) }
  }

  #increment(account: Account | undefined, operation: Extract<Write, { readonly kind: 'increment' }>): StoreResult {
    const entry = this.#entry(account, operation)
    const present = account === undefined || entry === undefined ? '0' : new TextDecoder().decode(this.#value(account, entry))
    if (!/^-?[0-9]{1,20}$/.test(present)) throw new StoreFault('not-a-number', 'the value is no whole number')
    const sum = BigInt(present) + BigInt(operation.delta)
    const wrapped = operation.unsigned ? BigInt.asUintN(64, sum) : BigInt.asIntN(64, sum)
    if (wrapped !== sum) throw new StoreFault('out-of-range', 'the sum takes more than 64 bits')
    this.#write(account, operation, utf8.encode(String(sum)))
    return { fields: { sum: String(sum) } }
  }

  #swap(account: Account | undefined, operation: Extract<Write, { readonly kind: 'swap' }>): StoreResult {
    const present = this.#entry(account, operation)?.revision ?? 0
    if (String(present) !== operation.revision) return { fields: { swapped: false, revision: String(present) } }
    return { fields: { swapped: true, revision: String(this.#write(account, operation, operation.value)) } }
  }

  #list(account: Account | undefined, { store, after }: Extract<StoreOperation, { readonly kind: 'list' }>): StoreResult {
    const from = BigInt(after ?? '0')
    if (account === undefined || from > BigInt(Number.MAX_SAFE_INTEGER)) return { fields: { keys: [], next: null } }
    const rows = this.#rows.page.all(account.id, Number(from), pageKeys + 1)
    const keys: string[] = []
    let bytes = 0
    let next: string | null = null
    for (const row of rows) {
      if (keys.length === pageKeys || bytes >= pageBytes) return { fields: { keys, next } }
      const at = { store, tag: bytesIn(row, 'tag'), place: numberIn(row, 'place') }
      const key = this.#seal.openKey(at, bytesIn(row, 'name'))
      if (Buffer.compare(this.#seal.tag(store, key), at.tag) !== 0) throw tampered('a key stands where another belongs')
      keys.push(key)
      bytes += Buffer.byteLength(key)
      next = String(at.place)
    }
    return { fields: { keys, next: null } }
  }

  /** Gives the new revision. */
  #write(given: Account | undefined, operation: Write, value: Uint8Array): number {
    const { store, key, quotaBytes } = operation
    const account = given ?? this.#addAccount(store)
    const old = this.#entry(account, operation)
    const bytes = utf8.encode(key).length + value.length + entryOverheadBytes
    checkRoom(account, { bytes: bytes - (old?.bytes ?? 0), entries: old === undefined ? 1 : 0, quotaBytes })
    account.revision += 1
    const { revision } = account
    if (old !== undefined) this.#forget(account, old)
    const at = old?.at ?? { store, tag: this.#seal.tag(store, key), place: revision }
    const sealed = this.#seal.sealValue(at, revision, value)
    if (old === undefined) this.#rows.addEntry.run(account.id, at.tag, at.place, revision, this.#seal.sealKey(at, key), sealed)
    else this.#rows.saveEntry.run(revision, sealed, account.id, at.tag)
    account.sum.add(this.#seal.share(at, revision, bytes))
    account.entries += 1
    account.bytes += bytes
    this.#save(store, account)
    return revision
  }

  #delete(account: Account | undefined, operation: { readonly store: string; readonly key: string }): void {
    const old = this.#entry(account, operation)
    if (account === undefined || old === undefined) return
    // Counted on, so that the same key never has the same revision twice.
    account.revision += 1
    this.#forget(account, old)
    this.#rows.dropEntry.run(account.id, old.at.tag)
    this.#save(operation.store, account)
  }

  #forget(account: Account, old: Entry): void {
    account.sum.remove(this.#seal.share(old.at, old.revision, old.bytes))
    account.entries -= 1
    account.bytes -= old.bytes
  }

  #value(account: Account, { at, revision }: Entry): Uint8Array<ArrayBuffer> {
    const row = this.#rows.value.get(account.id, at.tag)
    if (row === undefined) throw tampered('an entry is gone')
    return this.#seal.openValue(at, revision, bytesIn(row, 'value'))
  }

  #entry(account: Account | undefined, { store, key }: { readonly store: string; readonly key: string }): Entry | undefined {
    if (account === undefined) return undefined
    const tag = this.#seal.tag(store, key)
    const row = this.#rows.entry.get(account.id, tag)
    if (row === undefined) return undefined
    const at = { store, tag, place: numberIn(row, 'place') }
    const revision = numberIn(row, 'revision')
    return { at, revision, bytes: bytesOf(numberIn(row, 'nameLength'), numberIn(row, 'valueLength')) }
  }

  /** What a store that may be used says of itself; undefined for one that nothing was ever put into. Throws {@link Unchecked}. */
  #account(store: string): Account | undefined {
    const fault = this.#known.bad.get(store)
    if (fault !== undefined) throw fault
    const account = this.#accountRow(store)
    if (account !== undefined && !this.#known.good.has(store) && !this.#made.has(store)) throw new Unchecked(store)
    return account
  }

  #accountRow(store: string): Account | undefined {
    const row = this.#rows.account.get(this.#seal.storeTag(store))
    if (row === undefined) {
      if (this.#known.good.has(store)) throw tampered('a store is gone')
      return undefined
    }
    const sum = new EntrySum(bytesIn(row, 'sum'))
    const account = {
      id: numberIn(row, 'id'),
      revision: numberIn(row, 'revision'),
      entries: numberIn(row, 'entries'),
      bytes: numberIn(row, 'bytes'),
      sum,
    }
    if (Buffer.compare(this.#mac(store, account), bytesIn(row, 'mac')) !== 0) throw tampered('the account of a store does not fit')
    return account
  }

  #addAccount(store: string): Account {
    const fresh = { id: 0, revision: 0, entries: 0, bytes: 0, sum: new EntrySum() }
    const row = this.#rows.addAccount.get(this.#seal.storeTag(store), fresh.sum.bytes, new Uint8Array())
    if (row === undefined) throw new StoreFault('unavailable', 'a new store got no number')
    this.#made.add(store)
    return { ...fresh, id: numberIn(row, 'id') }
  }

  #save(store: string, account: Account): void {
    const { id, revision, entries, bytes, sum } = account
    this.#rows.saveAccount.run(revision, entries, bytes, sum.bytes, this.#mac(store, account), id)
  }

  #mac(store: string, { id, revision, entries, bytes, sum }: Account): Buffer {
    return this.#seal.mac([store, id, revision, entries, bytes, sum.bytes])
  }
}

/** Throws {@link StoreFault} `full`. What grows nothing is let in, also where a quota was lowered. */
const checkRoom = (
  account: Account,
  { bytes, entries, quotaBytes }: { readonly bytes: number; readonly entries: number; readonly quotaBytes: number },
): void => {
  if (bytes > 0 && account.bytes + bytes > quotaBytes)
    throw new StoreFault('full', `the store is at ${account.bytes} of ${quotaBytes} bytes`)
  if (entries > 0 && account.entries + entries > maxEntries) throw new StoreFault('full', `the store has ${account.entries} entries`)
}
