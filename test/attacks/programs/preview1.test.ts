import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CordonError, createRuntime, type Runtime } from '#index.ts'
import { printableLine } from '#core/printable.ts'
import { ByteWriter } from '#core/wasm/byte-writer.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { ingest, type IngestOptions } from '#host/ingest/ingest.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'
import { withWorld } from '../../fixtures/wit-text.ts'
import { scratch } from '../../host/ingest/scratch.ts'

const here = await scratch()
afterAll(() => here[Symbol.asyncDispose]())

/** What came of bytes, and what it cost. */
interface Verdict {
  readonly code: string
  readonly message: string
  readonly ms: number
}

const take = async (bytes: Uint8Array, options: Partial<IngestOptions> = {}): Promise<Verdict> => {
  const began = performance.now()
  const outcome = await ingest(bytes, { ...here.options, ...options }).then(
    () => ({ code: 'taken', message: '' }),
    (error: unknown) => {
      if (!(error instanceof CordonError)) throw error
      return { code: error.code, message: error.message }
    },
  )
  return { ...outcome, ms: performance.now() - began }
}

/** A core module in pieces, for what no text can say. */
const module = (...sections: readonly (readonly [id: number, body: Uint8Array | readonly number[]])[]): Uint8Array => {
  const out = new ByteWriter()
  out.raw([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
  for (const [id, body] of sections) {
    out.byte(id)
    out.u32(body.length)
    out.raw(body)
  }
  return out.toBytes()
}

const named = (name: string | Uint8Array, rest: Uint8Array | readonly number[] = []): Uint8Array => {
  const bytes = Buffer.from(name)
  const out = new ByteWriter()
  out.u32(bytes.length)
  out.raw(bytes)
  out.raw(rest)
  return out.toBytes()
}

const ids = { custom: 0, type: 1, import: 2, function: 3, memory: 5, export: 7, code: 10, data: 11 } as const
const type = [1, 0x60, 0, 0] as const
const importing = (from: string | Uint8Array, name: string | Uint8Array): Uint8Array =>
  module(
    [ids.type, type],
    [ids.import, [1, ...named(from), ...named(name), 0, 0]],
    [ids.function, [1, 0]],
    [ids.export, [1, ...named('_start'), 0, 1]],
    [ids.code, [1, 2, 0, 0x0b]],
  )
/** `_start`, which does nothing, and what stands around it. */
const command = (...more: readonly (readonly [number, Uint8Array | readonly number[]])[]): Uint8Array =>
  module([ids.type, type], [ids.function, [1, 0]], [ids.export, [1, ...named('_start'), 0, 0]], [ids.code, [1, 2, 0, 0x0b]], ...more)

const good = await parse('(module (func (export "_start")))')
const goodWorld = await withWorld(await parse('(module (func (export "add")))'), 'package a:b; world w { export add: func(); }', 'w')
/** Whatever came before, what is good is taken: nothing is poisoned. */
const expectGoodTaken = async (): Promise<void> => {
  await using fresh = await scratch()
  expect((await take(good, fresh.options)).code).toBe('taken')
  expect((await take(goodWorld, fresh.options)).code).toBe('taken')
}

describe('a program with hostile names', () => {
  test.each([
    ['code for a generator', 'x`)});process.exit(1);//', 'y"+(()=>{throw 1})()+"'],
    ['escapes for a terminal', '\u001b[2J\u001b]0;owned\u0007', '\u202egnorw\r\nallow'],
    ['no UTF-8', new Uint8Array([0xff, 0xfe, 0x80]), new Uint8Array([0xc0, 0xaf])],
    ['nothing', '', ''],
    ['more than a name holds', 'n'.repeat(2000), 'n'],
    ['almost more', 'n'.repeat(1024), 'm'.repeat(1024)],
    ['what an object has', '__proto__', 'constructor'],
  ])('made of %s is refused in words that are safe to show', async (_what, from, name) => {
    for (const bytes of [importing(from, name), importing('wasi_snapshot_preview1', name)]) {
      const { code, message } = await take(bytes)
      expect(code).toMatch(/^component\.(import-unknown|invalid|unsupported)$/)
      expect(message).toBe(printableLine(message))
      expect(message.length).toBeLessThan(800)
    }
  })

  test('that are those of what wraps it gets nothing by them', async () => {
    for (const from of [
      '__main_module__',
      'env',
      'wasi_snapshot_preview1 ',
      'wit-component:shim',
      'wit-component:adapter:wasi_snapshot_preview1',
      '$imports',
    ]) {
      expect(await take(importing(from, '_start'))).toMatchObject({ code: 'component.import-unknown' })
    }
    const exports = ['$imports', '0', 'cabi_import_realloc', 'wasi:cli/run@0.2.12#run', 'wit-component:shim', 'get_allocation_state']
    const bytes = await parse(`(module (func $f (export "_start")) ${exports.map((name) => `(export "${name}" (func $f))`).join('')})`)
    expect((await take(bytes)).code).toBe('taken')
  })
})

describe('a program that is not what it says', () => {
  test.each([
    ['a component behind a module', () => Buffer.concat([good, Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])])],
    ['a component in the clothes of a module', () => module([4, good])],
    ['a section that says it is longer than the file', () => Buffer.concat([good, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0e])])],
    ['a custom section without a name', () => command([ids.custom, []])],
    ['a custom section whose name is longer than it', () => command([ids.custom, [200, 1, 0x61]])],
    ['a length in more bytes than one has', () => Buffer.concat([good, Buffer.from([0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00])])],
    ['imports after exports', () => command([ids.import, [0]])],
  ])('such as %s is refused', async (_what, make) => {
    expect((await take(make())).code).toMatch(/^component\.(invalid|unsupported)$/)
  })

  test.each([
    ['garbage', Buffer.from('garbage')],
    ['nothing', Buffer.alloc(0)],
    ['a module', Buffer.from(good)],
    ['the header of a component', Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])],
    ['zeros', Buffer.alloc(1 << 16)],
  ])('such as one with %s for a world is refused, and nothing is poisoned by it', async (_what, world) => {
    const bytes = command([ids.custom, named('component-type:a', world)])
    const { code, message } = await take(bytes)
    expect([code, message]).toEqual(['component.invalid', expect.stringMatching(/^the program does not fit the world that it carries/)])
    await expectGoodTaken()
  })
})

