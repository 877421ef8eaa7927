/** `npm run fuzz -- --minutes N [--seed S]`, or `-- --replay <hex> [--case I]`: drives the component parser and linker with changed components. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FuzzCell } from './fuzz-cell.ts'
import { fuzz, type Found } from './fuzz-run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** A file with an input in hex, and the number of its case. */
    replay: { type: 'string' },
    case: { type: 'string', default: '0' },
  },
})

const print = ({ seed, nth, finding, hex }: Found): void => console.log(`seed ${seed}, case ${nth}: ${finding}\n  ${hex}\n`)

if (values.replay !== undefined) {
  using cell = new FuzzCell()
  const component = Buffer.from(readFileSync(values.replay, 'utf8').trim(), 'hex')
  console.log(await cell.try({ component, seed: Number(values.case) }))
} else {
  const end = performance.now() + Number(values.minutes) * 60_000
  const seed = Number(values.seed)
  console.log(`seed ${seed}`)
  const { found, ...report } = await fuzz(seed, () => performance.now() > end, print)
  console.log(report, `${found.length} findings`)
  process.exitCode = found.length === 0 ? 0 : 1
}
