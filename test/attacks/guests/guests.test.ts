import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createRuntime,
  CordonError,
  verifyAuditLog,
  parsePublicKey,
  type Limits,
  type Runtime,
  type RunOptions,
  type RunResult,
} from '#index.ts'
import { buildWat } from '../../fixtures/build-wat.ts'
import { levelsToTest } from '../../fixtures/levels.ts'
import { triedElsewhere } from '../../fixtures/tried-elsewhere.ts'

const MiB = 1024 * 1024

interface Attack {
  readonly guest: string
  readonly tries: string
  readonly limits?: Partial<Limits>
  readonly input?: unknown
  readonly options?: RunOptions
  /** How often it has run to its end before, in the same segment. */
  readonly before?: number
  /** What must come of it. */
  readonly check: (end: End) => void
}

type End = { readonly run: RunResult } | { readonly error: CordonError }

const endsWith =
  (...codes: readonly string[]) =>
  (end: End): void => {
    expect('error' in end ? end.error.code : `returned ${JSON.stringify(end.run.result)}`).toSatisfy(
      (code: string) => codes.includes(code),
      `one of ${codes.join(', ')}`,
    )
  }

const returns =
  (check: (result: unknown, run: RunResult) => void) =>
  (end: End): void => {
    if ('error' in end) throw end.error
    check(end.run.result, end.run)
  }

const quick = { timeoutMs: 1000, cpuTimeMs: 60_000, fuel: 1e15 }

const attacks: readonly Attack[] = [
  {
    guest: 'echoes-input',
    tries: 'nothing: it is the baseline',
    input: { a: [1, 'ü'] },
    check: returns((result) => expect(result).toEqual({ a: [1, 'ü'] })),
  },
  { guest: 'returns-error', tries: 'to fail in an orderly way', input: 'why', check: endsWith('agent.error') },
  { guest: 'traps', tries: 'to trap', check: endsWith('agent.trap') },
  {
    guest: 'exits-with-code',
    tries: 'to choose the exit code',
    check: (end) => expect('error' in end && [end.error.code, end.error.exitCode]).toEqual(['agent.exit', 7]),
  },
  { guest: 'spins-forever', tries: 'to keep the CPU past its deadline', limits: quick, check: endsWith('deadline.timeout') },
  { guest: 'spins-forever', tries: 'to use more fuel than it has', limits: { fuel: 10_000_000 }, check: endsWith('deadline.fuel') },
  {
    guest: 'spins-forever',
    tries: 'to use more CPU time than it has',
    limits: { cpuTimeMs: 200, fuel: 1e15 },
    check: endsWith('deadline.cpu'),
  },
  {
    guest: 'spins-in-start',
    tries: 'to spin before it is called',
    limits: quick,
    check: endsWith('deadline.timeout', 'deadline.fuel', 'agent.trap'),
  },
  {
    guest: 'spins-in-realloc',
    tries: 'to spin where the stack cannot suspend',
    limits: quick,
    check: endsWith('agent.trap', 'deadline.fuel', 'deadline.timeout'),
  },
  {
    guest: 'spins-in-post-return',
    tries: 'to spin after the result is out',
    limits: quick,
    check: endsWith('agent.trap', 'deadline.fuel', 'deadline.timeout'),
  },
  { guest: 'recurses-forever', tries: 'to end the stack', limits: quick, check: endsWith('agent.trap') },
  { guest: 'doubles-calls', tries: 'to run for ever without loop or recursion', limits: quick, check: endsWith('deadline.timeout') },
  { guest: 'fills-memory-forever', tries: 'to do much work with few instructions', limits: quick, check: endsWith('deadline.timeout') },
  { guest: 'waits-forever', tries: 'to outwait its deadline in a host function', limits: quick, check: endsWith('deadline.timeout') },
  {
    guest: 'waits-one-second',
    tries: 'to wait, which is allowed',
    check: returns((_result, run) => expect(run.usage.wallMs).toBeGreaterThanOrEqual(950)),
  },
  {
    guest: 'grows-memory-until-refused',
    tries: 'to take all memory',
    limits: { memoryBytes: 8 * MiB },
    check: returns((result, run) => {
      expect(result).toBe(8 * 16)
      expect(run.usage.memoryPeakBytes).toBe(8 * MiB)
    }),
  },
  {
    guest: 'grows-table-until-refused',
    tries: 'to take memory through tables',
    limits: { tableElements: 5000 },
    check: returns((result) => expect(Number(result)).toBeLessThanOrEqual(5000)),
  },
  {
    guest: 'floods-stdout',
    tries: 'to fill the host with output',
    limits: { outputBytes: 100_000, timeoutMs: 2000, fuel: 1e15, cpuTimeMs: 60_000 },
    check: (end) => {
      const report = 'error' in end ? end.error.report : end.run
      expect(report?.truncated).toBe(true)
      expect(report?.stdout.length).toBeLessThanOrEqual(100_000)
    },
  },
  { guest: 'calls-without-end', tries: 'to flood the broker and the log', limits: { calls: 50 }, check: endsWith('limit.calls') },
  {
    guest: 'leaks-handles',
    tries: 'to pile up host resources',
    limits: { handles: 100, timeoutMs: 20_000 },
    check: endsWith('agent.trap'),
  },
  { guest: 'drops-a-forged-handle', tries: 'to use a handle it was never given', check: endsWith('agent.trap') },
  { guest: 'lies-about-length', tries: 'to make the host read past its memory', check: endsWith('agent.trap') },
  {
    guest: 'amplifies-strings',
    tries: 'to make the host hold 6.5 GB of lifted strings',
    limits: { timeoutMs: 20_000 },
    check: (end) => expect('error' in end).toBe(true),
  },
  {
    guest: 'keeps-state',
    tries: 'to find what it left in its memory the last time',
    input: 'count',
    before: 5,
    check: returns((result) => expect(result).toBe(1)),
  },
]

