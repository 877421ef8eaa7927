import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import type { Artifact } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { JcoLinker } from '#glue/jco.ts'
import type { GlueContents } from '#host/ingest/artifact-codec.ts'
import { loadToolset, type Toolset } from '#host/ingest/bindgen.ts'
import { ingest, type IngestOptions } from '#host/ingest/ingest.ts'
import { makeComponent } from '#host/ingest/make-component.ts'
import { makeGlue } from '#host/ingest/make-glue.ts'
import { scratch, type Scratch } from './scratch.ts'
import { agent, amplifying, asyncExport, component, composed, exporting, ownResource, withCore } from './wat.ts'

let here: Scratch
beforeAll(async () => {
  here = await scratch()
})
afterAll(() => here[Symbol.asyncDispose]())

const refusalOf = async (bytes: Uint8Array, options: Partial<IngestOptions> = {}): Promise<CordonError> => {
  const error: unknown = await ingest(bytes, { ...here.options, ...options }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof CordonError) return error
  throw new Error('expected a refusal', { cause: error })
}

const profile = { maxMemoryPages: 1024, maxTableElements: 16_384 }

/** The component of an artifact that is linked as one. */
const componentOf = (artifact: Artifact): Uint8Array => {
  if (artifact.linking !== 'component') throw new Error('expected a component')
  return artifact.component
}

const linkers = { component: new ComponentLinker(), glue: new JcoLinker() } as const

/** What glue makes of it, or nothing where it refuses by name. */
const glueOrRefusal = (bytes: Uint8Array, tools: Toolset): GlueContents[] => {
  try {
    return [makeGlue(bytes, profile, tools)]
  } catch (error) {
    expect(error).toMatchObject({ code: 'component.unsupported' })
    return []
  }
}

const hooks = {
  refill: () => 1_000_000,
  yield: () => Promise.resolve(),
  standing: () => 'running' as const,
  growMemory: () => true,
  growTable: () => true,
}

