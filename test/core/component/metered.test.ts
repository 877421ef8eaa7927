import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { describe, expect, test } from 'vitest'

import { readComponent } from '#core/component/read-component.ts'
import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { spliceModules } from '#host/ingest/splice-modules.ts'
import { engine } from '../wasm/engine.ts'
import { ids, name, section, vec } from './component-bytes.ts'

const options = { maxMemoryPages: 100, maxTableElements: 1000, limits: defaultWasmLimits }

const meter = (bytes: Uint8Array): Uint8Array => {
  const { modules } = readComponent(bytes)
  const rewritten = modules.map(({ offset, length }) => rewriteCore(bytes.subarray(offset, offset + length), options).bytes)
  return spliceModules(bytes, modules, rewritten)
}

const shared = `(component
  (core module $libc (memory (export "mem") 1) (global $g (mut i32) (i32.const 0)) (table (export "t") 1 funcref)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (global.set $g (memory.grow (i32.const 1))) (global.get $g)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "mem" (core memory $mem))
  (component $inner
    (core module $m (import "l" "mem" (memory 1)) (import "l" "t" (table 1 funcref)) (func (export "f") (result i32) (memory.size)))
    (core module $e (memory (export "mem") 1) (table (export "t") 1 funcref))
    (core instance $e (instantiate $e))
    (core instance $i (instantiate $m (with "l" (instance $e))))
    (func $f (result u32) (canon lift (core func $i "f"))) (export "f" (func $f)))
  (core module $m (import "l" "mem" (memory 1)) (import "l" "t" (table 1 funcref))
    (func (export "f") (param i32 i32) (result i32) (drop (memory.grow (i32.const 1))) (memory.size)))
  (core instance $m (instantiate $m (with "l" (instance $libc))))
  (func $f (param "s" string) (result u32) (canon lift (core func $m "f") (memory $mem) (realloc (core func $libc "realloc"))))
  (instance $inner (instantiate $inner))
  (export "f" (func $f)) (export "inner" (instance $inner)))`

describe('a component whose core modules were rewritten', () => {
  test('has the plan that it had before: what is the meter’s is not seen', async () => {
    const bytes = await parse(shared)
    const { modules, ...plan } = readComponent(bytes)
    const metered = meter(bytes)
    const { modules: meteredModules, ...meteredPlan } = readComponent(metered, { metered: true })
    expect(meteredPlan).toEqual(plan)
    expect(meteredModules).toHaveLength(modules.length)
    for (const { offset, length } of meteredModules) expect(engine.validate(metered.slice(offset, offset + length))).toBe(true)
  })

  test('is refused where it is not expected, since no guest may use the meter’s names', async () => {
    const metered = meter(await parse(shared))
    expect(() => readComponent(metered)).toThrow(expect.objectContaining({ code: 'reserved' }))
  })

  test('cannot hand the meter’s exports on', async () => {
    const metered = meter(await parse('(component (core module $m (memory 1) (func)) (core instance (instantiate $m)))'))
    const steals = section(ids.alias, vec([[0, 3, 1, 0, ...name('cordon:meter/slice')]]))
    expect(readComponent(metered, { metered: true }).steps).toHaveLength(1)
    expect(() => readComponent(new Uint8Array([...metered, ...steals]), { metered: true })).toThrow(
      expect.objectContaining({ code: 'reserved' }),
    )
  })
})
