import { readFile } from 'node:fs/promises'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { afterAll, describe, expect, test } from 'vitest'
import { readComponent } from '#core/component/read-component.ts'
import { CordonError } from '#core/errors.ts'
import { vendorFolder } from '#host/ingest/signatures.ts'
import { ingest, type Ingested } from '#host/ingest/ingest.ts'
import { buildC } from '../../fixtures/build-c.ts'
import { withWorld } from '../../fixtures/wit-text.ts'
import { scratch } from '../ingest/scratch.ts'

const here = await scratch()
afterAll(() => here[Symbol.asyncDispose]())

const preview1 = 'wasi_snapshot_preview1'
const memory = '(memory (export "memory") 1)'
const start = '(func (export "_start"))'
const imported = (name: string, type: string, module = preview1): string => `(import "${module}" "${name}" ${type})`
const exits = imported('proc_exit', '(func (param i32))')

const take = async (inside: string): Promise<Ingested> => await ingest(await parse(`(module ${inside})`), here.options)

const refusalOf = async (module: Uint8Array): Promise<{ code: string; message: string }> => {
  const error: unknown = await ingest(module, here.options).catch((failure: unknown) => failure)
  if (!(error instanceof CordonError)) throw new Error('expected a refusal', { cause: error })
  return { code: error.code, message: error.message }
}

describe('a core module that is a command', () => {
  test('becomes a component that exports wasi:cli/run', async () => {
    const { artifact } = await take(`${exits} ${memory} ${start}`)
    expect(artifact.linking).toBe('component')
    expect(artifact.exports).toEqual([{ path: ['wasi:cli/run@0.2.12', 'run'], call: 'wasi:cli/run', kind: 'wasi-command' }])
    expect(artifact.imports).toContain('wasi:filesystem/types@0.2.12')
  })

  test('imports nothing and needs no memory when it uses nothing of WASI', async () => {
    const { artifact } = await take(start)
    expect([artifact.imports, artifact.exports.map(({ call }) => call)]).toEqual([[], ['wasi:cli/run']])
  })

  test('goes by the digest of the file that it came in, and is found again by it', async () => {
    const module = await parse(`(module ${exits} ${memory} ${start} (data "once"))`)
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(module))).toString('hex')
    const [first, second] = [await ingest(module, here.options), await ingest(module, here.options)]
    expect([first.artifact.componentDigest, first.cached, second.cached]).toEqual([`sha256:${digest}`, false, true])
    expect(second.artifact).toEqual(first.artifact)
  })

  test('may export what else it likes, import each function of preview 1, and have a start function', async () => {
    const frame = new Uint8Array(await readFile(new URL('command-frame.wasm', vendorFolder)))
    const { offset, length } = readComponent(frame).modules[0] ?? { offset: 0, length: 0 }
    const all = frame.slice(offset, offset + length)
    expect((await ingest(all, here.options)).artifact.exports).toHaveLength(1)
    const more = `${exits} ${memory} ${start} (func $f (export "cabi_realloc")) (func (export "wasi:cli/run@0.2.12#run")) (start $f)`
    expect((await take(more)).artifact.exports).toHaveLength(1)
  })

  test('may import a function more than once', async () => {
    expect((await take(`${exits} ${exits} ${memory} ${start}`)).artifact.exports).toHaveLength(1)
  })
})

describe('the frame that a command is put into', () => {
  test('offers all functions of preview 1', async () => {
    const frame = new Uint8Array(await readFile(new URL('command-frame.wasm', vendorFolder)))
    const program = readComponent(frame).steps.find(({ module }) => module === 0)
    expect(program?.imports.map(({ name }) => name).toSorted()).toEqual(
      [
        'args_get',
        'args_sizes_get',
        'clock_res_get',
        'clock_time_get',
        'environ_get',
        'environ_sizes_get',
        'poll_oneoff',
        ...['advise', 'allocate', 'close', 'datasync', 'fdstat_get', 'fdstat_set_flags', 'fdstat_set_rights', 'filestat_get'].map(fd),
        ...['filestat_set_size', 'filestat_set_times', 'pread', 'prestat_dir_name', 'prestat_get', 'pwrite', 'read', 'readdir'].map(fd),
        ...['renumber', 'seek', 'sync', 'tell', 'write'].map(fd),
        ...['create_directory', 'filestat_get', 'filestat_set_times', 'link', 'open', 'readlink', 'remove_directory'].map(path),
        ...['rename', 'symlink', 'unlink_file'].map(path),
        ...['accept', 'recv', 'send', 'shutdown'].map((name) => `sock_${name}`),
        'proc_exit',
        'proc_raise',
        'random_get',
        'sched_yield',
      ].toSorted(),
    )
  })

  test('passes exit codes on, and never only whether there was one', async () => {
    const frame = new Uint8Array(await readFile(new URL('command-frame.wasm', vendorFolder)))
    const exit = readComponent(frame).imports.find(({ name }) => name.startsWith('wasi:cli/exit@'))
    expect(exit?.functions.map(({ name }) => name)).toEqual(['exit-with-code'])
  })
})

