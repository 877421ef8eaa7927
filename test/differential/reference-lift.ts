import type { ValueType } from '#core/component/component-plan.ts'
import { lowerCamel } from '#core/component/js-names.ts'
import type { Encoding } from './component-text.ts'
import { isTaggedOption } from './option-form.ts'
import { alignOf, flatOf, partsOf, payloadOffset, sizeOf } from './flat-layout.ts'

/** A `trap_if` of `CanonicalABI.md`, by what it is about. */
export type Rule = 'char' | 'discriminant' | 'list pointer' | 'list bounds' | 'string pointer' | 'string bounds' | 'utf-8' | 'utf-16'

/** The specification says trap. */
export class ReferenceTrap extends Error {
  readonly rule: Rule
  constructor(rule: Rule) {
    super(`the specification traps: ${rule}`)
    this.rule = rule
  }
}

/** More than the test wants to compare: aliased pointers can make a value exponentially larger than its memory. */
export class TooLarge extends Error {}

const maxElements = 20_000
const maxByteLength = 2 ** 28 - 1
const utf16Tag = 2 ** 31

const typedArrays = {
  s8: Int8Array,
  u8: Uint8Array,
  s16: Int16Array,
  u16: Uint16Array,
  s32: Int32Array,
  u32: Uint32Array,
  s64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const

const typedArrayOf = (kind: string): { from(values: never): unknown } | undefined =>
  Object.entries(typedArrays).find(([name]) => name === kind)?.[1]

const decoded = (encoding: 'utf-8' | 'utf-16le', bytes: Uint8Array): string => {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ReferenceTrap(encoding === 'utf-8' ? 'utf-8' : 'utf-16')
  }
}

/** Core values as the 64 bits that they lie in, low bits first; `i64` that stand in for something smaller are wrapped by taking fewer. */
export class Slots {
  readonly #bits: readonly bigint[]
  #next = 0

  constructor(bits: readonly bigint[]) {
    this.#bits = bits
  }

  next(): DataView {
    const view = new DataView(new ArrayBuffer(8))
    view.setBigUint64(0, this.#bits[this.#next] ?? 0n, true)
    this.#next += 1
    return view
  }

  /** Leaves out what a joined variant has for its longer cases. */
  skipTo(position: number): void {
    this.#next = position
  }

  get position(): number {
    return this.#next
  }
}

/** What `CanonicalABI.md` says (sections Loading and Flat Lifting), word by word and without any thought of speed, in jco's JavaScript convention. */
export class ReferenceLift {
  readonly #memory: Uint8Array
  readonly #view: DataView
  readonly #encoding: Encoding
  #elements = 0

  constructor(memory: Uint8Array, encoding: Encoding) {
    this.#memory = memory
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
    this.#encoding = encoding
  }

  load(type: ValueType, at: number): unknown {
    const { fields, cases } = partsOf(type)
    if (fields !== undefined) return this.#fields(type, this.#offsets(fields, at))
    if (cases !== undefined) {
      const payload = at + payloadOffset(type)
      return this.#case(type, this.#unsigned(at, cases.length <= 256 ? 1 : 2), (inner) => this.load(inner, payload))
    }
    if (type.kind === 'flags') return this.#flags(type, this.#unsigned(at, sizeOf(type)))
    if (type.kind === 'string') return this.#string(this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true))
    if (type.kind === 'list') return this.#list(type.element, this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true))
    return this.#scalar(type.kind, this.#view, at)
  }

  lift(type: ValueType, slots: Slots): unknown {
    const { fields, cases } = partsOf(type)
    if (fields !== undefined)
      return this.#fields(
        type,
        fields.map((field) => () => this.lift(field, slots)),
      )
    if (cases !== undefined) {
      const end = slots.position + flatOf(type).length
      const value = this.#case(type, slots.next().getUint32(0, true), (inner) => this.lift(inner, slots))
      slots.skipTo(end)
      return value
    }
    if (type.kind === 'flags') return this.#flags(type, slots.next().getUint32(0, true))
    // A flat bool is a whole i32, of which no bit is left out (`lift_flat`); in memory it is a byte.
    if (type.kind === 'bool') return slots.next().getUint32(0, true) !== 0
    if (type.kind === 'string') return this.#string(slots.next().getUint32(0, true), slots.next().getUint32(0, true))
    if (type.kind === 'list') return this.#list(type.element, slots.next().getUint32(0, true), slots.next().getUint32(0, true))
    return this.#scalar(type.kind, slots.next(), 0)
  }

