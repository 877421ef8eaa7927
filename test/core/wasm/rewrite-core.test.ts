import { createHash } from 'node:crypto'

import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { assert, asyncProperty } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { meterExports } from '#core/wasm/meter-names.ts'
import { rewriteCore, type RewriteOptions } from '#core/wasm/rewrite-core.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'

import { controlProgram } from './control-program.ts'
import { call, engine, globalOf, instantiate, memoryOf, tableOf, type Call, type Instance } from './engine.ts'
import { Meter, type MeterOptions } from './metered-instance.ts'
import { randomProgram } from './random-program.ts'

const options: RewriteOptions = { maxMemoryPages: 1024, maxTableElements: 10_000, limits: defaultWasmLimits }

const assemble = async (text: string): Promise<Uint8Array> => parse(text)

const rewrite = (bytes: Uint8Array, changed: Partial<RewriteOptions> = {}): Uint8Array =>
  rewriteCore(bytes, { ...options, ...changed }).bytes

const rewriteText = async (text: string, changed: Partial<RewriteOptions> = {}): Promise<Uint8Array> =>
  rewrite(await assemble(text), changed)

const start = async (text: string, meterOptions: MeterOptions, changed: Partial<RewriteOptions> = {}) => {
  const meter = new Meter(meterOptions)
  return { meter, instance: meter.instantiate(await rewriteText(text, changed)) }
}

/** What a run of a random program leaves behind that its guest could tell. */
const observe = (instance: Instance, notes: number[], functions: readonly string[]) => {
  const results = functions.map((name, nth) => {
    try {
      return call(instance, name)(nth * 3 - 2)
    } catch (error) {
      return String(error)
    }
  })
  return {
    results,
    notes,
    globals: ['g0', 'g1', 'g2', 'ticks'].map((name) => globalOf(instance, name).value),
    memory: createHash('sha256')
      .update(new Uint8Array(memoryOf(instance).buffer))
      .digest('hex'),
    table: tableOf(instance).length,
  }
}

const runPlain = (bytes: Uint8Array, functions: readonly string[]) => {
  const notes: number[] = []
  const instance = instantiate(bytes, { env: { note: (value: number) => notes.push(value) } })
  return observe(instance, notes, functions)
}

const runMetered = (bytes: Uint8Array, functions: readonly string[], slice: number) => {
  const notes: number[] = []
  const meter = new Meter({ slice })
  const instance = meter.instantiate(bytes, { env: { note: (value: number) => notes.push(value) } })
  return { seen: observe(instance, notes, functions), fuel: meter.used() }
}