const folder = mkdtempSync(join(tmpdir(), 'cordon-guests-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(levelsToTest)('at level $level', ({ level, skipped }) => {
  describe.skipIf(skipped !== undefined)(skipped ?? 'with every adversarial guest', () => {
    let runtime: Runtime
    beforeAll(async () => {
      runtime = await createRuntime({
        audit: join(folder, level),
        cacheDir: join(folder, 'cache'),
        keysDir: join(folder, 'keys'),
        pool: { isolation: level, max: 2 },
      })
    })
    afterAll(() => runtime[Symbol.asyncDispose]())

    const attempt = async ({ guest, limits, input, options, before = 0 }: Attack): Promise<End> => {
      const agent = await runtime.loadComponent(await buildWat(guest), { name: 'attacker' })
      const call = agent.exports.length === 1 && agent.exports[0] !== undefined ? { call: agent.exports[0] } : {}
      const run = (): Promise<RunResult> => agent.run(input ?? null, { limits: limits ?? {}, ...call, ...options })
      try {
        for (let times = 0; times < before; times++) await run()
        return { run: await run() }
      } catch (error) {
        if (error instanceof CordonError) return { error }
        throw error
      }
    }

    test.each(attacks)('$guest tries $tries', async (attack) => {
      const neighbour = await runtime.loadComponent(await buildWat('waits-one-second'), { name: 'attacker' })
      const beside = neighbour.run(null)
      const end = await attempt(attack)
      attack.check(end)
      const report = 'error' in end ? end.error.report : end.run
      expect(report?.session.isolation).toBe(level)
      expect((await beside).usage.wallMs).toBeGreaterThanOrEqual(900)
    })

    test('after all of them the log verifies', async () => {
      await runtime[Symbol.asyncDispose]()
      expect(await verifyAuditLog(runtime.audit.dir, parsePublicKey(runtime.audit.publicKey))).toMatchObject({ status: 'authenticated' })
    })
  })
})

test('every adversarial guest is tried', () => {
  const there = readdirSync('guests', { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && readdirSync(join('guests', entry.name)).includes(`${entry.name}.wat`),
  )
  expect([...new Set(attacks.map(({ guest }) => guest))].toSorted()).toEqual(
    there
      .map(({ name }) => name)
      .filter((name) => !triedElsewhere.has(name))
      .toSorted(),
  )
})
