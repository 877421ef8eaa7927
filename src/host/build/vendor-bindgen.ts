import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { readInterfaceSignatures } from './interface-signatures.ts'
import { makePreview1Files } from './vendor-preview1.ts'

/**
 * Makes `dist/vendor/`: jco's transpiler as one file that needs no package beside it, with our own empty world in place
 * of its WASI shim, its core modules and licence, and the signatures of all functions that this host links. Runs from a checkout only (`npm run build:vendor`).
 */
const here = dirname(fileURLToPath(import.meta.url))
const target = fileURLToPath(new URL('../../../dist/vendor/', import.meta.url))
const component = fileURLToPath(import.meta.resolve('@bytecodealliance/jco-transpile/component'))
const packageDir = dirname(dirname(component))

const coreModules = ['js-component-bindgen-component.core.wasm', 'js-component-bindgen-component.core2.wasm']

const entry = (version: string): string => `
  export { $init, generate } from '@bytecodealliance/jco-transpile/component'
  export { diagnostics } from ${JSON.stringify(join(here, 'bindgen-world.ts'))}
  export const version = ${JSON.stringify(version)}
`

const readVersion = async (): Promise<string> => {
  const manifest: unknown = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'))
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest) || typeof manifest.version !== 'string') {
    throw new TypeError(`expected a version in ${packageDir}/package.json`)
  }
  return manifest.version
}

await mkdir(target, { recursive: true })
await build({
  stdin: { contents: entry(await readVersion()), resolveDir: here, loader: 'ts' },
  outfile: join(target, 'bindgen.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  legalComments: 'inline',
  alias: Object.fromEntries(
    ['cli', 'filesystem', 'io', 'random'].map((name) => [`@bytecodealliance/preview2-shim/${name}`, join(here, 'bindgen-world.ts')]),
  ),
  logLevel: 'warning',
})
await writeFile(join(target, 'interfaces.json'), `${JSON.stringify(await readInterfaceSignatures(), undefined, 1)}\n`)
for (const [name, bytes] of Object.entries(await makePreview1Files())) await writeFile(join(target, name), bytes)
for (const name of coreModules) await copyFile(join(packageDir, 'vendor', name), join(target, name))
await copyFile(join(packageDir, 'LICENSE'), join(target, 'LICENSE'))
