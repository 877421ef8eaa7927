import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { array, assert, constantFrom, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hideEarlyGrowth } from '#core/wasm/hide-early-growth.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { call, globalOf, instantiate, memoryOf } from './engine.ts'

interface Program {
  /** Grows the memory from outside, as an adapter would. */
  readonly growBehind: (pages: number) => void
  readonly size: () => unknown
  readonly sizes: () => unknown
  readonly grow: (pages: number) => unknown
}

const programText = `(module
  (memory (export "memory") 3)
  (global $seven i32 (i32.const 7))
  (func (export "size") (result i32) memory.size)
  (func (export "sizes") (result i32) (i32.add (i32.mul (memory.size) (i32.const 1000)) (i32.add (memory.size) (i32.sub (global.get $seven) (i32.const 7)))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`

const hidden = async (text: string): Promise<Uint8Array> => hideEarlyGrowth(await parse(text), defaultWasmLimits)

const start = (bytes: Uint8Array): Program => {
  const instance = instantiate(bytes)
  const memory = memoryOf(instance)
  return {
    growBehind: (pages) => void memory.grow(pages),
    size: call(instance, 'size'),
    sizes: call(instance, 'sizes'),
    grow: call(instance, 'grow'),
  }
}

const bytes = await hidden(programText)

describe('a program whose memory somebody else grew', () => {
  test('is told at first what it started with, and then the truth', async () => {
    const { growBehind, size } = start(bytes)
    growBehind(2)
    expect([size(), size(), size()]).toEqual([3, 5, 5])
    growBehind(1)
    expect(size()).toBe(6)
  })

  test('is told once, in whatever function it asks', async () => {
    const { growBehind, size, sizes } = start(bytes)
    growBehind(2)
    expect([sizes(), size()]).toEqual([3005, 5])
  })

  test('is told the truth once it has grown its memory itself', async () => {
    const { growBehind, size, grow } = start(bytes)
    growBehind(2)
    expect([grow(1), size(), grow(70_000), size()]).toEqual([5, 6, -1, 6])
  })

  test('is told neither more nor less in whatever order things happen', () => {
    const step = constantFrom('size', 'grow', 'elsewhere')
    assert(
      property(array(step, { maxLength: 12 }), (steps) => {
        const { growBehind, size, grow } = start(bytes)
        let pages = 3
        let asked = false
        for (const each of steps) {
          if (each === 'elsewhere') growBehind(1)
          else expect(each === 'size' ? size() : grow(1)).toBe(each === 'size' && !asked ? 3 : pages)
          if (each !== 'size') pages += 1
          if (each !== 'elsewhere') asked = true
        }
      }),
    )
  })
})

describe('what stays as it is', () => {
  test.each([
    ['no memory', '(module (func (export "_start")))'],
    ['a memory that it imports', '(module (import "env" "memory" (memory 1)) (func (result i32) memory.size))'],
    [
      'a memory whose size it never asks for',
      '(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.load (i32.const 0))))',
    ],
  ])('a module with %s', async (_what, text) => {
    const module = await parse(text)
    expect(hideEarlyGrowth(module, defaultWasmLimits)).toBe(module)
  })

  test('everything else of a module with all sections', async () => {
    const whole = await hidden(`(module
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
  const wrong = change(await parse(programText))
  expect(() => hideEarlyGrowth(wrong, defaultWasmLimits)).toThrow(WasmError)
})