describe('a good component', () => {
  test('becomes an artifact that a cell links and calls', async () => {
    const { artifact, cached } = await ingest(await agent(), here.options)
    expect(cached).toBe(false)
    expect(artifact.exports).toEqual([{ path: ['cordon:agent/run@0.1.0', 'run'], call: 'cordon:agent/run', kind: 'agent-run' }])
    const linked = await new ComponentLinker().link(artifact)
    const instance = await linked.instantiate({}, hooks)
    expect(await instance.call(['cordon:agent/run@0.1.0', 'run'], ['"hello"'])).toBe('"hello"')
  })

  test('is known by digest, key and imports as written', async () => {
    const bytes = await agent({
      before: `(import "wasi:random/random@0.2.3" (instance (export "get-random-u64" (func (result u64)))))`,
    })
    const { artifact } = await ingest(bytes, here.options)
    expect(artifact.imports).toEqual(['wasi:random/random@0.2.3'])
    expect(artifact.componentDigest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(artifact.key).toMatch(/^[0-9a-f]{64}$/)
  })

  test('has commands and plain functions told apart, each called as promising', async () => {
    const bytes = await component(`
      (core module $m (func (export "cli") (result i32) (i32.const 0)) (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
      (core instance $i (instantiate $m))
      (func $cli (result (result)) (canon lift (core func $i "cli")))
      (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
      (instance $command (export "run" (func $cli)))
      (instance $maths (export "add-up" (func $add)))
      (export "wasi:cli/run@0.2.0" (instance $command))
      (export "my:tools/maths@1.0.0" (instance $maths))
      (export "add-numbers" (func $add))`)
    const { artifact } = await ingest(bytes, here.options)
    expect(artifact.exports.toSorted((a, b) => a.call.localeCompare(b.call))).toEqual([
      { path: ['addNumbers'], call: 'add-numbers', kind: 'plain' },
      { path: ['my:tools/maths@1.0.0', 'addUp'], call: 'my:tools/maths#add-up', kind: 'plain' },
      { path: ['wasi:cli/run@0.2.0', 'run'], call: 'wasi:cli/run', kind: 'wasi-command' },
    ])
    const instance = await (await new ComponentLinker().link(artifact)).instantiate({}, hooks)
    expect(await instance.call(['addNumbers'], [2, 3])).toBe(5)
    expect(await instance.call(['my:tools/maths@1.0.0', 'addUp'], [2, 3])).toBe(5)
  })

  test('may have a start function that never ends: running it is not the business of ingest', async () => {
    const bytes = await agent({ inside: '(func $spin (loop $again (br $again))) (start $spin)' })
    expect((await ingest(bytes, here.options)).artifact.linking).toBe('component')
  })

  test('has the maximum of its memories written into them', async () => {
    const { artifact } = await ingest(await agent(), here.options)
    const text = Buffer.from(componentOf(artifact)).toString('hex')
    // Memory section (5), 4 bytes, one memory, with a maximum (1), 1 page, 1024 pages = 64 MiB.
    expect(text).toContain('05050101018008')
  })
})

describe('bytes that are no component', () => {
  test.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('export const run = 1')],
    ['a cut header', Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d])],
  ])('%s is refused', async (_what, bytes) => {
    const error = await refusalOf(bytes)
    expect(error.code).toBe('component.invalid')
    expect(error.message).toContain('not WebAssembly')
  })

  test('a core module with nothing to call is refused, with what it would take', async () => {
    const error = await refusalOf(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain('expected an export `_start`, got no exports')
  })

  test('a truncated component is refused', async () => {
    const whole = await agent()
    for (const length of [9, 60, whole.length - 1]) {
      expect((await refusalOf(whole.slice(0, length))).code).toBe('component.invalid')
    }
  })

  test('1 GB of zeros costs neither time nor memory', async () => {
    const zeros = new Uint8Array(1024 ** 3)
    const before = process.memoryUsage.rss()
    const start = performance.now()
    expect((await refusalOf(zeros)).code).toBe('component.invalid')
    expect(performance.now() - start).toBeLessThan(200)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
  })

  test('1 GB behind the header of a component costs neither', async () => {
    const huge = new Uint8Array(1024 ** 3)
    huge.set([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])
    const start = performance.now()
    const error = await refusalOf(huge)
    expect(performance.now() - start).toBeLessThan(200)
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain('got 1073741824')
  })
})

describe('imports that are not there', () => {
  test.each(['evil:pkg/iface@1.0.0', 'wasi:sockets/raw@0.2.3', 'wasi:io/poll@0.3.0'])('%s is refused by name', async (name) => {
    const error = await refusalOf(await component(`(import "${name}" (instance))`))
    expect(error.code).toBe('component.import-unknown')
    expect(error.message).toContain(`\`${name}\``)
  })

  test('a function imported by the world is refused by name', async () => {
    const error = await refusalOf(await component('(import "do-it" (func))'))
    expect(error.code).toBe('component.import-unknown')
    expect(error.message).toContain('`do-it`')
  })
})

