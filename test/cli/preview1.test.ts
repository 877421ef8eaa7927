import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildC } from '../fixtures/build-c.ts'
import { cordonHome } from '../fixtures/cordon-process.ts'

const home = cordonHome()
const { cordon, folder } = home
afterAll(() => home[Symbol.dispose]())

const digestOf = (name: string): string =>
  `sha256:${createHash('sha256')
    .update(readFileSync(join(folder, name)))
    .digest('hex')}`

describe('cordon run program.wasm', () => {
  beforeAll(async () => {
    for (const name of ['echoes-command', 'copies-a-tree', 'ends-as-told']) writeFileSync(join(folder, `${name}.wasm`), await buildC(name))
    mkdirSync(join(folder, 'data', 'inner'), { recursive: true })
    mkdirSync(join(folder, 'copy'))
    writeFileSync(join(folder, 'data', 'inner', 'letter'), 'Dear host')
  })

  test.each(['thread', 'process'])('hands it arguments, granted environment and what is piped in, at level %s', async (level) => {
    const flags = ['--isolation', level, '--allow-env=GRANTED=yes']
    const { exitCode, stdout, stderr } = await cordon(['run', 'echoes-command.wasm', ...flags, '--', '-x', '--flag=1'], {
      input: 'piped\nin',
      env: { SECRET_OF_HOST: 'hunter2' },
    })
    expect([exitCode, stdout]).toEqual([
      0,
      'argument 0: echoes-command\nargument 1: -x\nargument 2: --flag=1\nenvironment: GRANTED=yes\nterminal: no\nPIPED\nIN',
    ])
    expect(stderr).toContain('8 bytes of input')
    expect(stdout + stderr).not.toContain('hunter2')
  })

  test('lets it reach the folders that flags grant, and shows what it did', async () => {
    const flags = ['--isolation', 'process', '--mount', './data:/from', '--mount', './copy:/to:rw']
    const { exitCode, stdout, stderr } = await cordon(['run', 'copies-a-tree.wasm', ...flags, '--', '/from', '/to'])
    expect([exitCode, stdout]).toEqual([0, '1 files, 2 folders, 0 links, 9 bytes\n'])
    expect(readFileSync(join(folder, 'copy', 'inner', 'letter'), 'utf8')).toBe('Dear host')
    expect(stderr).toMatch(/allow .*fs:read \/from\/inner\/letter/)
  })

  test('lets it reach nothing without them', async () => {
    const { exitCode, stderr } = await cordon(['run', 'copies-a-tree.wasm', '--isolation', 'thread', '--', '/from', '/to'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain('make folder /to: ')
  })

  test.each([
    [['exit', '7'], 7],
    [['return', '123'], 123],
    [['exit', '0'], 0],
    [['trap'], 1],
  ])('that ends with %j passes %i on', async (args, code) => {
    const { exitCode } = await cordon(['run', 'ends-as-told.wasm', '--isolation', 'thread', '--', ...args])
    expect(exitCode).toBe(code)
  })

  test('goes by the digest of its file in the envelope and in the log', async () => {
    const flags = ['--isolation', 'thread', '--audit', 'log', '-o', 'json']
    const { stdout } = await cordon(['run', 'ends-as-told.wasm', ...flags, '--', 'exit', '9'])
    const digest = digestOf('ends-as-told.wasm')
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      exitCode: 9,
      error: { code: 'agent.exit' },
      stdout: 'exit\nhandlers ran\n',
      session: { agent: 'ends-as-told', bundle: digest },
    })
    const shown = await cordon(['audit', 'show', 'log', '--type', 'session-started', '-o', 'json'])
    expect(shown.stdout).toContain(digest)
    expect((await cordon(['audit', 'verify', 'log'])).exitCode).toBe(0)
  })

  test('may be what a bundle’s agent.yaml calls its component', async () => {
    mkdirSync(join(folder, 'bundle'))
    writeFileSync(join(folder, 'bundle', 'program.wasm'), readFileSync(join(folder, 'echoes-command.wasm')))
    const manifest = [
      'apiVersion: cordon/v1',
      'name: program',
      'version: 1.0.0',
      'component: program.wasm',
      'requests: { env: [ASKED] }',
      '',
    ]
    writeFileSync(join(folder, 'bundle', 'agent.yaml'), manifest.join('\n'))
    const flags = ['--isolation', 'thread', '--allow-env=ASKED=1', '--allow-env=OTHER=2']
    const { exitCode, stdout } = await cordon(['run', 'bundle', ...flags])
    expect([exitCode, stdout]).toEqual([0, 'argument 0: program\nenvironment: ASKED=1\nterminal: no\n'])
  })

  test('that wants what is not WASI is refused by name, with 125 and no session', async () => {
    writeFileSync(join(folder, 'foreign.wasm'), await parse('(module (import "env" "emscripten_sleep" (func)) (func (export "_start")))'))
    const { exitCode, stdout } = await cordon(['run', 'foreign.wasm', '-o', 'json'])
    expect(exitCode).toBe(125)
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'component.import-unknown', message: expect.stringContaining('`emscripten_sleep` of `env`') as string },
    })
  })
})
