import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

const digestBytes = 32

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/**
 * Built components by content-addressed key. An entry is the sha256 of the component followed by the component, so
 * that one that was cut or damaged is built again; it appears by rename or not at all.
 */
export class ComponentCache {
  readonly #folder: string

  /** @param folder - made when the first entry is kept */
  constructor(folder: string) {
    this.#folder = folder
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.built`)
  }

  /** The component kept under `key` (hex), whole, or undefined. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const entry = await readFile(this.#path(key)).catch(() => undefined)
    if (entry === undefined) return undefined
    const component = entry.subarray(digestBytes)
    return sha256(component).equals(entry.subarray(0, digestBytes)) ? new Uint8Array(component) : undefined
  }

  /** Keeps a component under `key` (hex). */
  async put(key: string, component: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const draft = join(this.#folder, `.${randomUUID()}.draft`)
    try {
      const file = await open(draft, 'wx', 0o600)
      try {
        await file.writeFile(Buffer.concat([sha256(component), component]))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, this.#path(key))
    } finally {
      await rm(draft, { force: true })
    }
  }
}

/** `sha256:<hex>` of a component. */
export const componentDigest = (component: Uint8Array): string => `sha256:${sha256(component).toString('hex')}`

/** A cache key over anything that is JSON. */
export const cacheKey = (parts: unknown): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex')
