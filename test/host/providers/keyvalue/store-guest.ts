import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { KeyValueRule } from '#core/policy/rules.ts'
import { KeyValueStores } from '#host/providers/keyvalue/key-value-stores.ts'
import { createKeyValueProvider } from '#host/providers/keyvalue/keyvalue-provider.ts'
import { GuestSession, policyOf, type Answer } from '../guest-session.ts'

export const storeRule = (store: string, more: Partial<KeyValueRule> = {}): KeyValueRule => ({
  kind: 'keyvalue',
  origin: 'test',
  store,
  mode: 'rw',
  quotaBytes: undefined,
  ...more,
})

/** A folder of databases with its key, and whatever opens them as a runtime would. */
export class StoreHome implements AsyncDisposable {
  readonly folder: string
  readonly troubles: string[] = []
  key: Uint8Array
  readonly #root: string
  readonly #opened: AsyncDisposable[] = []

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), 'cordon-keyvalue-'))
    this.folder = join(this.#root, 'keyvalue')
    this.key = randomBytes(32)
  }

  /** Stores with a thread and connections of their own: what another process would have. */
  stores(): KeyValueStores {
    const stores = new KeyValueStores({
      folder: this.folder,
      key: async () => this.key,
      trouble: (detail) => this.troubles.push(detail),
    })
    this.#opened.push(stores)
    return stores
  }

  /** The guest of a session that was granted `rules`. */
  guest(rules: readonly KeyValueRule[], { stores = this.stores(), namespace = 'agent' } = {}): StoreGuest {
    const session = new GuestSession(policyOf({ keyvalue: rules }))
    session.use(createKeyValueProvider(session, { stores, namespace }))
    this.#opened.unshift(session)
    return new StoreGuest(session)
  }

  /** The database files, without their logs. */
  files(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith('.sqlite'))
      .map((name) => join(this.folder, name))
  }

  /** Does what somebody can do who can write the file of the only namespace. */
  tamper(work: (database: DatabaseSync) => void): void {
    const [file = ''] = this.files()
    const database = new DatabaseSync(file)
    try {
      work(database)
    } finally {
      database.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#opened) await each[Symbol.asyncDispose]()
    rmSync(this.#root, { recursive: true, force: true })
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** A guest of stores: what it asks for and what it is told. */
export class StoreGuest {
  readonly session: GuestSession

  constructor(session: GuestSession) {
    this.session = session
  }

  /** Opens a store; throws when it may not. */
  async open(store = 'default'): Promise<TestBucket> {
    const opened = await this.session.call('kv.open', { store })
    if (!opened.ok) throw new Error(`${opened.code}: ${opened.detail ?? ''}`)
    return new TestBucket(this.session, opened.handle)
  }
}

/** An open store. Values are text; refusals are `!code`. */
export class TestBucket {
  readonly bucket: number
  readonly #session: GuestSession

  constructor(session: GuestSession, bucket: number) {
    this.#session = session
    this.bucket = bucket
  }

  async get(key: string): Promise<string | undefined> {
    const answer = await this.#session.call('kv.get', { bucket: this.bucket, key })
    if (!answer.ok) return `!${answer.code}`
    return answer.value['revision'] === '0' ? undefined : textOf(answer.body)
  }

  async set(key: string, value: string | Uint8Array): Promise<string> {
    return told(await this.#session.call('kv.set', { bucket: this.bucket, key }, value))
  }

  async delete(key: string): Promise<string> {
    return told(await this.#session.call('kv.delete', { bucket: this.bucket, key }))
  }

  /** The revision. */
  async stat(key: string): Promise<unknown> {
    const answer = await this.#session.call('kv.stat', { bucket: this.bucket, key })
    return answer.ok ? answer.value['revision'] : `!${answer.code}`
  }

  async increment(key: string, delta: number | bigint | string, unsigned = false): Promise<unknown> {
    const answer = await this.#session.call('kv.increment', { bucket: this.bucket, key, delta: String(delta), unsigned })
    return answer.ok ? answer.value['sum'] : `!${answer.code}`
  }

  /** Whether it was swapped, and the revision that the key has now. */
  async swap(key: string, revision: unknown, value: string): Promise<readonly [swapped: unknown, revision: unknown]> {
    const answer = await this.#session.call('kv.swap', { bucket: this.bucket, key, revision: String(revision) }, value)
    return answer.ok ? [answer.value['swapped'], answer.value['revision']] : [`!${answer.code}`, undefined]
  }

  async page(after: string | null = null): Promise<{ readonly keys: readonly string[]; readonly next: string | null }> {
    const answer = await this.#session.call('kv.list', { bucket: this.bucket, after })
    if (!answer.ok) throw new Error(answer.code)
    return answer.value as { keys: readonly string[]; next: string | null }
  }

  /** All keys, page by page. */
  async keys(): Promise<readonly string[]> {
    const all: string[] = []
    for (let after: string | null = null; ;) {
      const { keys, next } = await this.page(after)
      all.push(...keys)
      if (next === null) return all
      after = next
    }
  }

  close(): Promise<Answer> {
    return this.#session.call('kv.close', { bucket: this.bucket })
  }
}

const told = (answer: Answer): string => (answer.ok ? 'ok' : `!${answer.code}`)
