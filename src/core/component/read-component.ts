import { WasmError } from '#core/wasm/wasm-error.ts'
import type { ComponentLimits } from './component-limits.ts'
import type { ComponentPlan } from './component-plan.ts'

/** How {@link readComponent} reads. */
export interface ReadComponentOptions {
  readonly limits?: ComponentLimits
  /** The core modules were rewritten by `core/wasm`: what they import from and export under `cordon:meter` is the cell's, and not seen. */
  readonly metered?: boolean
}

/**
 * Parses and validates a component of WASI 0.2's feature set (component model, Binary.md and Explainer.md) and makes it flat. Code and data of
 * core modules are left to the engine. Throws WasmError only: `unsupported` for features past 0.2, by name; `limit` for too much.
 */
export const readComponent = (bytes: Uint8Array, options: ReadComponentOptions = {}): ComponentPlan => {
  throw new WasmError('unsupported', 0, `expected a reader of components, got none yet for ${bytes.length} bytes (${options.metered})`)
}
