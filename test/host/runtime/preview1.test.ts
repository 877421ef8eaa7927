import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CordonError, createRuntime, type RunOptions, type Runtime } from '#index.ts'
import { buildC } from '../../fixtures/build-c.ts'
import { buildRust, rustMissing } from '../../fixtures/build-rust.ts'
import { levelsToTest } from '../../fixtures/levels.ts'
import { ownsItsMemory } from '../../fixtures/owns-its-memory.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'
import { withWorld } from '../../fixtures/wit-text.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())

/** What a command came to, however it ended. */
interface Ended {
  readonly exitCode: number
  readonly code: string
  readonly stdout: string
  readonly stderr: string
}

const greetsWit = await readFile(new URL('../../../guests/greets-by-hand/greets-by-hand.wit', import.meta.url), 'utf8')
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
const mounted = (host: string, guest: string, mode: 'ro' | 'rw'): object => ({ mounts: [{ host, guest, mode }] })
const withinMs = (said: string, pattern: RegExp): number => Number(pattern.exec(said)?.[1] ?? Number.NaN)

test('every guest in C or Rust is one that is tried here', () => {
  const files = globSync('*/*.{c,rs}', { cwd: new URL('../../../guests/', import.meta.url).pathname })
  const own = readFileSync(new URL(import.meta.url), 'utf8')
  const untried = files.map((file) => basename(file, extname(file))).filter((name) => !own.includes(`'${name}'`))
  expect([files.length > 5, untried]).toEqual([true, []])
})

