import { describe, expect, test } from 'vitest'
import type { ValueType } from '#core/component/component-plan.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import type { CoreValue } from '#cell/link/abi/compiled-type.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { MemoryGuest } from './memory-guest.ts'

const of = (kind: 'u8' | 'u32' | 's32' | 's64' | 'f32' | 'f64' | 'string'): ValueType => ({ kind })
const variant = (cases: Readonly<Record<string, ValueType | undefined>>) =>
  compileType({ kind: 'variant', cases: Object.entries(cases).map(([name, type]) => ({ name, type })) })
const lowered = (type: ReturnType<typeof compileType>, value: unknown): readonly CoreValue[] => {
  const out: CoreValue[] = []
  type.lower(new MemoryGuest(), value, out)
  return out
}
const lift = (type: ReturnType<typeof compileType>, ...values: readonly CoreValue[]): unknown => type.lift(new MemoryGuest(), values, 0)
const enumOf = (count: number) => compileType({ kind: 'enum', names: Array.from({ length: count }, (_, index) => `c${index}`) })

describe('discriminants (CanonicalABI.md, "Alignment": `discriminant_type`)', () => {
  test.each([
    [1, 1],
    [256, 1],
    [257, 2],
    [65_536, 2],
    [65_537, 4],
  ])('of %i cases take %i bytes', (count, size) => {
    const type = enumOf(count)
    const guest = new MemoryGuest()
    expect([type.size, type.align]).toEqual([size, size])
    type.store(guest, `c${count - 1}`, 16)
    expect(type.load(guest, 16)).toBe(`c${count - 1}`)
  })

  test.each([
    ['enum', enumOf(2)],
    ['variant', variant({ a: undefined, b: of('u8') })],
    ['option', compileType({ kind: 'option', some: of('u8') })],
    ['result', compileType({ kind: 'result', ok: undefined, error: of('u8') })],
  ])('that a guest’s %s does not have trap (`load_variant`)', (_kind, type) => {
    const guest = new MemoryGuest()
    guest.write(16, [2])
    expect(() => type.load(guest, 16)).toThrow('expected a discriminant below 2, got 2')
    for (const index of [2, 256, -1]) expect(() => type.lift(guest, [index, 0], 0)).toThrow(LinkTrap)
  })
})

describe('the core values that cases share (CanonicalABI.md, "Flattening": `join`; "Flat Lifting": `CoerceValueIter`)', () => {
  test('an i32 and an f32 share an i32 by their bits', () => {
    const type = variant({ i: of('s32'), f: of('f32') })
    expect(type.flat).toEqual(['i32', 'i32'])
    expect(lowered(type, { tag: 'f', val: 1.5 })).toEqual([1, 0x3fc0_0000])
    expect(lift(type, 1, 0x3fc0_0000)).toEqual({ tag: 'f', val: 1.5 })
    expect(lift(type, 0, -5)).toEqual({ tag: 'i', val: -5 })
  })

  test('all else shares an i64, where i32 are unsigned and what is above them is ignored', () => {
    const type = variant({ i: of('s32'), l: of('s64'), f: of('f32'), d: of('f64'), n: undefined })
    expect(type.flat).toEqual(['i32', 'i64'])
    expect(lowered(type, { tag: 'i', val: -1 })).toEqual([0, 0xffff_ffffn])
    expect(lowered(type, { tag: 'f', val: -2 })).toEqual([2, 0xc000_0000n])
    expect(lowered(type, { tag: 'd', val: -2 })).toEqual([3, 0xc000_0000_0000_0000n])
    expect(lowered(type, { tag: 'n' })).toEqual([4, 0n])
    expect(lift(type, 0, -1n)).toEqual({ tag: 'i', val: -1 })
    expect(lift(type, 1, -1n)).toEqual({ tag: 'l', val: -1n })
    expect(lift(type, 2, 0x1234_5678_c000_0000n)).toEqual({ tag: 'f', val: -2 })
    expect(lift(type, 3, -0x4000_0000_0000_0000n)).toEqual({ tag: 'd', val: -2 })
  })

  test('NaN are canonical in their bits as well', () => {
    const type = variant({ f: of('f32'), d: of('f64') })
    const odd = new Float64Array(BigUint64Array.of(0xfff8_dead_beef_0001n).buffer)[0]
    expect(lowered(type, { tag: 'f', val: odd })).toEqual([0, 0x7fc0_0000n])
    expect(lowered(type, { tag: 'd', val: odd })).toEqual([1, 0x7ff8_0000_0000_0000n])
  })

  test('a string beside a number keeps its pointer and length apart', () => {
    const type = variant({ s: of('string'), l: of('s64') })
    const guest = new MemoryGuest()
    const out: CoreValue[] = []
    type.lower(guest, { tag: 's', val: 'hello' }, out)
    expect(out.map((each) => typeof each)).toEqual(['number', 'bigint', 'number'])
    expect(type.lift(guest, out, 0)).toEqual({ tag: 's', val: 'hello' })
    expect(lowered(type, { tag: 'l', val: 7n })).toEqual([1, 7n, 0])
  })
})

