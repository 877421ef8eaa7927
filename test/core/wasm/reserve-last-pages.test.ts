import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { array, assert, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reserveLastPages } from '#core/wasm/reserve-last-pages.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { call, globalOf, instantiate, memoryOf } from './engine.ts'

const pageBytes = 65_536
const reserved = 2

const reserve = async (text: string): Promise<Uint8Array> => reserveLastPages(await parse(text), reserved, defaultWasmLimits)

const sizing = (limits: string): string => `(module
  (memory (export "memory") ${limits})
  (func (export "size") (result i32) memory.size)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`

interface Program {
  readonly memory: () => Uint8Array
  readonly size: () => unknown
  readonly grow: (pages: number) => unknown
}

const start = (bytes: Uint8Array): Program => {
  const instance = instantiate(bytes)
  const memory = memoryOf(instance)
  return { memory: () => new Uint8Array(memory.buffer), size: call(instance, 'size'), grow: call(instance, 'grow') }
}

const small = await reserve(sizing('1 9'))

describe('a program that shares its memory', () => {
  test('starts with as much as it asked for, and never hears of what is behind', async () => {
    const { memory, size, grow } = start(await reserve(sizing('3')))
    expect([size(), memory().length / pageBytes]).toEqual([3, 5])
    expect([grow(1), size(), size(), grow(0), memory().length / pageBytes]).toEqual([3, 4, 4, 4, 6])
  })

  test('gets all of the maximum that it states, and no more', () => {
    const { size, grow } = start(small)
    expect([grow(9), grow(70_000), grow(-1), size()]).toEqual([-1, -1, -1, 1])
    expect([grow(8), grow(1), size()]).toEqual([1, -1, 9])
  })

  test('can take all of it for its own, whatever it asks and whenever it grows, while what is behind moves on unharmed', () => {
    assert(
      property(array(integer({ min: 0, max: 4 }), { maxLength: 6 }), (steps) => {
        const { memory, size, grow } = start(small)
        const behind = (): Uint8Array => memory().subarray(-reserved * pageBytes)
        const [mine, theirs] = [0xa5, 0x5a]
        memory().fill(mine, 0, pageBytes)
        behind().fill(theirs)
        let pages = 1
        for (const step of steps) {
          const grown = pages + step <= 9
          expect(grow(step)).toBe(grown ? pages : -1)
          const from = pages
          if (grown) pages += step
          expect(size()).toBe(pages)
          const owned = memory().subarray(0, pages * pageBytes)
          expect(owned.subarray(0, from * pageBytes).every((byte) => byte === mine)).toBe(true)
          expect(owned.subarray(from * pageBytes).every((byte) => byte === 0)).toBe(true)
          owned.fill(mine)
          expect([behind().length, behind().every((byte) => byte === theirs)]).toEqual([reserved * pageBytes, true])
        }
      }),
      { numRuns: 40 },
    )
  })

  test('that never asks has the pages as well', async () => {
    const instance = instantiate(
      await reserve('(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.load (i32.const 0))))'),
    )
    expect([call(instance, 'f')(), memoryOf(instance).buffer.byteLength]).toEqual([0, 3 * pageBytes])
  })
})

describe('what stays as it is', () => {
  test.each([
    ['no memory', '(module (func (export "_start")))'],
    ['a memory that it imports', '(module (import "env" "memory" (memory 1)) (func (result i32) memory.size))'],
  ])('a module with %s', async (_what, text) => {
    const module = await parse(text)
    expect(reserveLastPages(module, reserved, defaultWasmLimits)).toBe(module)
  })

  test('everything else of a module with all sections', async () => {
    const whole = await reserve(`(module
      (type $t (func (param i32) (result i32)))
      (import "env" "f" (func $f (type $t)))
      (import "env" "g" (global $g i32))
      (table 4 funcref)
      (memory (export "memory") 2)
      (global $own (mut i32) (i32.const 40))
      (export "own" (global $own))
      (start $begin)
      (elem (i32.const 1) $f $twice)
      (func $begin (global.set $own (i32.add (global.get $own) (memory.size))))
      (func $twice (export "twice") (type $t) (local i64) (call_indirect (type $t) (call $f (local.get 0)) (i32.const 1)))
      (func (export "byte") (result i32) (memory.init $late (i32.const 8) (i32.const 0) (i32.const 1)) (i32.load8_u (i32.const 8)))
      (data (i32.const 0) "at once")
      (data $late "L"))`)
    const instance = instantiate(whole, { env: { f: (value: number) => value * 3, g: 1 } })
    const [twice, byte] = [call(instance, 'twice'), call(instance, 'byte')]
    expect([globalOf(instance, 'own').value, twice(5), byte()]).toEqual([42, 45, 'L'.charCodeAt(0)])
  })
})

test.each([
  ['cut off', (whole: Uint8Array) => whole.subarray(0, whole.length - 3)],
  ['a component', () => new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])],
])('what is %s is refused and not guessed at', async (_what, change) => {
  const wrong = change(await parse(sizing('1')))
  expect(() => reserveLastPages(wrong, reserved, defaultWasmLimits)).toThrow(WasmError)
})
