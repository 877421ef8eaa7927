import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { JcoLinker } from '#glue/jco.ts'
import type { Artifact, CoreModule } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import type { ArtifactContents } from '#host/ingest/artifact-codec.ts'
import { loadToolset } from '#host/ingest/bindgen.ts'
import { ingest } from '#host/ingest/ingest.ts'
import { makeGlue } from '#host/ingest/make-glue.ts'
import { scratch, type Scratch } from './scratch.ts'
import { agent, amplifying, component, exporting, withCore } from './wat.ts'

let here: Scratch
beforeAll(async () => {
  here = await scratch()
})
afterAll(() => here[Symbol.asyncDispose]())

const refusalOf = async (bytes: Uint8Array): Promise<CordonError> => {
  const error: unknown = await ingest(bytes, here.options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof CordonError) return error
  throw new Error('expected a refusal', { cause: error })
}

const profile = { maxMemoryPages: 1024, maxTableElements: 16_384 }

const coresOf = (artifact: Artifact): readonly CoreModule[] => (artifact.linking === 'glue' ? artifact.cores : [])

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
    const linked = await new JcoLinker().link(artifact)
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
    const instance = await (await new JcoLinker().link(artifact)).instantiate({}, hooks)
    expect(await instance.call(['addNumbers'], [2, 3])).toBe(5)
    expect(await instance.call(['my:tools/maths@1.0.0', 'addUp'], [2, 3])).toBe(5)
  })

  test('may have a start function that never ends: running it is not the business of ingest', async () => {
    const bytes = await agent({ inside: '(func $spin (loop $again (br $again))) (start $spin)' })
    expect(coresOf((await ingest(bytes, here.options)).artifact)).toHaveLength(1)
  })

  test('has the maximum of its memories written into them', async () => {
    const { artifact } = await ingest(await agent(), here.options)
    const [core] = coresOf(artifact)
    const text = Buffer.from(core?.bytes ?? []).toString('hex')
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

  test('a core module is refused by name', async () => {
    const error = await refusalOf(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
    expect(error.code).toBe('component.invalid')
    expect(error.message).toContain('core module')
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
  test.each(['evil:pkg/iface@1.0.0', 'wasi:sockets/tcp@0.2.3', 'wasi:io/poll@0.3.0'])('%s is refused by name', async (name) => {
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

describe('exports that generated code cannot carry', () => {
  test.each(['then', 'arguments', 'eval', 'guard', 'constructor'])('%s is refused, and named', async (name) => {
    const error = await refusalOf(await exporting(name))
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain(name)
  })

  test('names of the machinery around them are refused, or do what they are meant to', async () => {
    const tools = await loadToolset()
    const names = [
      'instantiate-core',
      'get-core-module',
      'imports',
      'console',
      'set-timeout',
      'run-next',
      'rsc-table-remove',
      'data-view',
      'gen',
    ]
    for (const name of names) {
      const bytes = await exporting(name)
      const attempt = (): ArtifactContents | undefined => {
        try {
          return makeGlue(bytes, profile, tools)
        } catch (error) {
          expect(error, name).toMatchObject({ code: 'component.unsupported' })
          return undefined
        }
      }
      const contents = attempt()
      if (contents === undefined) continue
      const instance = await (await new JcoLinker().link(contents)).instantiate({}, hooks)
      expect(await instance.call(contents.exports[0]?.path ?? [], []), name).toBeUndefined()
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

  test('resources of its own are refused by name', async () => {
    const error = await refusalOf(
      await agent({
        after: `(core module $d (func (export "dtor") (param i32)))
          (core instance $d (instantiate $d))
          (type $thing (resource (rep i32) (dtor (core func $d "dtor"))))
          (core func $drop (canon resource.drop $thing))
          (core module $e (import "h" "drop" (func $d (param i32))) (func (export "go") (call $d (i32.const 1))))
          (core instance $e (instantiate $e (with "h" (instance (export "drop" (func $drop))))))
          (func (export "go") (canon lift (core func $e "go")))`,
      }),
    )
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain('resources of its own')
  })

  test('an exported core module is refused', async () => {
    expect((await refusalOf(await component('(core module $m) (export "m" (core module $m))'))).code).toMatch(/^component\./)
  })

  test('types that ask for megabytes of code are refused', async () => {
    const error = await refusalOf(await amplifying(5))
    expect(error.code).toBe('component.unsupported')
    expect(error.message).toContain('bytes of generated code')
  })
})

describe('the transpiler', () => {
  test('works for the next component after one it cannot handle', async () => {
    // Capitals make it panic, after which no transpiling in the same process can be trusted.
    const error = await refusalOf(await exporting('a-PANIC'))
    expect(error.code).toBe('ingest.failed')
    expect(error.message).toContain('panicked')
    const next = await agent({ inside: '(func $unused)' })
    expect((await ingest(next, here.options)).cached).toBe(false)
  })

  test('is there with its licence', () => {
    expect(readFileSync(new URL('../../../dist/vendor/LICENSE', import.meta.url), 'utf8')).toContain('Apache License')
  })
})
