import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createRuntime,
  parsePublicKey,
  readAuditLog,
  tool,
  verifyAuditLog,
  type Runtime,
  type RuntimeOptions,
  type SessionEvent,
} from '#index.ts'
import { buildWat } from '../../fixtures/build-wat.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())

const runtimeWith = (options: RuntimeOptions = {}): Promise<Runtime> =>
  createRuntime({ cacheDir: testCache, keysDir: home.keysDir, audit: home.nextAudit(), pool: { isolation: 'thread', max: 1 }, ...options })

describe('a runtime', () => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await runtimeWith({
      tools: {
        add: tool({ input: z.object({ a: z.number(), b: z.number() }), run: ({ a, b }) => a + b }),
        fails: tool({
          input: z.object({}),
          run: () => {
            throw new Error('the password is hunter2')
          },
        }),
        hangs: tool({ input: z.object({}), run: () => new Promise(() => undefined) }),
      },
    })
  })
  afterAll(() => runtime[Symbol.asyncDispose]())

  test('gives a result with usage, denials and the place in the log', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'echo' })
    const { result, usage, session, audit } = await agent.run({ x: 1 })
    expect(result).toEqual({ x: 1 })
    expect(usage.fuel).toBeGreaterThan(0)
    expect(usage.memoryPeakBytes).toBe(65_536)
    expect(session).toMatchObject({ agent: 'echo', isolation: 'thread' })
    const records = await Array.fromAsync(readAuditLog(audit.dir))
    expect(records.filter((record) => 'session' in record && record.session === session.id).map(({ type }) => type)).toEqual([
      'session-started',
      'session-ended',
    ])
    expect(records[audit.lastSeq]).toMatchObject({ type: 'session-ended', outcome: 'done' })
  })

  test('runs 200 agents that each wait a second on one thread in little more than a second', async () => {
    const agent = await runtime.loadComponent(await buildWat('waits-one-second'), { name: 'sleeper' })
    await agent.run(null)
    const began = performance.now()
    const runs = await Promise.all(Array.from({ length: 200 }, () => agent.run(null)))
    expect(runs).toHaveLength(200)
    // One after the other they would take 200 s; the bound leaves room for a machine that does other things too.
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  test('ends a hot loop alone while its neighbours on the same thread finish', async () => {
    const neighbours = Array.from({ length: 20 }, () =>
      runtime.evaluate({ code: 'await new Promise((wake) => setTimeout(wake, 500)); return 1' }),
    )
    const error = await runtime.evaluate({ code: 'for (;;);', limits: { timeoutMs: 300 } }).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'deadline.timeout', exitCode: 124 })
    expect((await Promise.all(neighbours)).map(({ result }) => result)).toEqual(Array.from({ length: 20 }, () => 1))
  })

  test('keeps a bundle that takes the name of another out of its cell', async () => {
    await using narrow = await runtimeWith({ pool: { isolation: 'thread', max: 1 } })
    const genuine = await narrow.loadComponent(await buildWat('waits-one-second'), { name: 'briefing' })
    const impostor = await narrow.loadComponent(await buildWat('echoes-input'), { name: 'briefing' })
    await genuine.run(null)
    const began = performance.now()
    const [, echoed] = await Promise.all([genuine.run(null), impostor.run(1)])
    // With one cell allowed and that one taken, the other has to wait until it is free, and gets a new one.
    expect(echoed.result).toBe(1)
    expect(performance.now() - began).toBeGreaterThan(900)
  })

  test('counts fuel to the unit, run after run', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'counted' })
    const fuel = new Set<number>()
    for (let index = 0; index < 20; index += 1) fuel.add((await agent.run('same')).usage.fuel)
    expect(fuel.size).toBe(1)
  })

  test('kills a session, which says so', async () => {
    const agent = await runtime.loadComponent(await buildWat('waits-forever'), { name: 'killed' })
    const session = agent.start(null)
    setTimeout(() => session.kill(), 100)
    await expect(session.result).rejects.toMatchObject({ code: 'session.killed', exitCode: 143, report: { session: { id: session.id } } })
  })

  test('ends a run whose signal aborts, before or while it runs', async () => {
    const agent = await runtime.loadComponent(await buildWat('waits-forever'), { name: 'aborted' })
    await expect(agent.run(null, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'session.interrupted', exitCode: 130 })
    await expect(agent.run(null, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ code: 'session.interrupted' })
  })

  test('refuses an input that JSON cannot hold', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'input' })
    await expect(agent.run(() => undefined)).rejects.toMatchObject({ code: 'input.invalid' })
    await expect(agent.run(1n)).rejects.toMatchObject({ code: 'input.invalid' })
  })

  test('names the exports when the wanted one is not there', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'exports' })
    await expect(agent.run(null, { call: 'fly' })).rejects.toMatchObject({
      code: 'component.export-missing',
      message: 'expected an export `fly`, the component has `cordon:agent/run`',
    })
  })

  test('refuses limits that are no limits', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'limits' })
    await expect(agent.run(null, { limits: { timeoutMs: -1 } })).rejects.toMatchObject({ code: 'input.invalid' })
    await expect(agent.run(null, { limits: { speed: 1 } as object })).rejects.toMatchObject({ code: 'input.invalid' })
  })

  test('never raises a limit above the ceiling', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'ceiling' })
    expect(agent.policy({ limits: { memoryBytes: 2 ** 40 } }).limits.memoryBytes).toBe(2 ** 31)
  })

  describe('evaluates a string of JavaScript', () => {
    test('and gives its value, with the console', async () => {
      const { result, stdout } = await runtime.evaluate({ code: 'console.log("hello", input.n); return input.n + 1', input: { n: 41 } })
      expect(result).toBe(42)
      expect(stdout).toBe('hello 41\n')
    })

    test('or of an expression', async () => {
      expect((await runtime.evaluate({ code: '[1, 2, 3].map((x) => x * 2)' })).result).toEqual([2, 4, 6])
    })

    test('and tells line and column of what it threw', async () => {
      await expect(runtime.evaluate({ code: 'const a = null\na.x\nreturn a' })).rejects.toMatchObject({
        code: 'agent.error',
        message: expect.stringMatching(/^line 2.*TypeError/) as string,
      })
    })

    test('and of what does not parse', async () => {
      await expect(runtime.evaluate({ code: 'let x = 1\nlet = = 2' })).rejects.toMatchObject({
        code: 'agent.error',
        message: expect.stringMatching(/^line 2.*SyntaxError/) as string,
      })
    })

    test('which may call the tools it was lent, each call decided and recorded', async () => {
      const { result, calls } = await runtime.evaluate({ code: 'return await tools.add({ a: 20, b: 22 })', tools: ['add'] })
      expect(result).toBe(42)
      expect(calls).toMatchObject([{ target: 'tool:call add', effect: 'allow', status: 'done' }])
    })

    test('which cannot call a tool it was not lent', async () => {
      await expect(runtime.evaluate({ code: 'return await tools.add({ a: 1, b: 2 })' })).rejects.toMatchObject({ code: 'agent.error' })
    })

    test('to which a failing tool tells nothing of the host', async () => {
      const { result } = await runtime.evaluate({
        code: 'try { await tools.fails({}) } catch (error) { return String(error.message ?? error) }',
        tools: ['fails'],
      })
      expect(JSON.stringify(result)).not.toContain('hunter2')
    })

    test('whose deadline reaches into a tool that hangs', async () => {
      await expect(
        runtime.evaluate({ code: 'return await tools.hangs({})', tools: ['hangs'], limits: { timeoutMs: 500 } }),
      ).rejects.toMatchObject({
        code: 'deadline.timeout',
      })
    })

    test('which loops for ever and is ended', async () => {
      await expect(runtime.evaluate({ code: 'while (true) {}', limits: { timeoutMs: 500 } })).rejects.toMatchObject({
        code: 'deadline.timeout',
      })
    })

    test('which takes memory until there is none', async () => {
      await expect(
        runtime.evaluate({
          code: 'const all = []; for (;;) all.push(new Uint8Array(1024 * 1024).fill(1))',
          limits: { memoryBytes: 32 * 1024 * 1024, timeoutMs: 20_000 },
        }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/^(limit\.memory|agent\.error|agent\.trap)$/) as string })
    })

    test('whose random numbers differ from instance to instance', async () => {
      const draws = await Promise.all([1, 2, 3].map(() => runtime.evaluate<number>({ code: 'Math.random()' })))
      expect(new Set(draws.map(({ result }) => result)).size).toBe(3)
      expect(draws.every(({ result }) => result >= 0 && result < 1)).toBe(true)
    })

    test('in which nothing of an earlier one is left', async () => {
      await runtime.evaluate({ code: 'globalThis.left = 1; Object.prototype.left = 2; return 0' })
      expect((await runtime.evaluate({ code: 'return [typeof globalThis.left, ({}).left === undefined]' })).result).toEqual([
        'undefined',
        true,
      ])
    })
  })
})

