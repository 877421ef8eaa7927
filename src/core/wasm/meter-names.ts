/**
 * The names by which a rewritten core module and the cell that instantiates it know each other.
 *
 * Imports that every rewritten module with functions has, all from {@link meterModule}:
 * - `refill: () -> i32`, plain: `r > 0` adds r units to the slice, `0` calls `yield` and asks again, `r < 0` traps.
 * - `yield: () -> ()`, a `WebAssembly.Suspending` where the stack can suspend.
 * - `grow-memory: (deltaPages: i32) -> i32`, plain: 1 admits, anything else makes `memory.grow` give -1. Never asked for 0.
 * - `grow-table: (deltaElements: i32) -> i32`, likewise for `table.grow`.
 * - `memory-pages: global (mut i32)`, only in a module that imports its memory and asks or changes its size: the
 *   `cordon:meter/memory-pages` export of the instance that defines that memory.
 *
 * Exact fuel of an instance = the sum of the positive refills it was given − the value of its slice global.
 */
export const meterModule = 'cordon:meter'

/** The fields of {@link meterModule}. */
export const meterImports = {
  refill: 'refill',
  yield: 'yield',
  growMemory: 'grow-memory',
  growTable: 'grow-table',
  memoryPages: 'memory-pages',
} as const

/** What a rewritten module exports beyond its own exports. */
export const meterExports = {
  /** `global (mut i32)`: fuel left in the slice; starts at 0, so that the first charge asks for the first slice. In modules with functions. */
  slice: 'cordon:meter/slice',
  /** The slice once more, unless the module's code drops segments or writes tables: what it changes else can be put back. */
  resettable: 'cordon:meter/resettable',
  /** The memory that the module defines, if any. */
  memory: 'cordon:meter/memory',
  /** `global (mut i32)`: pages of that memory as the guest sees them. Never more than the real size. */
  memoryPages: 'cordon:meter/memory-pages',
  /** Before the index (in the original module) of a mutable global that the module defines. */
  globalPrefix: 'cordon:meter/global/',
  /** Before the index of a table that the module defines. */
  tablePrefix: 'cordon:meter/table/',
} as const

/** True for names that no guest may use as an import module or as an export. */
export const isReservedName = (name: string): boolean => name.startsWith(meterModule)
