import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass, guestConstructor } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { FieldsShare } from './http-fields-budget.ts'

/** One header or trailer: the name as it was written, the value as bytes. */
export type FieldEntry = readonly [string, Uint8Array]

/** The longest name and method. */
const maxNameLength = 256

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Fields that speak about the connection and not the message (RFC 9110 section 7.6.1), or that the host sets itself: those that other hosts forbid too. */
const forbiddenNames: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** Whether `text` is a token of RFC 9110, as names of fields and methods are. */
export const isToken = (text: string): boolean => text.length <= maxNameLength && token.test(text)

/** RFC 9110 section 5.5: no control bytes but tab, no white space at either end. */
const isFieldValue = (value: Uint8Array): boolean => {
  const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09
  if (isSpace(value[0]) || isSpace(value.at(-1))) return false
  return value.every((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f))
}

/** `content-length` as RFC 9110 section 8.6 has it: digits and nothing else, few enough for a number. */
const isLength = (value: Uint8Array): boolean =>
  value.byteLength > 0 && value.byteLength <= 15 && value.every((byte) => byte >= 0x30 && byte <= 0x39)

const checkEntry = (name: string, values: readonly Uint8Array[]): void => {
  if (!isToken(name) || !values.every((value) => isFieldValue(value))) throw new WitError({ tag: 'invalid-syntax' })
  const lowerCase = name.toLowerCase()
  if (forbiddenNames.has(lowerCase)) throw new WitError({ tag: 'forbidden' })
  if (lowerCase === 'content-length' && !values.every((value) => isLength(value))) throw new WitError({ tag: 'invalid-syntax' })
}

/** Lengths first: a guest may ask for a name of megabytes. */
const sameName = (first: string, second: string): boolean => first.length === second.length && first.toLowerCase() === second.toLowerCase()

/** `wasi:http/types` `fields`. Entries are never changed in place, so copies and views share them. */
export class Fields {
  readonly #scope: SessionScope
  readonly #held: HeldResource
  readonly #share: FieldsShare
  readonly #immutable: boolean
  #entries: readonly FieldEntry[]

  constructor(scope: SessionScope, entries: readonly FieldEntry[], immutable: boolean) {
    this.#held = new HeldResource(scope)
    this.#share = new FieldsShare(scope, entries)
    this.#scope = scope
    this.#entries = entries
    this.#immutable = immutable
  }

  get [inside](): readonly FieldEntry[] {
    return this.#entries
  }

  get(name: string): Uint8Array[] {
    return this.#entries.filter(([each]) => sameName(each, name)).map(([, value]) => value)
  }

  has(name: string): boolean {
    return this.#entries.some(([each]) => sameName(each, name))
  }

  set(name: string, values: readonly Uint8Array[]): void {
    const others = this.#mutable().filter(([each]) => !sameName(each, name))
    checkEntry(name, values)
    this.#replace([...others, ...values.map((value): FieldEntry => [name, value])])
  }

  delete(name: string): void {
    const others = this.#mutable().filter(([each]) => !sameName(each, name))
    checkEntry(name, [])
    this.#replace(others)
  }

  append(name: string, value: Uint8Array): void {
    const entries = this.#mutable()
    checkEntry(name, [value])
    this.#replace([...entries, [name, value]])
  }

  entries(): [string, Uint8Array][] {
    return this.#entries.map(([name, value]) => [name, value])
  }

  clone(): Fields {
    return new Fields(this.#scope, this.#entries, false)
  }

  [Symbol.dispose](): void {
    const held = this.#held
    this.#share.giveBack()
    held.drop()
  }

  #mutable(): readonly FieldEntry[] {
    if (this.#immutable) throw new WitError({ tag: 'immutable' })
    return this.#entries
  }

  #replace(entries: readonly FieldEntry[]): void {
    this.#share.hold(entries)
    this.#entries = entries
  }
}

sealClass(Fields)

/** Takes over what a guest hands to the host: the entries stay, the guest's place in the count is free again. */
export const consumeFields = (fields: Fields): readonly FieldEntry[] => {
  const entries = fields[inside]
  fields[Symbol.dispose]()
  return entries
}

/** In parts: a value may be longer than a call may have arguments. */
const latin1 = (value: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < value.byteLength; at += 4096) text += String.fromCharCode(...value.subarray(at, at + 4096))
  return text
}

/** Entries in the wire's form: values as latin-1 text, one character a byte. */
export const toWireHeaders = (entries: readonly FieldEntry[]): [string, string][] => entries.map(([name, value]) => [name, latin1(value)])

/** Headers from the wire as entries; what has another form is left out. */
export const fromWireHeaders = (headers: unknown): FieldEntry[] =>
  (Array.isArray(headers) ? headers : []).flatMap((header: unknown): FieldEntry[] => {
    if (!Array.isArray(header)) return []
    const [name, value]: readonly unknown[] = header
    if (typeof name !== 'string' || typeof value !== 'string') return []
    return [[name, Uint8Array.from(value, (character) => character.charCodeAt(0))]]
  })

/** What a guest sees as the class `fields`. */
export const fieldsClass = (slot: SessionSlot): unknown =>
  guestConstructor(Fields, () => new Fields(slot.scope, [], false), {
    fromList: (list: readonly FieldEntry[]): Fields => {
      const { scope } = slot
      for (const [name, value] of list) checkEntry(name, [value])
      return new Fields(scope, [...list], false)
    },
  })
