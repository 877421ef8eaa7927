import type { ValueType } from '#core/component/component-plan.ts'
import type { Encoding } from './component-text.ts'
import { alignOf, flatOf, partsOf, payloadOffset, sizeOf } from './flat-layout.ts'
import { memoryBytes, slotsAt, valueAt } from './raw-component.ts'
import { pickFrom, type Pick } from './seeded-pick.ts'

/** Where strings lie: harmless text first, then text of all sorts with errors in it. */
const plainText = { at: 4096, bytes: 2048 } as const
const wildText = { at: 6144, bytes: 4096 } as const
const listsAt = 16_384

/** Sequences of UTF-8, right ones and wrong ones: overlong, surrogates, past the end, cut off. */
const sequences = ['41', 'c3bf', 'c480', 'e282ac', 'f09f9880', 'efbbbf', 'f48fbfbf', 'c080', 'eda080', 'f4908080', 'ff', 'e282', '80']
const wideUnits = [0x41, 0xff, 0x100, 0xfeff, 0xd7ff, 0xd83d, 0xde00, 0xe000, 0xffff, 0xdfff]
const wrongChars = [0xd800, 0xdfff, 0x110000, 0x80000041, 0xffffffff]
const wrongLengths = [memoryBytes, memoryBytes + 1, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 3, 2 ** 32 - 1]

/** Writes the whole memory of a guest of {@link rawComponent}: mostly values that `type` allows, now and then hostile ones. */
export class HostileImage {
  readonly memory = new Uint8Array(memoryBytes)
  readonly #view = new DataView(this.memory.buffer)
  readonly #encoding: Encoding
  readonly #pick: Pick
  readonly #rarity: number
  #next = listsAt

  /** One place in `rarity` is hostile. */
  constructor(encoding: Encoding, pick: Pick, rarity: number) {
    this.#encoding = encoding
    this.#pick = pick
    this.#rarity = rarity
    // Numbers, flags and booleans may be any bytes; so may what is above or beside them.
    for (let at = 0; at < plainText.at; at++) this.memory[at] = pick(256)
    this.#writePlainText()
    this.#writeWildText()
  }

  /** A value at `valueAt`. */
  writeValue(type: ValueType): void {
    this.#store(type, valueAt)
  }

  /** A value as core values at `slotsAt`, 8 bytes each, of which the guest loads as many as the core type has. */
  writeSlots(type: ValueType): void {
    this.#lower(type, slotsAt)
  }

  #store(type: ValueType, at: number): void {
    const { fields, cases } = partsOf(type)
    if (fields !== undefined) this.#storeFields(fields, at)
    else if (cases !== undefined) {
      const index = this.#index(cases.length)
      if (cases.length <= 256) this.#view.setUint8(at, index)
      else this.#view.setUint16(at, index, true)
      const payload = cases[index]
      if (payload !== undefined) this.#store(payload, at + payloadOffset(type))
    } else this.#leaf(type, at, at + 4)
  }

  #storeFields(fields: readonly ValueType[], from: number): void {
    let at = from
    for (const field of fields) {
      at = Math.ceil(at / alignOf(field)) * alignOf(field)
      this.#store(field, at)
      at += sizeOf(field)
    }
  }

  #lower(type: ValueType, from: number): void {
    const { fields, cases } = partsOf(type)
    if (fields !== undefined) {
      let at = from
      for (const field of fields) {
        this.#lower(field, at)
        at += 8 * flatOf(field).length
      }
    } else if (cases !== undefined) {
      const index = this.#index(cases.length)
      this.#view.setUint32(from, index, true)
      const payload = cases[index]
      if (payload !== undefined) this.#lower(payload, from + 8)
    } else this.#leaf(type, from, from + 8)
  }

  #leaf(type: ValueType, at: number, lengthAt: number): void {
    if (type.kind === 'char') this.#view.setUint32(at, this.#hostile() ? pickFrom(wrongChars, this.#pick) : this.#pick(0xd800), true)
    if (type.kind !== 'list' && type.kind !== 'string') return
    const [pointer, length] = type.kind === 'list' ? this.#list(type.element) : this.#string()
    this.#view.setUint32(at, this.#hostile() ? this.#wrongPointer(pointer) : pointer, true)
    this.#view.setUint32(lengthAt, this.#hostile() ? pickFrom(wrongLengths, this.#pick) : length, true)
  }

  #hostile(): boolean {
    return this.#pick(this.#rarity) === 0
  }

  #index(cases: number): number {
    return this.#hostile() ? pickFrom([cases, cases + 1, 255], this.#pick) : this.#pick(cases)
  }

  #wrongPointer(pointer: number): number {
    return pickFrom([pointer + 1, memoryBytes - 1, memoryBytes - 8, memoryBytes, memoryBytes + 8, 2 ** 32 - 8, 2 ** 32 - 1], this.#pick)
  }

  #list(element: ValueType): readonly [pointer: number, length: number] {
    const length = this.#pick(5)
    const at = Math.ceil(this.#next / 8) * 8
    // A full memory has room for no more lists: they are empty then.
    if (at + length * sizeOf(element) > memoryBytes) return [listsAt, 0]
    this.#next = at + length * sizeOf(element)
    for (let nth = 0; nth < length; nth++) {
      for (let byte = 0; byte < sizeOf(element); byte++) this.memory[at + nth * sizeOf(element) + byte] = this.#pick(256)
      this.#store(element, at + nth * sizeOf(element))
    }
    return [at, length]
  }

  #string(): readonly [pointer: number, length: number] {
    const { at, bytes } = this.#hostile() ? wildText : plainText
    const units = this.#pick(24)
    const offset = this.#pick(bytes - 64)
    if (this.#encoding === 'utf8') return [at + offset, units]
    const tag = this.#encoding === 'latin1+utf16' && this.#pick(2) === 0 ? 2 ** 31 : 0
    return [at + (offset & ~1), units + tag]
  }

  #writePlainText(): void {
    for (let at = plainText.at; at < plainText.at + plainText.bytes; at += 2) {
      this.memory[at] = 32 + this.#pick(95)
      this.memory[at + 1] = this.#encoding === 'utf8' ? 32 + this.#pick(95) : this.#pick(0xd8)
    }
  }

  #writeWildText(): void {
    const end = wildText.at + wildText.bytes
    let at = wildText.at
    while (at < end - 4) {
      if (this.#encoding === 'utf8') {
        const sequence = Buffer.from(pickFrom(sequences, this.#pick), 'hex')
        this.memory.set(sequence, at)
        at += sequence.length
      } else {
        this.#view.setUint16(at, pickFrom(wideUnits, this.#pick), true)
        at += 2
      }
    }
  }
}
