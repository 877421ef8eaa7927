import type { ValueType } from '#core/component/component-plan.ts'
import { describe } from './abi-type.ts'
import { bigintFrom } from './bigint-from.ts'

type NumberArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array
type NumericArray = NumberArray | BigUint64Array | BigInt64Array

/** A list of numbers as it lies in memory. */
export interface NumericList {
  readonly bytesPerElement: number
  /** `length` elements at `at`, which is aligned and inside of `bytes`. */
  read(bytes: Uint8Array, at: number, length: number): NumericArray
  /** How many elements a host's list has. Throws TypeError unless it is a list for this kind. */
  lengthOf(value: unknown): number
  /** Writes the first `length` elements. Throws TypeError for one that is not of this kind. */
  write(value: unknown, bytes: Uint8Array, at: number, length: number): void
}

interface ArrayConstructor<T extends NumericArray> {
  readonly BYTES_PER_ELEMENT: number
  readonly name: string
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
}

interface Kind<T extends NumericArray> {
  readonly list: ArrayConstructor<T>
  /** What an element of a plain array is in this kind; undefined when it is not of it. */
  readonly take: (element: unknown) => T[number] | undefined
  readonly isFloat?: boolean
}

const between =
  (lowest: number, highest: number) =>
  (element: unknown): number | undefined =>
    typeof element === 'number' && Number.isInteger(element) && element >= lowest && element <= highest ? element : undefined

const bigBetween =
  (lowest: bigint, highest: bigint) =>
  (element: unknown): bigint | undefined => {
    const whole = bigintFrom(element)
    return whole !== undefined && whole >= lowest && whole <= highest ? whole : undefined
  }

const anyNumber = (element: unknown): number | undefined => (typeof element === 'number' ? element : undefined)

/** NaN in one form only, as for single floats. */
const canonicalize = (list: NumericArray): void => {
  for (let index = 0; index < list.length; index++) if (Number.isNaN(list[index])) list[index] = NaN
}

/** What may be read element by element: a plain array, or a typed array of another kind. */
const elementsOf = (value: unknown, name: string): ArrayLike<unknown> => {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) return value as unknown as ArrayLike<unknown>
  throw new TypeError(`expected an array or ${name}, got ${describe(value)}`)
}

const writeElements = <T extends NumericArray>({ list: { name }, take }: Kind<T>, value: unknown, into: T): void => {
  const elements = elementsOf(value, name)
  for (let index = 0; index < into.length; index++) {
    const given = elements[index]
    const element = take(given)
    if (element === undefined) throw new TypeError(`expected elements for ${name}, got ${describe(given)} or one out of range at ${index}`)
    // A number for lists of numbers, a bigint for those of bigints.
    into[index] = element as never
  }
}

const numericList = <T extends NumericArray>(kind: Kind<T>): NumericList => {
  const { list: List, isFloat = false } = kind
  const viewOf = (bytes: Uint8Array, at: number, length: number): T => new List(bytes.buffer, bytes.byteOffset + at, length)
  return {
    bytesPerElement: List.BYTES_PER_ELEMENT,
    read: (bytes, at, length) => {
      const copy = viewOf(bytes, at, length).slice()
      if (isFloat) canonicalize(copy)
      return copy
    },
    lengthOf: (value) => (value instanceof List ? value.length : elementsOf(value, List.name).length),
    write: (value, bytes, at, length) => {
      const into = viewOf(bytes, at, length)
      // Of the same kind, so that the elements are as well.
      if (value instanceof List) into.set(value as never)
      else writeElements(kind, value, into)
      if (isFloat) canonicalize(into)
    },
  }
}

const byteViewOf = (value: unknown): Uint8Array | undefined => {
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
}

const plainBytes = numericList({ list: Uint8Array, take: between(0, 0xff) })

/** Bytes: any view of memory gives what is under it, as jco has it. */
const byteList: NumericList = {
  bytesPerElement: 1,
  read: (bytes, at, length) => bytes.slice(at, at + length),
  lengthOf: (value) => byteViewOf(value)?.length ?? plainBytes.lengthOf(value),
  write: (value, bytes, at, length) => {
    const given = byteViewOf(value)
    if (given === undefined) plainBytes.write(value, bytes, at, length)
    else bytes.set(given, at)
  },
}

/** The list of each kind of number; lists of other kinds are plain arrays. Host's elements out of range are refused, as jco refuses them in lists, though single numbers wrap. */
export const numericLists: ReadonlyMap<ValueType['kind'], NumericList> = new Map([
  ['u8', byteList],
  ['s8', numericList({ list: Int8Array, take: between(-0x80, 0x7f) })],
  ['u16', numericList({ list: Uint16Array, take: between(0, 0xffff) })],
  ['s16', numericList({ list: Int16Array, take: between(-0x8000, 0x7fff) })],
  ['u32', numericList({ list: Uint32Array, take: between(0, 0xffff_ffff) })],
  ['s32', numericList({ list: Int32Array, take: between(-0x8000_0000, 0x7fff_ffff) })],
  ['u64', numericList({ list: BigUint64Array, take: bigBetween(0n, 0xffff_ffff_ffff_ffffn) })],
  ['s64', numericList({ list: BigInt64Array, take: bigBetween(-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn) })],
  ['f32', numericList({ list: Float32Array, take: anyNumber, isFloat: true })],
  ['f64', numericList({ list: Float64Array, take: anyNumber, isFloat: true })],
])
