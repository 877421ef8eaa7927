import { CordonError } from '#core/errors.ts'
import type { Signatures } from './signature-text.ts'
import { loadSignatures, vendorFolder } from './signatures.ts'

/** jco's transpiler as `build:vendor` made it: no files, no environment, one use. */
export interface Bindgen {
  /** The version of jco-transpile. */
  readonly version: string
  generate(
    component: Uint8Array,
    options: Readonly<Record<string, unknown>>,
  ): { readonly files: readonly (readonly [string, Uint8Array])[] }
  /** What it wrote to its standard error: the message of a panic. */
  diagnostics(): string
}

interface BindgenModule extends Bindgen {
  readonly $init: Promise<void>
}

const isBindgenModule = (loaded: unknown): loaded is BindgenModule =>
  typeof loaded === 'object' &&
  loaded !== null &&
  'generate' in loaded &&
  typeof loaded.generate === 'function' &&
  'diagnostics' in loaded &&
  typeof loaded.diagnostics === 'function' &&
  'version' in loaded &&
  typeof loaded.version === 'string' &&
  '$init' in loaded &&
  loaded.$init instanceof Promise

/** Loads and compiles the transpiler. Throws CordonError `ingest.failed`. */
const loadBindgen = async (): Promise<Bindgen> => {
  const loaded: unknown = await import(new URL('bindgen.js', vendorFolder).href)
  if (!isBindgenModule(loaded)) throw new CordonError('ingest.failed', 'expected the transpiler in `dist/vendor`, found something else')
  await loaded.$init
  return loaded
}

/** What the child works with. */
export interface Toolset {
  readonly bindgen: Bindgen
  /** The functions that may be imported. */
  readonly signatures: Signatures
}

/** Loads everything that the glue route needs from `dist/vendor`. Throws CordonError `ingest.failed`. */
export const loadToolset = async (): Promise<Toolset> => ({ signatures: await loadSignatures(), bindgen: await loadBindgen() })