/** A world, and what a module that fits it exports. */
interface Bomb {
  readonly wit: string
  readonly exports: string
}

const allocator = '(memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)'

/** A type that doubles with each level: 2^depth values when it is written out. */
const doubling = (depth: number): Bomb => {
  const types = Array.from({ length: depth }, (_, nth) => `type t${nth + 1} = tuple<t${nth}, t${nth}>;`)
  return {
    wit: `package a:b; interface i { type t0 = u8; ${types.join(' ')} f: func(a: t${depth}); } world w { export i; }`,
    exports: '(func (export "a:b/i#f") (param i32))',
  }
}

const nested = (depth: number): Bomb => ({
  wit: `package a:b; world w { export f: func() -> ${'option<'.repeat(depth)}u8${'>'.repeat(depth)}; }`,
  exports: '(func (export "f") (result i32) unreachable)',
})

const manyFunctions = (count: number): Bomb => {
  const names = Array.from({ length: count }, (_, nth) => `call${nth}`)
  return {
    wit: `package a:b; world w { ${names.map((name) => `export ${name}: func(a: string) -> list<string>;`).join(' ')} }`,
    exports: names.map((name) => `(func (export "${name}") (param i32 i32) (result i32) unreachable)`).join(' '),
  }
}

/** Values of a type in one flat list: as many fields in each of as many records. */
const wide = (count: number): Bomb => {
  const records = Array.from({ length: count }, (_, nth) => {
    const before = nth === 0 ? 'u8' : `r${nth - 1}`
    return `record r${nth} { ${Array.from({ length: count }, (_each, field) => `f${field}: ${before}`).join(', ')} }`.replaceAll(
      /\bf(32|64):/g,
      '%f$1:',
    )
  })
  return {
    wit: `package a:b; interface i { ${records.join(' ')} f: func(a: r${count - 1}); } world w { export i; }`,
    exports: '(func (export "a:b/i#f") (param i32))',
  }
}

describe('a bomb for the encoder', () => {
  const limits = { timeoutMs: 20_000, rssBytes: 1024 ** 3 }

  test.each([
    ['types that double twenty times', doubling(20)],
    ['types that double ninety times', doubling(90)],
    ['types ninety deep', nested(90)],
    ['two thousand functions', manyFunctions(2000)],
    ['a hundred records of a hundred records', wide(100)],
  ])('of %s is refused in bounded time and memory, and the next one is taken', async (_what, { wit, exports }) => {
    const bytes = await withWorld(await parse(`(module ${allocator} ${exports})`), wit, 'w')
    const { code, ms } = await take(bytes, limits)
    expect(code).toMatch(/^(component\.(invalid|unsupported)|ingest\.(failed|timeout|memory))$/)
    expect(ms).toBeLessThan(limits.timeoutMs + 10_000)
    await expectGoodTaken()
  })

  test('of a thousand worlds is refused likewise', async () => {
    const at = Buffer.from(goodWorld).indexOf('component-type')
    const world = goodWorld.subarray(Buffer.from(goodWorld).indexOf(Buffer.from([0, 0x61, 0x73, 0x6d]), at))
    const bytes = command(...Array.from({ length: 1000 }, (_, nth) => [ids.custom, named(`component-type:${nth}`, world)] as const))
    const { code, ms } = await take(bytes, limits)
    expect(code).toMatch(/^(component\.(invalid|unsupported)|ingest\.(failed|timeout|memory))$/)
    expect(ms).toBeLessThan(limits.timeoutMs + 10_000)
  })

  test('that takes too long is ended, and says so', async () => {
    await using fresh = await scratch()
    expect(await take(goodWorld, { ...fresh.options, timeoutMs: 60 })).toMatchObject({ code: 'ingest.timeout' })
    expect(await take(goodWorld, { ...fresh.options, rssBytes: 30 << 20 })).toMatchObject({ code: 'ingest.memory' })
  })
})

