import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from './database-file.ts'
import { NamespaceStores } from './namespace-stores.ts'
import { databaseName, keyId, NamespaceSeal } from './sealing.ts'
import { isChange, StoreFault, type StoreOperation, type StoreResult } from './store-operation.ts'

/** One operation that waits for its turn. */
export interface Asked {
  readonly id: number
  readonly namespace: string
  readonly operation: StoreOperation
}

/** What came of one operation. `detail` is for the operator. */
export type Answered =
  | { readonly id: number; readonly ok: true; readonly result: StoreResult }
  | { readonly id: number; readonly ok: false; readonly code: StoreFault['code']; readonly detail: string }

/** Databases that are kept open. */
const maxOpen = 32

interface OpenNamespace {
  readonly database: DatabaseSync
  readonly stores: NamespaceStores
}

/** SQLite's result codes that mean that another process has the database just now: SQLITE_BUSY and SQLITE_LOCKED. */
const busyCodes: ReadonlySet<unknown> = new Set([5, 6])

/** Any error as what the guest and the operator are told. */
const faultOf = (error: unknown): StoreFault => {
  if (error instanceof StoreFault) return error
  const said = error instanceof Error ? error.message : 'unknown'
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && busyCodes.has(error.errcode & 0xff)) {
    return new StoreFault('busy', 'another process has the database', { cause: error })
  }
  return new StoreFault('unavailable', `the database gave an error: ${said}`, { cause: error })
}

const failed = (id: number, error: unknown): Answered => {
  const { code, message } = faultOf(error)
  return { id, ok: false, code, detail: message }
}

/**
 * The databases of all namespaces, for one thread. Operations that come together are committed together: one sync of the disk serves them all, and nobody hears of a change
 * before it is on stable storage.
 */
export class DatabasePool implements Disposable {
  readonly #folder: string
  readonly #master: Uint8Array
  readonly #open = new Map<string, OpenNamespace>()

  /** `master` is the host's key (32 bytes) for all of them. */
  constructor(folder: string, master: Uint8Array) {
    this.#folder = folder
    this.#master = master
  }

  /** Performs all of `asked`, those of one namespace in their order. Never throws. */
  perform(asked: readonly Asked[]): Answered[] {
    const byNamespace = Map.groupBy(asked, ({ namespace }) => namespace)
    return [...byNamespace].flatMap(([namespace, all]) => this.#performIn(namespace, all))
  }

  [Symbol.dispose](): void {
    for (const { database } of this.#open.values()) database.close()
    this.#open.clear()
  }

  #performIn(namespace: string, asked: readonly Asked[]): Answered[] {
    let open: OpenNamespace | undefined
    try {
      open = this.#opened(namespace)
      open.database.exec(asked.some(({ operation }) => isChange(operation)) ? 'BEGIN IMMEDIATE' : 'BEGIN')
      const answers = asked.map((each) => performOne(each, open as OpenNamespace))
      open.database.exec('COMMIT')
      return answers
    } catch (error) {
      if (open !== undefined) this.#rollBack(namespace, open)
      return asked.map(({ id }) => failed(id, error))
    }
  }

  /** A database that cannot even go back is closed: the next operation opens it anew. */
  #rollBack(namespace: string, { database, stores }: OpenNamespace): void {
    stores.rolledBack()
    try {
      if (database.isTransaction) database.exec('ROLLBACK')
    } catch {
      this.#open.delete(namespace)
      database.close()
    }
  }

  /** Least recently used first. */
  #opened(namespace: string): OpenNamespace {
    const known = this.#open.get(namespace)
    this.#open.delete(namespace)
    const open = known ?? this.#openNew(namespace)
    this.#open.set(namespace, open)
    for (const [oldest, { database }] of this.#open) {
      if (this.#open.size <= maxOpen) break
      this.#open.delete(oldest)
      database.close()
    }
    return open
  }

  #openNew(namespace: string): OpenNamespace {
    const database = openDatabase(this.#folder, databaseName(namespace), keyId(this.#master))
    return { database, stores: new NamespaceStores(database, new NamespaceSeal(this.#master, namespace)) }
  }
}

/** One operation inside of a transaction: what it did before it failed is undone, and nothing of its neighbours'. */
const performOne = ({ id, operation }: Asked, { database, stores }: OpenNamespace): Answered => {
  if (!isChange(operation)) return attempt(id, () => stores.perform(operation))
  database.exec('SAVEPOINT one')
  const answer = attempt(id, () => stores.perform(operation))
  if (!answer.ok) database.exec('ROLLBACK TO one')
  database.exec('RELEASE one')
  return answer
}

const attempt = (id: number, perform: () => StoreResult): Answered => {
  try {
    return { id, ok: true, result: perform() }
  } catch (error) {
    return failed(id, error)
  }
}
