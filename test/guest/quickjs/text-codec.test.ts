import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { decodeUtf8, encodeUtf8, Utf8Decoder } from '#guest/quickjs/text-codec.ts'

test('any text is encoded as the platform encodes it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '\u00e9', '\u0800', '\uffff', '\ud83d', '\ude00', '%', '\0'), maxLength: 20 }),
      (text) => {
        expect([...encodeUtf8(text)]).toEqual([...new TextEncoder().encode(text)])
      },
    ),
  )
  expect([...encodeUtf8('\uD800x')]).toEqual([...new TextEncoder().encode('\uD800x')])
})

test('any bytes are decoded as the platform decodes them', () => {
  const platform = new TextDecoder('utf-8', { ignoreBOM: true })
  const pieces = fc.constantFrom(
    0x00,
    0x41,
    0x7f,
    0x80,
    0xbf,
    0xc0,
    0xc2,
    0xdf,
    0xe0,
    0xa0,
    0xed,
    0x9f,
    0xef,
    0xf0,
    0x90,
    0xf4,
    0x8f,
    0xf5,
    0xff,
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.nat(255)), { maxLength: 30 }), (bytes) => {
      expect(decodeUtf8(Uint8Array.from(bytes))).toBe(platform.decode(Uint8Array.from(bytes)))
    }),
    { numRuns: 2000 },
  )
})

test('a fatal decoder refuses what is not UTF-8', () => {
  expect(() => new Utf8Decoder('utf-8', { fatal: true }).decode(Uint8Array.of(0xff))).toThrow(TypeError)
  expect(new Utf8Decoder('utf-8', { fatal: true }).decode(new TextEncoder().encode('é\uFFFD'))).toBe('é\uFFFD')
  expect(() => new Utf8Decoder('latin1')).toThrow('expected the encoding utf-8, got `latin1`')
})