describe('imports of another type than the interface has', () => {
  const random = (members: string): string => `(import "wasi:random/random@0.2.3" (instance ${members}))`

  test('a function that the interface does not have is refused by name', async () => {
    const error = await refusalOf(await component(random('(export "get-entropy" (func (result u64)))')))
    expect(error.code).toBe('component.import-unknown')
    expect(error.message).toContain('`get-entropy` of `wasi:random/random@0.2.3`')
  })

  test.each([
    [
      'bytes declared as numbers, which would be read past their end',
      '(export "get-random-bytes" (func (param "len" u64) (result (list u64))))',
    ],
    ['another parameter type', '(export "get-random-bytes" (func (param "len" string) (result (list u8))))'],
    ['another parameter name', '(export "get-random-bytes" (func (param "length" u64) (result (list u8))))'],
    ['one parameter more', '(export "get-random-bytes" (func (param "len" u64) (param "x" u8) (result (list u8))))'],
    ['no result', '(export "get-random-bytes" (func (param "len" u64)))'],
    [
      'a type behind an alias',
      '(type $t (list u16)) (export "bytes" (type $b (eq $t))) (export "get-random-bytes" (func (param "len" u64) (result $b)))',
    ],
    ['a resource of its own', '(export "r" (type $r (sub resource))) (export "get-random-u64" (func (result (own $r))))'],
  ])('%s', async (_what, members) => {
    const error = await refusalOf(await component(random(members)))
    expect(error.code).toBe('component.import-unknown')
    expect(error.message).toContain('this host has it as')
  })

  test('a resource that belongs to another interface is refused', async () => {
    const error = await refusalOf(
      await component(`(import "wasi:clocks/monotonic-clock@0.2.3" (instance
        (export "pollable" (type $p (sub resource)))
        (export "subscribe-instant" (func (param "when" u64) (result (own $p))))))`),
    )
    expect(error.message).toContain('own<wasi:io/poll.pollable>')
  })

  test('types that double at every step are refused without being spelled out', async () => {
    const doubling = Array.from({ length: 60 }, (_, nth) => `(type $t${nth + 1} (tuple $t${nth} $t${nth}))`).join(' ')
    const start = performance.now()
    const bytes = await component(random(`(type $t0 (tuple u8 u8)) ${doubling} (export "get-random-u64" (func (param "x" $t60)))`)).catch(
      () => undefined,
    )
    if (bytes !== undefined) expect((await refusalOf(bytes)).code).toMatch(/^component\./)
    expect(performance.now() - start).toBeLessThan(5000)
  })
})

describe('core names that would become code', () => {
  const attack = 'x\\22];globalThis.pwned=1;[\\22'

  test.each([
    ['an import module', (name: string) => `(import "${name}" "f" (func))`],
    ['an import field', (name: string) => `(import "m" "${name}" (func))`],
    ['an export', (name: string) => `(func (export "${name}"))`],
  ])('are refused as %s', async (_where, core) => {
    const tools = await loadToolset()
    for (const name of [attack, "it's", 'a\\0ab', '`${x}`', '__proto__', 'a\\e2\\80\\a8b', '*/x/*', 'a b']) {
      const bytes = await withCore(core(name))
      expect(() => makeComponent(bytes, profile, tools.signatures), name).toThrow(
        expect.objectContaining({ code: 'component.unsupported' }),
      )
      expect(() => makeGlue(bytes, profile, tools), name).toThrow(expect.objectContaining({ code: 'component.unsupported' }))
    }
  })

  test('the attack that ran code through stock glue is refused', async () => {
    const error = await refusalOf(
      await agent({
        before: `(core module $x (func (export "${attack}"))) (core instance $x (instantiate $x))`,
        inside: `(import "h" "${attack}" (func))`,
        with: '(with "h" (instance $x))',
      }),
    )
    expect(error.code).toBe('component.unsupported')
    expect(error.message).not.toContain('\n')
  })
})

describe('exports that JavaScript cannot carry', () => {
  test.each(['then', 'arguments', 'eval', 'constructor', 'prototype'])('%s is refused, and named', async (name) => {
    const error = await refusalOf(await exporting(name))
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain(name)
  })

  test('names of the machinery around glue are refused there, or do what they are meant to; a component has them all', async () => {
    const tools = await loadToolset()
    const names = [
      'guard',
      'instantiate-core',
      'get-core-module',
      'imports',
      'console',
      'set-timeout',
      'run-next',
      'rsc-table-remove',
      'data-view',
      'gen',
      'to-string',
      'has-own-property',
      'value-of',
    ]
    for (const name of names) {
      const bytes = await exporting(name)
      const contents = [makeComponent(bytes, profile, tools.signatures), ...glueOrRefusal(bytes, tools)]
      for (const each of contents) {
        const instance = await (await linkers[each.linking].link(each)).instantiate({}, hooks)
        expect(await instance.call(each.exports[0]?.path ?? [], []), name).toBeUndefined()
      }
    }
  })
})

