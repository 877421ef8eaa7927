import { LinkTrap } from '#cell/link/linker.ts'
import { describe } from './abi-type.ts'

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff

/** The character with a guest's code point, an unsigned number. Throws LinkTrap unless it is a Unicode scalar value (`convert_i32_to_char`). */
export const charOf = (code: number): string => {
  if (code > 0x10ffff || isSurrogate(code)) throw new LinkTrap(`expected a Unicode scalar value, got ${code}`)
  return String.fromCodePoint(code)
}

/** The code point of a host's character (`char_to_i32`). Throws TypeError unless it is a string of one Unicode scalar value. */
export const codePointOf = (value: unknown): number => {
  if (typeof value !== 'string') throw new TypeError(`expected a string of one character, got ${describe(value)}`)
  const code = value.codePointAt(0)
  if (code === undefined || isSurrogate(code) || value.length !== (code > 0xffff ? 2 : 1)) {
    throw new TypeError('expected a string of one Unicode scalar value')
  }
  return code
}
