import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import { rewriterVersion } from '#core/wasm/rewrite-core.ts'
import { asyncImports } from '#core/async-imports.ts'
import { vendorFolder } from './bindgen.ts'
import { patchVersion } from './glue-patch.ts'
import type { LimitsProfile } from './profile.ts'

const transpilerFiles = ['bindgen.js', 'js-component-bindgen-component.core.wasm', 'js-component-bindgen-component.core2.wasm']

/** Hex sha256 over the transpiler itself, which says more than its version. Throws CordonError `ingest.failed` when it is not there. */
export const transpilerDigest = async (): Promise<string> => {
  const hash = createHash('sha256')
  for (const name of transpilerFiles) {
    const bytes = await readFile(new URL(name, vendorFolder)).catch((error: unknown) => {
      throw new CordonError('ingest.failed', `the transpiler's file \`${name}\` is missing`, {
        cause: error,
        hint: 'in a checkout, run `npm run build:vendor`',
      })
    })
    hash.update(`${name} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

/** The key of an artifact: hex sha256 over everything that decides what it holds. */
export const cacheKey = (componentDigest: string, profile: LimitsProfile, transpiler: string): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        'cordon artifact 1',
        componentDigest,
        profile.maxMemoryPages,
        profile.maxTableElements,
        rewriterVersion,
        transpiler,
        patchVersion,
        asyncImports,
        process.version,
      ]),
    )
    .digest('hex')
