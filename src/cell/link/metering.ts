import { meterExports, meterImports, meterModule } from '#core/wasm/meter-names.ts'
import { engine, type CoreExterns, type CoreFunction, type CoreGlobal, type CoreInstance } from './engine.ts'
import { emptyImports } from './core-imports.ts'
import type { CompiledCore } from './core-module.ts'
import { LinkTrap, type MeterHooks } from './linker.ts'

/**
 * Fuel on a stack that cannot suspend (allocations and post-returns called by the glue), all together until the guest next can.
 * At most 8 ms; growing by 100 MiB fits.
 */
const unsuspendableFuel = 8_000_000
/** The same for all start functions of a component instance: constructors of whole language runtimes run there. At most 20 ms. */
const startFuel = 20_000_000
/** What the segments of all core instances may cost to copy into place, with no one to stop it: 100 ms; room for 3 MB of elements. */
const maxSegmentFuel = 100_000_000
/** Core instances of one component instance, and memories among them: each memory reserves 8 GB of a process's address space. */
const maxCoreInstances = 256
const maxMemories = 32
/** With so little fuel left it goes to whoever asks; above it, modules that call each other keep half each. */
const littleFuel = 4096
/** A module in its start function cannot show its slice yet. It asks because it owes, one unit at least. */
const debtAtStart = 1
/** `cabi_realloc` takes four values; post-returns and destructors at most one. */
const reallocArity = 4
const pageBytes = 65_536

type ModuleImports = Record<string, unknown>

interface SharedImports {
  readonly yield: object
  readonly growMemory: (pages: number) => number
  readonly growTable: (elements: number) => number
}

/** What instantiating took: what each further session of the same instance is charged, and goes on from. */
export interface MeterState {
  readonly fuel: number
  readonly stuckFuel: number
  /** 64 KiB each. */
  readonly memoryPages: number
  readonly tableElements: number
}

const over = (): LinkTrap => new LinkTrap('the session is over', 'over')

/** Of an instance that serves nobody. */
const nobody: MeterHooks = {
  refill: () => 'stop',
  yield: () => Promise.reject(over()),
  standing: () => 'stopped',
  growMemory: () => false,
  growTable: () => false,
}

/** The metered side of one component instance: its core instances, their slice counters and how deep its stack cannot suspend. */
export class Metering {
  #hooks: MeterHooks
  readonly #slices: CoreGlobal[] = []
  /** The memories that the core instances define, each with its virtual size. */
  readonly #memories: unknown[] = []
  readonly #pages: CoreGlobal[] = []
  /** Functions of core instances: they call each other without any JavaScript in between. */
  readonly #coreFunctions = new WeakSet<object>()
  /** The imports that all its core instances share. */
  #shared: SharedImports | undefined
  #granted = 0
  #coreInstances = 0
  #definedMemories = 0
  #tableElements = 0
  #segmentFuel = 0
  #growthRefused = false
  /** Stretches that cannot suspend, one inside the other, and those of them in which the guest must not call out. */
  #stuck = 0
  #mayNotLeave = 0
  /** What is left of the fuel for such stretches, and how much was charged when the present one first asked for some. */
  #stuckFuel = startFuel
  #stuckFrom: number | undefined
  #stopYielding: ((reason: unknown) => void) | undefined
  /** Why the guest was stopped from here, if it was. */
  trap: LinkTrap | undefined

  constructor(hooks: MeterHooks) {
    this.#hooks = hooks
  }

  /** All fuel that was charged. */
  fuelUsed(): number {
    return this.#granted - this.#unspent()
  }

  /** Bytes of all memories as the guest sees them. */
  memoryBytes(): number {
    return this.#memoryPages() * pageBytes
  }

