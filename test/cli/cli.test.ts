import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWat } from '../fixtures/build-wat.ts'
import { cordonHome } from '../fixtures/cordon-process.ts'

const home = cordonHome()
const { cordon, folder } = home
afterAll(() => home[Symbol.dispose]())

const component = async (name: string): Promise<string> => {
  const path = join(folder, `${name}.wasm`)
  if (!existsSync(path)) writeFileSync(path, await buildWat(name))
  return path
}

describe('cordon run', () => {
  test('prints the result on stdout and the rest beside it', async () => {
    const { exitCode, stdout, stderr } = await cordon(['run', await component('echoes-input'), '--input', '{"a":1}'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ a: 1 })
    expect(stderr).toMatch(/capability calls\n {2}none/)
    expect(stderr).toMatch(/usage\n {2}wall \d+ ms/)
    expect(stderr).toContain('read with: cordon audit show ')
  })

  test('with -o json prints the envelope and nothing else', async () => {
    const { exitCode, stdout, stderr } = await cordon(['run', await component('echoes-input'), '-o', 'json'])
    expect([exitCode, stderr]).toEqual([0, ''])
    const envelope = JSON.parse(stdout) as Record<string, unknown>
    expect(envelope).toMatchObject({
      schemaVersion: 1,
      ok: true,
      exitCode: 0,
      result: null,
      stdout: '',
      stderr: '',
      truncated: false,
      denials: [],
    })
    expect(Object.keys(envelope['session'] as object).toSorted()).toEqual(['agent', 'bundle', 'id', 'isolation'])
    expect(Object.keys(envelope['usage'] as object).toSorted()).toEqual(
      ['wallMs', 'cpuMs', 'fuel', 'memoryPeakBytes', 'calls', 'denied', 'egressBytes', 'ingressBytes', 'outputBytes'].toSorted(),
    )
    expect(Object.keys(envelope['audit'] as object).toSorted()).toEqual(['dir', 'firstSeq', 'head', 'lastSeq'])
  })

  test.each([
    ['returns-error', [], 1, 'agent.error'],
    ['traps', [], 1, 'agent.trap'],
    ['exits-with-code', [], 7, 'agent.exit'],
    ['spins-forever', ['--limit', 'timeout=300ms'], 124, 'deadline.timeout'],
    ['spins-forever', ['--limit', 'fuel=1M'], 124, 'deadline.fuel'],
    ['calls-without-end', ['--limit', 'calls=5'], 126, 'limit.calls'],
  ] as const)('of %s %j exits with %i', async (guest, flags, code, errorCode) => {
    const { exitCode, stdout } = await cordon(['run', await component(guest), '-o', 'json', ...flags])
    expect(exitCode).toBe(code)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: code, error: { code: errorCode }, session: { agent: guest } })
  })

  test('says of a denial what would allow it', async () => {
    const { stderr } = await cordon(['run', await component('calls-without-end'), '--limit', 'calls=2'])
    expect(stderr).toContain('deny   secret:use none ×2')
    expect(stderr).toContain('allow with: --allow-secret=none')
  })

  test.each([
    ['SIGINT', 130, 'session.interrupted'],
    ['SIGTERM', 143, 'session.killed'],
  ] as const)('ends cleanly on %s, its records written', async (signal, code, outcome) => {
    const audit = join(folder, `audit-${signal}`)
    const { exitCode } = await cordon(['run', await component('floods-stdout'), '--audit', audit, '--limit', 'fuel=1000G'], {
      signalAfter: [/.{5000}/s, signal],
    })
    expect(exitCode).toBe(code)
    const shown = await cordon(['audit', 'show', audit, '--type', 'session-ended', '-o', 'json'])
    expect(JSON.parse(shown.stdout)).toMatchObject({ outcome })
    expect((await cordon(['audit', 'verify', audit])).exitCode).toBe(0)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends cleanly on %s while the agent is still being looked at', async (signal, code) => {
    expect(
      (
        await cordon(['run', await component('floods-stdout'), '--limit', 'fuel=1000G'], {
          signalAfter: [/validating|ingested|cache/, signal],
        })
      ).exitCode,
    ).toBe(code)
  })

  test('takes input from a file and from stdin', async () => {
    writeFileSync(join(folder, 'input.json'), '[1]')
    const echo = await component('echoes-input')
    expect(JSON.parse((await cordon(['run', echo, '--input', '@input.json', '-q'])).stdout)).toEqual([1])
    expect(JSON.parse((await cordon(['run', echo, '--input', '-', '-q'], { input: '[2]' })).stdout)).toEqual([2])
  })

  test.each([
    [['run'], 2, 'expected a folder, a .wasm component, or a .ts or .js file, got nothing'],
    [['run', 'nothing-here'], 125, 'expected a bundle folder, component or source file at `nothing-here`, found nothing'],
    [['run', 'a', '-A'], 2, 'there is no `-A`: nothing grants everything'],
    [['run', 'a', '--allow-all'], 2, 'there is no `--allow-all`: nothing grants everything'],
    [['run', 'a', '--alow-net=x.com'], 2, 'did you mean `--allow-net`?'],
    [['run', 'a', '--allow-net=*'], 125, '*'],
    [['run', 'a', '--allow-net=*.com'], 125, '*.com'],
    [['run', 'a', '--isolation', 'magic'], 2, 'expected --isolation to be one of auto, thread, process, bwrap, got `magic`'],
    [['run', 'a', '-o', 'xml'], 2, 'expected `-o json` or `-o text`, got `-o xml`'],
    [['run', 'a', '--input', '{'], 125, 'expected --input to be JSON'],
    [['run', 'a', '--input', '@none'], 125, 'expected a readable file at `none`'],
    [['run', 'a', '--limit', 'timeout=soon'], 125, 'expected a duration such as `30s`, got `soon`'],
    [['run', 'a', '--policy', 'none.yaml'], 125, 'none.yaml'],
    [['run', 'a', '--mount', 'no-such-folder:/in'], 125, 'no-such-folder'],
    [['rum', 'a'], 2, 'did you mean `cordon run`?'],
    [['audit', 'burn'], 2, 'expected `cordon audit show` or `cordon audit verify`, got `burn`'],
    [[], 2, ''],
  ] as const)('%j exits with %i and says %j', async (args, code, text) => {
    const given = args[0] === 'run' && args[1] === 'a' ? ['run', await component('echoes-input'), ...args.slice(2)] : args
    const { exitCode, stderr, stdout } = await cordon(given)
    expect(stderr).toContain(text)
    expect(exitCode).toBe(code)
    expect(stderr + stdout).not.toMatch(/\n\s+at /)
  })
})

