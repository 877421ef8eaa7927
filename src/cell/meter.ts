import type { SessionStart } from '#wire/messages.ts'
import type { LiftingBudget } from './link/abi/compiled-type.ts'
import { defaultLiftingBudget } from './link/abi/lifting-meter.ts'
import type { MeterHooks, Refill, Standing } from './link/linker.ts'
import type { TurnTaker } from './turns.ts'

/** How one thread is shared. */
export interface Slicing {
  /** Fuel of one turn. */
  readonly sliceFuel: number
  /** Wall time of one turn: fuel does not see what host functions cost. */
  readonly turnMs: number
}

/** A turn (measured: 0.4 to 2 ms) short enough that a kill gets through in time, long enough that taking turns (10 µs) costs little. */
export const defaultSlicing: Slicing = { sliceFuel: 4_000_000, turnMs: 4 }

/** What a {@link Meter} stands on. */
interface MeterWorld {
  readonly limits: Pick<SessionStart, 'fuel' | 'cpuTimeMs' | 'memoryBytes' | 'tableElements' | 'handles'>
  readonly slicing: Slicing
  /** Resolves in the session's next turn. */
  readonly nextTurn: () => Promise<void>
  /** Microseconds of turns that were not charged yet. */
  readonly unsettledUs: () => number
  /** Told once, when the time on the CPU is used up. */
  readonly cpuSpent: () => void
}

/** The clock is looked at this often at the least: memory that is in no cache, and what else costs more than its fuel says. */
const stepFuel = 250_000
const pageBytes = 65_536
/** What lifting one element costs the cell, in fuel. A byte costs one or less. */
const fuelOfElement = 64
/** Handles of resources that belong to guests themselves, beside those of the host that `handles` counts. */
const ownHandles = 8192

/** Counts what one session uses and says when that is enough. Once stopped, its guest runs no further. */
export class Meter implements MeterHooks, TurnTaker {
  readonly #world: MeterWorld
  /** Lifting takes no fuel: all together it may cost the cell as much as the guest's own work, and no more than anybody's. */
  readonly lifting: LiftingBudget
  readonly maxHandles: number
  #fuelUsed = 0
  #cpuUs = 0
  #memoryBytes = 0
  #tableElements = 0
  #growthRefused = false
  #turnEndsMs = 0
  /** Fuel at which the turn ends; undefined until the first slice of the turn is asked for. */
  #turnEndsFuel: number | undefined
  #stopped = false
  #reached: 'fuel' | 'cpu' | undefined

  constructor(world: MeterWorld) {
    this.#world = world
    const { fuel, handles } = world.limits
    const { bytesPerCall, elementsPerCall, bytesPerSession, elementsPerSession } = defaultLiftingBudget
    this.maxHandles = handles + ownHandles
    this.lifting = {
      bytesPerCall,
      elementsPerCall,
      bytesPerSession: Math.min(bytesPerSession, Math.max(bytesPerCall, fuel)),
      elementsPerSession: Math.min(elementsPerSession, Math.max(elementsPerCall, Math.floor(fuel / fuelOfElement))),
    }
  }

  /** The limit that stopped the guest, if one did. */
  get reached(): 'fuel' | 'cpu' | undefined {
    return this.#reached
  }

  /** Whether a memory or a table was refused to grow during this call. */
  get growthRefused(): boolean {
    return this.#growthRefused
  }

  get cpuUs(): number {
    return this.#cpuUs + this.#world.unsettledUs()
  }

  /** The most the memories had together, in bytes. They never shrink. */
  get memoryPeakBytes(): number {
    return this.#memoryBytes
  }

  /** Fuel as of the last time the guest asked for more. */
  get fuelSeen(): number {
    return Math.min(this.#fuelUsed, this.#world.limits.fuel)
  }

  /** No more guest code from now on. */
  stop(): void {
    this.#stopped = true
  }

  /** Forgets what was counted of an instance that did not fit: no guest code has run, and another one begins. A session that the host stopped stays stopped. */
  startAgain(): void {
    if (this.#reached === 'fuel') {
      this.#reached = undefined
      this.#stopped = false
    }
    this.#fuelUsed = 0
    this.#memoryBytes = 0
    this.#tableElements = 0
    this.#growthRefused = false
  }

  /** Another call of an open session begins: what an earlier one coped with explains nothing. */
  callBegins(): void {
    this.#growthRefused = false
  }

  turnBegins(): void {
    this.#turnEndsMs = performance.now() + this.#world.slicing.turnMs
    this.#turnEndsFuel = undefined
  }

  charge(cpuUs: number): void {
    this.#cpuUs += cpuUs
    if (this.#stopped || !this.#cpuIsSpent()) return
    this.#reach('cpu')
    this.#world.cpuSpent()
  }

  refill(canSuspend: boolean, fuelUsed: number): Refill {
    this.#fuelUsed = fuelUsed
    if (this.#stopped) return 'stop'
    const left = this.#world.limits.fuel - fuelUsed
    if (left < 0) return this.#reach('fuel')
    if (!canSuspend) return Math.min(this.#world.slicing.sliceFuel, left)
    const turnEnds = this.#turnEndsFuel ?? fuelUsed + this.#world.slicing.sliceFuel
    if (this.#turnEndsFuel !== undefined && (fuelUsed > turnEnds || this.#isLate())) return 'yield'
    this.#turnEndsFuel = turnEnds
    return Math.min(turnEnds - fuelUsed, stepFuel, left)
  }

  yield(): Promise<void> {
    return this.#world.nextTurn()
  }

  standing(): Standing {
    if (this.#stopped) return 'stopped'
    return this.#isLate() ? 'over' : 'running'
  }

  growMemory(deltaPages: number): boolean {
    const bytes = this.#memoryBytes + deltaPages * pageBytes
    if (bytes > this.#world.limits.memoryBytes) return this.#refuseGrowth()
    this.#memoryBytes = bytes
    return true
  }

  growTable(deltaElements: number): boolean {
    const elements = this.#tableElements + deltaElements
    if (elements > this.#world.limits.tableElements) return this.#refuseGrowth()
    this.#tableElements = elements
    return true
  }

  #refuseGrowth(): false {
    this.#growthRefused = true
    return false
  }

  #isLate(): boolean {
    return performance.now() > this.#turnEndsMs
  }

  #cpuIsSpent(): boolean {
    return this.#cpuUs > this.#world.limits.cpuTimeMs * 1000
  }

  #reach(limit: 'fuel' | 'cpu'): 'stop' {
    this.#reached ??= limit
    this.#stopped = true
    return 'stop'
  }
}
