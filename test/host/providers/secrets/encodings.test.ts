import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base64Renderings, renderingsOf } from '#host/providers/secrets/encodings.ts'
import { redactionOf } from '#host/providers/secrets/redaction.ts'

const bytes = fc.uint8Array({ minLength: 6, maxLength: 40 })

describe('renderings of a value', () => {
  test('property: base64 of the value within anything contains one of its renderings', () => {
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 9 }), (value, before, after) => {
        const whole = Buffer.concat([before, value, after])
        const renderings = base64Renderings(value)
        for (const encoding of ['base64', 'base64url'] as const) {
          expect(renderings.some((rendering) => whole.toString(encoding).includes(rendering))).toBe(true)
        }
      }),
    )
  })

  test('none is so short that it would be found everywhere', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 30 }), (value) => {
        expect(renderingsOf(value).every((rendering) => rendering.length >= 5)).toBe(true)
      }),
    )
  })
})

describe('masking', () => {
  const masked = (patterns: readonly string[], pieces: readonly string[]): string[] => {
    const redaction = redactionOf(patterns.map((pattern) => Buffer.from(pattern)))
    const shown = pieces.map((piece) => Buffer.from(redaction.push(Buffer.from(piece))).toString())
    return [...shown, Buffer.from(redaction.end()).toString()]
  }

  test('holds back only what may begin a secret', () => {
    expect(masked(['secret'], ['no s', 'ecre', 't here'])).toEqual(['no ', '', '****** here', ''])
    expect(masked(['secret'], ['see', 'k'])).toEqual(['see', 'k', ''])
    expect(masked(['secret'], ['sec'])).toEqual(['', 'sec'])
  })

  test('masks places that overlap, also when one begins in what is held back', () => {
    expect(masked(['abcde', 'defgh'], ['abcdefgh']).join('')).toBe('********')
    expect(masked(['abcde', 'defgh'], ['abcde', 'fgh']).join('')).toBe('********')
    expect(masked(['abcde', 'defgh'], ['abcde', 'fgx']).join('')).toBe('*****fgx')
    expect(masked(['aaa'], ['aaaaa']).join('')).toBe('*****')
    expect(masked(['aaa'], ['a', 'a', 'a', 'a', 'b']).join('')).toBe('****b')
  })

  test('shows everything when there is nothing to hide', () => {
    expect(masked([], ['anything'])).toEqual(['anything', ''])
  })
})
