import { access } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'

import { CordonError } from '#core/errors.ts'
import { requireBuildTools } from './build-tools.ts'
import { bundleSource, isAgentSource } from './bundle-source.ts'
import { cacheKey, ComponentCache, componentDigest } from './component-cache.ts'
import { runBuild } from './run-build.ts'
import { readWitPackages } from './wit-folder.ts'

/** The JavaScript engine inside a built component: `starlingmonkey` has fetch, streams and timers, `quickjs` is small. */
export type GuestEngine = 'starlingmonkey' | 'quickjs'

/** What to build and where to keep it. */
export interface BuildRequest {
  /** Absolute path of the `.ts`, `.mts`, `.js` or `.mjs` file that exports `run`, or serves requests. */
  readonly entry: string
  readonly engine: GuestEngine
  /** Folder for built components; made when it is not there. */
  readonly cacheDir: string
  /** Told about each step, one short line. */
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal
}

/** A built component. */
export interface BuiltAgent {
  readonly component: Uint8Array
  /** True when nothing had to be built. */
  readonly cached: boolean
  /** `sha256:<hex>` of the component. */
  readonly digest: string
}

/**
 * Builds a component that exports `cordon:agent/run` or `wasi:http/incoming-handler` from one TypeScript or JavaScript module.
 *
 * @throws CordonError `bundle.not-found`, `bundle.build-failed` (with file, line and column), `package.missing`
 */
export const buildAgent = async ({ entry, engine, cacheDir, progress, signal }: BuildRequest): Promise<BuiltAgent> => {
  await checkEntry(entry)
  const tools = await requireBuildTools(engine)
  const packages = await readWitPackages(tools)
  progress?.(`bundling ${basename(entry)}`)
  const source = await bundleSource({ entry, engine, interfaces: packages.interfaces })
  const versions = [...tools.values()].map(({ name, version }) => `${name}@${version}`)
  const key = cacheKey([buildFormat, engine, versions, packages.text, source.kind, source.imports, source.text])
  const cache = new ComponentCache(cacheDir)
  const kept = await cache.get(key)
  if (kept !== undefined) return { component: kept, cached: true, digest: componentDigest(kept) }
  progress?.(`compiling ${basename(entry)} with ${engine}`)
  const component = await runBuild({ engine, source, packages, tools, signal })
  await cache.put(key, component)
  progress?.(`built ${basename(entry)}: ${(component.length / 1e6).toFixed(1)} MB`)
  return { component, cached: false, digest: componentDigest(component) }
}

/** Raised when this builder's own doing changes what comes out. */
const buildFormat = 3

const checkEntry = async (entry: string): Promise<void> => {
  if (!isAbsolute(entry) || !isAgentSource(entry)) {
    throw new CordonError('bundle.invalid', `expected the absolute path of a .ts or .js file, got \`${entry}\``)
  }
  await access(entry).catch(() => {
    throw new CordonError('bundle.not-found', `expected a source at \`${entry}\`, found nothing`, { hint: 'check the path' })
  })
}
