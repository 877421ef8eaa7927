import type { Artifact } from '#core/artifact.ts'

/** Interface name without version (`wasi:io/streams`) → the members in jco's JavaScript convention. Null-prototype, frozen. */
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What metering asks while a guest runs; one per instance. */
export interface MeterHooks {
  /**
   * The slice is used up. Gives the size of the next slice (fuel units, 1 to 2^31-1), 0 to suspend through `yield`
   * first and ask again, or -1 to trap.
   */
  refill(canSuspend: boolean): number
  /** Resolves when the guest may go on. */
  yield(): Promise<void>
  /** A memory wants `deltaPages` (64 KiB each) more; true admits them against the session's total. */
  growMemory(deltaPages: number): boolean
  /** A table wants `deltaElements` more. */
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

/** A compiled component, shared by all instances in this cell. */
export interface Linked {
  instantiate(imports: Imports, hooks: MeterHooks): Promise<Instance>
}

/** Turns an artifact into something that can be instantiated: jco's glue now, a linker of our own later. */
export interface Linker {
  link(artifact: Pick<Artifact, 'glue' | 'cores' | 'exports'>): Promise<Linked>
}
