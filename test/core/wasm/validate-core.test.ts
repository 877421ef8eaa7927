import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { array, assert, asyncProperty, constantFrom, integer, nat, oneof, property, record, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { validateCore } from '#core/wasm/validate-core.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits, type WasmLimits } from '#core/wasm/wasm-limits.ts'

import { engine } from './engine.ts'
import { randomProgram } from './random-program.ts'
import { readModule } from './real-modules.ts'

const check = (bytes: Uint8Array, limits: Partial<WasmLimits> = {}) => validateCore(bytes, { ...defaultWasmLimits, ...limits })
const checkText = async (text: string, limits: Partial<WasmLimits> = {}) => check(await parse(text), limits)

/** What refusing `bytes` gives; anything but a WasmError fails the test. */
const refusal = (bytes: Uint8Array, limits: Partial<WasmLimits> = {}): WasmError | undefined => {
  try {
    check(bytes, limits)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(WasmError)
    return error as WasmError
  }
}

const refusalOf = async (text: string, limits: Partial<WasmLimits> = {}): Promise<WasmError | undefined> =>
  refusal(await parse(text), limits)

describe('a feature that cannot be contained is refused by name', () => {
  const refused: readonly (readonly [feature: string, text: string])[] = [
    ['shared memories', '(module (memory 1 2 shared))'],
    ['shared memories', '(module (import "e" "m" (memory 1 2 shared)))'],
    ['64-bit memories (memory64)', '(module (memory i64 1))'],
    ['64-bit tables (table64)', '(module (table i64 1 funcref))'],
    ['custom page sizes', '(module (memory 1 (pagesize 1)))'],
    ['several memories', '(module (memory 1) (memory 1))'],
    ['several memories', '(module (import "e" "m" (memory 1)) (memory 1))'],
    ['several memories', '(module (memory 1) (memory 1) (func (drop (i32.load 1 (i32.const 0)))))'],
    ['garbage-collected types', '(module (type (struct)))'],
    ['garbage-collected types', '(module (type (array i32)))'],
    ['garbage-collected types', '(module (rec (type (func))  (type (func))))'],
    ['garbage-collected types', '(module (func (param anyref)))'],
    ['garbage-collected types', '(module (func (drop (ref.i31 (i32.const 1)))))'],
    ['typed function references', '(module (type $f (func)) (func (param (ref $f))))'],
    ['typed function references', '(module (type $f (func)) (func (param funcref) (call_ref $f (unreachable))))'],
    ['typed function references', '(module (table 1 funcref (ref.null func)))'],
    ['exceptions', '(module (tag))'],
    ['exceptions', '(module (import "e" "t" (tag)))'],
    ['exceptions', '(module (func (block $l (try_table (catch_all $l)))))'],
    ['exceptions', '(module (func (throw_ref (unreachable))))'],
    ['exceptions', '(module (func (param exnref)))'],
    ['threads and atomics', '(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))'],
    ['threads and atomics', '(module (func (atomic.fence)))'],
    [
      'relaxed vector instructions (relaxed SIMD)',
      '(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))',
    ],
    [
      'relaxed vector instructions (relaxed SIMD)',
      '(module (func (param v128) (drop (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))))',
    ],
    ['wide arithmetic', '(module (func (param i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 0))))'],
    ['stack switching', '(module (type $f (func)) (type $c (cont $f)))'],
  ]

  test.each(refused)('%s: %s', async (feature, text) => {
    const error = await refusalOf(text)
    expect(error?.code).toBe('unsupported')
    expect(error?.message).toContain(`without ${feature}`)
  })
})

describe('what real guests use is let through', () => {
  test.each([
    [
      'vectors',
      '(module (func (result v128) (i32x4.add (v128.const i32x4 1 2 3 4) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 1 2) (v128.const i64x2 1 2)))))',
    ],
    [
      'vector memory',
      '(module (memory 1) (func (param v128) (drop (v128.load16_lane 3 (i32.const 0) (local.get 0))) (v128.store (i32.const 0) (v128.load32_zero (i32.const 0)))))',
    ],
    ['several values', '(module (func (param i32) (result i32 i32) (block (param) (result i32 i32) (i32.const 1) (local.get 0))))'],
    [
      'references',
      '(module (table $t 2 externref) (func (param externref) (drop (select (result externref) (local.get 0) (table.get $t (i32.const 1)) (ref.is_null (local.get 0))))))',
    ],
    ['extended constants', '(module (import "e" "g" (global i32)) (memory 1) (data (i32.add (global.get 0) (i32.const 4)) "x"))'],
    ['tail calls', '(module (func $f (param i32) (result i32) (return_call $f (local.get 0))))'],
    ['sign extension and saturation', '(module (func (result i32) (i32.extend8_s (i32.trunc_sat_f32_u (f32.const 1)))))'],
    ['a start function', '(module (func $f) (start $f))'],
    ['segments of expressions', '(module (table 2 funcref) (elem (i32.const 0) funcref (ref.func $f) (ref.null func)) (func $f))'],
    ['declared segments', '(module (elem declare func $f) (func $f (drop (ref.func $f))))'],
  ])('%s', async (_, text) => {
    const bytes = await parse(text)
    expect(engine.validate(bytes)).toBe(true)
    const rewritten = rewriteCore(bytes, { maxMemoryPages: 10, maxTableElements: 10, limits: defaultWasmLimits })
    expect(engine.validate(rewritten.bytes)).toBe(true)
  })
})

describe('names of imports and exports', () => {
  test.each([
    ['quotes', "a'b"],
    ['double quotes', 'a\\22b'],
    ['newlines', 'a\\nb'],
    ['backslashes', 'a\\5cb'],
    ['backticks', 'a`b'],
    ['template holes', 'a${b}'],
    ['line separators', 'a\\e2\\80\\a8b'],
    ['null bytes', 'a\\00b'],
    ['other alphabets', 'ключ'],
    ['the end of a comment', 'a*/b'],
    ['parentheses', "x'](globalThis)"],
    ['__proto__', '__proto__'],
  ])('with %s are refused wherever they stand', async (_, name) => {
    for (const text of [
      `(module (import "${name}" "f" (func)))`,
      `(module (import "m" "${name}" (func)))`,
      `(module (func (export "${name}")))`,
    ]) {
      expect((await refusalOf(text))?.code).toBe('name')
    }
  })

  test.each(['cordon:meter', 'cordon:meter/slice', 'cordon:meter2'])('that are reserved for metering are refused: %s', async (name) => {
    expect((await refusalOf(`(module (import "${name}" "refill" (func (result i32))))`))?.code).toBe('reserved')
    expect((await refusalOf(`(module (global (export "${name}") (mut i32) (i32.const 0)))`))?.code).toBe('reserved')
  })

  test('of real toolchains are let through', async () => {
    const names = ['', '0', '$root', '$imports', '_initialize', 'cabi_realloc', '[resource-drop]output-stream', 'wasi:io/streams@0.2.12']
    names.push('[export]cordon:agent/run', 'cordon:agent/run#run', 'cabi_post_cordon:agent/run@0.1.0#run', '[method]fields.set', 'GOT.mem')
    names.push(
      'cm32p2|wasi:cli/run@0.2|run_post',
      '[async-lower][stream-read-0]read',
      '_ZN4core3fmt9Formatter9write_str17h1E',
      'mem1 MemorySize',
      'utf8-to-utf16 (mem1 => mem0)',
    )
    const imports = names.map((name) => `(import "${name.includes(' ') ? 'm' : name}" "${name}" (func))`)
    const shape = await checkText(`(module ${imports.join('\n')})`)
    expect(shape.imports.map(({ name }) => name)).toEqual(names)
  })
})

describe('more of anything than the limits allow is refused', () => {
  const many = (count: number, text: string): string => Array.from({ length: count }, () => text).join(' ')
  test.each<readonly [keyof WasmLimits, number, string]>([
    ['moduleBytes', 7, '(module)'],
    ['types', 1, '(module (type (func)) (type (func (param i32))))'],
    ['typeArity', 2, '(module (func (param i32 i32 i32)))'],
    ['typeArity', 2, '(module (type (func (result i32 i32 i32))))'],
    ['imports', 1, '(module (import "a" "b" (func)) (import "a" "c" (func)))'],
    ['exports', 1, '(module (func (export "a") (export "b")))'],
    ['functions', 3, `(module ${many(4, '(func)')})`],
    ['bodyBytes', 50, `(module (func ${many(50, '(nop)')}))`],
    ['locals', 5, `(module (func (param i32) (local i32 i32 i64 i64 i64)))`],
    ['blockDepth', 3, '(module (func (block (block (block (block))))))'],
    ['branchTargets', 2, '(module (func (br_table 0 0 0 0 (i32.const 0))))'],
    ['globals', 1, `(module (import "a" "b" (global i32)) (global i32 (i32.const 1)))`],
    ['tables', 1, '(module (table 1 funcref) (table 1 funcref))'],
    ['elementSegments', 1, '(module (elem func) (elem func))'],
    ['segmentElements', 1, '(module (func $f) (elem func $f $f))'],
    ['dataSegments', 1, '(module (data "a") (data "b"))'],
    ['segmentBytes', 3, '(module (data "abcd"))'],
    ['nameBytes', 3, '(module (func (export "abcd")))'],
    ['sections', 2, '(module (memory 1) (func (export "a")))'],
  ])('%s', async (limit, value, text) => {
    const error = await refusalOf(text, { [limit]: value })
    expect(error?.code).toBe('limit')
    expect(error?.message).toMatch(/^at byte \d+: expected /)
    expect(await refusalOf(text)).toBeUndefined()
  })

  test('two billion locals are counted, not made', () => {
    const body = [0x01, 0xff, 0xff, 0xff, 0xff, 0x07, 0x7f, 0x0b]
    const bytes = Uint8Array.from([
      0,
      0x61,
      0x73,
      0x6d,
      1,
      0,
      0,
      0,
      1,
      4,
      1,
      0x60,
      0,
      0,
      3,
      2,
      1,
      0,
      10,
      body.length + 2,
      1,
      body.length,
      ...body,
    ])
    expect(refusal(bytes)?.code).toBe('limit')
  })
})

describe('bytes that are no core module', () => {
  test.each([
    ['nothing', [], /expected a core module .* got no bytes/],
    ['text', [...Buffer.from('hello world')], /expected a core module .* got bytes `68 65/],
    ['a component', [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], /expected a core module/],
    ['a cut section', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 200], /malformed|expected/],
  ])('%s', (_, bytes, message) => {
    const error = refusal(Uint8Array.from(bytes))
    expect(error?.code).toBe('malformed')
    expect(error?.message).toMatch(message)
  })

  test('are refused whatever they are', () => {
    assert(
      property(uint8Array({ maxLength: 200 }), (bytes) => {
        refusal(bytes)
        refusal(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...bytes]))
      }),
      { numRuns: 2000 },
    )
  })
})

const preamble = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** One opcode with up to eight bytes after it, in a function with a memory, a table, a global and segments to point at. */
const oneInstruction = (code: readonly number[]): Uint8Array => {
  const section = (id: number, bytes: readonly number[]): number[] => [id, bytes.length, ...bytes]
  const body = [0, ...code, 0x00, 0x0b]
  return Uint8Array.from([
    ...preamble,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(4, [1, 0x70, 0, 1]),
    ...section(5, [1, 0, 1]),
    ...section(6, [1, 0x7f, 1, 0x41, 0, 0x0b]),
    ...section(9, [1, 1, 0, 0]),
    ...section(12, [1]),
    ...section(10, [1, body.length, ...body]),
    ...section(11, [1, 1, 0]),
  ])
}

/** INVARIANT: we never read an instruction otherwise than the engine does, or unmetered code could hide behind the difference. */
const agrees = (bytes: Uint8Array): void => {
  const error = refusal(bytes)
  if (engine.validate(bytes)) expect(error?.code, error?.message).not.toBe('malformed')
  if (error !== undefined) return
  const rewritten = rewriteCore(bytes, { maxMemoryPages: 65_536, maxTableElements: 10_000_000, limits: defaultWasmLimits })
  expect(engine.validate(rewritten.bytes)).toBe(engine.validate(bytes))
}

describe('the engine and this reader see the same instructions', () => {
  const immediates = [
    [],
    [0],
    [0, 0],
    [0, 0, 0],
    [0x40, 0x0b],
    [0, 0, 0, 0],
    Array.from({ length: 8 }, () => 0),
    Array.from({ length: 16 }, () => 0),
  ]

  test('and the old exception instructions are refused', () => {
    for (const opcode of [0x06, 0x07, 0x08, 0x09, 0x18, 0x19]) {
      expect(refusal(oneInstruction([0x00, opcode, 0x40, 0x0b]))?.message).toContain('without exceptions')
    }
  })

  test('for every one-byte opcode', () => {
    for (let opcode = 0; opcode < 256; opcode++) {
      // After `unreachable` operands may be anything, so that only the immediates count.
      for (const rest of immediates) agrees(oneInstruction([0x00, opcode, ...rest]))
    }
  })

  test.each([0xfc, 0xfd])('for every opcode of prefix %i', (prefix) => {
    for (let operation = 0; operation < 512; operation++) {
      const leb = operation < 128 ? [operation] : [(operation & 127) | 128, operation >> 7]
      for (const rest of immediates) agrees(oneInstruction([0x00, prefix, ...leb, ...rest]))
    }
  })

  test('for offsets of up to ten bytes, as WebAssembly 3.0 has them', () => {
    for (let longest = 1; longest < 12; longest++) {
      for (const last of [0x00, 0x01, 0x7f]) {
        const offset = [...Array.from({ length: longest - 1 }, () => 0x80), last]
        agrees(oneInstruction([0x00, 0x36, 0, ...offset]))
        agrees(oneInstruction([0x00, 0xfd, 0, 0, ...offset]))
        agrees(oneInstruction([0x00, 0x3f, ...offset]))
      }
    }
  })

  test('for random bytes', () => {
    assert(
      property(array(oneof(nat({ max: 255 }), constantFrom(0, 0x0b, 0x41, 0xfc, 0xfd, 0x80)), { maxLength: 12 }), (code) =>
        agrees(oneInstruction([0x00, ...code])),
      ),
      { numRuns: 5000 },
    )
  })
})

describe('a changed module', () => {
  const change = record({ at: nat(), to: nat({ max: 255 }), keep: integer({ min: 1, max: 100 }) })

  test('is refused with a WasmError, or is read as the engine reads it: random programs', async () => {
    await assert(
      asyncProperty(randomProgram, array(change, { minLength: 1, maxLength: 30 }), async (text, changes) => {
        const bytes = await parse(text)
        for (const { at, to, keep } of changes) {
          const changed = bytes.slice()
          changed[at % changed.length] = to
          agrees(changed)
          agrees(bytes.subarray(0, Math.floor((bytes.length * keep) / 101)))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('is refused with a WasmError, or is read as the engine reads it: a preview1 adapter', () => {
    const bytes = readModule('its preview1 adapter')
    assert(
      property(change, ({ at, to, keep }) => {
        const changed = bytes.slice()
        changed[at % changed.length] = to
        agrees(changed)
        agrees(bytes.subarray(0, Math.floor((bytes.length * keep) / 101)))
      }),
      { numRuns: 400 },
    )
  })
})

describe('reading takes bounded time', () => {
  const timed = (bytes: Uint8Array): number => {
    const began = performance.now()
    refusal(bytes)
    return performance.now() - began
  }

  test('for switches with all the targets there may be in loops as deep as there may be', async () => {
    const depth = 2000
    const wide = `(br_table ${'1000 '.repeat(60_000)} (i32.const 0))`
    const text = `(module (func ${'(loop (block (br_if 0 (i32.const 1)) '.repeat(depth)} ${wide} ${'))'.repeat(depth)}))`
    expect(timed(await parse(text))).toBeLessThan(2000)
  })

  test('for megabytes of empty sections and of loops', async () => {
    const empty = new Uint8Array(8 + 2 * 1024 * 1024)
    empty.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
    for (let at = 8; at < empty.length; at += 3) empty.set([0, 1, 0].slice(0, empty.length - at), at)
    expect(timed(empty)).toBeLessThan(2000)
    expect(timed(await parse(`(module (func ${'(loop)'.repeat(300_000)}))`))).toBeLessThan(2000)
  })
})
