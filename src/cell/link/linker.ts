import type { Artifact } from '#core/artifact.ts'

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
}

/** One live instance. */
export interface Instance {
  /** Calls the export at `path` as promising; rejects with {@link DeclaredError} for a WIT `err`, anything else ends the instance. */
  call(path: readonly string[], args: readonly unknown[]): Promise<unknown>
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

/** The guest broke a rule that only the linker sees; `message` may be shown to it. */
export class LinkTrap extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LinkTrap'
  }
}

/** A compiled component, shared by all instances in this cell. */
export interface Linked {
  /** Rejects when a start function traps, or with {@link LinkTrap}. */
  instantiate(imports: Imports, hooks: MeterHooks): Promise<Instance>
}

/** Turns an artifact into something that can be instantiated: jco's glue now, a linker of our own later. */
export interface Linker {
  link(artifact: Pick<Artifact, 'glue' | 'cores' | 'exports'>): Promise<Linked>
}
