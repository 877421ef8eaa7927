import { deepStrictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxFlatParameters } from '#cell/link/abi/abi-type.ts'
import { compileParameters, compileResult } from '#cell/link/abi/compile-parameters.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import type { CoreValue } from '#cell/link/abi/compiled-type.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { valueOf, valueTypes } from './arbitrary-value.ts'
import { MemoryGuest } from './memory-guest.ts'

const encodings = fc.constantFrom('utf8' as const, 'utf16' as const, 'latin1+utf16' as const)
const types = valueTypes({ resources: [3, 5], inheritedNames: true })
const typed = types.chain((type) => valueOf(type).map((value) => ({ type, value })))
const numRuns = 400

describe('what is lowered into a guest is lifted out of it again', () => {
  test('through memory, in all encodings', () => {
    fc.assert(
      fc.property(typed, encodings, ({ type, value }, encoding) => {
        const guest = new MemoryGuest(encoding)
        const compiled = compileType(type)
        const at = guest.realloc(0, 0, compiled.align, compiled.size)
        compiled.store(guest, value, at)
        deepStrictEqual(compiled.load(guest, at), value)
      }),
      { numRuns },
    )
  })

  test('as core values, in all encodings', () => {
    const flatTyped = typed.filter(({ type }) => compileType(type).flat.length <= maxFlatParameters)
    fc.assert(
      fc.property(flatTyped, encodings, ({ type, value }, encoding) => {
        const guest = new MemoryGuest(encoding)
        const compiled = compileType(type)
        const out: CoreValue[] = []
        compiled.lower(guest, value, out)
        expect(out.map((each) => typeof each)).toEqual(compiled.flat.map((core) => (core === 'i64' ? 'bigint' : 'number')))
        deepStrictEqual(compiled.lift(guest, out, 0), value)
      }),
      { numRuns },
    )
  })

  test('as parameters and as a result, flat or spilled', () => {
    const functions = fc.array(typed, { maxLength: 8 })
    fc.assert(
      fc.property(functions, typed, encodings, (args, { type, value }, encoding) => {
        const guest = new MemoryGuest(encoding)
        const params = compileParameters(args.map((each) => each.type))
        const out: CoreValue[] = []
        params.lower(
          guest,
          args.map((each) => each.value),
          out,
        )
        expect(out).toHaveLength(params.flat.length)
        deepStrictEqual(
          params.lift(guest, out),
          args.map((each) => each.value),
        )
        const result = compileResult(type)
        const pointer = guest.realloc(0, 0, result.align, result.size)
        const returned = result.lower(guest, value, pointer)
        deepStrictEqual(result.lift(guest, result.spilled ? pointer : returned), value)
      }),
      { numRuns: 200 },
    )
  })
})

describe('whatever is in a guest’s memory', () => {
  const noise = fc.tuple(
    valueTypes({ resources: [3], borrows: true }),
    fc.uint8Array({ minLength: 64, maxLength: 512 }),
    // Small numbers are likelier than noise to be pointers and lengths that fit.
    fc.array(fc.nat({ max: 300 }), { maxLength: 64 }),
    encodings,
  )

  test('it becomes a value that can be lowered again, or traps', () => {
    fc.assert(
      fc.property(noise, ([type, bytes, words, encoding]) => {
        const guest = new MemoryGuest(encoding)
        const compiled = compileType(type)
        guest.write(0, bytes)
        guest.write32(64, ...words)
        let value: unknown
        try {
          value = compiled.load(guest, 64)
        } catch (error) {
          expect(error).toBeInstanceOf(LinkTrap)
          return
        }
        const at = guest.realloc(0, 0, compiled.align, compiled.size)
        compiled.store(guest, value, at)
      }),
      { numRuns },
    )
  })
})

describe('whatever a host gives', () => {
  test('it is taken or refused as a TypeError, before anything else can go wrong', () => {
    fc.assert(
      fc.property(valueTypes(), fc.anything(), encodings, (type, value, encoding) => {
        const guest = new MemoryGuest(encoding)
        const compiled = compileType(type)
        const at = guest.realloc(0, 0, compiled.align, compiled.size)
        try {
          compiled.store(guest, value, at)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      }),
      { numRuns },
    )
  })
})
