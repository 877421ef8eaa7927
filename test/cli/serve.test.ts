import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildWat } from '../fixtures/build-wat.ts'
import { cordonHome } from '../fixtures/cordon-process.ts'

const home = cordonHome()
const { cordon, folder } = home
afterAll(() => home[Symbol.dispose]())

const entry = new URL('../../src/cli/cordon.ts', import.meta.url).pathname
const handler = new URL('../fixtures/serve/handler.js', import.meta.url).pathname

interface Serving {
  readonly child: ChildProcess
  readonly url: string
  readonly ready: Readonly<Record<string, unknown>>
  /** Waits for its end. */
  readonly ended: () => Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

/** Starts `cordon serve … -o json` and waits until it is ready. */
const serving = async (args: readonly string[]): Promise<Serving> => {
  const all = ['--conditions=source', entry, 'serve', ...args, '--listen', '0', '--isolation', 'thread', '-o', 'json']
  const child = spawn(process.execPath, all, { cwd: folder, env: { ...home.environment } })
  // One whose test failed would serve for ever.
  onTestFinished(() => void child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const closed = once(child, 'close') as Promise<[number | null]>
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  while (!stdout.includes('\n')) {
    const over = await Promise.race([once(child.stdout, 'data').then(() => false), closed.then(() => true)])
    if (over && !stdout.includes('\n')) throw new Error(`it ended before it was ready: ${stdout} ${stderr}`)
  }
  const ready = JSON.parse(stdout.split('\n')[0] ?? '') as Readonly<Record<string, unknown>>
  const ended = async () => ({ code: (await closed)[0], stdout, stderr })
  return { child, url: String(ready['url']), ready, ended }
}

const greeter = join(folder, 'greets-requests.wasm')
beforeAll(async () => writeFileSync(greeter, await buildWat('greets-requests')))

describe('cordon serve', () => {
  test('says in one line of JSON where it listens, and in another what it has done', async () => {
    const { child, url, ready, ended } = await serving([greeter])
    expect(ready).toMatchObject({ schemaVersion: 1, event: 'ready', host: '127.0.0.1', agent: 'greets-requests', isolation: 'thread' })
    expect(await (await fetch(url)).text()).toBe('hello 0001\n')
    child.kill('SIGTERM')
    const { code, stdout } = await ended()
    expect(code).toBe(0)
    expect(JSON.parse(stdout.trim().split('\n')[1] ?? '')).toEqual({
      schemaVersion: 1,
      event: 'stopped',
      requests: 1,
      answered: 1,
      refused: 0,
    })
    const shown = await cordon(['audit', 'show', String(ready['audit']), '--type', 'request-ended'])
    expect(shown.stdout).toMatch(/#0 {2}200 done \d+ ms, out 11 B, in 0 B/)
    expect((await cordon(['audit', 'verify', String(ready['audit'])])).exitCode).toBe(0)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('lets what runs come to its end on %s', async (signal) => {
    const { child, url, ended } = await serving([handler])
    const running = fetch(`${url}/waits/800`)
    await new Promise((resolve) => setTimeout(resolve, 300))
    child.kill(signal)
    expect(await (await running).text()).toBe('waited')
    expect((await ended()).code).toBe(0)
  })

  test('ends at once on a second signal', async () => {
    const { child, url, ended } = await serving([handler, '--drain', '1h'])
    const running = fetch(`${url}/hangs`)
    running.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 500))
    child.kill('SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(child.exitCode).toBeNull()
    child.kill('SIGINT')
    expect((await ended()).code).toBe(0)
  })

  test('passes on what agents print, beside its own lines', async () => {
    const { child, url, ended } = await serving([handler])
    await fetch(`${url}/traps`)
    child.kill('SIGTERM')
    expect((await ended()).stderr).toContain('on purpose')
  })

  test('serves a TypeScript file that listens to fetch events, with an instance for each request', async () => {
    writeFileSync(
      join(folder, 'counter.ts'),
      `let calls = 0
addEventListener('fetch', (event: { request: Request; respondWith(answer: Promise<Response>): void }) => event.respondWith(answer(event.request)))
const answer = async (request: Request): Promise<Response> =>
  new Response(JSON.stringify({ calls: (calls += 1), path: new URL(request.url).pathname, sent: await request.text() }))
`,
    )
    const { child, url, ended } = await serving(['counter.ts', '--principal', 'header:x-user'])
    const ask = async (user: string): Promise<unknown> =>
      (await fetch(`${url}/a`, { method: 'POST', body: 'hi', headers: { 'x-user': user } })).json()
    expect([await ask('ada'), await ask('ada'), await ask('grace')]).toEqual([1, 1, 1].map((calls) => ({ calls, path: '/a', sent: 'hi' })))
    expect((await fetch(url)).status).toBe(400)
    child.kill('SIGTERM')
    expect((await ended()).code).toBe(0)
  })

  test.each([
    [['serve'], 2, 'expected a folder, a .wasm component, or a .ts or .js file, got nothing'],
    [['serve', 'greets-requests.wasm', '--reuse', '5'], 2, 'an instance never serves two principals'],
    [['serve', 'greets-requests.wasm', '--reuse', '5', '--principal', 'request'], 2, '--principal header:NAME'],
    [['serve', 'greets-requests.wasm', '--reuse', 'many'], 2, 'expected --reuse to be a number, got `many`'],
    [['serve', 'greets-requests.wasm', '--drain', 'soon'], 2, 'expected --drain to be a duration'],
    [['serve', 'greets-requests.wasm', '--max-headers', '1000'], 2, 'expected --max-headers to be from 1 to 256, got 1000'],
    [['serve', 'greets-requests.wasm', '--principal', 'user'], 125, 'expected a principal of `header:NAME`'],
    [['serve', 'greets-requests.wasm', '--listen', 'nowhere'], 125, 'expected an address to listen on'],
    [['serve', 'greets-requests.wasm', '--lisen', '0'], 2, 'did you mean `--listen`?'],
    [
      ['serve', 'echoes-input.wasm', '--listen', '0'],
      125,
      'expected an export `wasi:http/incoming-handler`, the component has `cordon:agent/run`',
    ],
    [['run', 'greets-requests.wasm'], 125, 'it answers HTTP requests: serve it with `cordon serve`'],
  ] as const)('%j exits with %i and says %j', async (args, code, text) => {
    writeFileSync(join(folder, 'echoes-input.wasm'), await buildWat('echoes-input'))
    const { exitCode, stderr, stdout } = await cordon([...args])
    expect(stderr).toContain(text)
    expect([exitCode, stdout]).toEqual([code, ''])
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('says when its port is in use', async () => {
    const { child, ready, ended } = await serving([greeter])
    const second = await cordon(['serve', 'greets-requests.wasm', '--listen', String(ready['port']), '--isolation', 'thread'])
    expect([second.exitCode, second.stderr.includes('port.in-use')]).toEqual([125, true])
    child.kill('SIGTERM')
    await ended()
  })

  test('has help with an example', async () => {
    const { exitCode, stdout } = await cordon(['serve', '--help'])
    expect([exitCode, stdout.includes('example:\n  cordon serve hello.ts')]).toEqual([0, true])
  })
})
