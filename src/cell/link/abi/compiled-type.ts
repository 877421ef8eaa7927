/**
 * A value type compiled to closures, once per component: how its values are read from a guest (lifted) and written into one (lowered), as
 * `CanonicalABI.md` says. JavaScript values follow jco's documented convention.
 */
export interface CompiledType {
  /** In a linear memory, in bytes (`elem_size`, `alignment`). */
  readonly size: number
  readonly align: number
  /** As core values (`flatten_type`), cut after 17: a type of more is never passed flat, and only loaded and stored. */
  readonly flat: readonly CoreType[]
  /** How deep lists, records and the like lie in it, at most. */
  readonly depth: number
  /** Reads the value at `at`, which is aligned and inside the memory as the caller checked for `size` bytes. Throws LinkTrap. */
  load(call: CallScope, at: number): unknown
  /** Writes `value` at `at`, likewise. Throws LinkTrap; TypeError when the host gave something else than the type. */
  store(call: CallScope, value: unknown, at: number): void
  /** Takes `flat.length` core values from `values`, from `from` on. Throws LinkTrap. */
  lift(call: CallScope, values: readonly CoreValue[], from: number): unknown
  /** Appends `flat.length` core values to `out`. */
  lower(call: CallScope, value: unknown, out: CoreValue[]): void
}

/** `i64` are BigInts, the others numbers. */
export type CoreValue = number | bigint
export type CoreType = 'i32' | 'i64' | 'f32' | 'f64'

/**
 * What lifting and lowering stand on: one side of one call (a `LiftLowerContext` of the canonical ABI). Made once per canonical function and
 * instance, and used again for each call; views are looked at anew after anything that may have run guest code.
 */
export interface CallScope {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16'
  /** The memory of the guest at this moment, as wide as the guest sees it (`memory-pages`), never its spare room. Throws LinkTrap without the option `memory`. */
  bytes(): Uint8Array
  view(): DataView
  /**
   * Calls the guest's `realloc` with (old, oldSize, align, newSize) and checks alignment and bounds of what it gives. No import can be called
   * meanwhile. Throws LinkTrap; views are stale afterwards.
   */
  realloc(old: number, oldSize: number, align: number, newSize: number): number
  /** `lift_own` … `lower_borrow`: from handle index to JavaScript value and back. Throw LinkTrap. */
  liftOwn(resource: number, handle: number): unknown
  liftBorrow(resource: number, handle: number): unknown
  lowerOwn(resource: number, value: unknown): number
  lowerBorrow(resource: number, value: unknown): number
  /** Charges what lifting makes the host hold, before it is made. Throws LinkTrap when a budget is used up. */
  charge(elements: number, bytes: number): void
}

/** What one call, and one session in all its calls, may have lifted out of guests. Inclusive. */
export interface LiftingBudget {
  readonly bytesPerCall: number
  readonly elementsPerCall: number
  readonly bytesPerSession: number
  readonly elementsPerSession: number
}

/** No type of an honest interface comes near; lifting recurses this deep. */
export const maxTypeDepth = 64
