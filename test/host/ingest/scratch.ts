import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IngestOptions } from '#host/ingest/ingest.ts'

/** A folder for one test file, and ingest options that point into it. */
export interface Scratch {
  readonly folder: string
  readonly options: IngestOptions
  [Symbol.asyncDispose](): Promise<void>
}

export const scratch = async (): Promise<Scratch> => {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-ingest-'))
  return {
    folder,
    options: {
      cacheDir: join(folder, 'cache'),
      keyFile: join(folder, 'keys', 'cache.key'),
      limits: { memoryBytes: 64 * 1024 * 1024, tableElements: 10_000 },
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
