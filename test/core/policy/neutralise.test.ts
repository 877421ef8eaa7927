import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { didYouMean } from '#core/policy/did-you-mean.ts'
import { neutralise, quoted } from '#core/policy/neutralise.ts'

test('what a terminal obeys or hides becomes visible', () => {
  expect(neutralise('a\u001b[31mb\r\n\t\0')).toBe('a\\u{1b}[31mb\\u{d}\\u{a}\\u{9}\\u{0}')
  expect(neutralise('\u202eevil\u200b\u2066\ufeff\u00ad\ud800\u2028\u{e0041}')).toBe(
    '\\u{202e}evil\\u{200b}\\u{2066}\\u{feff}\\u{ad}\\u{d800}\\u{2028}\\u{e0041}',
  )
  expect(neutralise('Grüße, 世界 🎉')).toBe('Grüße, 世界 🎉')
})

test('what is long is cut, and never inside a character', () => {
  expect(neutralise('a'.repeat(300))).toBe(`${'a'.repeat(200)}…`)
  expect(neutralise('🎉'.repeat(300), 3)).toBe('🎉🎉🎉…')
  expect(neutralise('abc', 3)).toBe('abc')
  expect(neutralise('x'.repeat(50_000_000), 10)).toBe('xxxxxxxxxx…')
})

test('a quoted text cannot end its quotes', () => {
  expect(quoted('a`b')).toBe("`a'b`")
})

test('the result is printable whatever came', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
      expect(neutralise(String.fromCharCode(...units))).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]*$/u)
    }),
  )
})

test('the nearest known word is proposed, and none when none is near', () => {
  const known = ['timeout', 'cpuTime', 'memory', 'calls', 'net', 'fs']
  expect(['tiemout', 'cputime', 'memmory', 'call', 'nets', 'MEMORY'].map((word) => didYouMean(word, known))).toEqual([
    'timeout',
    'cpuTime',
    'memory',
    'calls',
    'net',
    'memory',
  ])
  expect(['', 'x', 'grants', 'a'.repeat(10_000)].map((word) => didYouMean(word, known))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
