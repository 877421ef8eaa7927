import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CordonError,
  createRuntime,
  parsePublicKey,
  readAuditLog,
  verifyAuditLog,
  type Agent,
  type AuditRecord,
  type IsolationLevel,
  type OpenSession,
  type Runtime,
  type SessionEvent,
} from '#index.ts'
import { buildWat } from '../../fixtures/build-wat.ts'
import { cordonHome } from '../../fixtures/cordon-process.ts'
import { levelsToTest } from '../../fixtures/levels.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())
const shell = cordonHome()
afterAll(() => shell[Symbol.dispose]())

const runtimeAt = (isolation: IsolationLevel): Promise<Runtime> =>
  createRuntime({ cacheDir: testCache, keysDir: home.keysDir, audit: home.nextAudit(), pool: { isolation, max: 1 } })

const failureOf = async (promise: Promise<unknown>): Promise<CordonError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (error instanceof CordonError) return error
  throw new Error('expected a CordonError', { cause: error })
}
const codesOf = async (calls: readonly Promise<unknown>[]): Promise<string[]> =>
  await Promise.all(
    calls.map((call) =>
      call.then(
        () => 'done',
        (error: unknown) => (error instanceof CordonError ? error.code : 'not ours'),
      ),
    ),
  )
const recordsOf = async (runtime: Runtime, session: string): Promise<AuditRecord[]> =>
  (await Array.fromAsync(readAuditLog(runtime.audit.dir))).filter((record) => 'session' in record && record.session === session)

/** What is told of each record, and what it came to. */
const linesOf = (records: readonly AuditRecord[]): readonly unknown[] =>
  records.map((record) => {
    if (record.type === 'invoked') return [record.type, record.invocation]
    if (record.type === 'invocation-ended') return [record.type, record.invocation, record.outcome]
    if (record.type === 'session-ended') return [record.type, record.outcome]
    return [record.type]
  })

