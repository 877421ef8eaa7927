import { describe, expect, test } from 'vitest'
import { compileType } from '#cell/link/abi/compile-type.ts'
import type { CallScope, CoreValue } from '#cell/link/abi/compiled-type.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { MemoryGuest } from './memory-guest.ts'

const string = compileType({ kind: 'string' })
const tag = 0x8000_0000
const memoryBytes = 4 * 65_536

const liftBytes = (encoding: CallScope['encoding'], bytes: readonly number[], units: number, at = 64): unknown => {
  const guest = new MemoryGuest(encoding)
  guest.write(at, bytes)
  return string.lift(guest, [at, units], 0)
}

const lowerInto = (encoding: CallScope['encoding'], value: unknown) => {
  const guest = new MemoryGuest(encoding)
  const out: CoreValue[] = []
  string.lower(guest, value, out)
  const [pointer, units] = out.map(Number)
  return { guest, pointer: pointer ?? 0, units: (units ?? 0) >>> 0 }
}

/** Longer than what any fast path takes. */
const long = 'x'.repeat(100)
const longBytes = [...Buffer.from(long)]

describe('a guest’s UTF-8 (CanonicalABI.md, "Loading": `load_string_from_range`)', () => {
  test.each([
    ['a byte that is never valid', [0xff]],
    ['a sequence cut short', [0xc3]],
    ['a stray continuation', [0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point past the last', [0xf4, 0x90, 0x80, 0x80]],
  ])('%s traps, short or long, and is never replaced', (_what, bytes) => {
    expect(() => liftBytes('utf8', bytes, bytes.length)).toThrow('expected a string in UTF-8')
    expect(() => liftBytes('utf8', [...longBytes, ...bytes], 100 + bytes.length)).toThrow(LinkTrap)
    expect(() => liftBytes('utf8', [...bytes, ...longBytes], 100 + bytes.length)).toThrow(LinkTrap)
  })

  test.each([
    '',
    'a',
    '\u0000',
    '\uFEFFbom',
    '\uFFFD',
    'grün',
    '☃️👍',
    '\uFFFF',
    long + '\uFFFD',
    '\uFEFF' + long,
    'é'.repeat(50),
    '👍'.repeat(30),
  ])('%j is lifted as it is', (text) => {
    const bytes = [...Buffer.from(text)]
    expect(liftBytes('utf8', bytes, bytes.length)).toBe(text)
  })

  test.each([
    [memoryBytes, 1],
    [memoryBytes - 1, 2],
    [-1, 0],
    [0xdead_beef | 0, 0],
    [0, 2 ** 28],
    [8, -1],
  ])('%i for %i bytes is not in its memory and traps', (pointer, length) => {
    expect(() => string.lift(new MemoryGuest(), [pointer, length], 0)).toThrow(LinkTrap)
  })

  test('the last bytes of the memory are in it, and an empty string may lie behind them', () => {
    const guest = new MemoryGuest()
    guest.write(memoryBytes - 2, [111, 107])
    expect([string.lift(guest, [memoryBytes - 2, 2], 0), string.lift(guest, [memoryBytes, 0], 0)]).toEqual(['ok', ''])
  })
})

describe('a guest’s UTF-16 and Latin-1', () => {
  test.each([
    ['a high surrogate alone', [0x00, 0xd8], 1],
    ['a low surrogate alone', [0x00, 0xdc], 1],
    ['surrogates the wrong way round', [0x00, 0xdc, 0x00, 0xd8], 2],
  ])('%s traps', (_what, bytes, units) => {
    expect(() => liftBytes('utf16', bytes, units)).toThrow('unpaired surrogate')
    expect(() => liftBytes('latin1+utf16', bytes, units | tag)).toThrow('unpaired surrogate')
  })

  test('units are little-endian and may be surrogate pairs', () => {
    expect(liftBytes('utf16', [0x68, 0x00, 0xf6, 0x00, 0x3c, 0xd8, 0x70, 0xdf], 4)).toBe('hö🍰')
  })

  test('the tag chooses between Latin-1 and UTF-16', () => {
    expect(liftBytes('latin1+utf16', [0x68, 0xf6], 2)).toBe('hö')
    expect(liftBytes('latin1+utf16', [0x03, 0x26], 1 | tag)).toBe('☃')
  })

  test('a misaligned pointer traps, even for nothing, in Latin-1 as well', () => {
    expect(() => liftBytes('utf16', [], 0, 65)).toThrow('aligned to 2')
    expect(() => liftBytes('latin1+utf16', [], 0, 65)).toThrow('aligned to 2')
    expect(() => liftBytes('latin1+utf16', [], tag | 0, 65)).toThrow('aligned to 2')
    expect(liftBytes('utf8', [65], 1, 65)).toBe('A')
  })

  test('a length in units counts twice its bytes against memory and limit', () => {
    expect(() => liftBytes('utf16', [], memoryBytes / 2)).toThrow('inside a memory')
    expect(() => liftBytes('utf16', [], 2 ** 27)).toThrow('at most')
  })
})

describe('a host’s string (CanonicalABI.md, "Storing": `store_string_into_range`)', () => {
  test.each([
    ['utf8', 'short', 1, 5, 5],
    ['utf8', long, 1, 100, 100],
    ['utf8', 'grün☃👍', 1, 12, 12],
    ['utf8', '', 1, 0, 0],
    ['utf16', 'grün☃👍', 2, 14, 7],
    ['latin1+utf16', 'grün', 2, 4, 4],
    ['latin1+utf16', 'sn☃', 2, 6, 3 + tag],
    ['latin1+utf16', '', 2, 0, 0],
  ] as const)('in %s %j asks the guest once for what it takes', (...[encoding, text, align, bytes, units]) => {
    const lowered = lowerInto(encoding, text)
    expect(lowered.guest.reallocs).toEqual([[0, 0, align, bytes]])
    expect(lowered.units).toBe(units)
    expect(string.lift(lowered.guest, [lowered.pointer, lowered.units | 0], 0)).toBe(text)
  })

  test.each(['a\uD800b', '\uDC00', long + '\uD800'])('an unpaired surrogate in it becomes U+FFFD: %j', (text) => {
    for (const encoding of ['utf8', 'utf16', 'latin1+utf16'] as const) {
      const { guest, pointer, units } = lowerInto(encoding, text)
      expect(string.lift(guest, [pointer, units | 0], 0)).toBe(text.toWellFormed())
    }
  })

  test.each([undefined, null, 1, {}, ['a']])('%o is none', (value) => {
    expect(() => lowerInto('utf8', value)).toThrow(TypeError)
  })

  test('it is written where the guest is after it grew', () => {
    const guest = new MemoryGuest()
    const text = 'y'.repeat(300_000)
    string.store(guest, text, 16)
    expect(string.load(guest, 16)).toBe(text)
  })
})
