import { MessageChannel, Worker } from 'node:worker_threads'
import { Tinypool } from 'tinypool'
import { CordonError } from '#core/errors.ts'
import type { Cell, CellLauncher, CellOptions } from './cell-port.ts'
import type { LaunchSettings } from './child-launcher.ts'
import { conditionArguments, type CellProgram } from './program.ts'
import { ThreadCell } from './thread-cell.ts'

const MiB = 1024 * 1024
/**
 * What the engine and the cell's own code take of a worker's heap, with room for the largest table a session may have:
 * one allocation that does not fit ends the whole process instead of the worker.
 */
const baseHeapMb = 512
const youngHeapMb = 32
const stackMb = 4

/**
 * Launches cells that are worker threads. tinypool owns the threads: one pool per program and memory budget (both are the
 * pool's), one task per cell that lasts as long as the cell, a fresh thread for each.
 */
export class ThreadLauncher implements CellLauncher {
  readonly level = 'thread'
  readonly #settings: LaunchSettings
  readonly #pools = new Map<string, Tinypool>()
  readonly #cells = new Set<ThreadCell>()
  #launched = 0
  #disposed = false
  /** Launches follow one another: which thread took a task shows only while one task at a time looks for a thread. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(settings: LaunchSettings) {
    this.#settings = settings
  }

  launch(options: CellOptions): Promise<Cell> {
    const launched = this.#last.then(() => this.#launchNext(options))
    this.#last = launched.catch(() => {})
    return launched
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#last
    const cells = [...this.#cells]
    for (const cell of cells) cell.kill('the launcher was disposed')
    await Promise.all(cells.map((cell) => cell.ended))
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }

  async #launchNext(options: CellOptions): Promise<Cell> {
    if (this.#disposed) throw new CordonError('runtime.closed', 'expected an open launcher, it was disposed')
    if (this.#cells.size >= this.#settings.maxCells) {
      throw new CordonError('runtime.overloaded', `expected at most ${this.#settings.maxCells} cells at one time`)
    }
    this.#launched += 1
    const cell = this.#start(`thread-${this.#launched}`, options)
    this.#cells.add(cell)
    void cell.ended.then(() => this.#cells.delete(cell))
    await cell.prepare(this.#settings.readyTimeoutMs)
    return cell
  }

  #start(id: string, options: CellOptions): ThreadCell {
    const pool = this.#poolFor(this.#settings.programs[options.linking ?? 'component'], options.memoryBytes)
    const before = new Set(pool.threads)
    const { port1, port2 } = new MessageChannel()
    const abort = new AbortController()
    const task = pool.run(Tinypool.move(port2), { signal: abort.signal, name: 'runCell' })
    const worker = pool.threads.filter((thread) => !before.has(thread)).map(workerOf)[0]
    return new ThreadCell(id, options, { worker, task, abort, port: port1 })
  }

  #poolFor(program: CellProgram, memoryBytes: number): Tinypool {
    const heapMb = baseHeapMb + Math.ceil(memoryBytes / MiB)
    const key = `${heapMb} ${program.threadEntry}`
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const pool = new Tinypool({
      runtime: 'worker_threads',
      filename: program.threadEntry,
      minThreads: 0,
      maxThreads: this.#settings.maxCells,
      useAtomics: false,
      isolateWorkers: true,
      env: {},
      argv: [],
      execArgv: [...conditionArguments(program)],
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngHeapMb, stackSizeMb: stackMb },
    })
    this.#pools.set(key, pool)
    return pool
  }
}

/** The worker behind tinypool's own wrapper: CPU time, output and end of a thread are measured on it. */
const workerOf = (thread: object): Worker => {
  const worker = 'thread' in thread ? thread.thread : undefined
  if (worker instanceof Worker) return worker
  throw new CordonError('internal', 'expected a worker thread in the pool')
}
