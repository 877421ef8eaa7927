import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The patch of WASI 0.2 whose WIT there is; the host links the others by semver. */
export const wasiVersion = '0.2.12'

/** All that is unstable in some patch of WASI 0.2. */
export const unstableFeatures: string[] = [
  'cli-exit-with-code',
  'clocks-timezone',
  'informational-outbound-responses',
  'network-error-code',
]

const own = fileURLToPath(new URL('../../../wit/', import.meta.url))
const jcoEntry = fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))
const wasi = join(jcoEntry.slice(0, jcoEntry.lastIndexOf('/jco/') + '/jco/'.length), 'lib', 'wit', 'builtin', wasiVersion)

const packageHeader = /^package\s+([a-z0-9:-]+@[0-9a-z.-]+);/m

/** The WIT of one folder as a nested package. */
const nestedPackage = async (folder: string): Promise<string> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wit')).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return `package ${packageHeader.exec(texts[0] ?? '')?.[1]} {\n${texts.map((text) => text.replace(packageHeader, '')).join('\n')}\n}`
}

const foldersIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).sort().map((name) => join(folder, name))

/** Every package that a program may import from, as nested packages of one WIT text. */
export const everyPackage = async (): Promise<string> => {
  const folders = [own, ...(await foldersIn(join(own, 'deps'))), ...(await foldersIn(join(own, 'earlier'))), ...(await foldersIn(wasi))]
  return (await Promise.all(folders.map(nestedPackage))).join('\n')
}