describe('features that cells do not contain', () => {
  test.each([
    ['a shared memory', '(memory 1 2 shared)', 'shared'],
    ['a 64-bit memory', '(memory i64 1)', '64'],
    ['a table of four billion', '(table 4294967295 funcref)', 'table'],
    ['exceptions', '(tag)', ''],
    ['garbage collection', '(type (struct (field i32)))', ''],
  ])('%s is refused', async (_what, core, said) => {
    const error = await refusalOf(await agent({ before: `(core module $x ${core}) (core instance (instantiate $x))` }))
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain(said)
  })

  test('resources of its own are refused by glue, by name', async () => {
    const error = await refusalOf(await agent({ after: ownResource }), { linker: 'jco' })
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain('resources of its own')
  })

  test('an exported core module is refused', async () => {
    expect((await refusalOf(await component('(core module $m) (export "m" (core module $m))'))).code).toMatch(/^component\./)
  })

  test('types that ask for megabytes of generated code are refused by glue, and cost a component next to nothing', async () => {
    const bytes = await amplifying(5)
    const error = await refusalOf(bytes, { linker: 'jco' })
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain('bytes of generated code')
    const tools = await loadToolset()
    const start = performance.now()
    try {
      makeComponent(bytes, profile, tools.signatures)
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'component.unsupported' })
    }
    expect(performance.now() - start).toBeLessThan(100)
  })

  test.each([
    ['a core module whose code does not type-check', '(core module $bad (func (result i32)))', 'component.invalid', 'core module 0'],
    ['a memory that starts larger than may be', '(core module $bad (memory 2000))', 'component.unsupported', 'memory'],
    [
      'an import of metering',
      '(core module $bad (import "cordon:meter" "refill" (func (result i32))))',
      'component.unsupported',
      'cordon:meter',
    ],
    ['an export of metering', '(core module $bad (func (export "cordon:meter/slice")))', 'component.unsupported', 'cordon:meter'],
  ])('%s is refused, though nothing instantiates it', async (_what, wat, code, said) => {
    const { signatures } = await loadToolset()
    const bytes = await component(`${wat} (core module $m (func (export "f"))) (core instance $i (instantiate $m))
      (func (export "run") (canon lift (core func $i "f")))`)
    expect(() => makeComponent(bytes, profile, signatures)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(said) }),
    )
  })
})

describe('what only the linker of our own can link', () => {
  test('a resource of its own', async () => {
    const { artifact } = await ingest(await agent({ after: ownResource }), here.options)
    expect(artifact.linking).toBe('component')
    expect(artifact.exports.map(({ call }) => call)).toEqual(['cordon:agent/run', 'go'])
    const instance = await (await new ComponentLinker().link(artifact)).instantiate({}, hooks)
    expect(await instance.call(['go'], [])).toBe(7)
  })

  test('a component that is composed of others, each with modules of its own', async () => {
    const { artifact } = await ingest(await component(composed), here.options)
    expect(artifact.linking).toBe('component')
    const instance = await (await new ComponentLinker().link(artifact)).instantiate({}, hooks)
    expect(await instance.call(['addTwice'], [40])).toBe(42)
  })

  test('custom sections are left out, wherever they are', async () => {
    const bytes = await component(`(@custom "of-the-root" "words") ${composed}`)
    expect(Buffer.from(bytes).includes('of-the-root')).toBe(true)
    const { artifact } = await ingest(bytes, here.options)
    expect(Buffer.from(componentOf(artifact)).includes('of-the-root')).toBe(false)
  })
})

