import { globSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import process, { argv, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import type { Outcome } from './outcome.ts'
import { ScriptError } from './s-expression.ts'
import { runScript } from './run-script.ts'

type Counts = Record<Outcome['verdict'], number>

interface FileReport {
  readonly file: string
  readonly counts: Counts
  readonly outcomes: readonly Outcome[]
}

const usage = `Runs the .wast scripts under a folder, or single ones, through ingest and the component linker.

  npm run conformance -- [-o text|json] [-v] <folder or file>...

One line a file: pass, fail, unsupported, and text (had to be refused, and the text parser did it before us).
-v tells every outcome that is not a pass. Exits with 1 when anything failed.
`

const none = (): Counts => ({ pass: 0, fail: 0, unsupported: 0, text: 0 })

const countsOf = (outcomes: readonly Outcome[]): Counts => {
  const counts = none()
  for (const { verdict } of outcomes) counts[verdict] += 1
  return counts
}

const sumOf = (reports: readonly FileReport[]): Counts => {
  const sum = none()
  for (const { counts } of reports) for (const verdict of Object.keys(sum) as Outcome['verdict'][]) sum[verdict] += counts[verdict]
  return sum
}

const scripts = (root: string): readonly string[] =>
  root.endsWith('.wast')
    ? [root]
    : globSync('**/*.wast', { cwd: root })
        .sort()
        .map((file) => join(root, file))

const runFile = async (file: string, shownAs: string): Promise<FileReport> => {
  try {
    const outcomes = await runScript(readFileSync(file, 'utf8'))
    return { file: shownAs, counts: countsOf(outcomes), outcomes }
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    const outcome = { line: error.line, directive: 'script', verdict: 'fail', detail: error.message } as const
    return { file: shownAs, counts: { ...none(), fail: 1 }, outcomes: [outcome] }
  }
}

const countsLine = (name: string, { pass, fail, unsupported, text }: Counts): string =>
  `${name}: ${pass} pass, ${fail} fail, ${unsupported} unsupported, ${text} text`

/** Reasons with how often each came, the most frequent first; numbers in them count as the same. */
const reasonsOf = (outcomes: readonly Outcome[], verdict: Outcome['verdict']): readonly string[] => {
  const times = new Map<string, number>()
  for (const each of outcomes) {
    if (each.verdict !== verdict) continue
    const reason = each.detail.replaceAll(/at byte \d+: /g, '').replace(/^its component: /, '')
    times.set(reason, (times.get(reason) ?? 0) + 1)
  }
  return [...times].sort(([, left], [, right]) => right - left).map(([reason, count]) => `${count} × ${reason}`)
}

const tell = ({ file, counts, outcomes }: FileReport, verbose: boolean): void => {
  const reasons = verbose ? [] : reasonsOf(outcomes, 'unsupported').slice(0, 2)
  stdout.write(`${countsLine(file, counts)}${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}\n`)
  const told = outcomes.filter(({ verdict }) => (verbose ? verdict !== 'pass' : verdict === 'fail'))
  for (const { line, directive, verdict, detail } of told) stdout.write(`  ${file}:${line} ${directive}: ${verdict}: ${detail}\n`)
}

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: argv.slice(2),
    allowPositionals: true,
    options: { output: { type: 'string', short: 'o', default: 'text' }, verbose: { type: 'boolean', short: 'v', default: false } },
  })
  const files = positionals.flatMap((root) => scripts(resolve(root)).map((file) => [file, relative(resolve(root, '..'), file)] as const))
  if (files.length === 0 || !['text', 'json'].includes(values.output)) {
    stdout.write(usage)
    return 2
  }
  const reports: FileReport[] = []
  for (const [file, shownAs] of files) {
    const report = await runFile(file, shownAs)
    reports.push(report)
    if (values.output === 'text') tell(report, values.verbose)
  }
  const total = sumOf(reports)
  stdout.write(
    values.output === 'json' ? `${JSON.stringify({ total, files: reports }, undefined, 1)}\n` : `${countsLine('total', total)}\n`,
  )
  return total.fail === 0 ? 0 : 1
}

// Not `exit`: what was written to a pipe has to get there.
process.exitCode = await main()