test('a TypeScript file runs, with what was granted and nothing else', async () => {
  const inbox = join(home.folder, 'inbox')
  mkdirSync(inbox)
  writeFileSync(join(inbox, 'letter.txt'), 'dear reader')
  writeFileSync(
    join(home.folder, 'reader.ts'),
    `import { readText, listFolder } from 'cordon/guest'
     export const run = async (input: { file: string }): Promise<unknown> => {
       try { return { text: readText(input.file), files: listFolder('/inbox').map(({ name }) => name) } }
       catch (error) { return { refused: String(error) } }
     }`,
  )
  await using runtime = await runtimeWith()
  const agent = await runtime.load(join(home.folder, 'reader.ts'), { engine: 'quickjs' })
  const allow = { mounts: [{ host: inbox, guest: '/inbox', mode: 'ro' }] }
  expect((await agent.run({ file: '/inbox/letter.txt' }, { allow })).result).toEqual({ text: 'dear reader', files: ['letter.txt'] })
  expect((await agent.run({ file: '/inbox/letter.txt' })).result).toHaveProperty('refused')
  const again = await runtime.load(join(home.folder, 'reader.ts'), { engine: 'quickjs' })
  expect(again.cached).toBe(true)
})

test('events come while the session runs', async () => {
  await using runtime = await runtimeWith()
  const agent = await runtime.loadComponent(await buildWat('calls-without-end'), { name: 'events' })
  const session = agent.start(null, { limits: { calls: 3 } })
  const events: SessionEvent[] = []
  for await (const event of session) events.push(event)
  await expect(session.result).rejects.toMatchObject({ code: 'limit.calls', exitCode: 126 })
  expect(events).toMatchObject([
    { type: 'decision', call: { effect: 'deny', reason: 'not-granted' } },
    { type: 'decision' },
    { type: 'decision' },
  ])
})

