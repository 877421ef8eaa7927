import { describe, expect, test } from 'vitest'
import type { ValueType } from '#core/component/component-plan.ts'
import { recordOf } from '#cell/link/abi/compile-record.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import { numberTypes } from '#cell/link/abi/compile-number.ts'
import type { CoreValue } from '#cell/link/abi/compiled-type.ts'
import { MemoryGuest } from './memory-guest.ts'

const u8: ValueType = { kind: 'u8' }
const recordType = (...names: readonly string[]): ValueType => ({ kind: 'record', fields: names.map((name) => ({ name, type: u8 })) })
const record = (...names: readonly string[]) => compileType(recordType(...names))
const flags = (...names: readonly string[]) => compileType({ kind: 'flags', names })
const lowered = (type: ReturnType<typeof compileType>, value: unknown): readonly CoreValue[] => {
  const out: CoreValue[] = []
  type.lower(new MemoryGuest(), value, out)
  return out
}

describe('a record', () => {
  test('lies in memory with its fields aligned (CanonicalABI.md, "Element Size": `elem_size_record`)', () => {
    const type = compileType({
      kind: 'record',
      fields: [
        { name: 'a', type: u8 },
        { name: 'b', type: { kind: 'u64' } },
        { name: 'c', type: { kind: 'u16' } },
      ],
    })
    expect([type.size, type.align, type.flat]).toEqual([24, 8, ['i32', 'i64', 'i32']])
  })

  test('is a plain object with its names in lowerCamelCase, in order', () => {
    const lifted = record('is-directory', 'a', 'IPv4-address').lift(new MemoryGuest(), [1, 2, 3], 0)
    expect(Object.entries(Object(lifted))).toEqual([
      ['isDirectory', 1],
      ['a', 2],
      ['ipv4Address', 3],
    ])
    expect(Object.getPrototypeOf(lifted)).toBe(Object.prototype)
  })

  test('may name fields like what every object has, and only those fields change', () => {
    const names = ['constructor', 'to-string', 'value-of', 'has-own-property', 'then']
    const lifted = record(...names).lift(new MemoryGuest(), [1, 2, 3, 4, 5], 0)
    expect(Object.entries(Object(lifted))).toEqual([
      ['constructor', 1],
      ['toString', 2],
      ['valueOf', 3],
      ['hasOwnProperty', 4],
      ['then', 5],
    ])
    expect({}.constructor).toBe(Object)
  })

  test('can be made where `Object.prototype` is frozen', () => {
    const { constructor } = Object.prototype
    Reflect.defineProperty(Object.prototype, 'constructor', { value: constructor, writable: false })
    try {
      expect(record('constructor').lift(new MemoryGuest(), [1], 0)).toEqual({ constructor: 1 })
      expect(flags('constructor').lift(new MemoryGuest(), [1], 0)).toEqual({ constructor: true })
    } finally {
      Reflect.defineProperty(Object.prototype, 'constructor', { value: constructor, writable: true })
    }
  })

  test('sets no prototype, were its name to reach this far', () => {
    const lifted = recordOf(['__proto__'], [numberTypes.u8]).lift(new MemoryGuest(), [1], 0)
    expect(Object.getPrototypeOf(lifted)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(lifted, '__proto__')?.value).toBe(1)
  })

  test('takes a host’s own fields: what all objects inherit is no value', () => {
    expect(lowered(record('constructor', 'b'), { constructor: 1, b: 2 })).toEqual([1, 2])
    expect(() => lowered(record('constructor'), {})).toThrow('got undefined')
    expect(() => lowered(record('a'), {})).toThrow(TypeError)
    expect(() => lowered(record('a'), null)).toThrow('expected an object for a record, got null')
  })

  test('may be of a class: getters are fields too', () => {
    class Stat {
      get size(): number {
        return 7
      }
    }
    expect(lowered(record('size'), new Stat())).toEqual([7])
  })
})

describe('names that JavaScript cannot tell apart (`a1` and `a-1` are two by the component model’s rules)', () => {
  const unlinkable = expect.objectContaining({
    name: 'LinkTrap',
    code: 'link',
    message: expect.stringContaining('`a1` and `a-1`') as unknown,
  })

  test.each([
    ['fields of a record', () => record('a1', 'b', 'a-1')],
    ['flags', () => flags('a1', 'a-1')],
    ['fields of a record deep inside', () => compileType({ kind: 'list', element: { kind: 'option', some: recordType('a1', 'a-1') } })],
  ])('are refused as %s', (_what, compile) => {
    expect(compile).toThrow(unlinkable)
  })

  test('may be cases, which stay as they are written', () => {
    const both = compileType({ kind: 'enum', names: ['a1', 'a-1'] })
    expect([lowered(both, 'a1'), lowered(both, 'a-1')]).toEqual([[0], [1]])
    const tagged = compileType({
      kind: 'variant',
      cases: [
        { name: 'a1', type: undefined },
        { name: 'a-1', type: u8 },
      ],
    })
    expect(lowered(tagged, { tag: 'a-1', val: 3 })).toEqual([1, 3])
  })
})

describe('a tuple', () => {
  const pair = compileType({ kind: 'tuple', items: [u8, { kind: 'string' }] })

  test('is an array of exactly its items', () => {
    const guest = new MemoryGuest()
    pair.store(guest, [1, 'one'], 16)
    expect(pair.load(guest, 16)).toEqual([1, 'one'])
    for (const wrong of [[1], [1, 'a', 2], { 0: 1, 1: 'a', length: 2 }, 'ab', undefined]) {
      expect(() => pair.store(guest, wrong, 16)).toThrow(TypeError)
    }
  })
})

describe('flags (CanonicalABI.md, "Loading": `unpack_flags_from_int`)', () => {
  test.each([
    [8, 1],
    [9, 2],
    [16, 2],
    [17, 4],
    [32, 4],
  ])('of %i take %i bytes and cross with all set or none', (count, size) => {
    const names = Array.from({ length: count }, (_, index) => `f${index}`)
    const type = flags(...names)
    const guest = new MemoryGuest()
    expect([type.size, type.align]).toEqual([size, size])
    for (const set of [true, false]) {
      const value = Object.fromEntries(names.map((name) => [name, set]))
      type.store(guest, value, 16)
      expect(type.load(guest, 16)).toEqual(value)
      expect(type.lift(guest, lowered(type, value), 0)).toEqual(value)
    }
  })

  test('bits past the last flag are ignored', () => {
    const guest = new MemoryGuest()
    guest.write(16, [0xfe])
    expect(flags('a', 'b').load(guest, 16)).toEqual({ a: false, b: true })
    expect(flags('a', 'b').lift(guest, [-1], 0)).toEqual({ a: true, b: true })
  })

  test('what a host’s object lacks is false, and nothing at all is none', () => {
    expect(lowered(flags('a-b', 'constructor', 'c'), { c: true })).toEqual([4])
    expect([lowered(flags('a'), undefined), lowered(flags('a'), null), lowered(flags('constructor'), {})]).toEqual([[0], [0], [0]])
    expect(() => lowered(flags('a'), 1)).toThrow(TypeError)
  })
})
