import { CordonError } from '#core/errors.ts'
import type { CellEnd, CellLauncher, IsolationLevel, Posture } from '#host/launch/cell-port.ts'
import { HostedCell } from '#host/pool/hosted-cell.ts'
import type { Linking } from '#wire/messages.ts'

const MiB = 1024 * 1024

export interface CellPoolOptions {
  readonly launcher: CellLauncher
  /** Most cells at one time. */
  readonly maxCells: number
  /** Most sessions in one cell. */
  readonly maxSessionsPerCell: number
  /** Most sessions that wait for a place; one more is refused. */
  readonly maxWaiting: number
  /** Memory budget of a cell; one made for a larger session gets room for it. */
  readonly cellMemoryBytes: number
  /** Told of a cell that ended otherwise than by being told to, with what its engine printed. */
  readonly lost?: (end: CellEnd, diagnostics: string) => void
}

/** A place for one session. */
export interface Place {
  readonly cell: HostedCell
  /** Gives the place back. Idempotent. */
  release(): void
}

interface Wanted {
  readonly segment: string
  readonly memoryBytes: number
  /** What the session's artifact is: a cell's program is for one kind. */
  readonly linking: Linking
}

/** Who uses a cell. */
interface Use {
  readonly segment: string
  readonly memoryBytes: number
  readonly linking: Linking
  taken: number
}

interface Waiter {
  readonly wanted: Wanted
  readonly place: PromiseWithResolvers<Place>
  gaveUp: boolean
}

/** What a spare cell is for: nearly all agents. */
const spareLinking: Linking = 'component'

/**
 * Places sessions in cells. Two segments never share a cell, not even one after the other: a breached cell could
 * keep what it saw. An idle cell of another segment is ended to make room, never handed on.
 */
export class CellPool {
  readonly #options: CellPoolOptions
  readonly #cells = new Map<HostedCell, Use>()
  readonly #waiting: Waiter[] = []
  #spare: Promise<HostedCell> | undefined
  #launching = 0
  #ending = 0
  #closed = false

  constructor(options: CellPoolOptions) {
    this.#options = options
  }

  get level(): IsolationLevel {
    return this.#options.launcher.level
  }

  /** Whether sessions wait for a place. */
  get crowded(): boolean {
    return this.#waiting.length > 0
  }