describe('a giant program', () => {
  test('past what any may be is refused before a byte of it is copied', async () => {
    const bytes = new Uint8Array(defaultWasmLimits.componentBytes + 1)
    bytes.set(good)
    const before = process.memoryUsage.rss()
    const { code, ms } = await take(bytes)
    expect(code).toBe('component.unsupported')
    expect(ms).toBeLessThan(300)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20)
  })

  test('of 90 MB is refused or taken within the limits of ingest', async () => {
    const segment = [1, ...new Uint8Array(0)]
    const data = new ByteWriter(90 << 20)
    data.u32(3)
    for (let nth = 0; nth < 3; nth++) {
      data.raw(segment)
      data.u32(30 << 20)
      data.slice(new Uint8Array(30 << 20), 0, 30 << 20)
    }
    const bytes = module(
      [ids.type, type],
      [ids.function, [1, 0]],
      [ids.memory, [1, 0, 1]],
      [ids.export, [1, ...named('_start'), 0, 0]],
      [ids.code, [1, 2, 0, 0x0b]],
      [ids.data, data.view()],
    )
    expect(bytes.length).toBeGreaterThan(90 << 20)
    const { code } = await take(bytes, { timeoutMs: 60_000 })
    expect(code).toMatch(/^(taken|component\.unsupported|ingest\.memory)$/)
    await expectGoodTaken()
  })

  test.each([
    ['imports', () => module([ids.type, type], [ids.import, [0xff, 0xff, 0xff, 0xff, 0x0f]])],
    ['functions', () => module([ids.type, type], [ids.function, [0xff, 0xff, 0xff, 0xff, 0x0f]])],
    ['exports', () => module([ids.type, type], [ids.export, [0xff, 0xff, 0xff, 0xff, 0x0f]])],
  ])('that promises four billion %s is refused at once', async (_what, make) => {
    const { code, message } = await take(make())
    expect(code).toMatch(/^component\.(invalid|unsupported)$/)
    expect(message).toMatch(/expected (at most|\d+ entries)/)
  })
})

describe('a program that attacks the adapter beside it', () => {
  const home = testHome()
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime({
      cacheDir: testCache,
      keysDir: home.keysDir,
      audit: home.nextAudit(),
      pool: { isolation: 'thread', max: 1 },
    })
  })
  afterAll(async () => {
    await runtime[Symbol.asyncDispose]()
    home[Symbol.dispose]()
  })

  /** Says `hi`, fills all memory that is not its own page with `byte`, and says it again. */
  const clobbering = (byte: number): string => `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\0a")
    (func $say (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (func (export "_start")
      (drop (memory.size))
      (drop (call $say))
      (memory.fill (i32.const 65536) (i32.const ${byte}) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
      (drop (call $say))))`

  test.each([0, 1, 0x7f, 0xff])('by filling its memory with %i harms itself at most', async (byte) => {
    const hostile = await runtime.loadComponent(await parse(clobbering(byte)), { name: 'clobbers' })
    const neighbour = await runtime.loadComponent(await parse(clobbering(0).replace(/\(memory\.fill[^\n]*\n/, '')), { name: 'neighbour' })
    const [ended, fine] = await Promise.all([hostile.run().catch((error: unknown) => error), neighbour.run()])
    const stdout = ended instanceof CordonError ? ended.report?.stdout : (ended as { stdout: string }).stdout
    expect(stdout).toMatch(/^hi\n(hi\n)?$/)
    if (ended instanceof CordonError) expect(ended.code).toBe('agent.trap')
    expect(fine.stdout).toBe('hi\nhi\n')
  })

  test('by exiting before it has begun, or calling itself through it, ends alone', async () => {
    const early = `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1) (func $f (call $exit (i32.const 3))) (start $f) (func (export "_start")))`
    const agent = await runtime.loadComponent(await parse(early), { name: 'early' })
    await expect(agent.run()).rejects.toMatchObject({ code: expect.stringMatching(/^agent\.(trap|exit)$/) as string })
    const lies = `(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (drop (call $write (i32.const 1) (i32.const -8) (i32.const 2147483647) (i32.const -1)))))`
    const liar = await runtime.loadComponent(await parse(lies), { name: 'liar' })
    const ended = await liar.run().catch((error: unknown) => error)
    if (ended instanceof CordonError) expect(ended.code).toBe('agent.trap')
    expect((await (await runtime.loadComponent(good, { name: 'good' })).run()).usage.calls).toBe(0)
  })
})
