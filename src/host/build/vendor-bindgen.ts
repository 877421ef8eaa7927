import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { readInterfaceSignatures } from './interface-signatures.ts'
import { makePreview1Files } from './vendor-preview1.ts'

/**
 * Makes `dist/vendor/`: jco's transpiler and its encoder of components as one file each that needs no package beside it, with our own empty world in place
 * of its WASI shim, their core modules and licence, the signatures of all functions that this host links, and what wraps programs of WASI preview 1. Runs from a
 * checkout only (`npm run build:vendor`).
 */
const here = dirname(fileURLToPath(import.meta.url))
const target = fileURLToPath(new URL('../../../dist/vendor/', import.meta.url))
const component = fileURLToPath(import.meta.resolve('@bytecodealliance/jco-transpile/component'))
const packageDir = dirname(dirname(component))

const vendored = join(packageDir, 'vendor')
const coreModules = [
  'js-component-bindgen-component.core.wasm',
  'js-component-bindgen-component.core2.wasm',
  'wasm-tools.core.wasm',
  'wasm-tools.core2.wasm',
]
const world = JSON.stringify(join(here, 'bindgen-world.ts'))

/** What is bundled, by the file that it becomes. */
const entries = (version: string): Readonly<Record<string, string>> => ({
  'bindgen.js': `
    export { $init, generate } from '@bytecodealliance/jco-transpile/component'
    export { diagnostics } from ${world}
    export const version = ${JSON.stringify(version)}`,
  'encoder.js': `
    export { $init, tools } from ${JSON.stringify(join(vendored, 'wasm-tools.js'))}
    export { diagnostics } from ${world}`,
})

const notice = `The files in this folder are made of @bytecodealliance/jco-transpile and @bytecodealliance/jco (Apache-2.0 WITH LLVM-exception, see LICENSE):
bindgen.js and encoder.js with another WASI in place of the one that they import; the adapters of WASI preview 1 (command-adapter.wasm, reactor-adapter.wasm and the one inside
command-frame.wasm) changed so that proc_exit passes the exit code on
and that functions of sockets and signals answer with an error; the last one also so that it keeps to the end of the program's memory, and that
a write of nothing fails on a bad descriptor.
`

const readVersion = async (): Promise<string> => {
  const manifest: unknown = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'))
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest) || typeof manifest.version !== 'string') {
    throw new TypeError(`expected a version in ${packageDir}/package.json`)
  }
  return manifest.version
}

await mkdir(target, { recursive: true })
for (const [name, contents] of Object.entries(entries(await readVersion()))) {
  await build({
    stdin: { contents, resolveDir: here, loader: 'ts' },
    outfile: join(target, name),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    legalComments: 'inline',
    alias: Object.fromEntries(
      ['cli', 'filesystem', 'io', 'random'].map((each) => [`@bytecodealliance/preview2-shim/${each}`, join(here, 'bindgen-world.ts')]),
    ),
    logLevel: 'warning',
  })
}
await writeFile(join(target, 'interfaces.json'), `${JSON.stringify(await readInterfaceSignatures(), undefined, 1)}\n`)
for (const [name, bytes] of Object.entries(await makePreview1Files())) await writeFile(join(target, name), bytes)
for (const name of coreModules) await copyFile(join(vendored, name), join(target, name))
await copyFile(join(packageDir, 'LICENSE'), join(target, 'LICENSE'))
await writeFile(join(target, 'NOTICE'), notice)
