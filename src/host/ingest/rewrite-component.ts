import type { ComponentPlan, CoreModuleRange } from '#core/component/component-plan.ts'
import { readComponent } from '#core/component/read-component.ts'
import { CordonError } from '#core/errors.ts'
import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { naming } from './ingest-error.ts'
import type { LimitsProfile } from './profile.ts'
import { spliceModules } from './splice-modules.ts'

/** The component uses what came with WASI 0.3; `message` says what. */
export class BeyondWasi02 extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BeyondWasi02'
  }
}

/** The engine's own check: types of operands are its part (see `core/wasm/rewrite-core.ts`). Neither the language's nor Node's types declare it. */
const { WebAssembly: engine } = globalThis as unknown as { readonly WebAssembly: { validate(bytes: Uint8Array): boolean } }

/** Reads a component. Throws {@link BeyondWasi02}, or CordonError as {@link naming} does. */
export const readPlan = (component: Uint8Array): ComponentPlan =>
  naming('the component', () => {
    try {
      return readComponent(component)
    } catch (error) {
      if (error instanceof WasmError && error.code === 'beyond') throw new BeyondWasi02(error.message)
      throw error
    }
  })

const rewriteModule = (module: Uint8Array, index: number, profile: LimitsProfile): Uint8Array =>
  naming(`core module ${index}`, () => {
    const { bytes } = rewriteCore(module, { ...profile, limits: defaultWasmLimits })
    // The module as it came, too: what is added must not make sense of code that made none.
    if (!engine.validate(module)) {
      throw new CordonError('component.invalid', `core module ${index}: expected code that type-checks, got some that does not`)
    }
    if (!engine.validate(bytes))
      throw new CordonError('ingest.failed', `core module ${index}: expected it to be valid once metered, it is not`)
    return bytes
  })

/** Meters the core modules of a component that was read, and puts them back in place. Throws CordonError `component.*` or `ingest.failed`. */
export const meterComponent = (component: Uint8Array, ranges: readonly CoreModuleRange[], profile: LimitsProfile): Uint8Array => {
  const modules = ranges.map(({ offset, length }, index) => rewriteModule(component.subarray(offset, offset + length), index, profile))
  const metered = spliceModules(component, ranges, modules)
  try {
    readComponent(metered, { metered: true })
  } catch (error) {
    if (!(error instanceof WasmError)) throw error
    throw new CordonError('ingest.failed', `expected the component to be valid once metered: ${error.message}`, { cause: error })
  }
  return metered
}

/**
 * A component of WASI 0.2 with each core module validated, capped and metered in place: what a cell links. Throws {@link BeyondWasi02}, or CordonError
 * `component.invalid`, `component.unsupported` or `ingest.failed`.
 */
export const rewriteComponent = (
  component: Uint8Array,
  profile: LimitsProfile,
): { readonly bytes: Uint8Array; readonly plan: ComponentPlan } => {
  const plan = readPlan(component)
  return { bytes: meterComponent(component, plan.modules, profile), plan }
}
