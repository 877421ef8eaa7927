import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { transpileBytes } from '@bytecodealliance/jco-transpile'
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation'

/** What a component instance of stock jco looks like from a test. */
type Exports = Readonly<Record<string, Readonly<Record<string, (...args: unknown[]) => unknown>>>>

/** `WebAssembly` is there at run time and missing from the compiler's `lib`. */
const { compile } = (globalThis as unknown as { WebAssembly: { compile(bytes: Uint8Array): Promise<unknown> } }).WebAssembly

/** What a test gives the guest. */
export interface StockWorld {
  /** Guest path → host path. */
  readonly preopens?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Interface name without version → members. */
  readonly imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/**
 * Instantiates a component with stock jco and preview2-shim: no isolation, no Cordon. Shows that what we build runs on
 * the toolchain we did not write.
 */
export const instantiateStock = async (component: Uint8Array, world: StockWorld = {}): Promise<Exports> => {
  const { files } = await transpileBytes(component, { name: 'guest', instantiation: 'async', asyncMode: 'sync' })
  const folder = await mkdtemp(join(tmpdir(), 'cordon-stock-'))
  try {
    const text = files['guest.js']
    if (text === undefined) throw new Error('jco gave no `guest.js`')
    await writeFile(join(folder, 'guest.mjs'), text)
    const glue: { instantiate: (core: unknown, imports: unknown) => Promise<Exports> } = await import(
      /* @vite-ignore */ pathToFileURL(join(folder, 'guest.mjs')).href
    )
    const shim = new WASIShim({
      sandbox: { preopens: { ...world.preopens }, env: { ...world.env }, args: [], enableNetwork: true },
    })
    return await glue.instantiate((name: string) => compile(new Uint8Array(files[name] ?? [])), {
      ...shim.getImportObject(),
      ...world.imports,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}
