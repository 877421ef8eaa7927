import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createRuntime, CordonError, type Agent, type Limits, type Runtime, type RuntimeOptions, type RunResult } from '#index.ts'
import type * as Ingest from '#host/ingest/ingest.ts'
import { startItemsServer } from '../../guests/briefing/server.ts'
import { buildWat } from '../fixtures/build-wat.ts'
import { testCache, testHome } from '../fixtures/test-home.ts'
import { triedElsewhere } from '../fixtures/tried-elsewhere.ts'

type Which = 'own' | 'jco'

/** The one thing that differs: ingest is told which linker to prepare for, as its own tests tell it. Everything else is the runtime as it is. */
const chosen = vi.hoisted(() => ({ linker: 'own' as Which }))
vi.mock('#host/ingest/ingest.ts', async (original) => {
  const real = await original<typeof Ingest>()
  const ingest: typeof real.ingest = (component, options) => real.ingest(component, { ...options, linker: chosen.linker })
  return { ...real, ingest }
})

const MiB = 1024 * 1024
const endless = { fuel: 20_000_000, timeoutMs: 60_000 }

interface Trial {
  readonly guest: string
  readonly input?: unknown
  readonly limits?: Partial<Limits>
  /** The result, or the code of the error that its session ends with. */
  readonly ends: { readonly result: unknown } | { readonly code: string }
  /**
   * `same`: both charge the same fuel, since only core modules charge and they are the same. `limit`: both use up what they have. `within`: the guest is
   * ended from outside, or jco's end comes later than the instance's.
   */
  readonly fuel: 'same' | 'limit' | 'within'
  /** How the session ends under jco, where lifting has no budget. */
  readonly endsUnderJco?: { readonly code: string }
}

const trials: readonly Trial[] = [
  { guest: 'echoes-input', input: { a: [1, 'ü'] }, ends: { result: { a: [1, 'ü'] } }, fuel: 'same' },
  { guest: 'returns-error', input: 'why', ends: { code: 'agent.error' }, fuel: 'same' },
  { guest: 'keeps-state', input: 'count', ends: { result: 1 }, fuel: 'same' },
  { guest: 'waits-one-second', ends: { result: 'done' }, fuel: 'same' },
  { guest: 'grows-memory-until-refused', limits: { memoryBytes: 8 * MiB }, ends: { result: 128 }, fuel: 'same' },
  { guest: 'grows-table-until-refused', limits: { tableElements: 5000 }, ends: { result: expect.any(Number) as number }, fuel: 'same' },
  { guest: 'traps', ends: { code: 'agent.trap' }, fuel: 'same' },
  { guest: 'exits-with-code', ends: { code: 'agent.exit' }, fuel: 'same' },
  { guest: 'drops-a-forged-handle', ends: { code: 'agent.trap' }, fuel: 'same' },
  { guest: 'lies-about-length', ends: { code: 'agent.trap' }, fuel: 'same' },
  { guest: 'leaks-handles', limits: { handles: 100 }, ends: { code: 'agent.trap' }, fuel: 'same' },
  { guest: 'recurses-forever', ends: { code: 'agent.trap' }, fuel: 'within' },
  { guest: 'calls-without-end', limits: { calls: 50 }, ends: { code: 'limit.calls' }, fuel: 'within' },
  {
    guest: 'floods-stdout',
    limits: { outputBytes: 100_000, fuel: 1e15, timeoutMs: 2000 },
    ends: { code: 'deadline.timeout' },
    fuel: 'within',
  },
  { guest: 'spins-forever', limits: endless, ends: { code: 'deadline.fuel' }, fuel: 'limit' },
  { guest: 'spins-in-start', limits: endless, ends: { code: 'deadline.fuel' }, fuel: 'limit' },
  { guest: 'spins-in-realloc', limits: endless, ends: { code: 'deadline.fuel' }, fuel: 'limit' },
  { guest: 'spins-in-post-return', limits: endless, ends: { code: 'deadline.fuel' }, fuel: 'limit' },
  { guest: 'doubles-calls', limits: endless, ends: { code: 'deadline.fuel' }, fuel: 'limit' },
  { guest: 'fills-memory-forever', limits: endless, ends: { code: 'deadline.fuel' }, fuel: 'limit' },
  { guest: 'waits-forever', limits: { timeoutMs: 700 }, ends: { code: 'deadline.timeout' }, fuel: 'same' },
  {
    guest: 'amplifies-strings',
    limits: { timeoutMs: 30_000 },
    ends: { code: 'agent.trap' },
    endsUnderJco: { code: 'limit.memory' },
    fuel: 'within',
  },
]

type End = RunResult | CordonError

const reportOf = (end: End): RunResult | CordonError['report'] => (end instanceof CordonError ? end.report : end)
const asEnding = (end: End): object => (end instanceof CordonError ? { code: end.code } : { result: end.result })
const fuelOf = (end: End): number => reportOf(end)?.usage.fuel ?? Number.NaN

const home = testHome()
const runtimes = new Map<Which, Runtime>()

const ended = async (run: () => Promise<RunResult>): Promise<End> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof CordonError) return error
    throw error
  }
}

