import type { CoreShape } from './core-shape.ts'
import { decodeModule } from './decode-module.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** The outside of a decoded module. */
export const shapeOf = (module: DecodedModule): CoreShape => ({
  imports: module.imports,
  exports: module.exports,
  functions: module.definedFunctions,
  memory: module.memory,
  tables: module.tables.map(({ imported, initial, maximum }) => ({ imported, initial, maximum })),
  mutableGlobals: module.globals.filter((mutable, index) => mutable && index >= module.importedGlobals).length,
  hasStart: module.sections.has(section.start),
  dropsSegments: module.dropsSegments,
  changesTables: module.changesTables,
})

/**
 * Decodes a whole core module, every section and every instruction, and refuses what cannot be metered, contained or
 * named safely. Types of operands are left to the engine: run `WebAssembly.validate` on the same bytes as well.
 *
 * Throws WasmError: `malformed`; `unsupported` for shared or several memories, memory64, table64, garbage-collected types,
 * typed function references, exceptions, threads, stack switching, relaxed SIMD, wide arithmetic and custom page sizes;
 * `limit`; `name` for import and export names outside a safe alphabet; `reserved` for those of metering.
 */
export const validateCore = (bytes: Uint8Array, limits: WasmLimits): CoreShape => shapeOf(decodeModule(bytes, limits))
