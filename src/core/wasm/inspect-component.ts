import { WasmError } from './wasm-error.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** What a component export is. */
export type ComponentKind = 'core module' | 'func' | 'value' | 'type' | 'component' | 'instance'

/** The outside of a component and where its core modules lie. */
export interface ComponentShape {
  /** Names of all that the component imports, as written, e.g. `wasi:io/streams@0.2.12`; only aliases of types are left out. */
  readonly imports: readonly string[]
  readonly exports: readonly { readonly name: string; readonly kind: ComponentKind }[]
  /** Byte ranges of core modules, those of nested components included. */
  readonly coreModules: readonly { readonly offset: number; readonly length: number }[]
  readonly nestedComponents: number
}

/** Reads the outline of a component. Throws {@link WasmError}. */
export const inspectComponent = (bytes: Uint8Array, _limits: WasmLimits): ComponentShape => {
  throw new WasmError('unsupported', 0, `expected a component, got ${bytes.length} bytes`)
}