describe('an agent from cordon init', () => {
  beforeAll(async () => {
    const { exitCode, stdout } = await cordon(['init', 'my-agent'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('my-agent/agent.yaml')
    expect(stdout).toContain('next: cordon run my-agent --policy my-agent/policy.yaml')
  })

  test('builds and runs under its policy, from the cache the second time', async () => {
    const first = await cordon(['run', 'my-agent', '--policy', 'my-agent/policy.yaml', '--input', '{"name":"Ada"}'])
    expect(first.stderr).toContain('allow  fs:read /notes')
    expect(JSON.parse(first.stdout.slice(first.stdout.indexOf('{')))).toMatchObject({
      greeting: 'Hello, Ada!',
      notes: ['Water the ferns.'],
    })
    const second = await cordon(['run', 'my-agent', '--policy', 'my-agent/policy.yaml'])
    expect(second.stderr).toContain('from the ingest cache')
  })

  test('copes with being granted nothing', async () => {
    const { exitCode, stdout } = await cordon(['run', 'my-agent', '-o', 'json'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      result: { notes: [] },
      denials: [{ target: 'fs:read /notes', reason: 'not-granted', hint: 'allow with: --mount HOST_FOLDER:/notes' }],
      usage: { calls: 1, denied: 1 },
    })
  })

  test('is denied a page that nobody granted, with the flag that would allow it', async () => {
    const { stderr } = await cordon(['run', 'my-agent', '--policy', 'my-agent/policy.yaml', '--input', '{"url":"https://example.com/"}'])
    expect(stderr).toContain('deny   net:request GET https://example.com:443/')
    expect(stderr).toContain('allow with: --allow-net=example.com')
  })

  test('is not overwritten', async () => {
    expect(await cordon(['init', 'my-agent'])).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('expected an empty folder') as string,
    })
  })

  test('builds into a component that runs too', async () => {
    const built = await cordon(['build', 'my-agent', '-o', 'json'])
    expect(JSON.parse(built.stdout)).toMatchObject({ ok: true, path: join(folder, 'my-agent/dist/my-agent.wasm') })
    const { exitCode } = await cordon(['run', 'my-agent/dist/my-agent.wasm', '--mount', 'my-agent/notes:/notes', '-q'])
    expect(exitCode).toBe(0)
  })
})