  /** The memories of all core instances and their virtual sizes, in the order in which they were made. */
  get memories(): { readonly memories: readonly unknown[]; readonly pages: readonly CoreGlobal[] } {
    return { memories: this.#memories, pages: this.#pages }
  }

  /** Whether the guest is on a stack that can wait. */
  get canSuspend(): boolean {
    return this.#stuck === 0
  }

  /** Whether a memory or a table was refused to grow: a guest may have gone another way because of it. */
  get growthRefused(): boolean {
    return this.#growthRefused
  }

  /** Instantiates one core module for glue, which knows nothing of metering: its host functions are wrapped. Throws like {@link Metering.instantiateCore}. */
  instantiate(core: CompiledCore, imports: Record<string, ModuleImports>): CoreInstance {
    const all: Record<string, ModuleImports> = Object.create(null) as Record<string, ModuleImports>
    for (const [module, fields] of Object.entries(imports)) all[module] = this.#wrapped(fields)
    const instance = this.instantiateCore(core, all)
    for (const each of Object.values(instance.exports)) if (typeof each === 'function') this.#coreFunctions.add(each)
    return instance
  }

  /**
   * Instantiates one core module among the others. `imports` is the caller's to give away: what metering needs is put into it. Throws
   * {@link LinkTrap}, or what its start function throws.
   */
  instantiateCore(core: CompiledCore, imports: Record<string, ModuleImports>): CoreInstance {
    this.#admit(core)
    const own: { slice?: CoreGlobal } = {}
    if (core.metered) imports[meterModule] = this.#meterImports(core, imports, own)
    this.stick()
    try {
      const instance = new engine.Instance(core.module, imports)
      this.#adopt(core, instance.exports, own)
      return instance
    } finally {
      this.unstick()
    }
  }

  /** Begins a stretch of guest code that cannot suspend; each needs its {@link Metering.unstick}. */
  stick(): void {
    this.#stuck++
  }

  /** Ends it. */
  unstick(): void {
    if (--this.#stuck === 0 && this.#stuckFrom !== undefined) this.#settleStuck(this.#stuckFrom)
  }

  /** What `guard` of the glue does: see `core/artifact.ts`. */
  guard(core: CoreFunction): CoreFunction {
    const leaves = core.length === reallocArity ? 0 : 1
    return (...args) => {
      this.#mayNotLeave += 1 - leaves
      this.stick()
      try {
        return core(...args)
      } finally {
        this.unstick()
        this.#mayNotLeave -= 1 - leaves
      }
    }
  }

  /** The `WebAssembly.Suspending` of this instance: after each wait the guest goes on only in a turn of its own. */
  suspending(run: CoreFunction): object {
    return new engine.Suspending((...args: readonly never[]) => {
      this.#mayLeave()
      const result = run(...args)
      return isThenable(result) ? this.#resumed(result) : this.#returned(result)
    })
  }

  /** To be called when a host function gave its result at once, before the guest goes on. Throws {@link LinkTrap} when it may not. */
  returned(): void {
    if (this.#standing() === 'over') this.#takeBack()
  }

  /** Before the guest goes on after a wait: a promise while it has to wait for its turn. Throws or rejects with {@link LinkTrap} when it may not go on. */
  turn(): Promise<void> | undefined {
    return this.#standing() === 'over' ? this.#nextTurn() : undefined
  }

  /** What it stands at; see {@link MeterState}. */
  state(): MeterState {
    const { stuckFuel, tableElements } = { stuckFuel: this.#stuckFuel, tableElements: this.#tableElements }
    return { fuel: this.fuelUsed(), stuckFuel, memoryPages: this.#memoryPages(), tableElements }
  }

  /** Goes back to `state`, of this instance or another one of the same component, and serves nobody. Virtual sizes are the caller's to put back. */
  rewind(state: MeterState): void {
    this.#hooks = nobody
    for (const slice of this.#slices) slice.value = 0
    this.#granted = state.fuel
    this.#stuckFuel = state.stuckFuel
    this.#stuckFrom = undefined
    this.#growthRefused = false
  }

  /** Serves `hooks` after {@link Metering.rewind}: asks for what the instance holds and charges what it took. Throws {@link LinkTrap}. */
  serve(hooks: MeterHooks, { fuel, memoryPages, tableElements }: MeterState): void {
    admitGrowth(hooks, memoryPages, tableElements)
    if (fuel > 0 && hooks.refill(false, fuel) === 'stop') throw over()
    this.#hooks = hooks
  }

  /** No more guest code from now on; a stack that waits for its turn is rejected with `reason`. */
  stop(reason: unknown): void {
    this.#hooks = nobody
    this.#takeBack()
    this.#stopYielding?.(reason)
    this.#stopYielding = undefined
  }

  /** The next turn, or the end. */
  #yield(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stopYielding = reject
      this.#hooks.yield().then(resolve, reject)
    })
  }

  async #nextTurn(): Promise<void> {
    do await this.#yield()
    while (this.#standing() === 'over')
  }

  async #resumed(result: PromiseLike<unknown>): Promise<unknown> {
    const value = await result
    await this.turn()
    return value
  }

  #returned(value: unknown): unknown {
    this.returned()
    return value
  }

  #standing(): 'running' | 'over' {
    const standing = this.#hooks.standing()
    if (standing === 'stopped') throw over()
    return standing
  }

  #mayLeave(): void {
    if (this.#mayNotLeave > 0) throw new LinkTrap('the component called the host from inside its own cabi_realloc', 'reentrance')
  }

