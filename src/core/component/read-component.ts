import { ByteReader } from '#core/wasm/byte-reader.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultComponentLimits, type ComponentLimits } from './component-limits.ts'
import type { ComponentPlan } from './component-plan.ts'
import { ComponentReader } from './component-reader.ts'
import { Flattener } from './flatten.ts'
import { Reading } from './reading.ts'

/** How {@link readComponent} reads. */
export interface ReadComponentOptions {
  readonly limits?: ComponentLimits
  /** The core modules were rewritten by `core/wasm`: what they import from and export under `cordon:meter` is the cell's, and not seen. */
  readonly metered?: boolean
}

/**
 * Parses and validates a component of WASI 0.2's feature set (component model, Binary.md and Explainer.md) and makes it flat. Code and data of
 * core modules are left to the engine. Throws WasmError only: `beyond` for features of WASI 0.3 and
 * `unsupported` for others that 0.2 does not have, by name; `limit` for too much.
 */
export const readComponent = (bytes: Uint8Array, options: ReadComponentOptions = {}): ComponentPlan => {
  const { limits = defaultComponentLimits, metered = false } = options
  const most = metered ? 2 * limits.componentBytes : limits.componentBytes
  if (bytes.length > most) throw new WasmError('limit', 0, `expected a component of at most ${most} bytes, got ${bytes.length}`)
  const reading = new Reading(limits, metered)
  const definition = new ComponentReader(reading, undefined, 0).read(new ByteReader(bytes))
  const plan = new Flattener(new Reading(limits, metered)).flatten(definition)
  return { modules: reading.modules, ...plan }
}
