import { $init, generate } from '@bytecodealliance/jco-transpile/component'
import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { JcoLinker } from '#glue/jco.ts'
import { transpile } from '#host/ingest/transpile.ts'
import type { Contend } from './contenders.ts'
import { contenderOf, unlimited } from './own-linker.ts'

const rewriting = { maxMemoryPages: 4096, maxTableElements: 1_000_000, limits: defaultWasmLimits }

/** jco as ingest has it: its glue patched, the core modules metered, every export promising. */
export const patchedJco: Contend = async (component, imports) => {
  await $init
  const { glue, cores, exports } = transpile(component, { version: 'test', generate: generate as never, diagnostics: () => '' })
  const metered = cores.map(({ name, bytes }) => ({ name, bytes: rewriteCore(bytes, rewriting).bytes }))
  const linked = await new JcoLinker().link({ linking: 'glue', glue, cores: metered, exports })
  return contenderOf(await linked.instantiate(imports, unlimited))
}
