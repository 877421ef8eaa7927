import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools'

const packageHeader = /^package\s+([a-z0-9:-]+@[0-9a-z.-]+);/m
const jcoEntry = fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))
const wasiWit = join(jcoEntry.slice(0, jcoEntry.lastIndexOf('/jco/') + '/jco/'.length), 'lib', 'wit', 'builtin', '0.2.12')
const cordonWit = fileURLToPath(new URL('../wit/', import.meta.url))

const imports = [
  'filesystem/preopens',
  'filesystem/types',
  'io/streams',
  'io/poll',
  'clocks/monotonic-clock',
  'http/types',
  'http/outgoing-handler',
]

/** The WIT files of a folder as one nested package. */
const nestedPackage = async (folder: string): Promise<string> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wit'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const id = texts.map((text) => packageHeader.exec(text)?.[1]).find((found) => found !== undefined)
  return `package ${id} {\n${texts.map((text) => text.replace(packageHeader, '')).join('\n')}\n}`
}

/** The component of `guests/streams.wat`. */
export const streamGuest = async (): Promise<Uint8Array> => {
  const folders = [cordonWit, ...(await readdir(wasiWit)).map((name) => join(wasiWit, name))]
  const packages = await Promise.all(folders.map(nestedPackage))
  const wanted = imports.map((name) => `import wasi:${name}@0.2.12;`).join('\n')
  const witSource = `package bench:streams;\nworld guest {\n${wanted}\nexport cordon:agent/run@0.1.0;\n}\n${packages.join('\n')}`
  const binary = await parse(await readFile(new URL('guests/streams.wat', import.meta.url), 'utf8'))
  return componentNew(await componentEmbed({ binary, witSource, world: 'guest', features: { tag: 'list', val: [] } }), [])
}
