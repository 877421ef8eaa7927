import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools'
import { implementedInterfaces } from '#core/implemented-interfaces.ts'
import { parseInterfaceName } from '#core/interface-name.ts'
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

const versionOf = (packages: string, packageId: string): string => {
  const version = new RegExp(`^package ${packageId}@([0-9.]+) \\{`, 'm').exec(packages)?.[1]
  if (version === undefined) throw new TypeError(`expected WIT of the package ${packageId}`)
  return version
}

/**
 * The signature of every function of every interface that this host links, read from the WIT that jco ships and from `wit/`
 * by way of a component that imports them all: the same reading that ingest gives to untrusted components.
 */
export const readInterfaceSignatures = async (): Promise<Signatures> => {
  const folders = [cordonWit, ...(await readdir(wasiWit)).map((name) => join(wasiWit, name))]
  const packages = (await Promise.all(folders.map((folder) => nestedPackage(folder)))).join('\n')
  const imports = [...implementedInterfaces.keys()].map((id) => `import ${id}@${versionOf(packages, id.slice(0, id.indexOf('/')))};`)
  const witSource = `package cordon:all;\nworld all {\n${imports.join('\n')}\n}\n${packages}`
  const core = await componentEmbed({ witSource, dummy: true, world: 'all', features: { tag: 'list', val: features } })
  const plan = readComponent(await componentNew(core, []))
  const texts = new SignatureTexts(plan)
  const found = new Map(
    plan.imports.map(({ name, functions }) => [
      parseInterfaceName(name)?.id ?? name,
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
