import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { array, assert, asyncProperty, constantFrom, integer, nat, property, record, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { inspectComponent } from '#core/wasm/inspect-component.ts'
import { validateCore } from '#core/wasm/validate-core.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits, type WasmLimits } from '#core/wasm/wasm-limits.ts'

const inspect = (bytes: Uint8Array, limits: Partial<WasmLimits> = {}) => inspectComponent(bytes, { ...defaultWasmLimits, ...limits })

const refusal = (bytes: Uint8Array, limits: Partial<WasmLimits> = {}): WasmError | undefined => {
  try {
    inspect(bytes, limits)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(WasmError)
    return error as WasmError
  }
}

const agent = `(component
  (import "wasi:io/error@0.2.12" (instance $e (export "error" (type (sub resource)))))
  (alias export $e "error" (type $error))
  (import "io-error" (type (eq $error)))
  (import "log" (func $log (param "text" string)))
  (core module $libc (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $log (canon lower (func $log) (memory $memory)))
  (core module $main (import "host" "log" (func (param i32 i32))) (func (export "run") (call 0 (i32.const 0) (i32.const 5))))
  (core instance $main (instantiate $main (with "host" (instance (export "log" (func $log))))))
  (func $run (canon lift (core func $main "run")))
  (component $inner
    (import "import-func-run" (func $f))
    (core module)
    (export "run" (func $f)))
  (instance $exported (instantiate $inner (with "import-func-run" (func $run))))
  (export "cordon:agent/run@0.1.0" (instance $exported))
  (export "go" (func $run)))`

describe('the outline of a component', () => {
  test('names what it imports and exports, and where its core modules lie, nested ones included', async () => {
    const bytes = await parse(agent)
    const shape = inspect(bytes)
    expect(shape.imports).toEqual(['wasi:io/error@0.2.12', 'log'])
    expect(shape.exports).toEqual([
      { name: 'cordon:agent/run@0.1.0', kind: 'instance' },
      { name: 'go', kind: 'func' },
    ])
    expect(shape.nestedComponents).toBe(1)
    expect(shape.coreModules).toHaveLength(3)
    const shapes = shape.coreModules.map(({ offset, length }) => validateCore(bytes.subarray(offset, offset + length), defaultWasmLimits))
    expect(shapes.map(({ exports }) => exports.map(({ name }) => name))).toEqual([['memory', 'realloc'], ['run'], []])
  })
})

describe('bytes that are no component are told apart', () => {
  test.each([
    ['nothing', [], /got no bytes/],
    ['text', [...Buffer.from('export const run = 1')], /not WebAssembly \(starts with `65 78/],
    ['zeros', Array.from({ length: 100 }, () => 0), /not WebAssembly \(starts with `00 00 00 00/],
    ['a cut header', [0, 0x61, 0x73], /cut off in the header/],
    ['a core module', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], /got a core module; make a component of it/],
    ['another version', [0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0], /of version 0d 00 01 00/],
    ['a cut section', [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 7, 100, 1], /expected 100 bytes of section 7, got 1/],
    ['an unknown section', [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 77, 0], /expected a section id up to 12, got 77/],
  ])('%s', (_, bytes, message) => {
    expect(refusal(Uint8Array.from(bytes))?.message).toMatch(message)
  })

  test('a gigabyte of zeros, at once', () => {
    const zeros = new Uint8Array(1024 * 1024 * 1024)
    const began = performance.now()
    expect(refusal(zeros)?.message).toMatch(/not WebAssembly/)
    expect(performance.now() - began).toBeLessThan(500)
  })
})

describe('names', () => {
  test.each(['then', 'arguments', 'eval', 'constructor', 'prototype', 'THEN', 'a:b/eval', 'a:b/then@1.0.0'])(
    'of exports that generated JavaScript cannot carry are refused: %s',
    async (name) => {
      const exported = name.includes(':') ? '(instance $i)' : '(func $f (canon lift (core func $m "f")))'
      const what = name.includes(':') ? '(instance $i)' : '(func $f)'
      const text = `(component (core module $m (func (export "f"))) (core instance $m (instantiate $m)) ${exported} (export "${name}" ${what}))`
      const error = refusal(await parse(text))
      expect(error?.code).toBe('name')
      expect(error?.message).toContain(`\`${name}\``)
    },
  )

  test('inside exported instances are refused as well', async () => {
    const start =
      '(component (core module $m (func (export "f"))) (core instance $m (instantiate $m)) (func $f (canon lift (core func $m "f")))'
    const bag = `${start} (instance $i (export "then" (func $f))) (export "a:b/c" (instance $i)))`
    expect(refusal(await parse(bag))?.code).toBe('name')
    const inner = '(component $c (import "f" (func $f)) (export "eval" (func $f)))'
    const wrapped = `${start} ${inner} (instance $i (instantiate $c (with "f" (func $f)))) (export "a:b/c" (instance $i)))`
    expect(refusal(await parse(wrapped))?.code).toBe('name')
  })

  test('__proto__ is refused, which is no component name at all', () => {
    const name = [...Buffer.from('__proto__')]
    const section = [1, 0, name.length, ...name, 1, 0, 0]
    const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 11, section.length, ...section])
    expect(refusal(bytes)?.code).toBe('name')
  })

  test.each(["a'b", 'a\\nb', '__proto__'])('of core instances and aliases outside the safe alphabet are refused: %s', async (name) => {
    const bag = `(component (core module $m (func (export "f"))) (core instance $m (instantiate $m))
      (core instance (export "${name}" (func $m "f"))))`
    expect(refusal(await parse(bag))?.code).toBe('name')
  })

  test('that belong to metering are reserved', async () => {
    const bag = `(component (core module $m (func (export "f"))) (core instance $m (instantiate $m))
      (core instance (export "cordon:meter/slice" (func $m "f"))))`
    expect(refusal(await parse(bag))?.code).toBe('reserved')
  })
})

describe('more of anything than the limits allow is refused', () => {
  const nested = (depth: number): string => (depth === 0 ? '(component)' : `(component ${nested(depth - 1)})`)
  test.each<readonly [keyof WasmLimits, number, string]>([
    ['componentBytes', 10, agent],
    ['componentDepth', 2, nested(3)],
    ['nestedComponents', 2, '(component (component) (component) (component))'],
    ['sections', 3, agent],
    ['coreModules', 2, agent],
    ['componentNames', 1, agent],
    ['nameBytes', 10, agent],
  ])('%s', async (limit, value, text) => {
    const bytes = await parse(text)
    expect(refusal(bytes, { [limit]: value })?.code).toBe('limit')
    expect(refusal(bytes)).toBeUndefined()
  })
})

describe('any bytes', () => {
  test('give an outline or a WasmError', async () => {
    const bytes = await parse(agent)
    const change = record({ at: nat({ max: bytes.length - 1 }), to: nat({ max: 255 }) })
    await assert(
      asyncProperty(array(change, { minLength: 1, maxLength: 3 }), integer({ min: 8, max: bytes.length }), async (changes, length) => {
        const changed = bytes.slice(0, length)
        for (const { at, to } of changes) if (at < length) changed[at] = to
        refusal(changed)
      }),
      { numRuns: 3000 },
    )
    assert(
      property(uint8Array({ maxLength: 100 }), constantFrom(2, 4, 5, 6, 10, 11), (rest, id) => {
        refusal(Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, id, rest.length, ...rest]))
      }),
      { numRuns: 3000 },
    )
  })
})
