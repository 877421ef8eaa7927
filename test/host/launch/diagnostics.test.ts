import { expect, test } from 'vitest'
import { neutralise } from '#host/launch/diagnostics.ts'

test('escape sequences, bidi overrides, separators and lone surrogates become replacement characters', () => {
  expect(neutralise('a\u001B[2Jb\u202Ec\u2028d\uD800e\u0000f\u009Bg')).toBe('a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}f\u{FFFD}g')
})

test('lines stay lines, letters of any script stay, and long lines are cut', () => {
  expect(neutralise('one\r\ntwo\nälä 漢字 🙂')).toBe('one\ntwo\nälä 漢字 🙂')
  expect(neutralise('x'.repeat(5000))).toHaveLength(1024)
})
