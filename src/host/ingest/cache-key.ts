import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import { rewriterVersion } from '#core/wasm/rewrite-core.ts'
import type { LimitsProfile } from './profile.ts'
import { vendorFolder } from './signatures.ts'
import { encoderFiles } from './encoder.ts'
import { frameFiles } from './wrap-program.ts'

const transpilerFiles = [
  'bindgen.js',
  'js-component-bindgen-component.core.wasm',
  'js-component-bindgen-component.core2.wasm',
  'interfaces.json',
  ...frameFiles,
  ...encoderFiles,
]

/** The code besides the transpiler that decides what an artifact holds: reader, rewriter, patches, checks, what is linked and what suspends. */
const codeFolders = ['./', '../../core/', '../../core/component/', '../../core/wasm/'].map((path) => new URL(path, import.meta.url))

/** Changes with what an artifact is to the one who links it. */
const artifactVersion = 2

const isCode = (name: string): boolean => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts')

const codeFiles = async (): Promise<URL[]> => {
  const listed = await Promise.all(
    codeFolders.map(async (folder) =>
      (await readdir(folder))
        .filter((name) => isCode(name))
        .toSorted()
        .map((name) => new URL(name, folder)),
    ),
  )
  return listed.flat()
}

/**
 * Hex sha256 over the code that makes artifacts, the transpiler included: says more than version numbers do. Throws
 * CordonError `ingest.failed` when the transpiler is not there.
 */
export const makerDigest = async (): Promise<string> => {
  const files = [...transpilerFiles.map((name) => new URL(name, vendorFolder)), ...(await codeFiles())]
  const hash = createHash('sha256')
  for (const bytes of await Promise.all(files.map((file) => contentOf(file)))) hash.update(`${bytes.length} `).update(bytes)
  return hash.digest('hex')
}

const contentOf = (file: URL): Promise<Uint8Array> =>
  readFile(file).catch((error: unknown) => {
    throw new CordonError('ingest.failed', `the transpiler's file \`${file.pathname.split('/').at(-1)}\` is missing`, {
      cause: error,
      hint: 'in a checkout, run `npm run build:vendor`',
    })
  })

/** What is ingested, and how. */
export interface IngestSubject {
  readonly componentDigest: string
  readonly profile: LimitsProfile
  readonly linker: 'own' | 'jco'
}

/** The key of an artifact: hex sha256 over everything that decides what it holds. */
export const cacheKey = ({ componentDigest, profile, linker }: IngestSubject, maker: string): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        `cordon artifact ${artifactVersion}`,
        linker,
        componentDigest,
        profile.maxMemoryPages,
        profile.maxTableElements,
        rewriterVersion,
        maker,
        process.version,
      ]),
    )
    .digest('hex')
