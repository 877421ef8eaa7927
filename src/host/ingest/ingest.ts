import type { Artifact } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'

/** What ingest needs besides the bytes. */
export interface IngestOptions {
  /** Folder of the cache; made (0700) when missing. */
  readonly cacheDir: string
  /** File (0600) of the host key that authenticates cache entries; made on first use. Best kept outside `cacheDir`. */
  readonly keyFile: string
  /** The most a session of this host may have; decides the maxima that are written into the core modules. */
  readonly limits: { readonly memoryBytes: number; readonly tableElements: number }
  /** Time for the whole child, default 60 s. */
  readonly timeoutMs?: number
  /** Resident memory of the child, default 1.5 GiB. */
  readonly rssBytes?: number
  /** Size of the cache past which its oldest entries go, default 2 GiB. */
  readonly maxCacheBytes?: number
  readonly signal?: AbortSignal
  /** Told what is going on, one line at a time, for people. */
  readonly progress?: (line: string) => void
}

/** What came of it. */
export interface Ingested {
  readonly artifact: Artifact
  /** True when the cache had it. */
  readonly cached: boolean
  /** True when the cache had an entry that failed its authentication: it was deleted, not used. */
  readonly cacheTampered: boolean
}

/**
 * Turns untrusted component bytes into an {@link Artifact}, in a throw-away locked-down child process.
 * Throws CordonError `component.invalid`, `component.unsupported`, `component.import-unknown`, `ingest.timeout`,
 * `ingest.memory`, `ingest.failed` or, when `signal` aborts, `session.interrupted`.
 */
export const ingest = (_component: Uint8Array, _options: IngestOptions): Promise<Ingested> =>
  Promise.reject(new CordonError('ingest.failed', 'ingest is being written'))
