import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { StoreFault } from './store-operation.ts'

const nonceBytes = 12
const tagBytes = 16
/** What sealing adds to a text: a nonce and a tag (AES-256-GCM, NIST SP 800-38D). */
export const sealedOverheadBytes = nonceBytes + tagBytes

const utf8 = new TextEncoder()

/** Parts that cannot be told apart otherwise: each with its length before it. */
const framed = (parts: readonly (string | number | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.flatMap((part) => {
      const bytes = typeof part === 'object' ? part : utf8.encode(String(part))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )

const derived = (master: Uint8Array, purpose: string, namespace: string): Buffer =>
  Buffer.from(hkdfSync('sha256', master, new Uint8Array(), framed(['cordon keyvalue 1', purpose, namespace]), 32))

/** Names the key without giving anything of it away: databases say which one they were made with. */
export const keyId = (master: Uint8Array): string =>
  createHash('sha256')
    .update(derived(master, 'key id', ''))
    .digest('hex')
    .slice(0, 16)

/**
 * The name of a namespace's database: no namespace can choose it. It does not depend on the key, so that with a wrong one a database is found that
 * does not fit, and not none.
 */
export const databaseName = (namespace: string): string =>
  `${createHash('sha256')
    .update(framed(['cordon keyvalue database 1', namespace]))
    .digest('hex')
    .slice(0, 40)}.sqlite`

/** A row of the table of entries, by what never changes of it. */
export interface EntryPlace {
  readonly store: string
  /** As {@link NamespaceSeal.tag} gives it. */
  readonly tag: Uint8Array
  /** Its number in its store, never used again. */
  readonly place: number
}

/**
 * Keys of one namespace, made of the host's: rows of its database are sealed for the place that they are in, so that whoever can write the file can neither read
 * them nor pass one off as another.
 */
export class NamespaceSeal {
  readonly #sealing: Buffer
  readonly #tagging: Buffer
  readonly #counting: Buffer
  readonly #summing: Buffer

  constructor(master: Uint8Array, namespace: string) {
    this.#sealing = derived(master, 'sealing', namespace)
    this.#tagging = derived(master, 'tagging', namespace)
    this.#counting = derived(master, 'counting', namespace)
    this.#summing = derived(master, 'summing', namespace)
  }

  /** What a key is looked up by (32 bytes). The same for the same key of the same store; without the host's key nobody can tell which. */
  tag(store: string, key: string): Buffer {
    return createHmac('sha256', this.#tagging)
      .update(framed(['key', store, key]))
      .digest()
  }

  /** What a store is looked up by. */
  storeTag(store: string): Buffer {
    return createHmac('sha256', this.#tagging)
      .update(framed(['store', store]))
      .digest()
  }

  sealKey(at: EntryPlace, key: string): Buffer {
    return this.#seal(utf8.encode(key), framed(['key', at.store, at.tag, at.place]))
  }

  /** Throws {@link StoreFault} `unavailable` for what was not sealed for this place. */
  openKey(at: EntryPlace, sealed: Uint8Array): string {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      this.#open(sealed, framed(['key', at.store, at.tag, at.place])),
    )
  }

  /** A value is sealed for its revision too: an older one of the same key does not fit. */
  sealValue(at: EntryPlace, revision: number, value: Uint8Array): Buffer {
    return this.#seal(value, framed(['value', at.store, at.tag, at.place, revision]))
  }

  /** Throws {@link StoreFault} `unavailable` for what was not sealed for this place and revision. */
  openValue(at: EntryPlace, revision: number, sealed: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#open(sealed, framed(['value', at.store, at.tag, at.place, revision]))
  }

  /** What one entry adds to the sum of its store: 32 bytes that only this key can make. The tag stands for store and key. */
  share({ tag, place }: Pick<EntryPlace, 'tag' | 'place'>, revision: number, bytes: number): Buffer {
    const row = new Float64Array([place, revision, bytes])
    return createHmac('sha256', this.#summing).update(tag).update(row).digest()
  }

  /** Authenticates what a store says of itself. */
  mac(parts: readonly (string | number | Uint8Array)[]): Buffer {
    return createHmac('sha256', this.#counting)
      .update(framed(['store', ...parts]))
      .digest()
  }

  #seal(text: Uint8Array, context: Buffer): Buffer {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, nonce, { authTagLength: tagBytes }).setAAD(context)
    return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
  }

  #open(sealed: Uint8Array, context: Buffer): Uint8Array<ArrayBuffer> {
    if (sealed.length < sealedOverheadBytes) throw tampered()
    const decipher = createDecipheriv('aes-256-gcm', this.#sealing, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
    decipher.setAAD(context).setAuthTag(sealed.subarray(-tagBytes))
    // A piece of memory of its own: it is handed to another thread.
    const text = new Uint8Array(sealed.length - sealedOverheadBytes)
    text.set(decipher.update(sealed.subarray(nonceBytes, -tagBytes)))
    try {
      decipher.final()
    } catch (cause) {
      throw tampered(cause)
    }
    return text
  }
}

const tampered = (cause?: unknown): StoreFault =>
  new StoreFault('unavailable', 'an entry was not sealed for its place: the database was changed from outside', { cause })
