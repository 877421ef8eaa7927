import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bareWasm, cordon, cordonGlue, cordonReset, stockJco, type Called, type Way } from './linker-contenders.ts'
import { sideBySide, timed, type Contender, type Measured } from './measure.ts'

/**
 * What the component layer costs: Cordon's linker (metered) beside stock jco and bare wasm, the same component in one process, the contenders
 * taking turns round by round. With `--linker jco` the metered modules run under jco's patched glue as well.
 */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 15)
const hostCalls = 1000
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

const withGlue = parseArgs({ options: { linker: { type: 'string' } } }).values.linker === 'jco'
const ways: readonly Way[] = [await bareWasm(), await stockJco(), await cordon(), ...(withGlue ? [await cordonGlue()] : [])]
const resetting = await cordonReset()
const warm = await Promise.all(ways.map(async (way) => ({ name: way.name, called: await way.instantiate() })))

const expectEqual = (got: unknown, expected: number): void => {
  if (got !== expected) throw new Error(`expected ${expected}, got ${String(got)}`)
}

for (const { called } of warm) {
  expectEqual(await called.add(20, 22), 42)
  expectEqual(await called.scalars(10), 10)
  expectEqual(await called.texts(10), 860)
}
const waiting = warm.slice(0, 3)
for (const { called } of waiting) expectEqual(await called.waits(10), 10)

const fresh: readonly Contender[] = [
  ...ways.map((way) => ({
    name: way.name,
    times: 200,
    once: (times: number) => timed(times, async () => (await way.instantiate()).add(20, 22)),
  })),
  { name: 'cordon, metered: by reset', times: 1000, once: (times) => timed(times, resetting) },
]

const calls: readonly Contender[] = warm.map(({ name, called }) => ({
  name,
  times: 2000,
  once: (times) => timed(times, () => called.add(20, 22)),
}))

/** What one of `hostCalls` calls costs beyond a call that makes none. */
const perHostCall = (kind: 'scalars' | 'texts' | 'waits'): readonly Contender[] =>
  (kind === 'waits' ? waiting : warm).map(({ name, called }: { name: string; called: Called }) => ({
    name,
    times: 1,
    once: async () => {
      const none = await timed(5, () => called[kind](0))
      return ((await timed(5, () => called[kind](hostCalls))) - none) / hostCalls
    },
  }))

const rowOf = ({ name, median, p25, p75, ratio }: Measured): string =>
  `  ${name.padEnd(40)} ${median.toFixed(2).padStart(10)} ${`${p25.toFixed(2)} – ${p75.toFixed(2)}`.padStart(22)} ${`${ratio.toFixed(2)}×`.padStart(10)}`

const questions = [
  ['new instance, one call, discard', fresh],
  ['warm call of two scalars', calls],
  ['host function, scalars', perHostCall('scalars')],
  ['host function, 86 bytes of text each way', perHostCall('texts')],
  ['host function that waits', perHostCall('waits')],
] as const

const results: Record<string, unknown> = {}
for (const [question, contenders] of questions) {
  tell(question)
  const measured = await sideBySide(contenders, rounds, () => undefined)
  results[question] = measured
  process.stdout.write(`\n${question} (µs: median, quartiles, ratio to the first)\n${measured.map(rowOf).join('\n')}\n`)
}

/** Each in a process of its own, so that what one leaves behind does not count for the next. */
const idleKiB = (way: string, count: number): number => {
  const script = fileURLToPath(new URL('linker-idle.ts', import.meta.url))
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--conditions=source', '--expose-gc', script, way, String(count)], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the measurement of ${way} failed: ${stderr.slice(0, 500)}`)
  return Number(stdout)
}

tell('idle instances')
const idle = [
  ['bare wasm, joined by hand', 'bare', 10_000],
  ['stock jco', 'jco', 2_000],
  ['cordon, metered', 'cordon', 10_000],
] as const
const idleRows = idle.map(([name, way, count]) => ({ name, count, kib: idleKiB(way, count) }))
results['idle instances, KiB each'] = idleRows
const idleText = idleRows.map(({ name, count, kib }) => `  ${name.padEnd(40)} ${kib.toFixed(1).padStart(10)}   (${count} alive)`)
process.stdout.write(`\nidle instances (KiB of resident memory each)\n${idleText.join('\n')}\n`)

const out = process.env['BENCH_JSON']
if (out !== undefined) writeFileSync(out, JSON.stringify({ node: process.versions.node, rounds, results }, null, 2))
process.exit(0)
