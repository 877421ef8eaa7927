import type { ComponentArtifact, GlueArtifact } from '#core/artifact.ts'
import type { LiftingBudget } from './abi/compiled-type.ts'

/** Interface name without version (`wasi:io/streams`) → the members in jco's JavaScript convention. Null-prototype, frozen. */
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/**
 * Answer to a used-up slice: how many units of fuel the instance may charge beyond what it has charged (0 and more; the next charge
 * past them asks again), `yield` to suspend first and ask again, `stop` to trap.
 */
export type Refill = number | 'yield' | 'stop'

/** How a session stands when the host gives control back to its guest. `over`: its turn is; `stopped`: no more guest code may run. */
export type Standing = 'running' | 'over' | 'stopped'

/** What metering asks while a guest runs; one per instance. */
export interface MeterHooks {
  /** The slice is used up. `fuelUsed` counts all the instance has charged, the charge that did not fit included. */
  refill(canSuspend: boolean, fuelUsed: number): Refill
  /** Resolves when the guest may go on. */
  yield(): Promise<void>
  /** Asked when a host function returns: a loop of cheap calls into an expensive host function burns no fuel to speak of. */
  standing(): Standing
  /** A memory wants `deltaPages` (64 KiB each) more; true admits them against the session's total. Asked for initial sizes too. */
  growMemory(deltaPages: number): boolean
  /** A table wants `deltaElements` more. Asked for initial sizes too. */
  growTable(deltaElements: number): boolean
  /** What may be lifted out of the guest; the linker's own default without. */
  readonly lifting?: LiftingBudget
  /** Entries of all handle tables together; the linker's own default without. */
  readonly maxHandles?: number
}

/** One live instance. */
export interface Instance {
  /**
   * Calls the export at `path` as promising; rejects with {@link DeclaredError} for a WIT `err`, anything else ends the instance. Calls
   * that come while another runs or waits take their turns, in order.
   */
  call(path: readonly string[], args: readonly unknown[]): Promise<unknown>
  /**
   * Puts memories, globals, tables, handles and virtual sizes back to what they were after instantiation, and lets go of the session
   * it served. False when that cannot be (it trapped, a call is running, it started with help of the host, it dropped segments or changed tables): then
   * it must be discarded.
   */
  reset(): boolean
  /**
   * Serves another session after {@link Instance.reset}: asks `hooks` for what it starts with and charges what instantiating it took, so that
   * a session costs the same whichever way its instance came. Throws like {@link Linked.instantiate}: the caller is to end it then.
   */
  serve(hooks: MeterHooks): void
  /** Ends it: what is queued or waits rejects with `reason`, handles that the guest still holds are dropped. Idempotent. */
  end(reason: Error): void
  /** Fuel charged so far, the used part of the current slice included. */
  fuelUsed(): number
  /** Bytes of all linear memories as the guest sees them, now and at most. */
  memory(): { readonly bytes: number; readonly peakBytes: number }
}

/** The `err` of a WIT `result`, with its lifted payload. */
export class DeclaredError extends Error {
  readonly payload: unknown
  constructor(payload: unknown) {
    super('the export returned its declared error')
    this.name = 'DeclaredError'
    this.payload = payload
  }
}

/**
 * The host gave arguments that do not fit the types of the export it called. No fault of the guest's, but it may have made room for some of them already: its
 * instance ends all the same.
 */
export class ArgumentMismatch extends TypeError {
  constructor(cause: TypeError) {
    super(cause.message, { cause })
    this.name = 'ArgumentMismatch'
  }
}

/**
 * Why a linker ended an instance. Stable: tests and operators go by it.
 * `abi`: a value, pointer or result that the canonical ABI does not allow. `handle`: a handle that is not what it was used as. `reentrance`: a call
 * into an instance that may not be entered, or out of one that may not leave. `realloc`: an allocation that is misaligned or out of bounds, or
 * that called out. `budget`: more lifted, held or run than is allowed. `poisoned`: the instance ended before. `over`: the session did. `link`: what was to be linked does not fit.
 */
export type TrapCode = 'abi' | 'handle' | 'reentrance' | 'realloc' | 'budget' | 'poisoned' | 'over' | 'link'

/** The guest broke a rule that only the linker sees; `message` may be shown to it. */
export class LinkTrap extends Error {
  readonly code: TrapCode
  constructor(message: string, code: TrapCode = 'abi') {
    super(message)
    this.name = 'LinkTrap'
    this.code = code
  }
}

/** A compiled component, shared by all instances in this cell. */
export interface Linked {
  /** Rejects when a start function traps, or with {@link LinkTrap}. */
  instantiate(imports: Imports, hooks: MeterHooks): Promise<Instance>
}

/** The parts of an artifact that linking needs. */
export type Linkable =
  | Pick<ComponentArtifact, 'linking' | 'component' | 'exports'>
  | Pick<GlueArtifact, 'linking' | 'glue' | 'cores' | 'exports'>

/** Turns an artifact into something that can be instantiated: the component linker, or jco's glue in `glue/`. */
export interface Linker {
  /** Rejects with {@link LinkTrap} `link` for an artifact of the other kind. */
  link(artifact: Linkable): Promise<Linked>
}
