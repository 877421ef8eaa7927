import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools'
import { implementedInterfaces, linkedName } from '#core/implemented-interfaces.ts'
import { readComponent } from '#core/component/read-component.ts'
import { SignatureTexts, type Signatures } from '#host/ingest/signature-text.ts'

const cordonWit = fileURLToPath(new URL('../../../wit/', import.meta.url))
const jcoEntry = fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))
const jcoFolder = jcoEntry.slice(0, jcoEntry.lastIndexOf('/jco/') + '/jco/'.length)
const wasiWit = join(jcoFolder, 'lib', 'wit', 'builtin', '0.2.12')

/** What of WASI 0.2 is unstable in some version of it, and implemented. */
const features = ['cli-exit-with-code', 'clocks-timezone', 'informational-outbound-responses', 'network-error-code']

const packageHeader = /^package\s+([a-z0-9:-]+@[0-9a-z.-]+);/m

/** The WIT files of a folder as one nested package. */
const nestedPackage = async (folder: string): Promise<string> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wit')).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const id = packageHeader.exec(texts[0] ?? '')?.[1]
  if (id === undefined) throw new TypeError(`expected a package in ${folder}`)
  return `package ${id} {\n${texts.map((text) => text.replace(packageHeader, '')).join('\n')}\n}`
}

/** How the interface that the host has under `linked` is imported; where a package is there twice, the first counts. */
const importOf = (packages: string, linked: string): string => {
  if (linked.includes('@')) return `import ${linked};`
  const packageId = linked.slice(0, linked.indexOf('/'))
  const version = new RegExp(`^package ${packageId}@([0-9a-z.-]+) \\{`, 'm').exec(packages)?.[1]
  if (version === undefined) throw new TypeError(`expected WIT of the package ${packageId}`)
  return `import ${linked}@${version};`
}

const foldersIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).toSorted().map((name) => join(folder, name))

/**
 * The signature of every function of every interface that this host links, read from the WIT that jco ships and from `wit/`
 * by way of a component that imports them all: the same reading that ingest gives to untrusted components.
 */
export const readInterfaceSignatures = async (): Promise<Signatures> => {
  const own = [cordonWit, ...(await foldersIn(join(cordonWit, 'deps'))), ...(await foldersIn(join(cordonWit, 'earlier')))]
  const folders = [...own, ...(await foldersIn(wasiWit))]
  const packages = (await Promise.all(folders.map((folder) => nestedPackage(folder)))).join('\n')
  const imports = [...implementedInterfaces.keys()].map((linked) => importOf(packages, linked))
  const witSource = `package cordon:all;\nworld all {\n${imports.join('\n')}\n}\n${packages}`
  const core = await componentEmbed({ witSource, dummy: true, world: 'all', features: { tag: 'list', val: features } })
  const plan = readComponent(await componentNew(core, []))
  const texts = new SignatureTexts(plan)
  const found = new Map(
    plan.imports.map(({ name, functions }) => [
      linkedName(name),
      Object.fromEntries(functions.map((each) => [each.name, texts.of(each.type)])),
    ]),
  )
  const entries = [...implementedInterfaces.keys()].map((id) => [id, found.get(id) ?? {}] as const)
  const unread = entries.flatMap(([id, functions]) =>
    Object.keys(functions).filter((name) => functions[name]?.includes('?') === true && id !== ''),
  )
  if (unread.length > 0) throw new TypeError(`expected signatures in full, could not read ${unread.join(', ')}`)
  return Object.fromEntries(entries)
}
