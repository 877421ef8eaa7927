import { section, type DecodedModule } from './decoded-module.ts'
import { meterImports } from './meter-names.ts'

/** Where everything that the rewriter adds ends up in the index spaces of the new module. */
export interface MeterIndices {
  /** Added function imports: original functions from `importedFunctions` on move up by as many. */
  readonly functionShift: number
  /** Added global imports, 0 or 1: original globals from `importedGlobals` on move up by as many. */
  readonly globalShift: number
  /** What modules with functions get. */
  readonly code: CodeIndices | undefined
  /** The global with the memory's virtual size; undefined without a memory, or with an imported one that is never sized. */
  readonly memoryPages: number | undefined
}

/** Added types, imports, functions and the slice. */
export interface CodeIndices {
  readonly types: {
    /** `() -> i32` */
    readonly refill: number
    /** `() -> ()` */
    readonly yield: number
    /** `(i32) -> i32` */
    readonly grow: number
    /** `(reference, i32) -> i32`, by the byte of the reference type. */
    readonly growTable: ReadonlyMap<number, number>
  }
  readonly imports: { readonly refill: number; readonly yield: number; readonly growMemory: number; readonly growTable: number }
  readonly helpers: {
    readonly slow: number
    readonly payBytes: number
    readonly payElements: number
    readonly growMemory: number | undefined
    /** By the table that grows. */
    readonly growTable: ReadonlyMap<number, number>
  }
  readonly slice: number
}

/** The names of the added function imports, in order. */
export const addedFunctions = [meterImports.refill, meterImports.yield, meterImports.growMemory, meterImports.growTable] as const

const numbered = (keys: readonly number[], first: number): ReadonlyMap<number, number> =>
  new Map(keys.map((key, nth) => [key, first + nth]))

const layOutCode = (module: DecodedModule, slice: number): CodeIndices => {
  const types = module.countOf(section.type)
  const imported = module.importedFunctions
  const grown = [...module.grownTables].toSorted((a, b) => a - b)
  const grownTypes = [...new Set(grown.map((index) => module.tables[index]?.type ?? 0))].toSorted((a, b) => a - b)
  const helper = module.functionTypes.length + addedFunctions.length
  return {
    types: { refill: types, yield: types + 1, grow: types + 2, growTable: numbered(grownTypes, types + 3) },
    imports: { refill: imported, yield: imported + 1, growMemory: imported + 2, growTable: imported + 3 },
    helpers: {
      slow: helper,
      payBytes: helper + 1,
      payElements: helper + 2,
      growMemory: module.sizesMemory ? helper + 3 : undefined,
      growTable: numbered(grown, helper + (module.sizesMemory ? 4 : 3)),
    },
    slice,
  }
}

const pagesGlobal = (module: DecodedModule, next: number): number | undefined => {
  if (module.memory === undefined) return undefined
  if (!module.memory.imported) return next
  return module.sizesMemory ? module.importedGlobals : undefined
}

/** Lays out what the rewriter adds to `module`. A module without functions has nothing to meter and gets no imports. */
export const layOut = (module: DecodedModule): MeterIndices => {
  const hasCode = module.definedFunctions > 0
  const globalShift = module.memory?.imported === true && module.sizesMemory ? 1 : 0
  const globals = module.globals.length + globalShift
  return {
    functionShift: hasCode ? addedFunctions.length : 0,
    globalShift,
    code: hasCode ? layOutCode(module, globals) : undefined,
    memoryPages: pagesGlobal(module, globals + (hasCode ? 1 : 0)),
  }
}
