import { ComponentLinker } from '#cell/link/component-linker.ts'
import { DeclaredError, type Imports, type Instance, type Linked, type MeterHooks } from '#cell/link/linker.ts'
import { rewriteComponent } from '#host/ingest/rewrite-component.ts'
import { endingOf, type Contend } from './contenders.ts'

/** Meters everything and refuses nothing. */
export const unlimited: MeterHooks = {
  refill: () => 1_000_000_000,
  yield: () => Promise.resolve(),
  standing: () => 'running',
  growMemory: () => true,
  growTable: () => true,
}

const profile = { maxMemoryPages: 4096, maxTableElements: 1_000_000 }

/** Reads, validates and meters a component as ingest does, and links it as a cell does. */
export const linkedByCordon = (component: Uint8Array): Promise<Linked> =>
  new ComponentLinker().link({ linking: 'component', component: rewriteComponent(component, profile).bytes, exports: [] })

const ofDeclared = (error: unknown): { readonly payload: unknown } | undefined => (error instanceof DeclaredError ? error : undefined)

/** Any linked instance as a contender. */
export const contenderOf = (instance: Instance): Awaited<ReturnType<Contend>> => ({
  call: (path, args) => endingOf(() => instance.call(path, args), ofDeclared),
})

/** Cordon's own linker, metered. */
export const cordon: Contend = async (component: Uint8Array, imports: Imports) => {
  const linked = await linkedByCordon(component)
  return contenderOf(await linked.instantiate(imports, unlimited))
}
