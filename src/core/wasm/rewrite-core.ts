import { ByteWriter } from './byte-writer.ts'
import { CodeEmitter } from './code-emitter.ts'
import type { CoreShape, CoreSize } from './core-shape.ts'
import { decodeModule } from './decode-module.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import type { GrowthCaps } from './meter-code.ts'
import { layOut } from './meter-indices.ts'
import { addedExports, addedImports, SectionEmitter } from './section-emitter.ts'
import { shapeOf } from './validate-core.ts'
import { WasmError } from './wasm-error.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** Changes whenever the rewriter's output may change: part of every cache key. */
export const rewriterVersion = '4'

/** How a core module is rewritten. */
export interface RewriteOptions {
  /** The most pages (64 KiB) that one memory may have, 0 to 65536. */
  readonly maxMemoryPages: number
  /** The most elements that one table may have. */
  readonly maxTableElements: number
  readonly limits: WasmLimits
}

/** What the rewriter did. */
export interface RewriteStats {
  /** The module as it was. */
  readonly shape: CoreShape
  /** Charges at function entries and loop heads; arms that pay for themselves come on top. */
  readonly charges: number
  /** Functions so small that their callers pay for them. */
  readonly freeFunctions: number
  /** Pages that the memory the module defines starts with; 0 without one. */
  readonly initialPages: number
  /** Elements that the tables the module defines start with, together. */
  readonly initialTableElements: number
  /** Fields of `cordon:meter` that the module now imports. */
  readonly addedImports: readonly string[]
  /** Names that it now exports besides its own. */
  readonly addedExports: readonly string[]
}

const mostPages = 65_536
const mostElements = 10_000_000

const capOf = (size: CoreSize, cap: number): number => Math.min(size.maximum ?? cap, cap)

/** Works out the maxima and throws `limit` for what starts above them. */
const growthCaps = (module: DecodedModule, options: RewriteOptions): GrowthCaps => {
  const at = (id: number): number => module.sections.get(id)?.start ?? 0
  const pages = Math.min(options.maxMemoryPages, mostPages)
  const elements = Math.min(options.maxTableElements, mostElements)
  const { memory, tables } = module
  if (memory?.imported === false && memory.initial > pages) {
    throw new WasmError('limit', at(section.memory), `expected a memory of at most ${pages} pages, got ${memory.initial}`)
  }
  const large = tables.find(({ imported, initial }) => !imported && initial > elements)
  if (large !== undefined) {
    throw new WasmError('limit', at(section.table), `expected a table of at most ${elements} elements, got ${large.initial}`)
  }
  return {
    memoryPages: memory === undefined ? 0 : capOf(memory, pages),
    tables: tables.map((table) => capOf(table, elements)),
  }
}

const emit = (module: DecodedModule, caps: GrowthCaps): Uint8Array => {
  const indices = layOut(module)
  const out = new ByteWriter(module.bytes.length + (module.bytes.length >> 3) + 4096)
  out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
  new SectionEmitter({ module, indices, caps, out, code: new CodeEmitter(module, indices) }).emitAll()
  return out.toBytes()
}

/**
 * Makes an untrusted core module safe to instantiate: caps its memory and tables, virtualises `memory.size` and
 * `memory.grow`, meters every loop, call chain and bulk instruction, exports its mutable state for reset, and drops custom
 * sections (`meter-names.ts` lists what is added). Deterministic: the same bytes and options give the same bytes.
 *
 * Decodes as `validateCore` does and throws the same {@link WasmError}s, and `limit` for a memory or table that starts
 * above its cap. Run `WebAssembly.validate` on both the original and the result: operand types are the engine's to check.
 *
 * A memory that the module imports is sized through an imported global, the one that the defining module exports: both
 * modules run the same code on the same number, so that it is right however many share the memory. Imported memories and
 * tables keep their declared type: an exporter whose maximum was lowered still matches.
 */
export const rewriteCore = (bytes: Uint8Array, options: RewriteOptions): { readonly bytes: Uint8Array; readonly stats: RewriteStats } => {
  const module = decodeModule(bytes, options.limits)
  const rewritten = emit(module, growthCaps(module, options))
  if (rewritten.length > options.limits.rewrittenBytes) {
    throw new WasmError('limit', 0, `expected at most ${options.limits.rewrittenBytes} bytes once metered, got ${rewritten.length}`)
  }
  const { memory, tables } = module
  const stats: RewriteStats = {
    shape: shapeOf(module),
    charges: module.charges,
    freeFunctions: module.freeFunctions,
    initialPages: memory?.imported === false ? memory.initial : 0,
    initialTableElements: tables.reduce((sum, { imported, initial }) => sum + (imported ? 0 : initial), 0),
    addedImports: addedImports(module),
    addedExports: addedExports(module).map(({ name }) => name),
  }
  return { bytes: rewritten, stats }
}