describe('in JavaScript, as jco has it', () => {
  test('a variant has a tag as written, and `val` only where there is a payload', () => {
    const type = variant({ 'not-found': undefined, 'other-error': of('u32') })
    expect(lift(type, 0, 0)).toStrictEqual({ tag: 'not-found' })
    expect(lift(type, 1, 9)).toStrictEqual({ tag: 'other-error', val: 9 })
    for (const wrong of [{ tag: 'notFound' }, { tag: 'constructor' }, {}, null, 'not-found', { tag: 0 }]) {
      expect(() => lowered(type, wrong)).toThrow(TypeError)
    }
  })

  test('a result inside another type says `ok` or `err`, and `val` always', () => {
    const type = compileType({ kind: 'result', ok: undefined, error: of('u8') })
    expect(lift(type, 0, 0)).toStrictEqual({ tag: 'ok', val: undefined })
    expect(lift(type, 1, 7)).toStrictEqual({ tag: 'err', val: 7 })
    expect(lowered(type, { tag: 'err', val: 7 })).toEqual([1, 7])
    expect(() => lowered(type, { tag: 'error', val: 7 })).toThrow(TypeError)
  })

  test('an option is its value or undefined, and null is none too', () => {
    const type = compileType({ kind: 'option', some: of('u8') })
    expect([lift(type, 0, 0), lift(type, 1, 7)]).toEqual([undefined, 7])
    expect([lowered(type, undefined), lowered(type, null), lowered(type, 0)]).toEqual([
      [0, 0],
      [0, 0],
      [1, 0],
    ])
  })

  test('an option of an option says which of the two is none', () => {
    const type = compileType({ kind: 'option', some: { kind: 'option', some: of('u8') } })
    expect(lift(type, 0, 0, 0)).toStrictEqual({ tag: 'none' })
    expect(lift(type, 1, 0, 0)).toStrictEqual({ tag: 'some', val: undefined })
    expect(lift(type, 1, 1, 7)).toStrictEqual({ tag: 'some', val: 7 })
    expect(lowered(type, { tag: 'some', val: 7 })).toEqual([1, 1, 7])
    expect(() => lowered(type, undefined)).toThrow(TypeError)
  })

  test('an option of that says none by undefined again, since its value always has a tag', () => {
    const twice: ValueType = { kind: 'option', some: { kind: 'option', some: of('u8') } }
    const type = compileType({ kind: 'option', some: twice })
    expect(lift(type, 0, 0, 0, 0)).toBeUndefined()
    expect(lift(type, 1, 0, 0, 0)).toStrictEqual({ tag: 'none' })
    expect(lift(type, 1, 1, 1, 7)).toStrictEqual({ tag: 'some', val: 7 })
    expect(lowered(type, undefined)).toEqual([0, 0, 0, 0])
    expect(lowered(type, { tag: 'some', val: undefined })).toEqual([1, 1, 0, 0])
    expect(lift(compileType({ kind: 'option', some: { kind: 'option', some: twice } }), 1, 0, 0, 0, 0)).toStrictEqual({
      tag: 'some',
      val: undefined,
    })
  })

  test('an enum is its name as written', () => {
    const type = compileType({ kind: 'enum', names: ['read-only', 'constructor'] })
    expect([lift(type, 0), lift(type, 1)]).toEqual(['read-only', 'constructor'])
    for (const wrong of ['readOnly', 'to-string', 0, undefined]) expect(() => lowered(type, wrong)).toThrow('expected one of `read-only`')
  })
})
