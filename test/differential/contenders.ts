import { transpileBytes } from '@bytecodealliance/jco-transpile'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { engine } from '#cell/link/engine.ts'
import type { Imports } from '#cell/link/linker.ts'

/** How a call ended. */
export type Ending =
  | { readonly kind: 'returned'; readonly value: unknown }
  /** With the `err` of a result. */
  | { readonly kind: 'declared'; readonly payload: unknown }
  | { readonly kind: 'trapped'; readonly error: unknown }

/** One instance of a component, whichever linker made it. */
export interface Contender {
  /** Calls an exported function by its interface as written and its JavaScript name. */
  call(path: readonly [string, string], args: readonly unknown[]): Promise<Ending>
}

/** Links and instantiates a component. */
export type Contend = (component: Uint8Array, imports: Imports) => Promise<Contender>

/** Runs something and says how it ended; `payloadOf` knows a declared error. */
export const endingOf = async (
  run: () => unknown,
  payloadOf: (error: unknown) => { readonly payload: unknown } | undefined,
): Promise<Ending> => {
  try {
    return { kind: 'returned', value: await run() }
  } catch (error) {
    const declared = payloadOf(error)
    return declared === undefined ? { kind: 'trapped', error } : { kind: 'declared', payload: declared.payload }
  }
}

type Members = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
type Instantiate = (getCoreModule: (name: string) => Promise<object>, imports: object) => Promise<Readonly<Record<string, Members>>>

/** What stock jco makes of a component: its transpiler as published, its glue as it comes, nothing rewritten and nothing patched. */
export const instantiateStock = async (component: Uint8Array, imports: object): Promise<Readonly<Record<string, Members>>> => {
  const { files } = await transpileBytes(component, { name: 'component', instantiation: 'async', emitTypescriptDeclarations: false })
  const byName = new Map(Object.entries(files as unknown as Readonly<Record<string, Uint8Array>>))
  const glue = Buffer.from(byName.get('component.js') ?? []).toString('base64')
  const { instantiate } = (await import(/* @vite-ignore */ `data:text/javascript;base64,${glue}`)) as { readonly instantiate: Instantiate }
  return instantiate((name) => engine.compile(Uint8Array.from(byName.get(name) ?? [])), imports)
}

/** Stock jco as a contender. */
export const stockJco: Contend = async (component, imports) => {
  const exports = await instantiateStock(component, imports)
  return {
    call: ([from, name], args) => endingOf(() => exports[from]?.[name]?.(...args), withPayload),
  }
}

/** jco throws the `err` of a result as it is, or in an error of its own that has a `payload`. */
const withPayload = (error: unknown): { readonly payload: unknown } | undefined => {
  if (!(error instanceof Error)) return { payload: error }
  return 'payload' in error ? { payload: error.payload } : undefined
}

/** The bytes of a component's text, in memory of their own. */
export const assemble = async (text: string): Promise<Uint8Array> => Uint8Array.from(await parse(text))