const load = (linker: Which, act: (runtime: Runtime) => Promise<Agent>): Promise<Agent> => {
  const runtime = runtimes.get(linker)
  if (runtime === undefined) throw new Error('expected a runtime for each linker')
  chosen.linker = linker
  return act(runtime)
}

/** Runs one agent under both linkers, side by side. */
const underBoth = async (
  loading: (runtime: Runtime) => Promise<Agent>,
  run: (agent: Agent) => Promise<RunResult>,
): Promise<readonly [own: End, jco: End]> => {
  const own = await load('own', loading)
  const jco = await load('jco', loading)
  return Promise.all([ended(() => run(own)), ended(() => run(jco))])
}

const attempt = ({ guest, input, limits }: Trial): Promise<readonly [own: End, jco: End]> =>
  underBoth(
    async (runtime) => runtime.loadComponent(await buildWat(guest), { name: 'guest' }),
    (agent) => {
      const [only, ...others] = agent.exports
      const call = only !== undefined && others.length === 0 ? { call: only } : {}
      return agent.run(input ?? null, { limits: limits ?? {}, ...call })
    },
  )

const startRuntimes = async (options: Partial<RuntimeOptions> = {}): Promise<void> => {
  await endRuntimes()
  for (const linker of ['own', 'jco'] as const) {
    const pool = { isolation: 'process', max: 1 } as const
    runtimes.set(linker, await createRuntime({ audit: home.nextAudit(), cacheDir: testCache, keysDir: home.keysDir, pool, ...options }))
  }
}

const endRuntimes = async (): Promise<void> => {
  for (const runtime of runtimes.values()) await runtime[Symbol.asyncDispose]()
  runtimes.clear()
}

beforeAll(() => startRuntimes())

afterAll(async () => {
  await endRuntimes()
  home[Symbol.dispose]()
})

describe('every guest ends the same way under both linkers', () => {
  test.each(trials)('$guest', async (trial) => {
    const [own, jco] = await attempt(trial)
    expect(asEnding(own)).toEqual(trial.ends)
    expect(asEnding(jco)).toEqual(trial.endsUnderJco ?? trial.ends)
    if (trial.fuel === 'same') expect(fuelOf(own)).toBe(fuelOf(jco))
    if (trial.fuel === 'limit') expect([fuelOf(own), fuelOf(jco)]).toEqual([trial.limits?.fuel, trial.limits?.fuel])
    if (trial.fuel === 'same') expect(reportOf(own)?.stdout).toBe(reportOf(jco)?.stdout)
  })

  test('none is left out', () => {
    const written = readdirSync('guests', { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && readdirSync(`guests/${entry.name}`).includes(`${entry.name}.wat`))
      .map(({ name }) => name)
      .filter((name) => !triedElsewhere.has(name))
    expect(trials.map(({ guest }) => guest).toSorted()).toEqual(written.toSorted())
  })
})

/** Calls without the names of their sessions. */
const callsOf = (run: RunResult): readonly object[] => run.calls.map(({ call, ...rest }) => ({ ...rest, nth: call.replace(/^.*\./, '') }))

/** The demo agent and its policy, with another port than the demo itself uses. */
const briefing = (port: number): string => {
  const folder = `${home.folder}/briefing`
  cpSync('guests/briefing', folder, { recursive: true })
  for (const file of ['agent.yaml', 'policy.yaml', 'src/briefing.ts', 'src/forbidden.ts']) {
    const path = `${folder}/${file}`
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('8787', String(port)))
  }
  return folder
}

describe('agents written in TypeScript', () => {
  test('the briefing reads, fetches, writes and is denied alike under both', { timeout: 400_000 }, async () => {
    const port = 18_787
    const folder = briefing(port)
    await using server = await startItemsServer({ key: readFileSync('guests/briefing/demo-key.txt', 'utf8').trim(), port })
    await startRuntimes({ policy: `${folder}/policy.yaml` })
    const [own, jco] = await underBoth(
      (runtime) => runtime.load(folder),
      (agent) => agent.run({ day: 'today' }, {}),
    )
    expect(server.url).toContain(String(port))
    if (own instanceof CordonError || jco instanceof CordonError) throw new Error('expected two briefings', { cause: [own, jco] })
    expect(own.result).toMatchObject({ letters: { length: 3 }, items: { length: 3 }, attempts: { length: 8 } })
    for (const part of ['result', 'stdout', 'stderr', 'denials'] as const) expect(own[part]).toEqual(jco[part])
    expect(callsOf(own)).toEqual(callsOf(jco))
    expect(own.calls.length).toBeGreaterThan(10)
    // Its engine looks at the clock: how long it waits makes a little difference.
    expect(own.usage.fuel / jco.usage.fuel).toBeCloseTo(1, 1)
  })

  test('source text in the interpreter comes to the same under both', { timeout: 400_000 }, async () => {
    const code = 'console.log("seen", input.list.length); input.list.map((each) => `${each}ü`)'
    const runs = []
    for (const linker of ['own', 'jco'] as const) {
      chosen.linker = linker
      const runtime = runtimes.get(linker)
      runs.push(await runtime?.evaluate({ code, input: { list: [1, 'zwei', '😀'] } }))
    }
    expect(runs[0]?.result).toEqual(['1ü', 'zweiü', '😀ü'])
    expect(runs[1]?.result).toEqual(runs[0]?.result)
  })
})
