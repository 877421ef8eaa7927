import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { EntrySum } from '#host/providers/keyvalue/entry-sum.ts'

const modulus = 1n << 256n
const share = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(255), Uint8Array.of(1, ...new Uint8Array(31))),
)
const numberOf = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)

test('a sum of entries is the sum of their numbers modulo 2^256, in whatever order they come and go', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ share, added: fc.boolean() }), { maxLength: 20 }), (steps) => {
      let sum = new EntrySum()
      let model = 0n
      for (const { share: each, added } of steps) {
        if (added) sum.add(each)
        else sum.remove(each)
        model = (model + (added ? 1n : -1n) * numberOf(each) + modulus) % modulus
        sum = new EntrySum(sum.bytes)
      }
      expect(numberOf(sum.bytes)).toBe(model)
    }),
  )
})
