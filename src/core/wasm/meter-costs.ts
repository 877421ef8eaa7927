/**
 * What things cost in fuel. One unit is about one simple instruction, some 0.3 to 1 ns on a current machine; the rest
 * follows measured time, so that no instruction buys much more time than its fuel says.
 *
 * INVARIANT: no sum of charges leaves i32. The slice is not negative before a charge, each charge takes at most
 * {@link mostChargeFuel} and is followed by a check, and a stack that waits in the check's slow path owes no more than
 * that; so a hundred stacks could wait in one instance at a time, and a cell has one.
 */
export const fuel = {
  instruction: 1,
  /** A call, the callee's free part included; besides {@link callFuel}'s share for its values. */
  call: 8,
  /** Entering a function that pays for itself. */
  entry: 2,
  /** Coming round to a loop's head. */
  loopHead: 1,
  /** A bulk instruction, memory.grow and table.grow, besides what their length costs. */
  bulk: 16,
  /** One page of memory.grow: 16 first touches of 4 KiB by the engine and the system. */
  page: 4096,
  /** One element that table.set, fill, copy, init or grow writes: the engine keeps what call_indirect needs beside each, some 50 ns. */
  element: 32,
} as const

/** Bytes of memory.fill, copy and init that one unit pays, as a power of two: 8 bytes. */
export const bytesShift = 3
/** Locals set to zero that one unit pays. */
export const localsPerUnit = 8

/** A function without calls, loops and bulk instructions that costs no more than this is paid by its callers' {@link fuel}`.call`. */
export const freeFunctionFuel = 16
/** The most that one charge takes; bulk instructions and memory.grow pay in parts of this. */
export const mostChargeFuel = 2 ** 24

/** The fuel of a call that passes `arity` parameters and results. */
export const callFuel = (arity: number): number => fuel.call + (arity >> 2)

/**
 * The most that a body of `bytes` can cost on any path: a call with all its values takes two bytes, a bulk instruction
 * or a growth no fewer, and nothing costs more.
 */
export const bodyFuelBound = (bytes: number, typeArity: number): number => (bytes / 2) * Math.max(callFuel(2 * typeArity), 2 * fuel.bulk)

/** Above this a body's costs could not be added up in i32. */
export const mostBodyFuel = 2 ** 30
