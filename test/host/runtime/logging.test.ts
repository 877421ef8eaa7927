import { afterAll, describe, expect, test } from 'vitest'
import { fileURLToPath } from 'node:url'
import { createRuntime, type Session, type SessionEvent } from '#index.ts'
import { cordonHome } from '../../fixtures/cordon-process.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())
const source = fileURLToPath(new URL('../../../guests/does-as-told/agent.js', import.meta.url))

const saidBy = async (session: Session): Promise<Exclude<SessionEvent, { type: 'output' | 'decision' }>[]> => {
  const said: Exclude<SessionEvent, { type: 'output' | 'decision' }>[] = []
  for await (const event of session) if (event.type === 'log' || event.type === 'log-dropped') said.push(event)
  return said
}

describe('what an agent logs', () => {
  test('is among its events, one safe line each, and takes from its output', async () => {
    await using runtime = await createRuntime({
      cacheDir: testCache,
      keysDir: home.keysDir,
      audit: home.nextAudit(),
      pool: { isolation: 'thread', max: 1 },
    })
    const agent = await runtime.load(source, { engine: 'quickjs' })
    const session = agent.start([
      ['log', 'trace', 'start', 'one'],
      ['log', 'critical', 'a\u001b[2J', 'two\nerror forged: three\u202e'],
    ])
    expect(await saidBy(session)).toEqual([
      { type: 'log', level: 'trace', context: 'start', message: 'one' },
      { type: 'log', level: 'critical', context: 'a\\u{1b}[2J', message: 'two\\u{a}error forged: three\\u{202e}' },
    ])
    const { usage, stdout, stderr, calls } = await session.result
    expect(usage.outputBytes).toBeGreaterThan(8)
    expect([stdout, stderr, calls]).toEqual(['', '', []])
  })

  test('is bounded: a flood slows the agent, is dropped and told, and leaves the host alone', async () => {
    await using runtime = await createRuntime({
      cacheDir: testCache,
      keysDir: home.keysDir,
      audit: home.nextAudit(),
      pool: { isolation: 'thread', max: 1 },
    })
    const agent = await runtime.load(source, { engine: 'quickjs' })
    const flooding = agent.start([['flood', 100_000]], { limits: { timeoutMs: 4000 } })
    const said = await saidBy(flooding)
    await expect(flooding.result).rejects.toMatchObject({ code: 'deadline.timeout' })
    const lines = said.filter(({ type }) => type === 'log').length
    const dropped = said.flatMap((event) => (event.type === 'log-dropped' ? [event.lines] : []))
    expect(lines).toBeGreaterThanOrEqual(1000)
    expect(lines).toBeLessThan(2500)
    expect(dropped.length).toBeGreaterThanOrEqual(1)
    expect(dropped.length).toBeLessThanOrEqual(6)
    // 5 ms for each that was dropped.
    expect(dropped.reduce((sum, each) => sum + each, 0)).toBeLessThan(1000)
  })

  test('ends where its output ends', async () => {
    await using runtime = await createRuntime({
      cacheDir: testCache,
      keysDir: home.keysDir,
      audit: home.nextAudit(),
      pool: { isolation: 'thread', max: 1 },
    })
    const agent = await runtime.load(source, { engine: 'quickjs' })
    const session = agent.start(
      Array.from({ length: 20 }, () => ['log', 'info', '', 'x'.repeat(1000)]),
      { limits: { outputBytes: 5000 } },
    )
    const said = await saidBy(session)
    await session.result
    expect(said.filter(({ type }) => type === 'log').length).toBe(4)
    expect(said.at(-1)).toEqual({ type: 'log-dropped', lines: 16 })
  })

  test('is shown on stderr by the command line, and never in the envelope', async () => {
    using user = cordonHome()
    const input = JSON.stringify([['log', 'warn', 'net', 'slow\u001b[31m']])
    const plain = await user.cordon(['run', source, '--engine', 'quickjs', '-q', '--isolation', 'thread', '--input', input])
    expect([plain.exitCode, plain.stderr]).toEqual([0, 'warn net: slow\\u{1b}[31m\n'])
    const json = await user.cordon(['run', source, '--engine', 'quickjs', '-o', 'json', '--isolation', 'thread', '--input', input])
    expect([json.exitCode, json.stderr]).toEqual([0, 'warn net: slow\\u{1b}[31m\n'])
    expect(json.stdout).not.toContain('slow')
    const logged = await user.cordon([
      'run',
      source,
      '--engine',
      'quickjs',
      '-q',
      '--isolation',
      'thread',
      '--log-level',
      'warn',
      '--input',
      input,
    ])
    const line: unknown = JSON.parse(logged.stderr.split('\n').find((each) => each.startsWith('{')) ?? '')
    expect(line).toMatchObject({ level: 40, guest: true, agent: 'agent', context: 'net', msg: 'slow\\u{1b}[31m' })
  })
})
