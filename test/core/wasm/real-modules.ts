import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)

/** The folder of an installed package. */
const packageFolder = (name: string): string => {
  const folders = require.resolve.paths(name) ?? []
  for (const folder of folders) {
    try {
      readFileSync(join(folder, name, 'package.json'))
      return join(folder, name)
    } catch {
      continue
    }
  }
  throw new TypeError(`expected package ${name} to be installed`)
}

const files: Readonly<Record<string, readonly [name: string, path: string]>> = {
  'the bindings generator': ['@bytecodealliance/jco-transpile', 'vendor/js-component-bindgen-component.core.wasm'],
  'its preview1 adapter': ['@bytecodealliance/jco-transpile', 'vendor/js-component-bindgen-component.core2.wasm'],
  'wasm-tools': ['@bytecodealliance/jco-transpile', 'vendor/wasm-tools.core.wasm'],
  'the StarlingMonkey splicer': ['@bytecodealliance/componentize-js', 'lib/spidermonkey-embedding-splicer.core.wasm'],
  StarlingMonkey: ['@bytecodealliance/componentize-js', 'lib/starlingmonkey_embedding.wasm'],
  'StarlingMonkey with caches': ['@bytecodealliance/componentize-js', 'lib/starlingmonkey_embedding_weval.wasm'],
}

/** Core modules of real programs, by what they are. */
export const realModules: readonly (readonly [what: string, path: string])[] = Object.entries(files).map(([what, [name, path]]) => [
  what,
  join(packageFolder(name), path),
])

/** The bytes of a file of {@link realModules}. */
export const readModule = (what: string): Uint8Array => {
  const found = realModules.find(([name]) => name === what)
  if (found === undefined) throw new TypeError(`expected a real module, got ${what}`)
  return new Uint8Array(readFileSync(found[1]))
}