  #admit(core: CompiledCore): void {
    this.#definedMemories += core.memories
    if (++this.#coreInstances > maxCoreInstances) throw new LinkTrap(`expected at most ${maxCoreInstances} core instances`, 'budget')
    if (this.#definedMemories > maxMemories) throw new LinkTrap(`expected at most ${maxMemories} memories`, 'budget')
    this.#segmentFuel += core.segmentFuel
    this.#tableElements += core.tableElements
    if (this.#segmentFuel > maxSegmentFuel) throw new LinkTrap('the element and data segments are too large for one instance', 'budget')
    admitGrowth(this.#hooks, core.memoryPages, core.tableElements)
  }

  #adopt(core: CompiledCore, exports: CoreExterns, own: { slice?: CoreGlobal }): void {
    const slice = exports[meterExports.slice]
    if (slice instanceof engine.Global) {
      own.slice = slice
      this.#slices.push(slice)
    }
    const pages = core.memories === 0 ? undefined : exports[meterExports.memoryPages]
    if (!(pages instanceof engine.Global)) return
    this.#memories.push(exports[meterExports.memory])
    this.#pages.push(pages)
  }

  #meterImports(core: CompiledCore, imports: Record<string, ModuleImports>, own: { slice?: CoreGlobal }): ModuleImports {
    const shared = (this.#shared ??= {
      yield: new engine.Suspending(() => this.#yield()),
      growMemory: (pages) => (this.#grows(this.#hooks.growMemory(pages >>> 0)) ? 1 : 0),
      growTable: (elements) => (this.#grows(this.#hooks.growTable(elements >>> 0)) ? 1 : 0),
    })
    const meter = emptyImports()
    meter[meterImports.yield] = shared.yield
    meter[meterImports.growMemory] = shared.growMemory
    meter[meterImports.growTable] = shared.growTable
    meter[meterImports.refill] = () => this.#refill(own.slice)
    const from = core.memoryImport
    if (from === undefined) return meter
    const nth = this.#memories.indexOf(imports[from.module]?.[from.name])
    if (nth >= 0) meter[meterImports.memoryPages] = this.#pages[nth]
    return meter
  }

  #grows(admitted: boolean): boolean {
    if (!admitted) this.#growthRefused = true
    return admitted
  }

  #memoryPages(): number {
    return this.#pages.reduce((sum, size) => sum + Number(size.value), 0)
  }

  #wrapped(fields: ModuleImports): ModuleImports {
    const wrapped: ModuleImports = Object.create(null) as ModuleImports
    for (const [name, value] of Object.entries(fields)) {
      const fromHost = typeof value === 'function' && !this.#coreFunctions.has(value)
      wrapped[name] = fromHost ? this.#hostFunction(value as CoreFunction) : value
    }
    return wrapped
  }

  #hostFunction(run: CoreFunction): (...args: readonly never[]) => unknown {
    return (...args) => {
      this.#mayLeave()
      return this.#returned(run(...args))
    }
  }

  /** Many short stretches must not add up to a long one: what is left is taken back, so that the next charge asks and may yield. */
  #settleStuck(from: number): void {
    this.#stuckFuel -= this.fuelUsed() - from
    this.#stuckFrom = undefined
    this.#takeBack()
  }

  /** Fuel that may still be charged before the stack can suspend. */
  #stuckFuelLeft(used: number): number {
    this.#stuckFrom ??= used
    return this.#stuckFuel - (used - this.#stuckFrom)
  }

  /** Gives the units to add to the slice of the module that asks, 0 to yield, or -1 to trap. */
  #refill(slice: CoreGlobal | undefined): number {
    const used = this.fuelUsed() + (slice === undefined ? debtAtStart : 0)
    const canSuspend = this.#stuck === 0
    const left = canSuspend ? Number.MAX_SAFE_INTEGER : this.#stuckFuelLeft(used)
    if (left < 0) {
      this.trap ??= new LinkTrap('the component ran too long in a start function, its cabi_realloc or a post-return', 'budget')
      return -1
    }
    const answer = this.#hooks.refill(canSuspend, used)
    if (answer === 'stop') {
      this.trap ??= over()
      return -1
    }
    if (canSuspend) this.#stuckFuel = unsuspendableFuel
    return answer === 'yield' ? 0 : this.#grant(Math.min(answer, left), slice)
  }

  /** Lets the whole instance charge `units` beyond what it has charged: part to who asks, the rest stays where it is. */
  #grant(units: number, slice: CoreGlobal | undefined): number {
    const owed = slice === undefined ? debtAtStart : Math.max(0, -valueOf(slice))
    this.#shrinkOthers(units < littleFuel ? 0 : Math.floor(units / 2))
    const add = Math.min(units - this.#inHand() + owed, 0x7fff_ffff)
    this.#granted += add
    return add
  }

  /** Brings the positive slices down to `most` together. */
  #shrinkOthers(most: number): void {
    const total = this.#inHand()
    if (total <= most) return
    for (const slice of this.#slices) {
      const value = valueOf(slice)
      if (value <= 0) continue
      const kept = Math.floor((value / total) * most)
      slice.value = kept
      this.#granted -= value - kept
    }
  }

  #takeBack(): void {
    this.#shrinkOthers(0)
  }

  /** Fuel in all slices, debts subtracted. */
  #unspent(): number {
    return this.#slices.reduce((sum, slice) => sum + valueOf(slice), 0)
  }

  /** Fuel in all slices that have any. */
  #inHand(): number {
    return this.#slices.reduce((sum, slice) => sum + Math.max(0, valueOf(slice)), 0)
  }
}

/** Asks for what an instance starts with. Throws {@link LinkTrap}. */
const admitGrowth = (hooks: MeterHooks, memoryPages: number, tableElements: number): void => {
  if (memoryPages > 0 && !hooks.growMemory(memoryPages)) throw new LinkTrap('the memories start larger than is allowed', 'budget')
  if (tableElements > 0 && !hooks.growTable(tableElements)) throw new LinkTrap('the tables start larger than is allowed', 'budget')
}

const valueOf = (global: CoreGlobal | undefined): number => Number(global?.value ?? 0)

/** Whether a host function's result is waited for. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
