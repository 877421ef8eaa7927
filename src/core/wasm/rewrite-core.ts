import { WasmError } from './wasm-error.ts'
import type { CoreShape } from './core-shape.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** Changes whenever the rewriter's output may change: part of every cache key. */
export const rewriterVersion = '1'

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
  readonly shape: CoreShape
  /** Checked charges: function entries and loop heads. */
  readonly charges: number
  /** Functions so small that their callers pay for them. */
  readonly freeFunctions: number
  /** Pages that the memory the module defines starts with; 0 without one. */
  readonly initialPages: number
  /** Elements that the tables the module defines start with, together. */
  readonly initialTableElements: number
  /** Names of the imports and exports that were added. */
  readonly addedImports: readonly string[]
  readonly addedExports: readonly string[]
}

/** Makes an untrusted core module safe to instantiate. Deterministic. Throws {@link WasmError}. */
export const rewriteCore = (bytes: Uint8Array, _options: RewriteOptions): { readonly bytes: Uint8Array; readonly stats: RewriteStats } => {
  throw new WasmError('unsupported', 0, `expected a core module, got ${bytes.length} bytes`)
}
