import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { describe, expect, test } from 'vitest'
import { mergeImports } from '#core/wasm/merge-imports.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { call, engine, instantiate, type Imports } from './engine.ts'

const merge = async (text: string): Promise<Uint8Array> => mergeImports(await parse(text), defaultWasmLimits)
const importsOf = (bytes: Uint8Array): string[] =>
  engine.Module.imports(new engine.Module(bytes)).map(({ module, name }) => `${module} ${name}`)

/** Every place where a function's index may stand, with a function of each kind in it. */
const everywhere = `(module
  (type $t (func (param i32) (result i32)))
  (import "m" "one" (func $one (type $t)))
  (import "m" "two" (func $two (type $t)))
  (import "m" "one" (func $again (type $t)))
  (import "other" "one" (func $three (type $t)))
  (import "m" "one" (func $still (type $t)))
  (table (export "table") 8 funcref)
  (global $g funcref (ref.func $still))
  (elem (i32.const 0) $one $two $again $three $still $own)
  (elem declare func $again $own)
  (func $own (type $t) (i32.add (local.get 0) (i32.const 1000)))
  (start $begin)
  (func $begin (table.set (i32.const 6) (global.get $g)) (table.set (i32.const 7) (ref.func $again)))
  (func (export "indirect") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0)))
  (func (export "direct") (param i32) (result i32)
    (call $own (call $still (call $three (call $again (call $two (call $one (local.get 0))))))))
  (export "again" (func $again))
  (export "own" (func $own)))`

describe('a program that imports a function twice', () => {
  const imports: Imports = {
    m: { one: (value: number) => value * 2, two: (value: number) => value + 3 },
    other: { one: (value: number) => value * 5 },
  }

  test('imports it once, and does what it did wherever it names a function', async () => {
    const text = await parse(everywhere)
    const merged = mergeImports(text, defaultWasmLimits)
    expect([importsOf(text).length, importsOf(merged)]).toEqual([5, ['m one', 'm two', 'other one']])
    const [before, after] = [instantiate(new Uint8Array(text), imports), instantiate(merged, imports)]
    const all = (instance: typeof before): unknown[] => [
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((slot) => call(instance, 'indirect')(slot, 7)),
      ...['direct', 'again', 'own'].map((name) => call(instance, name)(7)),
    ]
    expect(all(before)).toEqual([14, 10, 14, 35, 14, 1007, 14, 14, 1340, 14, 1007])
    expect(all(after)).toEqual(all(before))
  })

  test('under another type is left to the engine, which finds that its calls do not fit', async () => {
    const merged = await merge(
      '(module (import "m" "f" (func)) (import "m" "f" (func $f (param i64))) (func (export "_start") (call $f (i64.const 1))))',
    )
    expect(engine.validate(merged)).toBe(false)
  })
})

test.each([
  ['imports nothing', '(module (func (export "_start")))'],
  ['repeats no import', '(module (import "m" "f" (func)) (import "m" "g" (func)) (import "n" "f" (func)))'],
  ['has names that only look alike when they are put together', '(module (import "m" "nf" (func)) (import "mn" "f" (func)))'],
  ['imports what is no function', '(module (import "m" "g" (global i32)) (import "m" "g" (global i32)))'],
])('a module that %s stays as it is', async (_what, text) => {
  const module = await parse(text)
  expect(mergeImports(module, defaultWasmLimits)).toBe(module)
})

test('what is no whole module is refused and not guessed at', async () => {
  const whole = await parse(everywhere)
  expect(() => mergeImports(whole.subarray(0, whole.length - 3), defaultWasmLimits)).toThrow(WasmError)
})
