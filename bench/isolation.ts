import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { z } from 'zod'
import { CordonError, createRuntime, detectLevels, tool, type Agent, type IsolationLevel, type Runtime } from '#index.ts'
import { sideBySide, timed, type Contender, type Measured } from './measure.ts'
import { withoutIsolation } from './no-isolation.ts'

/**
 * What isolation costs: a fresh sandbox per call, a warm call and one host call, at each level, against the same component under stock jco and
 * preview2-shim with no isolation at all. All contenders of a question take turns in one process.
 */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 15)
const hostCalls = 200
const scratch = mkdtempSync(join(tmpdir(), 'cordon-bench-'))
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

interface Level {
  readonly level: IsolationLevel
  readonly runtime: Runtime
  readonly agent: Agent
}

const levels: Level[] = []
const component = await parse(readFileSync(new URL('guests/calls-tool.wat', import.meta.url), 'utf8'))

for (const { level, ok, reason } of await detectLevels()) {
  if (!ok) {
    tell(`${level}: left out, ${reason ?? 'not available'}`)
    continue
  }
  const runtime = await createRuntime({
    audit: join(scratch, level),
    cacheDir: join(scratch, 'cache'),
    pool: { isolation: level, max: 1 },
    allow: { tools: ['echo'], limits: { calls: 1_000_000 } },
    tools: { echo: tool({ input: z.object({}), run: () => ({}) }) },
  })
  levels.push({ level, runtime, agent: await runtime.loadComponent(component, { name: 'bench' }) })
}

const stock = await withoutIsolation(component, { suspending: false })
const suspending = await withoutIsolation(component, { suspending: true })
const warm = await stock.instantiate()
const warmSuspending = await suspending.instantiate()

const fresh: readonly Contender[] = [
  { name: 'no isolation: jco + preview2-shim', times: 50, once: (times) => timed(times, async () => (await stock.instantiate())('0')) },
  ...levels.map(({ level, agent }) => ({
    name: `cordon ${level}: metered, recorded, synced`,
    times: 10,
    once: (times: number) => timed(times, () => agent.run(0)),
  })),
]

const concurrent: readonly Contender[] = [
  { name: 'no isolation: jco + preview2-shim', times: 200, once: (times) => timed(times, async () => (await stock.instantiate())('0')) },
  ...levels.map(({ level, agent }) => ({
    name: `cordon ${level}: 200 at a time`,
    times: 1,
    once: async () => (await timed(1, () => Promise.all(Array.from({ length: 200 }, () => agent.run(0))))) / 200,
  })),
]

/** What one of `hostCalls` calls costs beyond a run without any. */
const perHostCall = async (run: (calls: number) => Promise<unknown>): Promise<number> => {
  const none = await timed(1, () => run(0))
  const many = await timed(1, () => run(hostCalls))
  return Math.max(0, many - none) / hostCalls
}

const host: readonly Contender[] = [
  { name: 'no isolation: plain import', times: 1, once: () => perHostCall(async (calls) => warm(String(calls))) },
  { name: 'no isolation: suspending import', times: 1, once: () => perHostCall(async (calls) => warmSuspending(String(calls))) },
  ...levels.map(({ level, agent }) => ({
    name: `cordon ${level}: decided, recorded, synced`,
    times: 1,
    once: () => perHostCall((calls) => agent.run(calls)),
  })),
]

/** Calls of one open session, after its first; opening and closing it is not counted. */
const warmCalls = async (agent: Agent, times: number): Promise<number> => {
  await using session = await agent.open({ limits: { timeoutMs: 600_000 } })
  await session.call(0)
  const each = await timed(times, () => session.call(0))
  await session.close()
  return each
}

const calls: readonly Contender[] = [
  { name: 'no isolation: one instance, called again', times: 500, once: (times) => timed(times, () => warm('0')) },
  { name: 'no isolation: the same with JSPI', times: 500, once: (times) => timed(times, () => warmSuspending('0')) },
  ...levels.map(({ level, agent }) => ({
    name: `cordon ${level}: an open session, each call recorded`,
    times: 200,
    once: (times: number) => warmCalls(agent, times),
  })),
]

const spinner = await parse(readFileSync(new URL('../guests/spins-forever/spins-forever.wat', import.meta.url), 'utf8'))
const deadlineMs = 100
const spinners = await Promise.all(
  levels.map(async ({ level, runtime }) => ({ level, agent: await runtime.loadComponent(spinner, { name: 'bench' }) })),
)

const lateness: readonly Contender[] = spinners.map(({ level, agent }) => ({
  name: `cordon ${level}: hot loop past its deadline`,
  times: 1,
  once: async () => {
    const error: unknown = await agent.run(null, { limits: { timeoutMs: deadlineMs, fuel: 1e15 } }).catch((failure: unknown) => failure)
    if (!(error instanceof CordonError) || error.usage === undefined) throw new Error('expected the loop to be ended', { cause: error })
    return (error.usage.wallMs - deadlineMs) * 1000
  },
}))

const cold: readonly Contender[] = [
  {
    name: 'no isolation: transpile, instantiate, call',
    times: 1,
    once: () => timed(1, async () => (await (await withoutIsolation(component, { suspending: false })).instantiate())('0')),
  },
  ...levels.map(({ level }) => ({
    name: `cordon ${level}: new runtime, new cell, cached artifact, call`,
    times: 1,
    once: () =>
      timed(1, async () => {
        await using runtime = await createRuntime({
          audit: join(scratch, `cold-${Math.random()}`),
          cacheDir: join(scratch, 'cache'),
          pool: { isolation: level, max: 1 },
        })
        await (await runtime.loadComponent(component, { name: 'bench' })).run(0)
      }),
  })),
]

const rowOf = ({ name, median, p25, p75, ratio }: Measured): string =>
  `  ${name.padEnd(58)} ${median.toFixed(1).padStart(10)} ${`${p25.toFixed(1)} – ${p75.toFixed(1)}`.padStart(22)} ${`${ratio.toFixed(2)}×`.padStart(10)}`

const questions = [
  ['cold start', cold, Math.min(rounds, 7)],
  ['fresh sandbox per call, one after the other', fresh, rounds],
  ['fresh sandbox per call, 200 at a time', concurrent, rounds],
  ['warm call: one instance, called again', calls, rounds],
  ['one host call', host, rounds],
  ['how long a hot loop outlives its deadline', lateness, rounds],
] as const

const results: Record<string, readonly Measured[]> = {}
for (const [question, contenders, count] of questions) {
  tell(question)
  results[question] = await sideBySide(contenders, count, () => undefined)
  process.stdout.write(`\n${question} (µs: median, quartiles, ratio to the first)\n${results[question].map(rowOf).join('\n')}\n`)
}
const out = process.env['BENCH_JSON']
if (out !== undefined) writeFileSync(out, JSON.stringify({ node: process.versions.node, rounds, results }, null, 2))
for (const { runtime } of levels) await runtime[Symbol.asyncDispose]()
rmSync(scratch, { recursive: true, force: true })
process.exit(0)
