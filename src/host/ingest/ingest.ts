import { webcrypto } from 'node:crypto'
import type { Artifact } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { decodeContents, encodeContents, type ArtifactContents } from './artifact-codec.ts'
import { cacheKey, makerDigest } from './cache-key.ts'
import { ArtifactCache } from './cache.ts'
import { runIngestChild } from './child-process.ts'
import { hostKey } from './host-key.ts'
import { profileOf } from './profile.ts'

/** What ingest needs besides the bytes. */
export interface IngestOptions {
  /** Folder of the cache; made (0700) when missing. */
  readonly cacheDir: string
  /** File (0600) of the host key that authenticates cache entries; made on first use. Keep it outside of `cacheDir`. */
  readonly keyFile: string
  /** The most a session of this host may have; decides the maxima that are written into the core modules. */
  readonly limits: { readonly memoryBytes: number; readonly tableElements: number }
  /** Time for the whole child, default 60 s. */
  readonly timeoutMs?: number
  /** Resident memory of the child, default 1.5 GiB. */
  readonly rssBytes?: number
  /** Size of the cache past which the entries used least recently go, default 2 GiB. */
  readonly maxCacheBytes?: number
  readonly signal?: AbortSignal
  /** `jco` links by way of generated glue what could do without, for tests and benches that compare the two; `own` unless set. */
  readonly linker?: 'own' | 'jco'
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

const GiB = 1024 ** 3
const defaultTimeoutMs = 60_000
const defaultRssBytes = 1.5 * GiB
const defaultCacheBytes = 2 * GiB

const wasmMagic = [0x00, 0x61, 0x73, 0x6d]
const componentLayer = [0x0d, 0x00, 0x01, 0x00]
const coreVersion = [0x01, 0x00, 0x00, 0x00]

const hasAt = (bytes: Uint8Array, offset: number, expected: readonly number[]): boolean =>
  expected.every((byte, index) => bytes[offset + index] === byte)

/** What can be said before a byte is copied or a process started: 1 GB of zeros must cost nothing. */
const checkHeader = (component: Uint8Array): void => {
  if (component.length < 8 || !hasAt(component, 0, wasmMagic)) {
    throw new CordonError('component.invalid', 'expected a WebAssembly component, got bytes that are not WebAssembly', {
      hint: 'build one with `cordon build`, or give a `.ts` or `.js` file',
    })
  }
  if (!hasAt(component, 4, coreVersion) && !hasAt(component, 4, componentLayer)) {
    throw new CordonError(
      'component.unsupported',
      'expected a component in binary version 0x0d, or a core module in version 1, got another version',
    )
  }
  if (component.length > defaultWasmLimits.componentBytes) {
    throw new CordonError(
      'component.unsupported',
      `expected a component of at most ${defaultWasmLimits.componentBytes} bytes, got ${component.length}`,
    )
  }
}

const digestOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  `sha256:${Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex')}`

const decodeCached = (bytes: Uint8Array): ArtifactContents | undefined => {
  try {
    return decodeContents(bytes)
  } catch {
    return undefined
  }
}

/**
 * Turns untrusted component bytes into an {@link Artifact}, in a throw-away locked-down child process, or takes it from the cache.
 * A cache entry that fails its authentication is deleted and made again. Throws CordonError `component.invalid`,
 * `component.unsupported`, `component.import-unknown`, `ingest.timeout`, `ingest.memory`, `ingest.failed` or, when
 * `signal` aborts, `session.interrupted`.
 */
export const ingest = async (component: Uint8Array, options: IngestOptions): Promise<Ingested> => {
  const { progress = () => undefined, linker = 'own' } = options
  checkHeader(component)
  // A copy: digest, validation and rewriting must see the same bytes whatever the caller does to its own.
  const bytes = Uint8Array.from(component)
  const componentDigest = await digestOf(bytes)
  const profile = profileOf(options.limits)
  const key = cacheKey({ componentDigest, profile, linker }, await makerDigest())
  const cache = new ArtifactCache(options.cacheDir, await hostKey(options.keyFile), options.maxCacheBytes ?? defaultCacheBytes)

  const found = await cache.find(key)
  const contents = found.kind === 'hit' ? decodeCached(found.bytes) : undefined
  if (contents !== undefined) return { artifact: { key, componentDigest, ...contents }, cached: true, cacheTampered: false }
  if (found.kind === 'tampered') progress(`refused a tampered cache entry ${key.slice(0, 12)}: ingesting again`)

  progress(`validating and compiling a component of ${bytes.length} bytes`)
  const made = await runIngestChild({
    component: bytes,
    profile,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    rssBytes: options.rssBytes ?? defaultRssBytes,
    signal: options.signal,
    linker,
    progress,
  })
  await cache.keep(key, encodeContents(made)).catch((error: unknown) => {
    progress(`the component could not be cached: ${error instanceof Error ? error.message : 'unknown reason'}`)
  })
  return { artifact: { key, componentDigest, ...made }, cached: false, cacheTampered: found.kind === 'tampered' }
}
