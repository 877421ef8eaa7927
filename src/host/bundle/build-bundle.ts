import { randomUUID } from 'node:crypto'
import { mkdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isWithin } from '#core/policy/path.ts'
import { bundleFile } from '#host/config/bundle-file.ts'
import { hostPaths } from '#host/paths.ts'
import { readManifest } from '#host/config/read-manifest.ts'
import { buildAgent } from '#host/build/build-agent.ts'
import { CordonError } from '#core/errors.ts'

/** A component that was written. */
export interface BuiltBundle {
  /** Where it lies. */
  readonly path: string
  readonly bytes: number
  /** `sha256:<hex>` */
  readonly digest: string
  readonly cached: boolean
}

export interface BuildBundleOptions {
  /** File to write; default `<folder>/dist/<name>.wasm`. */
  readonly out?: string
  readonly cacheDir?: string
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal
}

/** `dist/<name>` in the bundle. A bundle that somebody sent may bring a `dist` along that leads to another folder of this host. */
const placeInBundle = async (folder: string, name: string): Promise<string> => {
  const root = await realpath(folder)
  const dist = join(root, 'dist')
  await mkdir(dist, { recursive: true })
  if (isWithin(root, await realpath(dist))) return join(resolve(folder), 'dist', name)
  throw new CordonError(
    'bundle.invalid',
    `expected a folder of its own at \`${join(folder, 'dist')}\`, got a link that leads out of the bundle`,
    {
      hint: 'remove the link, or say where to write with --out',
    },
  )
}

/** Replaces a file at once. The draft has a name that nobody can guess and must be new: a planted link there is not written through. */
const writeWhole = async (path: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomUUID()}.new`
  try {
    await writeFile(draft, bytes, { flag: 'wx' })
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

/** A single file can be run as it is; building writes into a bundle. What is not there, reading the manifest tells. */
const requireFolder = async (path: string): Promise<void> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return
  const hint =
    basename(path) === 'agent.yaml'
      ? `name its folder instead: \`cordon build ${dirname(path)}\``
      : `run a single file as it is: \`cordon run ${path}\`; or make a folder for it with \`cordon init\``
  throw new CordonError('bundle.invalid', `expected a folder with an agent.yaml to build, got the file \`${path}\``, { hint })
}

/**
 * Builds the source that a folder's agent.yaml names.
 * Throws CordonError `bundle.not-found`, `bundle.invalid`, `manifest.invalid`, `bundle.build-failed`, `package.missing`.
 */
export const buildBundle = async (folder: string, options: BuildBundleOptions = {}): Promise<BuiltBundle> => {
  await requireFolder(folder)
  const manifest = await readManifest(resolve(folder))
  if (manifest.source === undefined) {
    throw new CordonError('bundle.invalid', `expected \`source\` in \`${join(folder, 'agent.yaml')}\`, got a ready component`, {
      hint: 'there is nothing to build: run it',
    })
  }
  const path = options.out === undefined ? await placeInBundle(folder, `${manifest.name}.wasm`) : resolve(options.out)
  const { component, cached, digest } = await buildAgent({
    entry: await bundleFile(folder, manifest.source),
    engine: manifest.engine ?? 'starlingmonkey',
    cacheDir: join(options.cacheDir ?? hostPaths().cache, 'build'),
    ...(options.progress !== undefined && { progress: options.progress }),
    ...(options.signal !== undefined && { signal: options.signal }),
  })
  await writeWhole(path, component)
  return { path, bytes: component.length, digest, cached }
}
