import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from './database-file.ts'
import { NamespaceStores, Unchecked, type KnownStores } from './namespace-stores.ts'
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
  /** The check of a store that is under way. */
  checking: ReturnType<NamespaceStores['check']> | undefined
}

/**
 * What came of operations that were asked for together: an answer to each; or none, with nothing done, because another process has the database (`busy`) or the store is being looked
 * through (`later`).
 */
export type Turn = readonly Answered[] | 'busy' | 'later'

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

/** That of an operation that waited for another process for too long. */
export const busyAnswer = ({ id }: Asked): Answered => ({ id, ok: false, code: 'busy', detail: 'another process has the database' })

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
  readonly #known = new Map<string, KnownStores>()

  /** `master` is the host's key (32 bytes) for all of them. */
  constructor(folder: string, master: Uint8Array) {
    this.#folder = folder
    this.#master = master
  }

  /** Performs all of `asked`, which are of one namespace, in their order, or goes on with what they wait for. Never waits, never throws. */
  perform(namespace: string, asked: readonly Asked[]): Turn {
    let open: OpenNamespace | undefined
    try {
      open = this.#opened(namespace)
      if (this.#goOn(open)) return 'later'
      open.stores.begin(asked.some(({ operation }) => isChange(operation)))
      const answers = asked.map((each) => performOne(each, open as OpenNamespace))
      open.database.exec('COMMIT')
      return answers
    } catch (error) {
      if (open !== undefined) this.#rollBack(namespace, open)
      if (error instanceof Unchecked && open !== undefined) {
        open.checking = open.stores.check(error.store)
        return 'later'
      }
      const fault = faultOf(error)
      return fault.code === 'busy' ? 'busy' : asked.map(({ id }) => failed(id, fault))
    }
  }

  [Symbol.dispose](): void {
    for (const { database } of this.#open.values()) database.close()
    this.#open.clear()
  }

  /** Goes on with the check that is under way; true while there is one. */
  #goOn(open: OpenNamespace): boolean {
    const { checking } = open
    if (checking === undefined) return false
    open.checking = undefined
    if (checking.next().done !== true) open.checking = checking
    return open.checking !== undefined
  }

  /** A database that cannot even go back is closed: the next operation opens it anew. */
  #rollBack(namespace: string, { database }: OpenNamespace): void {
    try {
      if (database.isTransaction) database.exec('ROLLBACK')
    } catch {
      this.#open.delete(namespace)
      database.close()
    }
  }

  /** Least recently used first. Those that are being looked through stay open: their check would begin anew. */
  #opened(namespace: string): OpenNamespace {
    const known = this.#open.get(namespace)
    this.#open.delete(namespace)
    const open = known ?? this.#openNew(namespace)
    this.#open.set(namespace, open)
    for (const [oldest, { database, checking }] of this.#open) {
      if (this.#open.size <= maxOpen) break
      if (checking !== undefined || oldest === namespace) continue
      this.#open.delete(oldest)
      database.close()
    }
    return open
  }

  #openNew(namespace: string): OpenNamespace {
    const database = openDatabase(this.#folder, databaseName(namespace), keyId(this.#master))
    const known = this.#known.get(namespace) ?? { good: new Set(), bad: new Map() }
    this.#known.set(namespace, known)
    return { database, stores: new NamespaceStores(database, new NamespaceSeal(this.#master, namespace), known), checking: undefined }
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
    if (error instanceof Unchecked) throw error
    return failed(id, error)
  }
}
