import { describe, maxContentBytes } from './abi-type.ts'
import type { CallScope } from './compiled-type.ts'
import { utf16Tag } from './lift-string.ts'

const encoder = new TextEncoder()

/** Below this many characters a loop is faster than a call into the engine. */
const shortUnits = 32

/** The engine's own encoders; they take any byte array, and make no view of it first. */
const { latin1Write, ucs2Write } = Buffer.prototype

/** Where a lowered string lies, and how long it is in the units of its encoding, tagged as it says. */
export interface LoweredString {
  readonly pointer: number
  readonly taggedUnits: number
}

/**
 * Writes a string into memory that it asks `realloc` for once, of the exact size (`store_string_into_range`; CanonicalABI.md, "Storing"). Unpaired
 * surrogates become U+FFFD. Throws TypeError for anything but a string, LinkTrap as `realloc` does.
 *
 * A host's string has whatever encoding the host likes; it likes the guest's, for which the text copies after one allocation of the exact size. So it does
 * between two components of one encoding. Between components of two, the text guesses a size first and reallocates to the largest and then to
 * the right one, so as not to go over the string twice without a copy of its own. There is such a copy here: a string is lifted, checked and charged as a whole
 * before anything is lowered. What the guest is given is the same: bytes, units, tag, alignment, room for just these; it sees one call in place of up to three. None
 * that it could have refused is left out, other than those for room that the string does not need; and adapters of preview 1 stop at a second.
 */
export const lowerString = (call: CallScope, value: unknown): LoweredString => {
  if (typeof value !== 'string') throw new TypeError(`expected a string, got ${describe(value)}`)
  switch (call.encoding) {
    case 'utf8':
      return lowerUtf8(call, value)
    case 'utf16':
      return lowerUtf16(call, value)
    case 'latin1+utf16':
      return isLatin1(value) ? lowerLatin1(call, value) : lowerUtf16(call, value, utf16Tag)
  }
}

const allocate = (call: CallScope, align: number, length: number): number => {
  if (length > maxContentBytes) throw new TypeError(`expected a string of at most ${maxContentBytes} bytes, got ${length}`)
  return call.realloc(0, 0, align, length)
}

const lowerUtf8 = (call: CallScope, text: string): LoweredString => {
  if (text.length <= shortUnits && isAscii(text)) return lowerShortAscii(call, text)
  const length = Buffer.byteLength(text)
  const pointer = allocate(call, 1, length)
  encoder.encodeInto(text, call.bytes().subarray(pointer, pointer + length))
  return { pointer, taggedUnits: length }
}

const isAscii = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}

const lowerShortAscii = (call: CallScope, text: string): LoweredString => {
  const pointer = allocate(call, 1, text.length)
  const bytes = call.bytes()
  for (let index = 0; index < text.length; index++) bytes[pointer + index] = text.charCodeAt(index)
  return { pointer, taggedUnits: text.length }
}

const lowerUtf16 = (call: CallScope, text: string, tag = 0): LoweredString => {
  const pointer = allocate(call, 2, 2 * text.length)
  ucs2Write.call(call.bytes(), text.toWellFormed(), pointer, 2 * text.length)
  return { pointer, taggedUnits: text.length + tag }
}

const isLatin1 = (text: string): boolean => !/[\u0100-\uFFFF]/.test(text)

const lowerLatin1 = (call: CallScope, text: string): LoweredString => {
  const pointer = allocate(call, 2, text.length)
  latin1Write.call(call.bytes(), text, pointer, text.length)
  return { pointer, taggedUnits: text.length }
}