test('a closed runtime ends its sessions, signs its log and runs nothing more', async () => {
  const runtime = await runtimeWith()
  const agent = await runtime.loadComponent(await buildWat('waits-forever'), { name: 'closed' })
  const session = agent.start(null)
  await new Promise((resolve) => setTimeout(resolve, 200))
  await runtime[Symbol.asyncDispose]()
  await expect(session.result).rejects.toMatchObject({ code: 'session.killed' })
  expect(() => agent.start(null)).toThrow('the runtime was closed')
  expect(await verifyAuditLog(runtime.audit.dir, parsePublicKey(runtime.audit.publicKey))).toMatchObject({ status: 'authenticated' })
})

test('two runtimes live side by side, and cannot share an audit folder', async () => {
  await using one = await runtimeWith()
  await using two = await runtimeWith()
  const echo = await buildWat('echoes-input')
  const results = await Promise.all([one, two].map(async (runtime) => (await (await runtime.loadComponent(echo)).run(1)).result))
  expect(results).toEqual([1, 1])
  await expect(runtimeWith({ audit: one.audit.dir })).rejects.toMatchObject({ code: 'audit.occupied' })
})

test('when the log cannot be written the run fails and nothing is granted', async () => {
  const audit = home.nextAudit()
  const secret = join(home.folder, 'outbox')
  mkdirSync(secret)
  await using runtime = await runtimeWith({ audit, allow: { mounts: [{ host: secret, guest: '/out', mode: 'rw' }] } })
  const agent = await runtime
    .evaluate({ code: '1' })
    .then(() => runtime.loadComponent(readFileSync(new URL('../../../dist/vendor/interpreter.wasm', import.meta.url))))
  // The descriptor under the log becomes one that cannot be written.
  const { readdirSync, readlinkSync, openSync, closeSync } = await import('node:fs')
  const descriptor = readdirSync('/proc/self/fd').find((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === join(audit, 'records.jsonl')
    } catch {
      return false
    }
  })
  closeSync(Number(descriptor))
  openSync('/dev/full', 'w')
  await expect(agent.run({ code: '1', input: null, tools: [] })).rejects.toMatchObject({ code: 'audit.failed', exitCode: 125 })
  await expect(agent.run({ code: '1', input: null, tools: [] })).rejects.toMatchObject({ code: 'audit.failed' })
})
