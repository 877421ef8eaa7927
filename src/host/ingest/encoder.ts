import { readFile } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import type { Signatures } from './signature-text.ts'
import { loadSignatures, vendorFolder } from './signatures.ts'

/** The encoder of components as `build:vendor` made it: no files, no environment, one use. */
export interface Encoder {
  readonly tools: {
    /** Encodes a core module and the adapters that it needs, by the names it imports them under. Throws what is wrong as `payload`. */
    componentNew(module: Uint8Array, adapters: readonly (readonly [string, Uint8Array])[]): Uint8Array
  }
  /** What it wrote to its standard error: the message of a panic. */
  diagnostics(): string
}

interface EncoderModule extends Encoder {
  readonly $init: Promise<void>
}

const isEncoderModule = (loaded: unknown): loaded is EncoderModule =>
  typeof loaded === 'object' &&
  loaded !== null &&
  'tools' in loaded &&
  typeof loaded.tools === 'object' &&
  loaded.tools !== null &&
  'componentNew' in loaded.tools &&
  typeof loaded.tools.componentNew === 'function' &&
  'diagnostics' in loaded &&
  typeof loaded.diagnostics === 'function' &&
  '$init' in loaded &&
  loaded.$init instanceof Promise

/** What the child that encodes works with. */
export interface EncoderTools {
  readonly encoder: Encoder
  /** The standard adapters of preview 1 for the two kinds of program. */
  readonly adapters: { readonly command: Uint8Array; readonly reactor: Uint8Array }
  /** The functions that may be imported. */
  readonly signatures: Signatures
}

/** Files of `dist/vendor` that decide what is encoded. */
export const encoderFiles = [
  'encoder.js',
  'wasm-tools.core.wasm',
  'wasm-tools.core2.wasm',
  'command-adapter.wasm',
  'reactor-adapter.wasm',
] as const

const adapterNamed = async (kind: string): Promise<Uint8Array> =>
  new Uint8Array(await readFile(new URL(`${kind}-adapter.wasm`, vendorFolder)))

/** Loads all that encoding needs from `dist/vendor`. Throws CordonError `ingest.failed`. */
export const loadEncoderTools = async (): Promise<EncoderTools> => {
  const loaded: unknown = await import(new URL('encoder.js', vendorFolder).href)
  if (!isEncoderModule(loaded)) throw new CordonError('ingest.failed', 'expected the encoder in `dist/vendor`, found something else')
  await loaded.$init
  const [command, reactor] = await Promise.all([adapterNamed('command'), adapterNamed('reactor')])
  return { encoder: loaded, adapters: { command, reactor }, signatures: await loadSignatures() }
}
