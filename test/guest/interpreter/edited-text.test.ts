import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { EditedText } from '#guest/interpreter/edited-text.ts'

test('an edited text leads back to the place in the original', () => {
  const text = new EditedText('ab\ncd await x\nef')
  text.replace(6, 11, '$value(yield (')
  text.insert(13, '))')
  expect(String(text)).toBe('ab\ncd $value(yield ( x))\nef')
  expect(text.originalPlace({ line: 2, column: 19 })).toEqual({ line: 2, column: 10 })
  expect(text.originalPlace({ line: 3, column: 2 })).toEqual({ line: 3, column: 2 })
})

test('every character that was kept is found again', () => {
  const original = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), maxLength: 40 })
  fc.assert(
    fc.property(original, fc.array(fc.tuple(fc.nat(40), fc.constantFrom('X', 'YY', 'ZZZ')), { maxLength: 5 }), (code, insertions) => {
      const text = new EditedText(code)
      for (const [at, inserted] of insertions) text.insert(Math.min(at, code.length), inserted)
      const lines = String(text).split('\n')
      for (const [row, line] of lines.entries()) {
        for (const [index, character] of line.split('').entries()) {
          if ('XYZ'.includes(character)) continue
          const place = text.originalPlace({ line: row + 1, column: index + 1 })
          expect(code.split('\n')[place.line - 1]?.[place.column - 1]).toBe(character)
        }
      }
    }),
  )
})