const sessionsAt = (isolation: IsolationLevel): void => {
  let runtime: Runtime
  let keeper: Agent
  beforeAll(async () => {
    runtime = await runtimeAt(isolation)
    keeper = await runtime.loadComponent(await buildWat('keeps-state'), { name: 'keeper' })
  })
  afterAll(() => runtime[Symbol.asyncDispose]())

  const count = async (session: OpenSession): Promise<unknown> => (await session.call('count')).result

  test('keeps its state from call to call, and shares it with no other, not even the next', async () => {
    await using one = await keeper.open()
    await using two = await keeper.open()
    expect([await count(one), await count(one), await count(two), await count(one)]).toEqual([1, 2, 1, 3])
    await one.close()
    await using three = await keeper.open()
    expect(await count(three)).toBe(1)
    expect((await keeper.run('count')).result).toBe(1)
    expect(await count(two)).toBe(2)
  })

  test('answers calls that are made at once in the order they were made', async () => {
    await using session = await keeper.open()
    const results = await Promise.all(Array.from({ length: 50 }, () => count(session)))
    expect(results).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
  })

  test('has all exports called, plain functions with their arguments', async () => {
    await using session = await keeper.open()
    await count(session)
    expect((await session.call([], { call: 'total' })).result).toBe(1)
    expect((await session.call('count', { call: 'cordon:agent/run' })).result).toBe(2)
    expect(await failureOf(session.call('count', { call: 'fly' }))).toMatchObject({ code: 'component.export-missing' })
    expect(await failureOf(session.call(1n))).toMatchObject({ code: 'input.invalid' })
    expect(await failureOf(session.call('x'.repeat(9 * 1024 * 1024)))).toMatchObject({ code: 'input.invalid' })
    expect(await count(session)).toBe(3)
  })

  test('stays open past an error that its agent declares', async () => {
    await using session = await keeper.open()
    await count(session)
    expect(await failureOf(session.call('error of mine'))).toMatchObject({
      code: 'agent.error',
      message: 'error of mine',
      report: undefined,
    })
    expect(await count(session)).toBe(2)
  })

  test('ends with a trap in its third call, with records of all of it, while its neighbours go on', async () => {
    await using neighbour = await keeper.open()
    const session = await keeper.open()
    expect([await count(session), await count(neighbour), await count(session)]).toEqual([1, 1, 2])
    const calls = [session.call('trap'), session.call('count')]
    expect(await codesOf(calls)).toEqual(['agent.trap', 'session.ended'])
    expect(await failureOf(session.call('count'))).toMatchObject({
      code: 'session.ended',
      cause: { code: 'agent.trap' },
      report: { session: { id: session.id } },
    })
    expect(await failureOf(session.close())).toMatchObject({ code: 'agent.trap', report: { session: { id: session.id } } })
    expect(await count(neighbour)).toBe(2)
    expect(linesOf(await recordsOf(runtime, session.id))).toEqual([
      ['session-started'],
      ['invoked', 0],
      ['invocation-ended', 0, 'done'],
      ['invoked', 1],
      ['invocation-ended', 1, 'done'],
      ['invoked', 2],
      ['invocation-ended', 2, 'agent.trap'],
      ['session-ended', 'agent.trap'],
    ])
  })

  test('has one amount of fuel for all its calls', async () => {
    const { usage } = await keeper.run('count')
    await using session = await keeper.open({ limits: { fuel: Math.round(usage.fuel * 3.5) } })
    const calls = await codesOf(Array.from({ length: 10 }, () => session.call('count')))
    const done = calls.filter((code) => code === 'done').length
    // What instantiating costs is in the first run's fuel too.
    expect(done).toBeGreaterThanOrEqual(3)
    expect(calls.slice(done)).toEqual(['deadline.fuel', ...Array.from({ length: 9 - done }, () => 'session.ended')])
  })

  test('has one memory for all its calls', async () => {
    const MiB = 1024 * 1024
    await using session = await keeper.open({ limits: { memoryBytes: 20 * MiB } })
    expect(await codesOf(Array.from({ length: 4 }, () => session.call('grow')))).toEqual(['done', 'done', 'done', 'limit.memory'])
    expect((await failureOf(session.close())).usage?.memoryPeakBytes).toBeGreaterThan(18 * MiB)
  })

  test('is over when its time is, whether a call runs or none', async () => {
    const idle = await keeper.open({ limits: { timeoutMs: 300 } })
    const busy = await keeper.open({ limits: { timeoutMs: 300 } })
    expect(await failureOf(busy.call('wait'))).toMatchObject({ code: 'deadline.timeout', report: { session: { id: busy.id } } })
    // Closing an idle session would end it; so its end is seen in its events, which come to an end.
    for await (const _ of idle);
    expect(await failureOf(idle.call('count'))).toMatchObject({ code: 'session.ended', cause: { code: 'deadline.timeout' } })
    expect(await failureOf(idle.close())).toMatchObject({ code: 'deadline.timeout' })
  })

  test.each(['wait', 'spin'])('is killed while a call runs (%s), and its neighbour goes on', async (how) => {
    await using neighbour = await keeper.open()
    const session = await keeper.open()
    const calls = codesOf([session.call(how), session.call('count')])
    setTimeout(() => session.kill('enough'), 100)
    expect(await count(neighbour)).toBe(1)
    expect(await calls).toEqual(['session.killed', 'session.ended'])
    session.kill('again')
    expect(await failureOf(session.close())).toMatchObject({ code: 'session.killed', message: 'enough' })
    expect(await count(neighbour)).toBe(2)
  })

  test('is not called once it is to end, and no record says it was', async () => {
    const session = await keeper.open()
    session.kill()
    expect(await failureOf(session.call('count'))).toMatchObject({ code: 'session.ended', cause: { code: 'session.killed' } })
    expect(linesOf(await recordsOf(runtime, session.id))).toEqual([['session-started'], ['session-ended', 'session.killed']])
  })

  test('closes once: what was asked is answered, what is asked then is not, and both closers get one report', async () => {
    const session = await keeper.open()
    const calls = [session.call('count'), session.call('count')]
    const closing = [session.close(), session.close()] as const
    expect(await codesOf([...calls, session.call('count')])).toEqual(['done', 'done', 'session.ended'])
    const [first, second] = await Promise.all(closing)
    expect(second).toBe(first)
    expect(first).toMatchObject({ session: { id: session.id, agent: 'keeper', isolation }, denials: [] })
    expect(first.usage.fuel).toBeGreaterThan(0)
    expect(first).not.toHaveProperty('result')
    expect(await failureOf(session.call('count'))).toMatchObject({ code: 'session.ended' })
    session.kill()
    await session[Symbol.asyncDispose]()
    expect(await session.close()).toBe(first)
  })

  test('is disposed of at once, with calls running or waiting', async () => {
    const session = await keeper.open()
    const calls = codesOf([session.call('wait'), session.call('count')])
    await session[Symbol.asyncDispose]()
    expect(await calls).toEqual(['session.killed', 'session.ended'])
    expect(linesOf(await recordsOf(runtime, session.id)).at(-1)).toEqual(['session-ended', 'session.killed'])
  })

  test('ends with the signal it was opened with', async () => {
    expect(await failureOf(keeper.open({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'session.interrupted' })
    const stop = new AbortController()
    await using session = await keeper.open({ signal: stop.signal })
    const call = failureOf(session.call('wait'))
    stop.abort()
    expect(await call).toMatchObject({ code: 'session.interrupted' })
  })

  test('gives no call more than its runtime lives', async () => {
    const closing = await runtimeAt(isolation)
    const agent = await closing.loadComponent(await buildWat('keeps-state'), { name: 'keeper' })
    const session = await agent.open()
    const call = failureOf(session.call('wait'))
    await closing[Symbol.asyncDispose]()
    expect(await call).toMatchObject({ code: 'session.killed', message: 'the runtime was closed' })
    expect(await failureOf(agent.open())).toMatchObject({ code: 'runtime.closed' })
  })

  test('is recorded call by call, in a log that verifies', async () => {
    const logged = await runtimeAt(isolation)
    const agent = await logged.loadComponent(await buildWat('keeps-state'), { name: 'keeper' })
    const session = await agent.open({ segment: 'acme' })
    await session.call('count')
    await session.call('error').catch(() => undefined)
    const { audit } = await session.close()
    await agent.run('count')
    await logged[Symbol.asyncDispose]()
    const records = await recordsOf(logged, session.id)
    expect(records).toMatchObject([
      { type: 'session-started', open: true, segment: 'acme', agent: 'keeper', seq: audit.firstSeq },
      {
        type: 'invoked',
        agent: 'keeper',
        invocation: 0,
        export: 'cordon:agent/run',
        inputBytes: 7,
        // sha256 of `"count"`, quotes included.
        inputDigest: 'sha256:cc3ec73cd71163b2b0ee5faeb2a908226ac15c35c7207d9a626e63ccc47f0ffa',
      },
      { type: 'invocation-ended', invocation: 0, outcome: 'done', resultBytes: 1 },
      { type: 'invoked', invocation: 1 },
      { type: 'invocation-ended', invocation: 1, outcome: 'agent.error', resultBytes: 7 },
      { type: 'session-ended', outcome: 'done', exitCode: 0, seq: audit.lastSeq },
    ])
    const all = await Array.fromAsync(readAuditLog(logged.audit.dir))
    expect(all.slice(-3).map(({ type }) => type)).toEqual(['session-started', 'session-ended', 'closed'])
    expect(all.at(-3)).not.toHaveProperty('open')
    const { stdout, exitCode } = await shell.cordon(['audit', 'show', logged.audit.dir, '--session', session.id])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/session-started .*keeper.*, stays open\n/)
    expect(stdout).toContain(`${session.id}#0  calls cordon:agent/run with 7 B sha256:cc3ec73cd711…`)
    expect(stdout).toMatch(/#1 {2}agent\.error \d+ ms, 7 B\n/)
    expect(await verifyAuditLog(logged.audit.dir, parsePublicKey(logged.audit.publicKey))).toMatchObject({ status: 'authenticated' })
  })
}

for (const { level, skipped } of levelsToTest) {
  describe.skipIf(skipped !== undefined)(`an open session in a ${level} cell${skipped === undefined ? '' : ` (${skipped})`}`, () => {
    sessionsAt(level)
  })
}

describe('an open session', () => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await runtimeAt('thread')
  })
  afterAll(() => runtime[Symbol.asyncDispose]())
  const load = async (name: string): Promise<Agent> => await runtime.loadComponent(await buildWat(name), { name })

  test('lets so many calls wait and no more, counted and weighed', async () => {
    const keeper = await load('keeps-state')
    await using session = await keeper.open()
    const waiting = codesOf(Array.from({ length: 1001 }, () => session.call('wait')))
    expect(await failureOf(session.call('count'))).toMatchObject({ code: 'runtime.overloaded' })
    session.kill()
    const codes = await waiting
    expect([codes[0], ...new Set(codes.slice(1))]).toEqual(['session.killed', 'session.ended'])

    await using heavy = await keeper.open()
    const large = 'w'.repeat(8_000_000)
    const held = codesOf(Array.from({ length: 9 }, () => heavy.call(large)))
    expect(await failureOf(heavy.call(large))).toMatchObject({ code: 'runtime.overloaded' })
    heavy.kill()
    await held
  })

  test('ends when its agent exits, with the code that it exits with', async () => {
    await using session = await (await load('exits-with-code')).open()
    const error = await failureOf(session.call())
    expect(error.code).toBe('agent.exit')
    expect(await failureOf(session.call())).toMatchObject({ code: 'session.ended', cause: { code: 'agent.exit' } })
  })

  test('that does not start says so at its first call', async () => {
    await using session = await (await load('spins-in-start')).open({ limits: { timeoutMs: 300 } })
    expect((await failureOf(session.call())).code).toMatch(/^(?:agent\.trap|deadline\.timeout)$/)
    expect(await failureOf(session.call())).toMatchObject({ code: 'session.ended' })
  })

  test('has one number of capability calls for its whole life, and tells of each as it is decided', async () => {
    const session = await (await load('calls-without-end')).open({ limits: { calls: 3 } })
    const call = failureOf(session.call())
    const events: SessionEvent[] = []
    for await (const event of session) events.push(event)
    expect(await call).toMatchObject({ code: 'limit.calls' })
    expect(events).toMatchObject([{ type: 'decision', call: { effect: 'deny' } }, { type: 'decision' }, { type: 'decision' }])
  })

  test('is called no more once the log cannot be written', async () => {
    const broken = await runtimeAt('thread')
    const session = await (await broken.loadComponent(await buildWat('keeps-state'))).open()
    await session.call('count')
    // The descriptor under the log becomes one that cannot be written.
    const descriptor = readdirSync('/proc/self/fd').find((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === join(broken.audit.dir, 'records.jsonl')
      } catch {
        return false
      }
    })
    closeSync(Number(descriptor))
    openSync('/dev/full', 'w')
    expect(await codesOf([session.call('count')])).toEqual(['audit.failed'])
    expect(await codesOf([session.call('count')])).toEqual(['session.ended'])
    expect(await failureOf(session.close())).toMatchObject({ code: 'audit.failed' })
    await broken[Symbol.asyncDispose]()
  })
})
