/**
 * `npm run fuzz -- --minutes N [--target component|core|wire] [--seed S]`, or `-- --target T --replay <hex file> [--case I]`: drives the component
 * parser and linker, the rewriter of core modules, or the host's end of the wire with changed inputs; without a target each of them in turn.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FuzzCell, fuzzLimits } from './fuzz-cell.ts'
import { fuzz, targets, type Found } from './fuzz-run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** A file with an input in hex, and the number of its case. */
    replay: { type: 'string' },
    case: { type: 'string', default: '0' },
  },
})

const chosen = Object.entries(targets).filter(([name]) => values.target === undefined || name === values.target)
if (chosen.length === 0) throw new TypeError(`expected one of ${Object.keys(targets).join(', ')} as the target, got ${values.target}`)

const print = ({ seed, nth, finding, hex }: Found): void => console.log(`seed ${seed}, case ${nth}: ${finding}\n  ${hex}\n`)

if (values.replay !== undefined) {
  using cell = new FuzzCell(fuzzLimits, chosen[0]?.[1].program)
  const component = Buffer.from(readFileSync(values.replay, 'utf8').trim(), 'hex')
  console.log(await cell.try({ component, seed: Number(values.case) }))
} else {
  const seed = Number(values.seed)
  for (const [name, target] of chosen) {
    const end = performance.now() + (Number(values.minutes) / chosen.length) * 60_000
    console.log(`${name}, seed ${seed}`)
    const { found, ...report } = await fuzz(target, { seed, isEnough: () => performance.now() > end, say: print })
    console.log(report, `${found.length} findings`)
    if (found.length > 0) process.exitCode = 1
  }
}