const fd = (name: string): string => `fd_${name}`
const path = (name: string): string => `path_${name}`

describe('what is refused, by name', () => {
  test.each([
    [
      'the WASI before preview 1',
      imported('proc_exit', '(func (param i32))', 'wasi_unstable'),
      'component.unsupported',
      /`proc_exit` of `wasi_unstable`/,
    ],
    ['an import of no WASI', imported('fly', '(func)', 'env'), 'component.import-unknown', /imports `fly` of `env`/],
    ['a memory of its host', imported('memory', '(memory 1)', 'env'), 'component.import-unknown', /imports `memory` of `env`/],
    [
      'a function that preview 1 has not',
      imported('sock_open', '(func)'),
      'component.import-unknown',
      /imports `sock_open` of `wasi_snapshot_preview1`/,
    ],
    [
      'another type of one that it has',
      imported('fd_write', '(func (param i64))'),
      'component.import-unknown',
      /`fd_write` .* as \(i64\) -> \(\); expected it as \(i32 i32 i32 i32\) -> \(i32\)/,
    ],
    ['a global in the place of one', imported('fd_write', '(global i32)'), 'component.import-unknown', /as a global/],
    ['what the adapter has for itself', imported('reset_adapter_state', '(func)'), 'component.import-unknown', /no such function/],
    [
      'an import of the adapter’s own kind',
      imported('_start', '(func)', '__main_module__'),
      'component.import-unknown',
      /of `__main_module__`/,
    ],
    [
      'an import of the new WASI without a world',
      imported('now', '(func (result i64))', 'wasi:clocks/monotonic-clock@0.2.12'),
      'component.import-unknown',
      /`wasi:clocks\/monotonic-clock@0\.2\.12`/,
    ],
    ['an import of metering', imported('refill', '(func (result i32))', 'cordon:meter'), 'component.unsupported', /cordon:meter/],
    [
      'the same import twice, as two types',
      `${exits} ${imported('proc_exit', '(func (param i64))')}`,
      'component.import-unknown',
      /`proc_exit` .* as \(i64\) -> \(\); expected it as \(i32\) -> \(\)/,
    ],
  ])('%s', async (_what, imports, code, says) => {
    const refusal = await refusalOf(await parse(`(module ${imports} ${imports.includes('(memory') ? '' : memory} ${start})`))
    expect(refusal).toEqual({ code, message: expect.stringMatching(says) as string })
  })

  test.each([
    [
      'neither a command nor a reactor with a world',
      `${memory} (func (export "add"))`,
      'component.unsupported',
      /no command and carries no world.*got only `memory`, `add`/,
    ],
    [
      'a reactor without a world',
      `${exits} ${memory} (func (export "_initialize")) (func (export "add"))`,
      'component.unsupported',
      /got only `memory`, `_initialize`, `add`/,
    ],
    ['nothing at all', '', 'component.unsupported', /got no exports/],
    ['command and reactor at once', `${start} (func (export "_initialize"))`, 'component.invalid', /both `_start` and `_initialize`/],
    ['a `_start` with a result', '(func (export "_start") (result i32) i32.const 0)', 'component.invalid', /`_start` as \(\) -> \(i32\)/],
    ['a `_start` that is a global', '(global (export "_start") i32 (i32.const 0))', 'component.invalid', /`_start` as a global/],
    [
      'a memory that it keeps to itself',
      `${exits} (memory 1) ${start}`,
      'component.invalid',
      /memory under the name `memory`, got nothing/,
    ],
    ['a function called memory', `${exits} (func (export "memory")) ${start}`, 'component.invalid', /got \(\) -> \(\)/],
    ['a memory that is shared', `${exits} (memory (export "memory") 1 2 shared) ${start}`, 'component.unsupported', /shared/],
    ['a memory of 64 bits', `${exits} (memory (export "memory") i64 1) ${start}`, 'component.unsupported', /64/],
    [
      'more memory than any session has',
      `${exits} (memory (export "memory") 2000) ${start}`,
      'component.unsupported',
      /at most 1024 pages, got 2002/,
    ],
    ['code that does not type-check', `${exits} ${memory} (func (export "_start") i64.const 0 call 0)`, 'component.invalid', /type-check/],
  ])('%s', async (_what, inside, code, says) => {
    const refusal = await refusalOf(await parse(`(module ${inside})`))
    expect(refusal).toEqual({ code, message: expect.stringMatching(says) as string })
  })

  test('bytes that only start as a core module', async () => {
    const whole = await parse(`(module ${exits} ${memory} ${start})`)
    for (const length of [9, 20, whole.length - 1]) {
      expect((await refusalOf(whole.slice(0, length))).code).toBe('component.invalid')
    }
  })
})

