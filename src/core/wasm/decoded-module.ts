import type { CoreExport, CoreImport, CoreSize } from './core-shape.ts'
import { PatchList } from './patch-list.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** The ids of a core module's sections. */
export const section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

/** Where a section's entries lie, past its count. */
export interface SectionRange {
  readonly start: number
  readonly end: number
  /** Entries; for the start and data count sections, the index or count itself. */
  readonly count: number
}

/** The value types that are let through, by their byte. */
export const refTypes = { funcref: 0x70, externref: 0x6f } as const

/** A table with its element type (a byte of {@link refTypes}). */
export interface DecodedTable extends CoreSize {
  readonly type: number
}

/** A core module while and after it is decoded: index spaces, ranges of the original bytes, and the changes to make. */
export class DecodedModule {
  readonly bytes: Uint8Array
  readonly limits: WasmLimits
  readonly sections = new Map<number, SectionRange>()
  readonly patches = new PatchList()
  /** Parameters and results together, by type index. */
  readonly arities: number[] = []
  /** Parameters alone, by type index. */
  readonly parameters: number[] = []
  /** Type index of every function, imported ones first. */
  readonly functionTypes: number[] = []
  readonly imports: CoreImport[] = []
  readonly exports: CoreExport[] = []
  readonly tables: DecodedTable[] = []
  memory: CoreSize | undefined
  /** Whether each global is mutable, imported ones first. */
  readonly globals: boolean[] = []
  importedFunctions = 0
  importedGlobals = 0
  /** Start and end of every body, past its size. */
  bodies = new Int32Array(0)
  freeFunctions = 0
  charges = 0
  /** Asks or changes the size of its memory. */
  sizesMemory = false
  dropsSegments = false
  changesTables = false
  /** Tables that are grown. */
  readonly grownTables = new Set<number>()

  constructor(bytes: Uint8Array, limits: WasmLimits) {
    this.bytes = bytes
    this.limits = limits
  }

  /** Functions the module defines. */
  get definedFunctions(): number {
    return this.functionTypes.length - this.importedFunctions
  }

  /** Entries of an index-like section; 0 when it is not there. */
  countOf(id: number): number {
    return this.sections.get(id)?.count ?? 0
  }
}
