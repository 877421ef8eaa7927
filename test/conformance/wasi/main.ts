import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process, { argv, stderr, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { runFolder } from './run-folder.ts'
import type { Verdict } from './verdict.ts'

const usage = `Runs the WASI programs (.wasm) below folders as the expectations (.json) beside them say, through \`cordon run\` and \`cordon serve\`.

  npm run conformance:wasi -- [options] <folder>...

  -o, --output text|json   a table (default), or one JSON document
  -f, --filter TEXT        only programs whose path has TEXT in it
  -j, --jobs N             how many at a time (default 2)
  -t, --timeout SECONDS    for each step of a program (default 30)
  --isolation LEVEL        as in \`cordon run\`

Exits with 1 when a program failed; one that this host refuses at load, as something that it does not have, is \`unsupported\`.
`

const count = (verdicts: readonly Verdict[], kind: Verdict['verdict']): number => verdicts.filter(({ verdict }) => verdict === kind).length

const totals = (verdicts: readonly Verdict[]): Record<Verdict['verdict'], number> => ({
  pass: count(verdicts, 'pass'),
  fail: count(verdicts, 'fail'),
  unsupported: count(verdicts, 'unsupported'),
})

const tell = (verdicts: readonly Verdict[]): void => {
  const width = Math.max(0, ...verdicts.map(({ program }) => program.length))
  for (const { program, verdict, ms, reason } of verdicts) {
    stdout.write(
      `${verdict.padEnd(11)} ${program.padEnd(width)} ${`${ms}`.padStart(6)} ms${reason === '' ? '' : `  ${reason.replaceAll('\n', ' ')}`}\n`,
    )
  }
  const { pass, fail, unsupported } = totals(verdicts)
  stdout.write(`total: ${pass} pass, ${fail} fail, ${unsupported} unsupported\n`)
}

const numberOf = (text: string): number => (/^[0-9]{1,4}$/.test(text) ? Number(text) : 0)

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: argv.slice(2),
    allowPositionals: true,
    options: {
      output: { type: 'string', short: 'o', default: 'text' },
      filter: { type: 'string', short: 'f', default: '' },
      jobs: { type: 'string', short: 'j', default: '2' },
      timeout: { type: 'string', short: 't', default: '30' },
      isolation: { type: 'string' },
    },
  })
  const [jobs, timeout] = [numberOf(values.jobs), numberOf(values.timeout)]
  if (positionals.length === 0 || jobs === 0 || timeout === 0 || !['text', 'json'].includes(values.output)) {
    stdout.write(usage)
    return 2
  }
  const cacheFolder = mkdtempSync(join(tmpdir(), 'cordon-wasi-cache-'))
  try {
    mkdirSync(cacheFolder, { recursive: true })
    const verdicts: Verdict[] = []
    for (const folder of positionals) {
      const found = await runFolder(resolve(folder), {
        jobs,
        cacheFolder,
        filter: values.filter,
        timeoutMs: timeout * 1000,
        options: values.isolation === undefined ? [] : [`--isolation=${values.isolation}`],
        told: ({ program, verdict }) => stderr.write(`${verdict} ${program}\n`),
      })
      verdicts.push(...found)
    }
    if (values.output === 'json') stdout.write(`${JSON.stringify({ total: totals(verdicts), programs: verdicts }, undefined, 1)}\n`)
    else tell(verdicts)
    return verdicts.length > 0 && count(verdicts, 'fail') === 0 ? 0 : 1
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true })
  }
}

// Not `exit`: what was written to a pipe has to get there.
process.exitCode = await main()
