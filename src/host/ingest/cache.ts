import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { maxContentsBytes } from './artifact-codec.ts'

const macBytes = 32
const suffix = '.artifact'
const draftSuffix = '.draft'
/** Drafts older than this were left behind by a crash. */
const staleDraftMs = 3_600_000

/** What looking into the cache found. */
export type CacheFinding =
  | { readonly kind: 'hit'; readonly bytes: Buffer }
  | { readonly kind: 'miss' }
  /** There was an entry, and it was not what this host wrote under that key. It is gone. */
  | { readonly kind: 'tampered' }

/**
 * Ingested components on disk, one file each: HMAC-SHA256 by the host key over cache key and bytes, then the bytes. Whoever can
 * write into the folder but has no host key can make entries vanish, not change what runs. Entries appear whole, by rename; any
 * number of processes may share the folder.
 */
export class ArtifactCache {
  readonly #folder: string
  readonly #hostKey: Buffer
  readonly #maxBytes: number

  constructor(folder: string, hostKey: Buffer, maxBytes: number) {
    this.#folder = folder
    this.#hostKey = hostKey
    this.#maxBytes = maxBytes
  }

  /** Looks for the entry of a key (64 hex digits); an unreadable one counts as none. */
  async find(key: string): Promise<CacheFinding> {
    const file = this.#fileOf(key)
    const entry = await this.#read(file)
    if (entry === undefined) return { kind: 'miss' }
    const bytes = entry.subarray(macBytes)
    if (entry.length <= macBytes || !timingSafeEqual(entry.subarray(0, macBytes), this.#macOf(key, bytes))) {
      await rm(file, { force: true, recursive: true })
      return { kind: 'tampered' }
    }
    const now = new Date()
    await utimes(file, now, now).catch(() => undefined)
    return { kind: 'hit', bytes }
  }

  /** Keeps an entry, then removes the entries used least recently until the folder is within its size. */
  async keep(key: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const draft = join(this.#folder, `${key}.${randomBytes(8).toString('hex')}${draftSuffix}`)
    try {
      const handle = await open(draft, 'wx', 0o600)
      try {
        await handle.writeFile(this.#macOf(key, bytes))
        await handle.writeFile(bytes)
        // Without this, a power cut after the rename could leave a file of the right name and no bytes.
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(draft, this.#fileOf(key))
    } finally {
      await rm(draft, { force: true })
    }
    await this.#evict(key)
  }

  async #read(file: string): Promise<Buffer | undefined> {
    // Non-blocking: a FIFO planted under an entry's name must not hold up the host.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) =>
      error instanceof Error && 'code' in error && error.code === 'ELOOP' ? null : undefined,
    )
    if (handle === undefined) return undefined
    if (handle === null) return Buffer.alloc(0)
    try {
      const { size } = await handle.stat()
      return (await handle.stat()).isFile() && size <= maxContentsBytes + macBytes ? await handle.readFile() : Buffer.alloc(0)
    } finally {
      await handle.close()
    }
  }

  #fileOf(key: string): string {
    return join(this.#folder, `${key}${suffix}`)
  }

  #macOf(key: string, bytes: Uint8Array): Buffer {
    return createHmac('sha256', this.#hostKey).update(`cordon artifact ${key}\n`).update(bytes).digest()
  }

  async #evict(keptKey: string): Promise<void> {
    const files = await this.#files()
    for (const draft of files.filter((file) => file.name.endsWith(draftSuffix) && Date.now() - file.usedMs > staleDraftMs)) {
      await rm(join(this.#folder, draft.name), { force: true })
    }
    const entries = files.filter((file) => file.name.endsWith(suffix)).toSorted((a, b) => a.usedMs - b.usedMs)
    let total = entries.reduce((sum, entry) => sum + entry.bytes, 0)
    for (const entry of entries) {
      if (total <= this.#maxBytes) return
      if (entry.name === `${keptKey}${suffix}`) continue
      await rm(join(this.#folder, entry.name), { force: true })
      total -= entry.bytes
    }
  }

  async #files(): Promise<{ name: string; bytes: number; usedMs: number }[]> {
    const names = await readdir(this.#folder)
    const stats = await Promise.all(
      names.map(async (name) => {
        const found = await stat(join(this.#folder, name)).catch(() => undefined)
        return found === undefined ? [] : [{ name, bytes: found.size, usedMs: found.mtimeMs }]
      }),
    )
    return stats.flat()
  }
}
