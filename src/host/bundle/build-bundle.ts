import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
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

/**
 * Builds the source that a folder's agent.yaml names.
 * Throws CordonError `bundle.not-found`, `bundle.invalid`, `manifest.invalid`, `bundle.build-failed`, `package.missing`.
 */
export const buildBundle = async (folder: string, options: BuildBundleOptions = {}): Promise<BuiltBundle> => {
  const manifest = await readManifest(resolve(folder))
  if (manifest.source === undefined) {
    throw new CordonError('bundle.invalid', `expected \`source\` in \`${join(folder, 'agent.yaml')}\`, got a ready component`, {
      hint: 'there is nothing to build: run it',
    })
  }
  const path = resolve(options.out ?? join(folder, 'dist', `${manifest.name}.wasm`))
  const { component, cached, digest } = await buildAgent({
    entry: resolve(folder, manifest.source),
    engine: manifest.engine ?? 'starlingmonkey',
    cacheDir: join(options.cacheDir ?? hostPaths().cache, 'build'),
    ...(options.progress !== undefined && { progress: options.progress }),
    ...(options.signal !== undefined && { signal: options.signal }),
  })
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, component)
  await rename(`${path}.new`, path)
  return { path, bytes: component.length, digest, cached }
}
