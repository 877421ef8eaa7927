import { readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import { CordonError } from '#core/errors.ts'
import type { GuestEngine } from './build-agent.ts'

/** One installed build tool. */
export interface BuildTool {
  readonly name: string
  readonly version: string
  /** The package's folder. */
  readonly folder: string
}

/** Optional peers: what it takes to build a guest, in the versions that were tried. */
const wanted: Readonly<Record<GuestEngine, readonly (readonly [name: string, range: string])[]>> = {
  starlingmonkey: [
    ['esbuild', '0.28'],
    ['@bytecodealliance/componentize-js', '0.23'],
    ['@bytecodealliance/jco', '1.35'],
  ],
  quickjs: [
    ['esbuild', '0.28'],
    ['componentize-qjs', '0.4.5'],
    ['@bytecodealliance/jco', '1.35'],
  ],
}

/** The npm ranges of an engine's build tools, as a `package.json` names them. */
export const buildToolRanges = (engine: GuestEngine): Readonly<Record<string, string>> =>
  Object.fromEntries(wanted[engine].map(([name, range]) => [name, `~${range}`]))

/**
 * Finds the folder of an installed package as Node would from this file, without running any of it.
 * (`exports` hides `package.json` in some of the tools, so the search paths are walked.)
 */
const findTool = async (name: string): Promise<BuildTool | undefined> => {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? []
  for (const path of paths) {
    const folder = join(path, name)
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const parsed: unknown = JSON.parse(text)
    const version: unknown = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined
    return { name, version: String(version), folder }
  }
  return undefined
}

/**
 * The build tools for an engine, all of them installed.
 *
 * @throws CordonError `package.missing`, whose hint is the line that installs what is missing
 */
export const requireBuildTools = async (engine: GuestEngine, find = findTool): Promise<ReadonlyMap<string, BuildTool>> => {
  const tools = new Map<string, BuildTool>()
  const missing: string[] = []
  for (const [name, range] of wanted[engine]) {
    const tool = await find(name)
    if (tool === undefined) missing.push(`${name}@${range}`)
    else tools.set(name, tool)
  }
  if (missing.length === 0) return tools
  const line = `npm i -D ${missing.join(' ')}`
  throw new CordonError('package.missing', `expected the build tools of \`${engine}\`, found no \`${missing.join('`, `')}\``, {
    hint: `install what building needs: ${line}`,
  })
}

const outermostModules = (folder: string): string => {
  const marker = `${sep}node_modules${sep}`
  const at = folder.indexOf(marker)
  return at === -1 ? dirname(folder) : folder.slice(0, at + marker.length - 1)
}

/** The outermost `node_modules` folders of a tool, as named and as linked to: what the build process must be able to read. */
export const toolRoots = async (tool: BuildTool): Promise<readonly string[]> => [
  outermostModules(tool.folder),
  outermostModules(await realpath(tool.folder)),
]

/** The tool of that name; they were all required before. */
export const toolNamed = (tools: ReadonlyMap<string, BuildTool>, name: string): BuildTool => {
  const tool = tools.get(name)
  if (tool === undefined) throw new CordonError('internal', `the build asked for \`${name}\` without requiring it`)
  return tool
}

/** A file of Cordon's own package, given from the package's root; the same from source and from `dist`. */
export const packageFile = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

/** A module of Cordon's own source tree, as it lies there (`.ts`) or built (`.js`), given from `src` without its ending. */
export const ownModule = (path: string): string =>
  fileURLToPath(new URL(`../../${path}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))
