import { meterExports, meterImports, meterModule } from '#core/wasm/meter-names.ts'
import { engine, type CoreExterns, type CoreGlobal, type CoreInstance } from './engine.ts'
import type { CompiledCore } from './core-module.ts'
import type { CoreFunction } from './glue.ts'
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

type ModuleImports = Record<string, unknown>

/** The metered side of one component instance: its core instances, their slice counters and how deep its stack cannot suspend. */
export class Metering {
  readonly #hooks: MeterHooks
  readonly #slices: CoreGlobal[] = []
  readonly #pagesOf = new Map<unknown, CoreGlobal>()
  /** Functions of core instances: they call each other without any JavaScript in between. */
  readonly #coreFunctions = new WeakSet<object>()
  #granted = 0
  #coreInstances = 0
  #memories = 0
  #segmentFuel = 0
  /** Stretches that cannot suspend, one inside the other, and those of them in which the guest must not call out. */
  #stuck = 0
  #mayNotLeave = 0
  /** What is left of the fuel for such stretches, and how much was charged when the present one first asked for some. */
  #stuckFuel = startFuel
  #stuckFrom: number | undefined
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
    let pages = 0
    for (const size of this.#pagesOf.values()) pages += Number(size.value)
    return pages * 65_536
  }

  /** Instantiates one core module among the others. Throws {@link LinkTrap}, or what its start function throws. */
  instantiate(core: CompiledCore, imports: Record<string, ModuleImports>): CoreInstance {
    this.#admit(core)
    const own: { slice?: CoreGlobal } = {}
    const all: Record<string, ModuleImports> = Object.create(null) as Record<string, ModuleImports>
    for (const [module, fields] of Object.entries(imports)) all[module] = this.#wrapped(fields)
    all[meterModule] = this.#meterImports(core, imports, own)
    const instance = this.#whileStuck(() => new engine.Instance(core.module, all))
    this.#adopt(instance.exports, own)
    return instance
  }

  /** What `guard` of the glue does: see `core/artifact.ts`. */
  guard(core: CoreFunction): CoreFunction {
    const leaves = core.length === reallocArity ? 0 : 1
    return (...args) => {
      this.#mayNotLeave += 1 - leaves
      try {
        return this.#whileStuck(() => core(...args))
      } finally {
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

  async #resumed(result: PromiseLike<unknown>): Promise<unknown> {
    const value = await result
    while (this.#standing() === 'over') await this.#hooks.yield()
    return value
  }

  #returned(value: unknown): unknown {
    if (this.#standing() === 'over') this.#takeBack()
    return value
  }

  #standing(): 'running' | 'over' {
    const standing = this.#hooks.standing()
    if (standing === 'stopped') throw new LinkTrap('the session is over')
    return standing
  }

  #mayLeave(): void {
    if (this.#mayNotLeave > 0) throw new LinkTrap('the component called the host from inside its own cabi_realloc')
  }

  #admit(core: CompiledCore): void {
    this.#memories += core.memories
    if (++this.#coreInstances > maxCoreInstances) throw new LinkTrap(`expected at most ${maxCoreInstances} core instances`)
    if (this.#memories > maxMemories) throw new LinkTrap(`expected at most ${maxMemories} memories`)
    this.#segmentFuel += core.segmentFuel
    if (this.#segmentFuel > maxSegmentFuel) throw new LinkTrap('the element and data segments are too large for one instance')
    if (core.memoryPages > 0 && !this.#hooks.growMemory(core.memoryPages)) throw new LinkTrap('the memories start larger than is allowed')
    if (core.tableElements > 0 && !this.#hooks.growTable(core.tableElements)) throw new LinkTrap('the tables start larger than is allowed')
  }

  #adopt(exports: CoreExterns, own: { slice?: CoreGlobal }): void {
    for (const each of Object.values(exports)) if (typeof each === 'function') this.#coreFunctions.add(each)
    const slice = exports[meterExports.slice]
    if (slice instanceof engine.Global) {
      own.slice = slice
      this.#slices.push(slice)
    }
    const pages = exports[meterExports.memoryPages]
    if (pages instanceof engine.Global) this.#pagesOf.set(exports[meterExports.memory], pages)
  }

  #meterImports(core: CompiledCore, imports: Record<string, ModuleImports>, own: { slice?: CoreGlobal }): ModuleImports {
    const meter: ModuleImports = Object.create(null) as ModuleImports
    meter[meterImports.refill] = () => this.#refill(own.slice)
    meter[meterImports.yield] = new engine.Suspending(() => this.#hooks.yield())
    meter[meterImports.growMemory] = (pages: number) => (this.#hooks.growMemory(pages >>> 0) ? 1 : 0)
    meter[meterImports.growTable] = (elements: number) => (this.#hooks.growTable(elements >>> 0) ? 1 : 0)
    const from = core.memoryImport
    const pages = from && this.#pagesOf.get(imports[from.module]?.[from.name])
    if (pages !== undefined) meter[meterImports.memoryPages] = pages
    return meter
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

  /** Runs `run` on a stack that cannot suspend. */
  #whileStuck<T>(run: () => T): T {
    this.#stuck++
    try {
      return run()
    } finally {
      this.#stuck--
      if (this.#stuck === 0) this.#settleStuck()
    }
  }

  /** Many short stretches must not add up to a long one: what is left is taken back, so that the next charge asks and may yield. */
  #settleStuck(): void {
    if (this.#stuckFrom === undefined) return
    this.#stuckFuel -= this.fuelUsed() - this.#stuckFrom
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
      this.trap ??= new LinkTrap('the component ran too long in a start function, its cabi_realloc or a post-return')
      return -1
    }
    const answer = this.#hooks.refill(canSuspend, used)
    if (answer === 'stop') return -1
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

const valueOf = (global: CoreGlobal | undefined): number => Number(global?.value ?? 0)

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