  #offsets(fields: readonly ValueType[], from: number): readonly (() => unknown)[] {
    let at = from
    return fields.map((field) => {
      const here = Math.ceil(at / alignOf(field)) * alignOf(field)
      at = here + sizeOf(field)
      return () => this.load(field, here)
    })
  }

  #unsigned(at: number, size: number): number {
    if (size === 1) return this.#view.getUint8(at)
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true)
  }

  #fields(type: ValueType, fields: readonly (() => unknown)[]): unknown {
    if (type.kind !== 'record') return fields.map((field) => field())
    return Object.fromEntries(type.fields.map(({ name }, nth) => [lowerCamel(name), fields[nth]?.()]))
  }

  #case(type: ValueType, index: number, payload: (type: ValueType) => unknown): unknown {
    const { cases = [] } = partsOf(type)
    if (index >= cases.length) throw new ReferenceTrap('discriminant')
    const inner = cases[index]
    const val = inner === undefined ? undefined : payload(inner)
    if (type.kind === 'enum') return type.names[index]
    if (type.kind === 'option' && !isTaggedOption(type.some)) return val
    const tag = {
      option: ['none', 'some'],
      result: ['ok', 'err'],
      variant: type.kind === 'variant' ? type.cases.map((each) => each.name) : [],
    }
    const tags = tag[type.kind as 'option' | 'result' | 'variant']
    return inner === undefined ? { tag: tags[index] } : { tag: tags[index], val }
  }

  #flags(type: ValueType & { readonly kind: 'flags' }, bits: number): unknown {
    return Object.fromEntries(type.names.map((name, nth) => [lowerCamel(name), ((bits >>> nth) & 1) === 1]))
  }

  #scalar(kind: string, view: DataView, at: number): unknown {
    switch (kind) {
      case 'bool':
        return view.getUint8(at) !== 0
      case 's8':
        return view.getInt8(at)
      case 'u8':
        return view.getUint8(at)
      case 's16':
        return view.getInt16(at, true)
      case 'u16':
        return view.getUint16(at, true)
      case 's32':
        return view.getInt32(at, true)
      case 'u32':
        return view.getUint32(at, true)
      default:
        return this.#wide(kind, view, at)
    }
  }

  #wide(kind: string, view: DataView, at: number): unknown {
    switch (kind) {
      case 's64':
        return view.getBigInt64(at, true)
      case 'u64':
        return view.getBigUint64(at, true)
      case 'f32':
        return view.getFloat32(at, true)
      case 'f64':
        return view.getFloat64(at, true)
      default:
        return this.#char(view.getUint32(at, true))
    }
  }

  #char(code: number): string {
    if (code >= 0x110000 || (code >= 0xd800 && code <= 0xdfff)) throw new ReferenceTrap('char')
    return String.fromCodePoint(code)
  }

  #string(at: number, units: number): string {
    const isWide = this.#encoding === 'utf16' || (this.#encoding === 'latin1+utf16' && units >= utf16Tag)
    const length = isWide ? 2 * (this.#encoding === 'utf16' ? units : units - utf16Tag) : units
    if (length > maxByteLength) throw new ReferenceTrap('string bounds')
    if (this.#encoding !== 'utf8' && at % 2 !== 0) throw new ReferenceTrap('string pointer')
    if (at + length > this.#memory.length) throw new ReferenceTrap('string bounds')
    this.#count(length)
    const bytes = this.#memory.slice(at, at + length)
    if (isWide) return decoded('utf-16le', bytes)
    return this.#encoding === 'utf8' ? decoded('utf-8', bytes) : String.fromCodePoint(...bytes)
  }

  #list(element: ValueType, at: number, length: number): unknown {
    const size = sizeOf(element)
    if (length * size > maxByteLength) throw new ReferenceTrap('list bounds')
    if (at % alignOf(element) !== 0) throw new ReferenceTrap('list pointer')
    if (at + length * size > this.#memory.length) throw new ReferenceTrap('list bounds')
    this.#count(length)
    const values = Array.from({ length }, (_, nth) => this.load(element, at + nth * size))
    const typed = typedArrayOf(element.kind)
    return typed === undefined ? values : typed.from(values as never)
  }

  #count(elements: number): void {
    this.#elements += elements
    if (this.#elements > maxElements) throw new TooLarge('more than the test wants to compare')
  }
}