const greetsWit = await readFile(new URL('../../../guests/greets-by-hand/greets-by-hand.wit', import.meta.url), 'utf8')

describe('a core module that carries its world', () => {
  test('exports what its world says, adapter or not', async () => {
    const module = await buildC('greets-by-hand', ['-mexec-model=reactor'])
    const { artifact } = await ingest(await withWorld(module, greetsWit, 'greets'), here.options)
    expect(artifact.exports.map(({ call, kind }) => `${call} ${kind}`)).toEqual(['greet plain', 'add plain', 'nanoseconds plain'])
    expect(artifact.imports).toEqual(expect.arrayContaining(['wasi:clocks/monotonic-clock@0.2.12', 'wasi:cli/environment@0.2.12']))
    const bare = await parse('(module (func (export "add") (param i32 i32) (result i64) i64.const 3))')
    const small = await ingest(
      await withWorld(bare, 'package a:b; world w { export add: func(a: u32, b: u32) -> u64; }', 'w'),
      here.options,
    )
    expect([small.artifact.imports, small.artifact.exports.map(({ call }) => call)]).toEqual([[], ['add']])
  })

  test('may be a command as well, with imports that its world names', async () => {
    const text = `(module ${exits} (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func (result i64))) ${memory} ${start})`
    const world = 'package a:b; world w { import wasi:clocks/monotonic-clock@0.2.12; }'
    const { artifact } = await ingest(await withWorld(await parse(text), world, 'w'), here.options)
    expect(artifact.exports.map(({ call }) => call)).toEqual(['wasi:cli/run'])
    expect(artifact.imports).toContain('wasi:clocks/monotonic-clock@0.2.12')
  })

  test.each([
    [
      'does not export what its world says',
      '(func (export "other"))',
      'world w { export add: func(); }',
      /^component\.invalid: .*does not fit the world.*add/,
    ],
    [
      'exports it with another type',
      '(func (export "add") (param i64))',
      'world w { export add: func(); }',
      /^component\.invalid: .*does not fit the world/,
    ],
    [
      'imports what its world does not name',
      '(import "env" "fly" (func)) (func (export "add"))',
      'world w { export add: func(); }',
      /^component\.invalid: .*does not fit the world.*env/,
    ],
    [
      'wants what this host has not',
      '(import "a:b/c" "d" (func)) (func (export "add"))',
      'interface c { d: func(); } world w { import c; export add: func(); }',
      /^component\.import-unknown: .*`a:b\/c`/,
    ],
    [
      'speaks the WASI before preview 1',
      '(import "wasi_unstable" "sched_yield" (func (result i32)))',
      'world w {}',
      /^component\.unsupported: .*wasi_unstable/,
    ],
    ['is command and reactor', `${start} (func (export "_initialize"))`, 'world w {}', /^component\.invalid: .*both/],
  ])('is refused by name when it %s', async (_what, inside, world, says) => {
    const { code, message } = await refusalOf(await withWorld(await parse(`(module ${inside})`), `package a:b; ${world}`, 'w'))
    expect(`${code}: ${message}`).toMatch(says)
  })
})
