import { LinkTrap } from '#cell/link/linker.ts'
import { checkRange, heapBytes, maxContentBytes } from './abi-type.ts'
import type { CallScope } from './compiled-type.ts'

/** In `latin1+utf16`, says that the code units are UTF-16 (`utf16_tag`). */
export const utf16Tag = 0x8000_0000

/** A byte order mark is a character like any other to the canonical ABI. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Below this many bytes a loop is faster than a call into the engine; from it on, adding to a string would make a chain of strings. */
const shortBytes = 13

/** The engine's own decoders; they take any byte array, and make no view of it first. */
const { latin1Slice, ucs2Slice, utf8Slice } = Buffer.prototype

/**
 * A string of a guest (`load_string_from_range`; CanonicalABI.md, "Loading"). Throws LinkTrap when it is too long, misaligned, outside of
 * the memory or not well-formed: nothing is replaced silently.
 */
export const liftString = (call: CallScope, pointer: number, taggedUnits: number): string => {
  switch (call.encoding) {
    case 'utf8':
      return liftUtf8(call, pointer, taggedUnits)
    case 'utf16':
      return liftUtf16(call, pointer, taggedUnits)
    case 'latin1+utf16':
      return taggedUnits >= utf16Tag ? liftUtf16(call, pointer, taggedUnits - utf16Tag) : liftLatin1(call, pointer, taggedUnits)
  }
}

const checkContent = (call: CallScope, pointer: number, align: number, length: number): void => {
  if (length > maxContentBytes) throw new LinkTrap(`expected a string of at most ${maxContentBytes} bytes, got ${length}`)
  checkRange(call, pointer, align, length)
}

const liftUtf8 = (call: CallScope, pointer: number, length: number): string => {
  checkContent(call, pointer, 1, length)
  // One character beyond Latin-1 makes the engine keep two bytes for each.
  call.charge(0, heapBytes.string + 2 * length)
  const bytes = call.bytes()
  const end = pointer + length
  const ascii = length < shortBytes ? shortAscii(bytes, pointer, end) : undefined
  if (ascii !== undefined) return ascii
  const text = utf8Slice.call(bytes, pointer, end)
  // The fast decoder marks what is malformed; the mark may also be the guest's own character. A string of one byte a character has none.
  return text.includes('\uFFFD') ? decodeStrictly(bytes, pointer, end) : text
}

const shortAscii = (bytes: Uint8Array, from: number, end: number): string | undefined => {
  let text = ''
  for (let at = from; at < end; at++) {
    const byte = bytes[at] ?? 0x80
    if (byte > 0x7f) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

const decodeStrictly = (bytes: Uint8Array, from: number, end: number): string => {
  try {
    return strictUtf8.decode(bytes.subarray(from, end))
  } catch {
    throw new LinkTrap('expected a string in UTF-8, got malformed bytes')
  }
}

const liftUtf16 = (call: CallScope, pointer: number, units: number): string => {
  checkContent(call, pointer, 2, 2 * units)
  call.charge(0, heapBytes.string + 2 * units)
  const text = ucs2Slice.call(call.bytes(), pointer, pointer + 2 * units)
  if (!text.isWellFormed()) throw new LinkTrap('expected a string in UTF-16, got an unpaired surrogate')
  return text
}

const liftLatin1 = (call: CallScope, pointer: number, length: number): string => {
  checkContent(call, pointer, 2, length)
  call.charge(0, heapBytes.string + length)
  return latin1Slice.call(call.bytes(), pointer, pointer + length)
}
