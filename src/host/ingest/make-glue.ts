import type { CoreModule } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { linkCheck, linkedName } from '#core/implemented-interfaces.ts'
import { inspectComponent } from '#core/wasm/inspect-component.ts'
import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { validateCore } from '#core/wasm/validate-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import type { GlueContents } from './artifact-codec.ts'
import type { Toolset } from './bindgen.ts'
import { checkImportSignatures } from './import-types.ts'
import { naming } from './ingest-error.ts'
import type { LimitsProfile } from './profile.ts'
import type { Signatures } from './signature-text.ts'
import { transpile } from './transpile.ts'

/** Validates every core module where it lies, before the transpiler sees any of it: names go unescaped into the code it writes. */
const checkComponent = (component: Uint8Array, signatures: Signatures): { imports: readonly string[]; modules: readonly Uint8Array[] } => {
  const shape = naming('the component', () => inspectComponent(component, defaultWasmLimits))
  const problem = linkCheck(shape.imports)
  if (problem !== undefined) throw new CordonError('component.import-unknown', problem.message)
  // The transpiler drops versions, so that what goes by its version here would be linked to another draft's adapter.
  const versioned = shape.imports.find((name) => linkedName(name).includes('@'))
  if (versioned !== undefined)
    throw new CordonError(
      'component.import-unknown',
      `the component imports \`${versioned}\`, which no component past WASI 0.2 can import here; build it against a later draft`,
    )
  naming('the component', () => checkImportSignatures(component, signatures))
  const modules = shape.coreModules.map(({ offset, length }) => component.subarray(offset, offset + length))
  for (const [index, module] of modules.entries()) naming(`core module ${index}`, () => validateCore(module, defaultWasmLimits))
  return { imports: shape.imports, modules }
}

/** Names a module for an error: the transpiler writes modules of its own where a component is composed of others. */
const describe = (core: CoreModule, modules: readonly Uint8Array[]): string => {
  const isGiven = modules.some((module) => Buffer.compare(module, core.bytes) === 0)
  return isGiven ? `core module \`${core.name}\`` : `the code that joins its components (\`${core.name}\`)`
}

/**
 * Ingest by way of jco, for components past WASI 0.2, on bytes: validate, link check, transpile, patch, rewrite. Runs in the child only. Throws CordonError
 * `component.invalid`, `component.unsupported`, `component.import-unknown` or `ingest.failed`.
 */
export const makeGlue = (component: Uint8Array, profile: LimitsProfile, tools: Toolset): GlueContents => {
  const { imports, modules } = checkComponent(component, tools.signatures)
  const { glue, cores, exports } = transpile(component, tools.bindgen)
  const rewritten = cores.map((core) => {
    const { name, bytes } = core
    const result = naming(describe(core, modules), () => rewriteCore(bytes, { ...profile, limits: defaultWasmLimits }))
    return { name, bytes: result.bytes }
  })
  return { linking: 'glue', glue, cores: rewritten, imports, exports }
}
