/**
 * How values of plain functions cross: JSON on the host's side, jco's JavaScript convention on the guest's.
 *
 * Arguments: a JSON array gives one argument an item; an object gives its values in the order they are written; `null` or no text
 * gives none; anything else is the one argument. 64-bit integers may be written as numbers or as decimal strings, a `list<u8>` as an array.
 *
 * Results: 64-bit integers become numbers where those are exact, decimal strings otherwise; lists of numbers become arrays;
 * nothing (`option` none, no result) becomes `null`.
 */

/** The text was not JSON. */
export class InputInvalid extends Error {
  constructor() {
    super('expected the input as JSON, got text that does not parse')
    this.name = 'InputInvalid'
  }
}

/** The arguments that JSON text stands for. Throws {@link InputInvalid}. */
export const argumentsFromJson = (text: string): readonly unknown[] => {
  if (text.trim() === '') return []
  const value = parseJson(text)
  if (value === null) return []
  if (Array.isArray(value)) return value
  return typeof value === 'object' ? Object.values(value) : [value]
}

/**
 * JSON text of a lifted result; `undefined` when it is longer than `maxLength`, found out before it is written: lists may alias one
 * another, so that a few kilobytes of a guest's memory stand for gigabytes.
 */
export const resultToJson = (value: unknown, maxLength: number): string | undefined => {
  let left = maxLength
  const count = (_key: string, each: unknown): unknown => {
    left -= leastLength(each)
    if (left < 0) throw new TooLong()
    return replace(each)
  }
  try {
    return JSON.stringify(value === undefined ? null : value, count) ?? 'null'
  } catch (error) {
    if (error instanceof TooLong) return undefined
    throw error
  }
}

class TooLong extends Error {}

/** How many characters a value takes at the least, those inside it left out. */
const leastLength = (value: unknown): number => {
  if (typeof value === 'string') return value.length
  // Its numbers are counted again, one by one, and take a comma each.
  return ArrayBuffer.isView(value) && 'length' in value ? Number(value.length) : 1
}

/** Whether an agent's text is JSON already, or words to be quoted. */
export const isJson = (value: unknown): value is string => {
  if (typeof value !== 'string') return false
  try {
    parseJson(value)
    return true
  } catch {
    return false
  }
}

/** Throws {@link InputInvalid}. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new InputInvalid()
  }
}

const replace = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>)
  return value === undefined ? null : value
}
