import { describe, expect, test } from 'vitest'
import type { ValueType } from '#core/component/component-plan.ts'
import { compileParameters, compileResult } from '#cell/link/abi/compile-parameters.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import { maxTypeDepth, type CoreValue } from '#cell/link/abi/compiled-type.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { MemoryGuest } from './memory-guest.ts'

const u8: ValueType = { kind: 'u8' }
const u64: ValueType = { kind: 'u64' }
const repeat = (type: ValueType, count: number): readonly ValueType[] => Array.from({ length: count }, () => type)

describe('parameters (CanonicalABI.md, "Flattening": `flatten_functype`; "Lifting and Lowering Values")', () => {
  test('sixteen core values are passed flat, one more goes through memory', () => {
    expect(compileParameters(repeat(u64, 16))).toMatchObject({ spilled: false, flat: repeat(u8, 16).map(() => 'i64') })
    expect(compileParameters([...repeat(u64, 16), u8])).toMatchObject({ spilled: true, flat: ['i32'], size: 136, align: 8 })
  })

  test('those in memory are one allocation, aligned as the record they are', () => {
    const guest = new MemoryGuest()
    const params = compileParameters([u8, ...repeat(u64, 16)])
    const out: CoreValue[] = []
    params.lower(guest, [7, ...Array.from({ length: 16 }, (_, index) => BigInt(index))], out)
    expect(guest.reallocs).toEqual([[0, 0, 8, 136]])
    expect(params.lift(guest, out)).toEqual([7, ...Array.from({ length: 16 }, (_, index) => BigInt(index))])
  })

  test.each([
    [4, 'aligned to 8'],
    [4 * 65_536 - 128, 'inside a memory'],
    [-8, 'inside a memory'],
  ])('a pointer to them of %i traps', (pointer, message) => {
    expect(() => compileParameters(repeat(u64, 17)).lift(new MemoryGuest(), [pointer])).toThrow(message)
  })

  test('a missing argument is refused by its type, one too many by their count', () => {
    const params = compileParameters([u8, { kind: 'option', some: u8 }])
    expect(() => params.lower(new MemoryGuest(), [], [])).toThrow(TypeError)
    expect(() => params.lower(new MemoryGuest(), [1, 2, 3], [])).toThrow('expected 2 arguments, got 3')
    const out: CoreValue[] = []
    params.lower(new MemoryGuest(), [1], out)
    expect(out).toEqual([1, 0, 0])
  })
})

describe('a result', () => {
  test('of one core value is it, of more is in memory', () => {
    expect(compileResult(undefined)).toMatchObject({ flat: [], spilled: false })
    expect(compileResult(u64)).toMatchObject({ flat: ['i64'], spilled: false })
    expect(compileResult({ kind: 'string' })).toMatchObject({ flat: [], spilled: true, size: 8, align: 4 })
  })

  test.each([2, -4, 4 * 65_536 - 4])('at %i, where it may not lie, traps both ways', (pointer) => {
    const result = compileResult({ kind: 'string' })
    expect(() => result.lift(new MemoryGuest(), pointer)).toThrow(LinkTrap)
    expect(() => result.lower(new MemoryGuest(), 'x', pointer >>> 0)).toThrow(LinkTrap)
  })

  test('that a core function does not give is not made up', () => {
    expect(() => compileResult(u8).lift(new MemoryGuest(), undefined)).toThrow(LinkTrap)
    expect(() => compileResult({ kind: 'string' }).lift(new MemoryGuest(), undefined)).toThrow(LinkTrap)
  })
})

describe('types that cost more than they say', () => {
  const nested = (depth: number): ValueType => {
    let type: ValueType = u8
    for (let level = 0; level < depth; level++) type = { kind: 'tuple', items: [type] }
    return type
  }

  test('are refused when they are nested too deeply, before the stack is', () => {
    expect(compileType(nested(maxTypeDepth)).depth).toBe(maxTypeDepth)
    expect(() => compileType(nested(maxTypeDepth + 1))).toThrow(LinkTrap)
    expect(() => compileType(nested(100_000))).toThrow(`expected types at most ${maxTypeDepth} deep`)
  })

  test('are refused when built ever deeper on what was compiled before', () => {
    let type: ValueType = u8
    expect(() => {
      for (let level = 0; level <= maxTypeDepth; level++) {
        type = { kind: 'tuple', items: [type] }
        compileType(type)
      }
    }).toThrow(LinkTrap)
  })

  test('are compiled once each, however often they double, and refused past the largest size', () => {
    const doubled = (levels: number): ValueType => {
      let type: ValueType = u8
      for (let level = 0; level < levels; level++) type = { kind: 'tuple', items: [type, type] }
      return type
    }
    const large = compileType(doubled(27))
    expect([large.size, large.flat.length]).toEqual([2 ** 27, 17])
    expect(() => compileType(doubled(60))).toThrow('expected a type of at most')
  })
})