describe('a rewritten random program', () => {
  test('is valid, behaves as the original, and costs the same fuel for every slice, at least one unit an instruction', async () => {
    await assert(
      asyncProperty(randomProgram, async (text) => {
        const bytes = await assemble(text)
        expect(engine.validate(bytes)).toBe(true)
        const rewritten = rewrite(bytes)
        expect(engine.validate(rewritten)).toBe(true)
        const functions = [...text.matchAll(/export "(f\d+)"/g)].map(([, name = '']) => name)
        const plain = runPlain(bytes, functions)
        const [small, middle, large] = [1000, 10_000, 1_000_000].map((slice) => runMetered(rewritten, functions, slice))
        expect(small?.seen).toEqual(plain)
        expect(large?.seen).toEqual(plain)
        expect(middle?.fuel).toBe(small?.fuel)
        expect(large?.fuel).toBe(small?.fuel)
        expect(small?.fuel).toBeGreaterThanOrEqual(4 * Number(plain.globals[3]))
      }),
      { numRuns: 300 },
    )
  })

  test('has every step of every path paid for', async () => {
    await assert(
      asyncProperty(controlProgram, async (text) => {
        const { instance, meter } = await start(text, { slice: 1000 })
        const steps = globalOf(instance, 'steps')
        for (let bits = 0; bits < 64; bits++) {
          const [before, paid] = [Number(steps.value), meter.used()]
          call(instance, 'run')(bits)
          expect(meter.used() - paid).toBeGreaterThanOrEqual(Number(steps.value) - before)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('comes out byte for byte the same each time', async () => {
    await assert(
      asyncProperty(randomProgram, async (text) => {
        const bytes = await assemble(text)
        expect(rewrite(bytes)).toEqual(rewrite(bytes))
      }),
      { numRuns: 20 },
    )
  })
})

describe('code that would not end', () => {
  const endless: Readonly<Record<string, string>> = {
    'an empty loop': '(func (export "run") (loop (br 0)))',
    'a loop with a parameter': '(func (export "run") (i32.const 1) (loop (param i32) (br 0)))',
    'a loop around a switch': '(func (export "run") (loop (block (block (br_table 0 1 2 (i32.const 2))) (br 1)) (br 0)))',
    recursion: '(func $f (export "run") (call $f))',
    'mutual recursion': '(func $f (export "run") (call $g)) (func $g (call $f))',
    'recursion by tail call': '(func $f (export "run") (return_call $f))',
    'recursion through a table':
      '(table 1 funcref) (elem (i32.const 0) $f) (type $v (func)) (func $f (export "run") (call_indirect (type $v) (i32.const 0)))',
    'tail calls through a table':
      '(table 1 funcref) (elem (i32.const 0) $f) (type $v (func)) (func $f (export "run") (return_call_indirect (type $v) (i32.const 0)))',
    'a loop of tiny calls': '(func $nothing) (func (export "run") (loop (call $nothing) (br 0)))',
    'memory.fill in a loop':
      '(memory 1000) (func (export "run") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536000)) (br 0)))',
    'a br_table of 60,000 targets in a loop': `(func (export "run") (loop (block (br_table ${'0 '.repeat(60_000)} (i32.const 5))) (br 0)))`,
    'calls that double 40 times over': Array.from({ length: 41 }, (_, nth) =>
      nth === 40 ? '(func $f40)' : `(func $f${nth} ${nth === 0 ? '(export "run")' : ''} (call $f${nth + 1}) (call $f${nth + 1}))`,
    ).join('\n'),
  }

  test.each(Object.entries(endless))('is stopped: %s', async (_, text) => {
    const { instance, meter } = await start(`(module ${text})`, { slice: 100_000, budget: 20_000_000 })
    const began = performance.now()
    expect(() => call(instance, 'run')()).toThrow(/unreachable|Maximum call stack/)
    expect(performance.now() - began).toBeLessThan(2000)
    expect(meter.given).toBeGreaterThan(0)
  })

  test('is stopped in a start function, before any export can be had', async () => {
    const bytes = await rewriteText('(module (func $spin (loop (br 0))) (start $spin))')
    expect(() => new Meter({ slice: 1000, budget: 5_000_000 }).instantiate(bytes)).toThrow(engine.RuntimeError)
  })

  test('pays for bulk instructions by length before they run', async () => {
    const text = `(module (memory (export "memory") 1000) (table $t 5000 funcref) (data $d "abc")
      (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536000)))
      (func (export "copy") (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535999)))
      (func (export "init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const -1)))
      (func (export "tables") (table.fill $t (i32.const 0) (ref.null func) (i32.const 5000))))`
    const { instance, meter } = await start(text, { slice: 1_000_000 })
    const cost = (name: string): number => {
      const before = meter.used()
      try {
        call(instance, name)()
      } catch (error) {
        expect(error).toBeInstanceOf(engine.RuntimeError)
      }
      return meter.used() - before
    }
    expect(cost('fill')).toBeGreaterThan(8_000_000)
    expect(cost('copy')).toBeGreaterThan(8_000_000)
    expect(cost('init')).toBeGreaterThan(500_000_000)
    expect(cost('tables')).toBeGreaterThan(5000 * 32)
    const poor = await start(text, { slice: 1000, budget: 1000 })
    expect(() => call(poor.instance, 'fill')()).toThrow(engine.RuntimeError)
    expect(new Uint8Array(memoryOf(poor.instance).buffer)[5]).toBe(0)
  })

  test('never lets a charge leave i32 however large it is', async () => {
    const text = `(module (memory 1) (table $t 1 externref) (func (export "run") (result i32)
      (drop (table.grow $t (ref.null extern) (i32.const -1))) (drop (memory.grow (i32.const -1))) (memory.grow (i32.const 65535))))`
    const { instance, meter } = await start(text, { slice: 2 ** 31 - 1 }, { maxMemoryPages: 65_536 })
    expect(call(instance, 'run')()).toBe(1)
    expect(meter.used()).toBeGreaterThan(2 ** 28 - 2 * 4096)
  })
})

describe('the slice', () => {
  test('does not wrap when thousands of frames are charged much on their way out', async () => {
    const skipped = '(block (br_if 0 (i32.const 1)) (block (br_if 0 (i32.const 1)) ' + '(call $nothing)'.repeat(60_000) + '))'
    const deep = `${'(if (local.get 0) (then '.repeat(16)} ${skipped} ${'))'.repeat(16)}`
    const { instance, meter } = await start(
      `(module (func $nothing) (func $f (export "run") (param i32)
        (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) ${deep}))))`,
      { slice: 1_000_000_000 },
    )
    const before = meter.used()
    call(instance, 'run')(5000)
    expect(meter.used() - before).toBeGreaterThan(5000 * 60_000 * 8)
  })
})

describe('the slow path', () => {
  test('yields when refill says 0 and then goes on', async () => {
    let yields = 0
    const { instance, meter } = await start(
      '(module (func (export "run") (param i32) (result i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 7)))',
      { slice: 1000, yields: () => yields++ },
    )
    expect(call(instance, 'run')(10_000)).toBe(7)
    expect(yields).toBeGreaterThan(10)
    expect(meter.refills).toBe(2 * yields)
  })

  test('suspends the stack where yield is a suspending import', async () => {
    const bytes = await rewriteText(
      '(module (func (export "run") (result i32) (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000)))) (i32.const 7)))',
    )
    let waited = false
    let asked = 0
    const suspending = new engine.Suspending(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      waited = true
    })
    const meter = { refill: () => (asked++ % 2 === 0 ? 0 : 100_000), yield: suspending, 'grow-memory': () => 1, 'grow-table': () => 1 }
    const instance = instantiate(bytes, { 'cordon:meter': meter })
    await expect(engine.promising(instance.exports['run'] as Call)()).resolves.toBe(7)
    expect(waited).toBe(true)
  })

  test('is marked unlikely in a branch hint section that points at its branches', async () => {
    const bytes = await rewriteText('(module (func (export "run") (loop (br 0))))')
    const [hints] = engine.Module.customSections(new engine.Module(bytes), 'metadata.code.branch_hint')
    expect(hints).toBeDefined()
    const [functions, index, count, first] = new Uint8Array(hints ?? new ArrayBuffer(0))
    expect([functions, index, count]).toEqual([1, 4, 2])
    const marker = Buffer.from(bytes).indexOf(Buffer.from([0x48, 0x04, 0x40, 0x10]))
    expect(marker).toBeGreaterThan(0)
    const bodyStart = marker + 1 - (first ?? 0)
    expect(bytes[bodyStart]).toBe(0)
  })
})

describe('memory', () => {
  const growing = `(module (memory (export "memory") 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size)))`

  test('keeps its maximum at the cap, or lower where the module says so', async () => {
    const { instance } = await start(growing, { slice: 1e9 }, { maxMemoryPages: 10 })
    expect(call(instance, 'grow')(9)).toBe(1)
    expect(call(instance, 'grow')(1)).toBe(-1)
    expect(() => memoryOf(instance).grow(1)).toThrow(RangeError)
    const declared = await start(growing.replace('") 1)', '") 1 3)'), { slice: 1e9 }, { maxMemoryPages: 10 })
    expect(call(declared.instance, 'grow')(3)).toBe(-1)
    expect(call(declared.instance, 'grow')(2)).toBe(1)
  })

  test('grows only by what the host admits', async () => {
    const asked: number[] = []
    const admitMemory = (pages: number): boolean => {
      asked.push(pages)
      return pages < 5
    }
    const { instance } = await start(growing, { slice: 1e9, admitMemory })
    expect(call(instance, 'grow')(0)).toBe(1)
    expect(call(instance, 'grow')(4)).toBe(1)
    expect(call(instance, 'grow')(5)).toBe(-1)
    expect(call(instance, 'size')()).toBe(5)
    expect(asked).toEqual([4, 5])
  })

  test('can be put back in place: the virtual size shrinks and growing again asks the host but not the engine', async () => {
    const { instance } = await start(growing, { slice: 1e9 })
    call(instance, 'grow')(7)
    const pages = globalOf(instance, meterExports.memoryPages)
    expect(pages.value).toBe(8)
    pages.value = 1
    expect(call(instance, 'size')()).toBe(1)
    expect(call(instance, 'grow')(2)).toBe(1)
    expect(call(instance, 'size')()).toBe(3)
    expect(memoryOf(instance).buffer.byteLength).toBe(8 * 65_536)
    expect(call(instance, 'grow')(6)).toBe(3)
    expect(memoryOf(instance).buffer.byteLength).toBe(9 * 65_536)
  })

  test('has one virtual size in all modules that share it', async () => {
    const main = await start(growing, { slice: 1e9 }, { maxMemoryPages: 20 })
    const adapter = await rewriteText(
      `(module (import "env" "memory" (memory 0)) (global $own (mut i32) (i32.const 5))
        (func (export "grow") (param i32) (result i32) (global.set $own (i32.const 6)) (memory.grow (local.get 0)))
        (func (export "own") (result i32) (global.get $own)) (func (export "size") (result i32) (memory.size)))`,
      { maxMemoryPages: 20 },
    )
    const meter = new Meter({ slice: 1e9, pages: globalOf(main.instance, meterExports.memoryPages) })
    const second = meter.instantiate(adapter, { env: { memory: memoryOf(main.instance) } })
    expect(call(second, 'grow')(3)).toBe(1)
    expect(call(second, 'own')()).toBe(6)
    expect(call(main.instance, 'size')()).toBe(4)
    expect(call(main.instance, 'grow')(1)).toBe(4)
    expect(call(second, 'size')()).toBe(5)
    expect(call(second, 'grow')(16)).toBe(-1)
  })

  test('that starts above the cap is refused', async () => {
    const bytes = await assemble('(module (memory 11))')
    expect(() => rewrite(bytes, { maxMemoryPages: 10 })).toThrow(/expected a memory of at most 10 pages, got 11/)
  })

  test('still links where the importer asks for a greater maximum than the exporter now has', async () => {
    const exporter = await start(
      '(module (memory (export "memory") 1 100) (table (export "table") 2 100 funcref))',
      { slice: 1 },
      { maxMemoryPages: 4, maxTableElements: 8 },
    )
    const importer = await rewriteText('(module (import "a" "memory" (memory 1 100)) (import "a" "table" (table 2 100 funcref)) (func))', {
      maxMemoryPages: 4,
      maxTableElements: 8,
    })
    const { memory, table } = exporter.instance.exports
    expect(() => new Meter({ slice: 1 }).instantiate(importer, { a: { memory, table } })).not.toThrow()
  })
})

describe('tables', () => {
  const growing = `(module (table $a (export "a") 1 funcref) (table $b 2 externref)
    (func (export "grow-a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
    (func (export "grow-b") (param externref i32) (result i32) (table.grow $b (local.get 0) (local.get 1)))
    (func (export "get-b") (param i32) (result externref) (table.get $b (local.get 0))))`

  test('grow by what the host admits, up to the cap', async () => {
    const asked: number[] = []
    const admitTable = (elements: number): boolean => {
      asked.push(elements)
      return elements !== 3
    }
    const { instance } = await start(growing, { slice: 1e9, admitTable }, { maxTableElements: 10 })
    expect(call(instance, 'grow-a')(3)).toBe(-1)
    expect(call(instance, 'grow-a')(9)).toBe(1)
    expect(call(instance, 'grow-a')(1)).toBe(-1)
    expect(call(instance, 'grow-b')('x', 2)).toBe(2)
    expect(call(instance, 'get-b')(3)).toBe('x')
    expect(call(instance, 'grow-b')('x', -1)).toBe(-1)
    expect(call(instance, 'grow-a')(0)).toBe(10)
    expect(asked).toEqual([3, 9, 2])
  })

  test('that start above the cap are refused', async () => {
    const bytes = await assemble('(module (table 10000000 funcref))')
    expect(() => rewrite(bytes)).toThrow(/expected a table of at most 10000 elements, got 10000000/)
  })
})

describe('what is added', () => {
  test('is every mutable global, the memory, the tables and the slice, under reserved names, and nothing immutable', async () => {
    const bytes = await assemble(
      `(module (import "e" "g" (global (mut i32))) (import "e" "c" (global i32)) (memory 1) (table 1 funcref) (table 1 externref)
        (global (mut i64) (i64.const 1)) (global i32 (i32.const 1)) (global (mut v128) (v128.const i64x2 1 2)) (func))`,
    )
    const { stats } = rewriteCore(bytes, options)
    expect(stats.addedExports).toEqual([
      'cordon:meter/slice',
      'cordon:meter/resettable',
      'cordon:meter/memory',
      'cordon:meter/memory-pages',
      'cordon:meter/table/0',
      'cordon:meter/table/1',
      'cordon:meter/global/2',
      'cordon:meter/global/4',
    ])
    expect(stats.addedImports).toEqual(['refill', 'yield', 'grow-memory', 'grow-table'])
    expect(stats).toMatchObject({ initialPages: 1, initialTableElements: 2, freeFunctions: 1, charges: 0 })
    expect(engine.validate(rewrite(bytes))).toBe(true)
  })

  test.each([
    ['table.set', '(table.set $t (i32.const 0) (ref.null func))'],
    ['table.fill', '(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))'],
    ['table.grow', '(drop (table.grow $t (ref.null func) (i32.const 1)))'],
    ['table.copy', '(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 1))'],
    ['table.init', '(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))'],
    ['elem.drop', '(elem.drop $e)'],
    ['data.drop', '(data.drop $d)'],
  ])('says nothing of resetting where the code has %s', async (_name, code) => {
    const moduleOf = (body: string): string =>
      `(module (memory 1) (table $t 1 funcref) (elem $e func $f) (data $d "x") (func $f (export "f") ${body}))`
    expect(rewriteCore(await assemble(moduleOf('')), options).stats.addedExports).toContain('cordon:meter/resettable')
    expect(rewriteCore(await assemble(moduleOf(code)), options).stats.addedExports).not.toContain('cordon:meter/resettable')
  })

  test('is nothing to import for a module without functions', async () => {
    const { bytes, stats } = rewriteCore(
      await assemble('(module (import "a" "f" (func)) (memory (export "m") 1) (export "f" (func 0)))'),
      options,
    )
    expect(stats.addedImports).toEqual([])
    expect(stats.addedExports).toEqual(['cordon:meter/memory', 'cordon:meter/memory-pages'])
    expect(engine.validate(bytes)).toBe(true)
  })

  test('leaves out custom sections', async () => {
    const bytes = await rewriteText('(module (@custom "producers" "x") (func $secret) (@custom "other" "y"))')
    expect(Buffer.from(bytes).includes('other')).toBe(false)
    expect(Buffer.from(bytes).includes('secret')).toBe(false)
  })

  test('says what keeps an instance from being reset in place', async () => {
    const dropping = rewriteCore(await assemble('(module (memory 1) (data $d "a") (func (data.drop $d)))'), options)
    expect(dropping.stats.shape).toMatchObject({ dropsSegments: true, changesTables: false })
    const setting = rewriteCore(await assemble('(module (table 1 funcref) (func (table.set (i32.const 0) (ref.null func))))'), options)
    expect(setting.stats.shape).toMatchObject({ dropsSegments: false, changesTables: true })
  })

  test('may not be more than the limit on what comes out', async () => {
    const bytes = await assemble(`(module (func ${'(loop)'.repeat(1000)}))`)
    expect(() => rewrite(bytes, { limits: { ...defaultWasmLimits, rewrittenBytes: 5000 } })).toThrow(WasmError)
  })
})
