import { CordonError, createRuntime, printableJson, type Evaluated } from '#index.ts'
import { onlyPositional, parseLine, textOf, wantsJson, type Command } from '#cli/command.ts'
import { envelope } from '#cli/envelope.ts'
import { interruption } from '#cli/interruption.ts'
import { runtimeOptions, runtimeOptionsOf } from '#cli/options.ts'
import { runReportText } from '#cli/run-report.ts'
import { besideResult, GuestOutput, Progress, writeError, writeNote, writeText } from '#cli/terminal.ts'

const help = `usage: cordon eval <code> [options]

Runs a string of JavaScript in a sandboxed QuickJS interpreter. It gets nothing but its input.

  --input JSON              the value of \`input\` (default null)
  --limit K=V, --isolation LEVEL, --audit DIR, --log-level LEVEL, -o json|text, -q as in \`cordon run --help\`

example:
  cordon eval 'input.items.length * 2' --input '{"items":[1,2,3]}'
`

const parsedInput = (given: string | undefined): unknown => {
  try {
    return JSON.parse(given ?? 'null')
  } catch (cause) {
    throw new CordonError('input.invalid', 'expected --input to be JSON', { cause })
  }
}

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, { ...runtimeOptions, input: { type: 'string' } })
  const code = onlyPositional(line, 'code')
  const json = wantsJson(line)
  const quiet = json || line.values['quiet'] === true
  const progress = new Progress({ quiet })
  const interrupted = interruption()
  await using runtime = await createRuntime({ ...runtimeOptionsOf(line), progress: progress.line })
  const input = parsedInput(textOf(line, 'input'))
  const evaluated: Evaluated | CordonError = await runtime.evaluate({ code, input, signal: interrupted }).catch((error: unknown) => {
    if (error instanceof CordonError && error.report !== undefined) return error
    throw error
  })
  progress.clear()
  const end = evaluated instanceof CordonError ? { error: evaluated } : { run: evaluated }
  if (json) await writeText(envelope(end))
  else await show(evaluated, quiet)
  return evaluated instanceof CordonError ? evaluated.exitCode : 0
}

const show = async (evaluated: Evaluated | CordonError, quiet: boolean): Promise<void> => {
  const report = evaluated instanceof CordonError ? evaluated.report : evaluated
  const bytes = new TextEncoder()
  await new GuestOutput(besideResult()).write(bytes.encode(report?.stdout ?? ''))
  await new GuestOutput(process.stderr).write(bytes.encode(report?.stderr ?? ''))
  if (evaluated instanceof CordonError) await writeError(evaluated, [])
  else await writeText(`${printableJson(evaluated.result ?? null, 2)}\n`)
  if (report !== undefined && !quiet && report.calls.length > 0) await writeNote(runReportText(report))
}

export const evalCommand: Command = { name: 'eval', summary: 'runs a string of JavaScript in a sandboxed interpreter', help, perform }