describe('a component past WASI 0.2', () => {
  const lines: string[] = []

  test('is taken apart by the transpiler, in a child of its own, and runs', async () => {
    const { artifact } = await ingest(await component(asyncExport), { ...here.options, progress: (line) => lines.push(line) })
    expect(artifact.linking).toBe('glue')
    expect(lines.join('\n')).toContain('past WASI 0.2')
    const instance = await (await new JcoLinker().link(artifact)).instantiate({}, hooks)
    expect(await instance.call(['addOne'], [41])).toBe(42)
  })

  test('is served from the cache the next time', async () => {
    expect((await ingest(await component(asyncExport), here.options)).cached).toBe(true)
  })

  test.each([
    ['an unknown interface', '(import "evil:pkg/iface@1.0.0" (instance))', 'component.import-unknown'],
    ['an interface of WASI 0.3', '(import "wasi:random/random@0.3.0" (instance))', 'component.import-unknown'],
    [
      'a function with another type',
      '(import "wasi:random/random@0.2.3" (instance (export "get-random-u64" (func (result u8)))))',
      'component.import-unknown',
    ],
    ['a hostile core name', '(core module $x (func (export "\\22];globalThis.x=1;[\\22")))', 'component.unsupported'],
    ['a shared memory', '(core module $x (memory 1 2 shared))', 'component.unsupported'],
  ])('is refused for %s as any other is', async (_what, wat, code) => {
    expect((await refusalOf(await component(`${wat} ${asyncExport}`))).code).toBe(code)
  })

  test('that exports `then` is refused', async () => {
    expect((await refusalOf(await component(asyncExport.replace('add-one', 'then')))).code).toBe('component.unsupported')
  })
})

describe('what neither WASI 0.2 nor 0.3 has', () => {
  const children: ChildProcess[] = []
  const started = (message: unknown): void => void children.push((message as { readonly process: ChildProcess }).process)
  /** The programs of the children that ingest started. */
  const programs = (): readonly string[] =>
    children.flatMap(({ spawnargs }) => spawnargs.flatMap((argument) => /[a-z-]*child-entry/.exec(argument) ?? []))
  beforeEach(() => {
    children.length = 0
    subscribe('child_process', started)
  })
  afterEach(() => void unsubscribe('child_process', started))

  test.each([
    ['64-bit memories', '(core module (memory i64 1))', 'memory64'],
    ['shared memories', '(core module (memory 1 2 shared))', 'shared memories'],
    ['several memories', '(core module (memory 1) (memory 1))', 'several memories'],
    ['garbage-collected types', '(core module (type (struct)))', 'garbage collection'],
    ['lists of fixed length', '(type (list u8 4))', 'fixed length'],
    ['maps', '(type (map u8 string))', 'a map'],
    ['threads', '(core func (canon thread.index))', 'threads'],
    ['core modules as imports', '(import "m" (core module))', 'import `m` of the root'],
    ['nested namespaces', '(import "i" (instance (export "j" (instance))))', 'nested namespace'],
  ])('is refused with the reader’s words, and the transpiler never sees it: %s', async (_what, wat, said) => {
    const error = await refusalOf(await component(wat))
    expect(error).toMatchObject({ code: 'component.unsupported', message: expect.stringContaining(said) as unknown })
    expect(programs()).toEqual(['child-entry'])
  })

  test('is not what WASI 0.3 has, which is given to the transpiler', async () => {
    expect((await ingest(await component(`${asyncExport} (@custom "another")`), here.options)).cached).toBe(false)
    expect(programs()).toEqual(['child-entry', 'glue-child-entry'])
  })
})

test('one component has an entry of its own in the cache for each way to link it', async () => {
  const bytes = await agent({ inside: '(func $both)' })
  const own = await ingest(bytes, here.options)
  const jco = await ingest(bytes, { ...here.options, linker: 'jco' })
  expect([own.artifact.linking, jco.artifact.linking]).toEqual(['component', 'glue'])
  expect(jco.cached).toBe(false)
  expect((await ingest(bytes, here.options)).artifact).toEqual(own.artifact)
})

describe('the transpiler', () => {
  test('works for the next component after one it cannot handle', async () => {
    // Capitals make it panic, after which no transpiling in the same process can be trusted.
    const error = await refusalOf(await exporting('a-PANIC'), { linker: 'jco' })
    expect(error.code).toBe('ingest.failed')
    expect(error.message).toContain('panicked')
    const next = await agent({ inside: '(func $unused)' })
    expect((await ingest(next, { ...here.options, linker: 'jco' })).cached).toBe(false)
  })

  test('is there with its licence', () => {
    expect(readFileSync(new URL('../../../dist/vendor/LICENSE', import.meta.url), 'utf8')).toContain('Apache License')
  })
})
