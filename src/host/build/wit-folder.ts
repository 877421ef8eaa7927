import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { packageFile, toolNamed, type BuildTool } from './build-tools.ts'

/** The WASI version that guests are built against; the host links every 0.2 by semver. */
const wasiVersion = '0.2.12'
/** The version of the handler that StarlingMonkey (componentize-js 0.23) makes `fetch` events from. */
const engineWasiVersion = '0.2.10'

/** The WIT packages a guest can import from, by `namespace:package`. */
export interface WitPackages {
  /** `namespace:package/interface` → the same with its version. */
  readonly interfaces: ReadonlyMap<string, string>
  /** Package folders on disk, by the name they get in a scratch folder. */
  readonly folders: ReadonlyMap<string, string>
  /** All WIT text, for a cache key. */
  readonly text: string
}

/** `[interface, the same with its version]` for each interface of one WIT text. */
const declared = (text: string): readonly (readonly [string, string])[] => {
  const head = /^package\s+([a-z0-9:-]+)@([0-9a-z.-]+);/m.exec(text)
  if (head?.[1] === undefined || head[2] === undefined) return []
  const [, id, version] = head
  return [...text.matchAll(/^\s*interface\s+%?([a-z0-9-]+)/gm)].map(([, name]) => [`${id}/${name}`, `${id}/${name}@${version}`])
}

const witFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.wit')).toSorted()

/** Reads the WIT that ships with jco (WASI), the drafts of WASI that `wit/deps` holds, and Cordon's own `cordon:agent`. */
export const readWitPackages = async (tools: ReadonlyMap<string, BuildTool>): Promise<WitPackages> => {
  const builtin = join(toolNamed(tools, '@bytecodealliance/jco').folder, 'lib', 'wit', 'builtin', wasiVersion)
  const folders = new Map([['cordon-agent', packageFile('wit')]])
  for (const name of await readdir(builtin)) folders.set(name, join(builtin, name))
  for (const name of await readdir(packageFile('wit/deps'))) folders.set(name, packageFile(`wit/deps/${name}`))
  const interfaces = new Map<string, string>()
  let all = ''
  for (const folder of folders.values()) {
    for (const name of await witFiles(folder)) {
      const text = await readFile(join(folder, name), 'utf8')
      for (const [id, versioned] of declared(text)) interfaces.set(id, versioned)
      all += text
    }
  }
  return { interfaces, folders, text: all }
}

/** The same packages of WASI once more, as of the engine's version: their types are the same. */
const writeEnginePackages = async (target: string, { folders }: WitPackages): Promise<void> => {
  for (const [name, folder] of folders) {
    if (!name.startsWith('wasi-')) continue
    const copy = join(target, 'deps', `${name}-${engineWasiVersion}`)
    for (const file of await witFiles(folder)) {
      const text = await readFile(join(folder, file), 'utf8')
      if (!text.includes(`@${wasiVersion};`)) continue
      await mkdir(copy, { recursive: true })
      await writeFile(join(copy, file), text.replaceAll(`@${wasiVersion}`, `@${engineWasiVersion}`))
    }
  }
}

/** The world of one guest. */
interface WitWorld {
  /** Versioned interface names, as in {@link WitPackages.interfaces}. */
  readonly imports: readonly string[]
  /** The interface it exports, without version. */
  readonly exported: string
  /** It is exported as StarlingMonkey has it compiled in. */
  readonly isOfEngine: boolean
}

/**
 * Writes a WIT folder whose world `guest` exports one interface and imports exactly the given ones. A fresh
 * copy each time: the build tools edit the folder they are given.
 */
export const writeWitFolder = async (target: string, packages: WitPackages, { imports, exported, isOfEngine }: WitWorld): Promise<void> => {
  for (const [name, folder] of packages.folders) {
    const copy = join(target, 'deps', name)
    await mkdir(copy, { recursive: true })
    for (const file of await witFiles(folder)) await copyFile(join(folder, file), join(copy, file))
  }
  if (isOfEngine) await writeEnginePackages(target, packages)
  const name = isOfEngine ? `${exported}@${engineWasiVersion}` : (packages.interfaces.get(exported) ?? exported)
  const lines = [...imports].toSorted().map((name) => `  import ${name};`)
  await writeFile(join(target, 'world.wit'), ['package cordon:build;', 'world guest {', ...lines, `  export ${name};`, '}', ''].join('\n'))
}
