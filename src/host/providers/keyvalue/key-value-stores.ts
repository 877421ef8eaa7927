import { Worker } from 'node:worker_threads'
import { GuestFault } from '#host/broker/provider.ts'
import type { Answered, Asked } from './database-pool.ts'
import type { StoreOperation, StoreResult } from './store-operation.ts'

export interface KeyValueStoresOptions {
  /** Where the databases lie; made, closed to others, when it is not there. */
  readonly folder: string
  /** The host's key for them, 32 bytes; asked for when a store is first used. */
  readonly key: () => Promise<Uint8Array>
  /** Told what keeps a store from working, for the operational log. */
  readonly trouble: (detail: string) => void
}

interface Pending {
  readonly resolve: (result: StoreResult) => void
  readonly reject: (fault: GuestFault) => void
}

const threadFile = new URL(`./store-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
const threadArguments = import.meta.url.endsWith('.ts') ? ['--conditions=source'] : []

/** The key-value stores of all agents of one runtime. Its thread starts when a store is first used. */
export class KeyValueStores implements AsyncDisposable {
  readonly #options: KeyValueStoresOptions
  readonly #pending = new Map<number, Pending>()
  #thread: Promise<Worker> | undefined
  #next = 1
  #closed = false

  constructor(options: KeyValueStoresOptions) {
    this.#options = options
  }

  /** Does one thing with a store of a namespace. A change is on stable storage when it resolves. Throws {@link GuestFault}. */
  async perform(namespace: string, operation: StoreOperation): Promise<StoreResult> {
    const thread = await this.#started()
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<StoreResult>()
    this.#pending.set(id, { resolve, reject })
    // A process may end while nobody waits for its stores.
    thread.ref()
    thread.postMessage({ id, namespace, operation } satisfies Asked)
    return await promise.finally(() => {
      if (this.#pending.size === 0 && !this.#closed) thread.unref()
    })
  }

  /** Closes the databases once everything asked for is done. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const thread = await this.#thread?.catch(() => undefined)
    if (thread === undefined) return
    const ended = new Promise((resolve) => thread.once('exit', resolve))
    if (thread.threadId === -1) return
    thread.ref()
    thread.postMessage(null)
    await ended
  }

  async #started(): Promise<Worker> {
    if (this.#closed) throw new GuestFault('unavailable', 'the runtime was closed')
    this.#thread ??= this.#start()
    try {
      return await this.#thread
    } catch (error) {
      this.#thread = undefined
      throw this.#troubled(error instanceof Error ? error.message : 'the stores could not be opened')
    }
  }

  async #start(): Promise<Worker> {
    const { folder, key } = this.#options
    const workerData = { folder, key: Uint8Array.from(await key()) }
    const thread = new Worker(threadFile, { workerData, execArgv: threadArguments, env: {}, stdin: false, name: 'keyvalue' })
    thread.on('message', (answer: Answered) => this.#answered(answer))
    thread.on('error', (error) => this.#lost(error instanceof Error ? error.message : 'the thread of the stores failed'))
    thread.on('exit', () => this.#lost('the thread of the stores ended'))
    thread.unref()
    return thread
  }

  #answered(answer: Answered): void {
    const pending = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if (answer.ok) pending?.resolve(answer.result)
    else pending?.reject(answer.code === 'unavailable' ? this.#troubled(answer.detail) : new GuestFault(answer.code, answer.detail))
  }

  /** Nobody waits for a thread that is gone; the next operation starts another. */
  #lost(detail: string): void {
    this.#thread = undefined
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    if (pending.length === 0) return
    const fault = this.#troubled(detail)
    for (const { reject } of pending) reject(fault)
  }

  #troubled(detail: string): GuestFault {
    this.#options.trouble(detail)
    return new GuestFault('unavailable', detail)
  }
}