  /** Starts a cell for components ahead of need, so that the first session does not wait for it; gives what the host measured of it. Throws what launching throws. */
  async prewarm(): Promise<Posture> {
    this.#spare ??= HostedCell.launch(this.#options.launcher, {
      segment: 'none yet',
      memoryBytes: this.#options.cellMemoryBytes,
      linking: spareLinking,
    })
    this.#spare.catch(() => undefined)
    return (await this.#spare).posture
  }

  /** Waits for a place. Throws CordonError `runtime.overloaded`, `runtime.closed`, or what launching a cell throws; `signal` gives up waiting. */
  async acquire(wanted: Wanted, signal: AbortSignal): Promise<Place> {
    if (this.#closed) throw new CordonError('runtime.closed', 'the runtime was closed')
    signal.throwIfAborted()
    const found = this.#place(wanted, this.#waiting.length)
    const place = found instanceof Promise ? await found : found
    if (signal.aborted) place?.release()
    signal.throwIfAborted()
    if (place !== undefined) return place
    if (this.#waiting.length >= this.#options.maxWaiting) {
      throw new CordonError('runtime.overloaded', `${this.#waiting.length} sessions already wait for a place`, {
        hint: 'try again later, or raise pool.max',
      })
    }
    const waiter: Waiter = { wanted, place: Promise.withResolvers(), gaveUp: false }
    this.#waiting.push(waiter)
    const giveUp = (): void => {
      const index = this.#waiting.indexOf(waiter)
      if (index >= 0) this.#waiting.splice(index, 1)
      waiter.gaveUp = true
      waiter.place.reject(signal.reason)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    return await waiter.place.promise.finally(() => signal.removeEventListener('abort', giveUp))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const { place } of this.#waiting.splice(0)) place.reject(new CordonError('runtime.closed', 'the runtime was closed'))
    const spare = await this.#spare?.catch(() => undefined)
    const cells = [...this.#cells.keys(), ...(spare === undefined ? [] : [spare])]
    for (const cell of cells) cell.kill('the runtime was closed')
    await Promise.all(cells.map((cell) => cell.ended))
    await this.#options.launcher[Symbol.asyncDispose]()
  }

  /**
   * `ahead`: how many wait before whoever asks. Nothing waits between finding that there is no place and joining those who wait: a place that comes free meanwhile would be missed.
   */
  #place(wanted: Wanted, ahead: number): Place | Promise<Place> | undefined {
    const mine = [...this.#cells].filter(([cell, use]) => this.#hasRoom(cell, use, wanted)).toSorted(([, a], [, b]) => a.taken - b.taken)
    const [best] = mine
    if (best !== undefined && (best[1].taken === 0 || !this.#mayLaunch())) return this.#take(...best)
    if (!this.#mayLaunch() && this.#ending <= ahead) this.#endIdleCellOfAnother(wanted)
    if (this.#mayLaunch()) return this.#launch(wanted)
    return best === undefined ? undefined : this.#take(...best)
  }

  #hasRoom(cell: HostedCell, use: Use, wanted: Wanted): boolean {
    return cell.alive && isFor(use, wanted) && use.taken < this.#options.maxSessionsPerCell && use.memoryBytes >= budgetFor(wanted)
  }

  #mayLaunch(): boolean {
    return this.#cells.size + this.#launching + this.#ending < this.#options.maxCells
  }

  #endIdleCellOfAnother(wanted: Wanted): void {
    for (const [cell, use] of this.#cells) {
      if (use.taken > 0 || isFor(use, wanted)) continue
      this.#cells.delete(cell)
      cell.kill('idle, and its place was needed')
      // Until it is gone it takes a place and memory: launchers count it as well.
      this.#ending += 1
      void cell.ended.then(() => (this.#ending -= 1)).then(() => this.#serveWaiting())
      return
    }
  }

  async #launch(wanted: Wanted): Promise<Place> {
    this.#launching += 1
    try {
      const memoryBytes = Math.max(this.#options.cellMemoryBytes, budgetFor(wanted))
      const cell = await this.#started({ ...wanted, memoryBytes })
      const use = { segment: wanted.segment, linking: wanted.linking, taken: 0, memoryBytes }
      this.#cells.set(cell, use)
      void cell.ended.then(() => {
        this.#cells.delete(cell)
        this.#serveWaiting()
      })
      if (this.#closed) cell.kill('the runtime was closed')
      // Those who came while it was starting have a place now: they must not wait until somebody leaves.
      queueMicrotask(() => this.#serveWaiting())
      return this.#take(cell, use)
    } catch (error) {
      // The room it was to have is free again.
      queueMicrotask(() => this.#serveWaiting())
      throw error
    } finally {
      this.#launching -= 1
    }
  }

  async #started(wanted: Wanted): Promise<HostedCell> {
    return (await this.#takeSpare(wanted)) ?? (await HostedCell.launch(this.#options.launcher, wanted))
  }

  /** The spare cell, if it will do. One that will not makes room when the pool is full: it takes no place from those who need one. */
  async #takeSpare({ memoryBytes, linking }: Wanted): Promise<HostedCell | undefined> {
    if (this.#spare === undefined) return undefined
    const fits = linking === spareLinking && memoryBytes <= this.#options.cellMemoryBytes
    if (!fits && this.#mayLaunch()) return undefined
    const spare = this.#spare
    this.#spare = undefined
    const cell = await spare
    if (fits) return cell.alive ? cell : undefined
    cell.kill('not of the kind that is needed')
    await cell.ended
    return undefined
  }

  #take(cell: HostedCell, use: Use): Place {
    use.taken += 1
    let released = false
    return {
      cell,
      release: () => {
        if (released) return
        released = true
        use.taken -= 1
        this.#serveWaiting()
      },
    }
  }

  #serveWaiting(): void {
    for (let waiter = this.#waiting[0]; waiter !== undefined; waiter = this.#waiting[0]) {
      const found = this.#place(waiter.wanted, 0)
      if (found === undefined) return
      this.#waiting.shift()
      const { resolve, reject } = waiter.place
      if (found instanceof Promise) found.then((place) => this.#handOver(place, waiter), reject)
      else resolve(found)
    }
  }

  #handOver(place: Place, { gaveUp, place: { resolve } }: Waiter): void {
    if (gaveUp) place.release()
    else resolve(place)
  }
}

const isFor = (use: Use, wanted: Wanted): boolean => use.segment === wanted.segment && use.linking === wanted.linking
const budgetFor = ({ memoryBytes }: Wanted): number => memoryBytes + 256 * MiB
