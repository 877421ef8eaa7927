import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, type Json } from '#core/audit/canonical-json.ts'

test('members are sorted by UTF-16 code units, as in the example of RFC 8785 section 3.2.3', () => {
  const value = {
    '\u20ac': 'Euro',
    '\r': 'CR',
    '\ufb33': 'Hebrew',
    '1': 'One',
    '\ud83d\ude00': 'Emoji',
    '\u0080': 'Control',
    '\u00f6': 'O',
  }
  expect(Object.values(JSON.parse(canonicalJson(value)) as object).length).toBe(7)
  expect(canonicalJson(value)).toBe(
    '{"\\r":"CR","1":"One","\u0080":"Control","\u00f6":"O","\u20ac":"Euro","\ud83d\ude00":"Emoji","\ufb33":"Hebrew"}',
  )
})

test('any value survives, and its canonical text is a fixed point', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(canonicalJson(JSON.parse(text) as Json)).toBe(text)
    }),
  )
})

test('a lone surrogate becomes the replacement character, in names too', () => {
  expect(canonicalJson({ 'a\ud800': 'b\udc00' })).toBe('{"a\ufffd":"b\ufffd"}')
})

test('a number that is not finite is refused', () => {
  expect(() => canonicalJson(Number.NaN)).toThrow(TypeError)
  expect(() => canonicalJson([Number.POSITIVE_INFINITY])).toThrow(TypeError)
})
