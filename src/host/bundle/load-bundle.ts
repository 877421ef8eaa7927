import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { CordonError } from '#core/errors.ts'
import type { Manifest } from '#core/manifest/manifest.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { buildAgent, type GuestEngine } from '#host/build/build-agent.ts'
import { bundleFile } from '#host/config/bundle-file.ts'
import { readManifest } from '#host/config/read-manifest.ts'
import { readRegularFile } from '#host/config/regular-file.ts'

/** A bundle in hand: bytes that nobody has looked at yet (a component or a program of WASI preview 1), and what they ask for. */
export interface Bundle {
  readonly name: string
  /** `undefined` for a bare component or source file: then what is granted is also what is asked. */
  readonly manifest: Manifest | undefined
  readonly component: Uint8Array
  /** `sha256:<hex>` of those bytes. */
  readonly digest: string
}

export interface LoadOptions {
  readonly cacheDir: string
  /** For a source file without a manifest; default `starlingmonkey`. */
  readonly engine?: GuestEngine
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal
}

const sourceEndings = new Set(['.ts', '.mts', '.js', '.mjs'])

/** Reads a component file, at most as long as ingest would take. */
const readComponent = async (path: string): Promise<Uint8Array> => {
  const maxBytes = defaultWasmLimits.componentBytes
  const bytes = await readRegularFile(path, { maxBytes }).catch((cause: unknown) => {
    throw new CordonError('bundle.not-found', `expected a component at \`${path}\`, found nothing readable`, {
      cause,
      hint: 'check the path, or run `cordon build` first',
    })
  })
  if (bytes === 'not-regular') throw new CordonError('bundle.invalid', `expected a component at \`${path}\`, got something that is no file`)
  if (bytes === 'too-large')
    throw new CordonError('component.invalid', `expected a component of at most ${maxBytes} bytes at \`${path}\`, got more`)
  return bytes
}

const digestOf = (component: Uint8Array): string => `sha256:${createHash('sha256').update(component).digest('hex')}`

const nameOf = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '') || 'agent'

const loadFolder = async (folder: string, options: LoadOptions): Promise<Bundle> => {
  const manifest = await readManifest(folder)
  if (manifest.component !== undefined) {
    const component = await readComponent(await bundleFile(folder, manifest.component))
    return { name: manifest.name, manifest, component, digest: digestOf(component) }
  }
  if (manifest.source === undefined) {
    throw new CordonError('manifest.invalid', `expected \`source\` or \`component\` in \`${join(folder, 'agent.yaml')}\`, got neither`, {
      hint: 'name the source file: `source: src/agent.ts`',
    })
  }
  const built = await buildAgent({
    ...building(options),
    entry: await bundleFile(folder, manifest.source),
    engine: manifest.engine ?? 'starlingmonkey',
  })
  return { name: manifest.name, manifest, component: built.component, digest: built.digest }
}

const building = ({
  cacheDir,
  progress,
  signal,
}: LoadOptions): { cacheDir: string; progress?: (line: string) => void; signal?: AbortSignal } => ({
  cacheDir: join(cacheDir, 'build'),
  ...(progress !== undefined && { progress }),
  ...(signal !== undefined && { signal }),
})

const kindOf = async (path: string): Promise<'folder' | 'file' | 'missing' | 'other'> => {
  try {
    const found = await stat(path)
    if (found.isDirectory()) return 'folder'
    return found.isFile() ? 'file' : 'other'
  } catch {
    return 'missing'
  }
}

/**
 * Takes up a bundle folder, a component file (`.wasm`), or a single TypeScript or JavaScript file, building what is source.
 * Throws CordonError `bundle.not-found`, `bundle.invalid`, `manifest.invalid`, `component.invalid`, or what building throws.
 */
export const loadBundle = async (source: string, options: LoadOptions): Promise<Bundle> => {
  const path = resolve(source)
  const kind = await kindOf(path)
  if (kind === 'missing')
    throw new CordonError('bundle.not-found', `expected a bundle folder, component or source file at \`${source}\`, found nothing`, {
      hint: 'check the path, or make a new agent with `cordon init`',
    })
  if (kind === 'folder') return await loadFolder(path, options)
  const ending = extname(path)
  if (kind === 'file' && ending === '.wasm') {
    const component = await readComponent(path)
    return { name: nameOf(path), manifest: undefined, component, digest: digestOf(component) }
  }
  if (kind === 'file' && sourceEndings.has(ending)) {
    const built = await buildAgent({ ...building(options), entry: path, engine: options.engine ?? 'starlingmonkey' })
    return { name: nameOf(path), manifest: undefined, component: built.component, digest: built.digest }
  }
  const what =
    basename(path) === 'agent.yaml'
      ? `name its folder instead: \`${dirname(source)}\``
      : 'name a folder with an agent.yaml, a .wasm component, or a .ts, .mts, .js or .mjs file'
  throw new CordonError('bundle.invalid', `expected a bundle folder, component or source file, got \`${source}\``, { hint: what })
}
