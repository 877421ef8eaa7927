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
 * A host's string has whatever encoding the host likes; it likes the guest's own, for which the text, too, allocates the exact size once. So it does between two
 * components of one encoding (but where "latin1+utf16" was given Latin-1 as UTF-16). Between encodings the text guesses a size, reallocates to the largest possible one, then
 * to the right one: in its single pass over the source it cannot know better. Here it is known, since a string is lifted, checked and charged as a whole before
 * it is lowered. The guest is given the same bytes, units, tag and alignment by one call in place of up to three, and never has to find more room
 * than the string takes; adapters of preview 1 stop at a second call.
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