describe('a single TypeScript file', () => {
  test('reaches only the host that a flag names, at the port it names', async () => {
    await using server = Object.assign(
      createServer((_request, response) => void response.end('"pong"')),
      {
        [Symbol.asyncDispose]: async () => {
          server.closeAllConnections()
          server.close()
          await once(server, 'close')
        },
      },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    writeFileSync(
      join(folder, 'ping.ts'),
      `export const run = async (url: string): Promise<unknown> => { try { return await (await fetch(url)).json() } catch (error) { return String(error) } }`,
    )
    const url = JSON.stringify(`http://127.0.0.1:${port}/x`)
    const allowed = await cordon(['run', 'ping.ts', '--input', url, `--allow-net=http://127.0.0.1:${port}`, '-o', 'json'])
    expect(JSON.parse(allowed.stdout)).toMatchObject({ ok: true, result: 'pong', usage: { denied: 0 } })
    const denied = await cordon([
      'run',
      'ping.ts',
      '--input',
      url,
      `--allow-net=http://127.0.0.1:${port === 65_535 ? 1 : port + 1}`,
      '-o',
      'json',
    ])
    expect(JSON.parse(denied.stdout)).toMatchObject({ ok: true, usage: { denied: 1 } })
  })

  test('that does not parse is refused with its line', async () => {
    writeFileSync(join(folder, 'broken.ts'), 'export const run = () => 1\nexport const = 2\n')
    const { exitCode, stderr } = await cordon(['run', 'broken.ts'])
    expect(exitCode).toBe(125)
    expect(stderr).toContain('bundle.build-failed')
    expect(stderr).toMatch(/broken\.ts:2:14/)
  })
})

describe('cordon eval', () => {
  test('runs a string', async () => {
    expect(await cordon(['eval', 'console.log("hi"); return input.a * 2', '--input', '{"a":21}'])).toMatchObject({
      exitCode: 0,
      stdout: '42\n',
      stderr: expect.stringContaining('hi\n') as string,
    })
  })

  test('tells the line of an error', async () => {
    const { exitCode, stderr } = await cordon(['eval', 'const a = null\na.x'])
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('line 2')])
  })
})

describe('cordon audit', () => {
  test('names the first bad record of an edited log', async () => {
    const audit = join(folder, 'edited')
    await cordon(['run', await component('echoes-input'), '--audit', audit, '-q'])
    expect(await cordon(['audit', 'verify', audit])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^authenticated/) as string,
    })
    expect(await cordon(['audit', 'verify', audit, '--key', 'none'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^consistent, not authenticated/) as string,
    })
    const path = join(audit, 'records.jsonl')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"agent":"echoes-input"', '"agent":"somebody-else"'))
    const verdict = await cordon(['audit', 'verify', audit])
    expect(verdict.exitCode).toBe(1)
    expect(verdict.stdout).toMatch(/^BAD/)
    expect(verdict.stdout).toContain('record 1 or the chain was edited')
  })

  test('shows all logs of a user together', async () => {
    const { exitCode, stdout } = await cordon(['audit', 'show'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('session-started')
  })

  test('says where there is no log', async () => {
    mkdirSync(join(folder, 'empty'), { recursive: true })
    expect(await cordon(['audit', 'show', 'empty'])).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('expected an audit log at `empty`, found none') as string,
    })
  })

  test('refuses a folder in use', async () => {
    const audit = join(folder, 'busy')
    const busy = cordon(['run', await component('waits-one-second'), '--audit', audit, '-q'])
    for (let tries = 0; tries < 200 && !existsSync(join(audit, 'lock')); tries += 1) await new Promise((resolve) => setTimeout(resolve, 25))
    expect(await cordon(['run', await component('echoes-input'), '--audit', audit])).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('audit.occupied') as string,
    })
    expect((await busy).exitCode).toBe(0)
  })
})

test('every command has help with an example', async () => {
  for (const name of ['run', 'serve', 'init', 'build', 'eval', 'audit', 'doctor']) {
    const { exitCode, stdout } = await cordon([name, '--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^usage: cordon /)
    expect(stdout).toContain('example:')
  }
})

test('cordon doctor proves the levels of this machine', async () => {
  const { stdout } = await cordon(['doctor', '-o', 'json'])
  expect(JSON.parse(stdout)).toMatchObject({
    levels: expect.arrayContaining([expect.objectContaining({ level: 'process', ok: true })]) as unknown,
  })
})

test('nothing is left behind in the working folder', () => {
  expect(readdirSync(folder).filter((name) => name.startsWith('.cordon'))).toEqual([])
})
