import { LinkTrap } from '#cell/link/linker.ts'
import type { CallScope, CompiledType, CoreValue } from './compiled-type.ts'

/** A compiled type with what lists, records and signatures need to know of their parts. */
export interface AbiType extends CompiledType {
  /**
   * Bytes that the host holds for one lifted value besides the slot it lies in, as an upper estimate for this engine. What is in strings and
   * lists is not counted: they charge for themselves.
   */
  readonly weight: number
  /** Fields, items, flags and objects of cases that one value has at all depths, but for those in lists: each takes the time of an element. */
  readonly fields: number
}

/** Longest string or list in a guest's memory, in bytes (`MAX_STRING_BYTE_LENGTH`, `MAX_LIST_BYTE_LENGTH`; CanonicalABI.md, "Loading"). */
export const maxContentBytes = 2 ** 28 - 1

/** Core values beyond which parameters go through memory (`MAX_FLAT_PARAMS`; CanonicalABI.md, "Flattening"). */
export const maxFlatParameters = 16

/** How far flattening goes: one past the limit says all there is to know, and keeps a type that doubles at each level from costing 2^64. */
export const maxFlat = maxFlatParameters + 1

/**
 * What engine values take, in bytes: an object or array without its slots, a slot, a boxed number, a bigint of 64 bits, a string and a typed array without
 * what is in them (the latter with its buffer and what is kept for that outside of the heap), a guest's resource. Measured; upper bounds where sizes vary.
 */
export const heapBytes = { object: 24, slot: 8, number: 16, bigint: 24, string: 32, array: 48, typedArray: 336, handle: 64 } as const

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
// Lists of numbers are copied as they lie in memory, and linear memory is little-endian everywhere.
if (!isLittleEndian) throw new Error('expected a little-endian machine')

/** `at` moved up to a multiple of `align`, a power of two (`align_to`). */
export const alignTo = (at: number, align: number): number => Math.ceil(at / align) * align

/** The core value at `from`, which the type of the core function makes an i32, f32 or f64. */
export const numberAt = (values: readonly CoreValue[], from: number): number => {
  const value = values[from]
  if (typeof value !== 'number') throw new LinkTrap(`expected a number as core value ${from}, got ${typeof value}`, 'link')
  return value
}

/** The core value at `from`, which the type of the core function makes an i64. */
export const bigintAt = (values: readonly CoreValue[], from: number): bigint => {
  const value = values[from]
  if (typeof value !== 'bigint') throw new LinkTrap(`expected an i64 as core value ${from}, got ${typeof value}`, 'link')
  return value
}

/** What a host's value is, in words for its author; never the value, which may be a secret. */
export const describe = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value)

/**
 * Checks that a guest's pointer is aligned and that `size` bytes from it on lie in its memory. No step can overflow: both are below 2^32.
 * Throws LinkTrap.
 */
export const checkRange = (call: CallScope, pointer: number, align: number, size: number): void => {
  if ((pointer & (align - 1)) !== 0) throw new LinkTrap(`expected a pointer aligned to ${align}, got ${pointer}`)
  const end = call.bytes().length
  if (pointer + size > end) throw new LinkTrap(`expected ${size} bytes at ${pointer} inside a memory of ${end}`)
}
