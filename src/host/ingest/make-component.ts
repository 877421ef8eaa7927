import type { ComponentContents } from './artifact-codec.ts'
import { checkImports } from './plan-imports.ts'
import { readExports } from './plan-exports.ts'
import type { LimitsProfile } from './profile.ts'
import { meterComponent, readPlan } from './rewrite-component.ts'
import type { Signatures } from './signature-text.ts'

/**
 * Ingest of a component of WASI 0.2, on bytes: read and validate, link check, meter in place. Runs in the child only. Throws
 * {@link BeyondWasi02}, or CordonError `component.invalid`, `component.unsupported`, `component.import-unknown` or `ingest.failed`.
 */
export const makeComponent = (component: Uint8Array, profile: LimitsProfile, signatures: Signatures): ComponentContents => {
  const plan = readPlan(component)
  const imports = checkImports(plan, signatures)
  const exports = readExports(plan)
  return { linking: 'component', component: meterComponent(component, plan.modules, profile), imports, exports }
}