describe.each(levelsToTest.filter(({ level }) => level !== 'bwrap'))('programs of preview 1 at level $level', ({ level }) => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime({
      cacheDir: testCache,
      keysDir: home.keysDir,
      audit: home.nextAudit(),
      pool: { isolation: level, max: 1 },
    })
  })
  afterAll(() => runtime[Symbol.asyncDispose]())

  const run = async (name: string, module: Uint8Array, options: RunOptions = {}): Promise<Ended> => {
    const agent = await runtime.loadComponent(module, { name })
    try {
      const { stdout, stderr } = await agent.run(undefined, options)
      return { exitCode: 0, code: 'done', stdout, stderr }
    } catch (error) {
      if (!(error instanceof CordonError) || error.report === undefined) throw error
      const { stdout, stderr } = error.report
      return { exitCode: error.exitCode, code: error.code, stdout, stderr }
    }
  }
  const runC = async (name: string, options: RunOptions = {}): Promise<Ended> => await run(name, await buildC(name), options)

  describe('a command in C', () => {
    test('has its arguments, its granted environment, and its input to the last byte', async () => {
      const stdin = Buffer.from('a line\nano\0ther, not ended'.repeat(5000))
      const { exitCode, stdout, stderr } = await runC('echoes-command', {
        args: ['one', 'two words', 'ünï'],
        stdin,
        allow: { env: ['GRANTED=yes', 'ALSO=a=b'] },
      })
      expect([exitCode, stderr]).toEqual([0, `${stdin.length} bytes of input\n`])
      const said = text([
        'argument 0: echoes-command',
        'argument 1: one',
        'argument 2: two words',
        'argument 3: ünï',
        'environment: GRANTED=yes',
        'environment: ALSO=a=b',
        'terminal: no',
      ])
      expect(stdout).toBe(said + stdin.toString().toUpperCase())
    })

    test('has nothing when it is given nothing', async () => {
      const { exitCode, stdout, stderr } = await runC('echoes-command')
      expect([exitCode, stdout, stderr]).toEqual([0, text(['argument 0: echoes-command', 'terminal: no']), '0 bytes of input\n'])
    })

    test('copies a tree of files, folders and links, their bytes and times', async () => {
      const [from, to] = ['from', 'to'].map((name) => mkdtempSync(join(home.folder, name))) as [string, string]
      const noise = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 31) % 251))
      mkdirSync(join(from, 'deep', 'deeper'), { recursive: true })
      writeFileSync(join(from, 'noise'), noise)
      writeFileSync(join(from, 'deep', 'deeper', 'empty'), '')
      symlinkSync('deeper/empty', join(from, 'deep', 'link'))
      utimesSync(join(from, 'noise'), 1_500_000_000, 1_400_000_000)
      for (let nth = 0; nth < 60; nth++) writeFileSync(join(from, 'deep', `file-${nth}-with-a-name-of-some-length`), `${nth}`)

      const both = {
        mounts: [
          { host: from, guest: '/from', mode: 'ro' },
          { host: to, guest: '/to', mode: 'rw' },
        ],
      }
      const ended = await runC('copies-a-tree', { args: ['/from', '/to'], allow: both, limits: { calls: 5000 } })
      expect(ended).toEqual({ exitCode: 0, code: 'done', stdout: '62 files, 3 folders, 1 links, 100110 bytes\n', stderr: '' })
      expect(readFileSync(join(to, 'noise')).equals(noise)).toBe(true)
      expect(statSync(join(to, 'noise')).mtimeMs).toBe(1_400_000_000_000)
      expect(readlinkSync(join(to, 'deep', 'link'))).toBe('deeper/empty')
      const [before, after] = [from, to].map((each) => readdirSync(each, { recursive: true, encoding: 'utf8' }).toSorted())
      expect(after).toEqual(before)
      for (let nth = 0; nth < 60; nth++) {
        const name = join('deep', `file-${nth}-with-a-name-of-some-length`)
        expect(readFileSync(join(to, name), 'utf8')).toBe(`${nth}`)
      }
    })

    test('is told the error of what it may not do', async () => {
      const from = mkdtempSync(join(home.folder, 'from'))
      writeFileSync(join(from, 'file'), 'text')
      const ended = await runC('copies-a-tree', { args: ['/from', '/from/copy'], allow: mounted(from, '/from', 'ro') })
      expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^make folder \/from\/copy: /) as string })
      expect(existsSync(join(from, 'copy'))).toBe(false)
      const outside = await runC('copies-a-tree', { args: ['/etc', '/from'], allow: mounted(from, '/from', 'rw') })
      expect(outside).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^open folder \/etc: /) as string })
    })

    test('sleeps, polls with a deadline, and wakes when input comes', async () => {
      const lineAfter = async function* (): AsyncGenerator<Uint8Array> {
        await new Promise((wake) => setTimeout(wake, 600))
        yield Buffer.from('wake')
      }
      const { exitCode, stdout } = await runC('waits-and-polls', { stdin: lineAfter() })
      expect(exitCode).toBe(0)
      expect(withinMs(stdout, /^slept (\d+)$/m)).toBeGreaterThanOrEqual(119)
      expect(withinMs(stdout, /^polled nothing for (\d+)$/m)).toBeGreaterThanOrEqual(79)
      expect(withinMs(stdout, /^input ready after (\d+): wake$/m)).toBeLessThan(4900)
      expect(stdout).toContain(`the year is ${new Date().getUTCFullYear()}\n`)
    })

    test.each([
      [['exit', '0'], 0, 'done'],
      [['exit', '1'], 1, 'agent.exit'],
      [['exit', '7'], 7, 'agent.exit'],
      [['return', '42'], 42, 'agent.exit'],
      [['_exit', '123'], 123, 'agent.exit'],
      [['abort'], 1, 'agent.trap'],
      [['trap'], 1, 'agent.trap'],
      [['overflow'], 1, 'agent.trap'],
    ] as const)('told %j ends with code %i', async (args, exitCode, code) => {
      const ended = await runC('ends-as-told', { args })
      expect(ended).toMatchObject({ exitCode, code })
      const runsHandlers = args[0] === 'exit' || args[0] === 'return'
      expect(ended.stdout).toBe(runsHandlers ? `${args[0]}\nhandlers ran\n` : ended.stdout.startsWith(args[0]) ? `${args[0]}\n` : '')
    })

    test('has as much memory as its session, and no more', async () => {
      const args = ['memory', '40']
      expect(await runC('ends-as-told', { args, limits: { memoryBytes: 64 << 20 } })).toMatchObject({ exitCode: 0 })
      expect(await runC('ends-as-told', { args, limits: { memoryBytes: 32 << 20 } })).not.toMatchObject({ exitCode: 0 })
    })

    test('that is a reactor exports what its world says', async () => {
      const module = await withWorld(await buildC('greets-by-hand', ['-mexec-model=reactor']), greetsWit, 'greets')
      const agent = await runtime.loadComponent(module, { name: 'greets-by-hand' })
      expect((await agent.run(['Ada'], { call: 'greet' })).result).toBe('Hello, Ada!')
      expect((await agent.run(['Ada'], { call: 'greet', allow: { env: ['GREETING=Salut'] } })).result).toBe('Salut, Ada!')
      await using session = await agent.open()
      const sums = await Promise.all([1, 2, 3].map(async (n) => (await session.call([n, 4_000_000_000], { call: 'add' })).result))
      expect(sums.map(Number)).toEqual([4_000_000_001, 4_000_000_002, 4_000_000_003])
    })
  })

  /** Ends with the error number of one call. */
  const callingWat = (name: string, type: string, args: string): string => `(module
    (import "wasi_snapshot_preview1" "${name}" (func $call (param ${type}) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (call $exit (call $call ${args}))))`

  test.each([
    ['sock_accept', 'i32 i32 i32', '(i32.const 0) (i32.const 0) (i32.const 64)'],
    ['sock_recv', 'i32 i32 i32 i32 i32 i32', '(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 68)'],
    ['sock_send', 'i32 i32 i32 i32 i32', '(i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64)'],
    ['sock_shutdown', 'i32 i32', '(i32.const 1) (i32.const 1)'],
    ['proc_raise', 'i32', '(i32.const 2)'],
  ])('%s answers with an error and does not trap: a program has no socket, and no signals', async (name, type, args) => {
    const [notSocket, notSupported] = [57, 58]
    const exitCode = name === 'proc_raise' ? notSupported : notSocket
    expect(await run(name, await parse(callingWat(name, type, args)))).toMatchObject({ exitCode, code: 'agent.exit' })
  })

  test('a program that takes all its memory for its own shares none of it, however often it grows', async () => {
    const folder = mkdtempSync(join(home.folder, 'owned'))
    writeFileSync(join(folder, 'file-a'), 'abcdefgh')
    writeFileSync(join(folder, 'file-b'), '')
    const program = await parse(ownsItsMemory)
    for (let nth = 0; nth < 2; nth++) {
      const ended = await run('owns', program, { allow: mounted(folder, '/box', 'ro') })
      expect(ended).toEqual({ exitCode: 7, code: 'agent.exit', stdout: 'said '.repeat(3), stderr: '' })
    }
  })

  test('sched_yield and an unknown descriptor are answered', async () => {
    const badDescriptor = 8
    expect((await run('yields', await parse(callingWat('sched_yield', '', '')))).exitCode).toBe(0)
    expect((await run('closes', await parse(callingWat('fd_close', 'i32', '(i32.const 77)')))).exitCode).toBe(badDescriptor)
  })

  describe.skipIf(rustMissing !== undefined)(`a command in Rust${rustMissing === undefined ? '' : ` (${rustMissing})`}`, () => {
    const runRust = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
      run('uses-std', buildRust(), { ...options, args })

    test('uses files as its standard library does', async () => {
      const folder = mkdtempSync(join(home.folder, 'rust'))
      expect(await runRust(['files', '/box'], { allow: mounted(folder, '/box', 'rw') })).toMatchObject({
        stdout: 'files: ok\n',
        stderr: '',
      })
    })

    test('has its granted environment, its input by lines, and the time', async () => {
      expect((await runRust(['env', 'NAME'], { allow: { env: ['NAME=value'] } })).stdout).toBe('NAME: value\n')
      expect((await runRust(['env', 'NAME'])).stdout).toContain('not found')
      expect((await runRust(['lines'], { stdin: Buffer.from('one\ntwo') })).stdout).toBe('[one]\n[two]\n')
      const { stdout } = await runRust(['time'])
      expect(Math.abs(withinMs(stdout, /^seconds: (\d+)$/m) - Date.now() / 1000)).toBeLessThan(60)
      expect(withinMs(stdout, /^slept: (\d+)$/m)).toBeGreaterThanOrEqual(59)
    })

    test('hashes with other random numbers each time', async () => {
      const [first, second] = [await runRust(['random']), await runRust(['random'])]
      expect(first.stdout).toMatch(/^order: (\d+ ?){8}\n$/)
      expect(second.stdout).not.toBe(first.stdout)
    })

    test('fills a vector of 48 MB', async () => {
      expect(await runRust(['memory'], { limits: { memoryBytes: 256 << 20 } })).toMatchObject({
        exitCode: 0,
        stdout: 'sum: 17999997000000\n',
      })
    })

    test('has no threads, exits with its code, and traps when it panics', async () => {
      expect((await runRust(['threads'])).stdout).toBe('threads: unsupported\n')
      expect(await runRust(['exit', '11'])).toMatchObject({ exitCode: 11, code: 'agent.exit' })
      const panicked = await runRust(['panic'])
      expect(panicked).toMatchObject({ exitCode: 1, code: 'agent.trap', stderr: expect.stringContaining('as it was told') as string })
    })
  })
})
