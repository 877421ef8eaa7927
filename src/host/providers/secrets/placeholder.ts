import { randomBytes } from 'node:crypto'
import { base64Renderings } from './encodings.ts'
import { findAll, unfinishedLength } from './stream-match.ts'

const prefix = 'cordon-secret-'
const shape = /cordon-secret-[0-9a-f]{32}/g

/** A new placeholder: 128 random bits, of characters that no encoder needs to change. */
export const newPlaceholder = (): string => prefix + randomBytes(16).toString('hex')

/** Decodes `%XX`; anything else stays, so that it never fails. */
const percentDecoded = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** The forms in which a placeholder is looked for, with the placeholder each stands for. */
const placeholderPatterns = (placeholders: Iterable<string>): readonly (readonly [placeholder: string, pattern: Uint8Array])[] =>
  [...placeholders].flatMap((placeholder) => {
    const bytes = Buffer.from(placeholder)
    const forms = new Set([placeholder, ...base64Renderings(bytes)])
    return [...forms].map((form): [string, Uint8Array] => [placeholder, Buffer.from(form)])
  })

/** Placeholders in a text, raw, percent-encoded (also twice) or base64: known ones, and strangers of the same shape. */
export const placeholdersInText = (text: string, known: Iterable<string>): ReadonlySet<string> => {
  const once = percentDecoded(text)
  const variants = [...new Set([text, once, percentDecoded(once)])]
  const found = new Set(variants.flatMap((variant) => variant.toLowerCase().match(shape) ?? []))
  for (const [placeholder, pattern] of placeholderPatterns(known)) {
    const form = Buffer.from(pattern).toString('latin1')
    if (variants.some((variant) => variant.includes(form))) found.add(placeholder)
  }
  return found
}

/** Finds known placeholders in a stream: in the bytes as they are, and with percent-encoding undone. */
export class PlaceholderScanner {
  readonly #patterns: readonly (readonly [string, Uint8Array])[]
  readonly #needles: readonly Uint8Array[]
  #tail: Buffer = Buffer.alloc(0)
  #decodedTail: Buffer = Buffer.alloc(0)
  #escape = ''

  constructor(placeholders: Iterable<string>) {
    this.#patterns = placeholderPatterns(placeholders)
    this.#needles = this.#patterns.map(([, pattern]) => pattern)
  }

  /** Placeholders that have ended in this chunk. */
  push(chunk: Uint8Array): ReadonlySet<string> {
    const found = new Set<string>()
    if (this.#needles.length === 0) return found
    this.#tail = this.#find(Buffer.concat([this.#tail, chunk]), found)
    this.#decodedTail = this.#find(Buffer.concat([this.#decodedTail, this.#decode(chunk)]), found)
    return found
  }

  #find(bytes: Buffer, found: Set<string>): Buffer {
    for (const { pattern } of findAll(bytes, this.#needles)) {
      const placeholder = this.#patterns[pattern]?.[0]
      if (placeholder !== undefined) found.add(placeholder)
    }
    return bytes.subarray(bytes.length - unfinishedLength(bytes, this.#needles))
  }

  #decode(chunk: Uint8Array): Buffer {
    const text = this.#escape + Buffer.from(chunk).toString('latin1')
    // An escape that the chunk's end cuts waits for the rest.
    this.#escape = /%[0-9A-Fa-f]?$/.exec(text)?.[0] ?? ''
    return Buffer.from(percentDecoded(text.slice(0, text.length - this.#escape.length)), 'latin1')
  }
}
