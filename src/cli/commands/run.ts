import { createReadStream } from 'node:fs'
import {
  CordonError,
  createRuntime,
  printableJson,
  type Agent,
  type GuestEngine,
  type RunOptions,
  type RunResult,
  type Session,
} from '#index.ts'
import { onlyPositional, parseLine, textOf, wantsJson, type Command, type ParsedLine } from '#cli/command.ts'
import { envelope } from '#cli/envelope.ts'
import { interruption } from '#cli/interruption.ts'
import { grantHelp, grantOptions, runtimeOptions, runtimeOptionsOf } from '#cli/options.ts'
import { runReportText } from '#cli/run-report.ts'
import { besideResult, GuestOutput, Progress, styled, writeError, writeNote, writeText } from '#cli/terminal.ts'

const help = `usage: cordon run <folder|file.wasm|file.ts|file.js> [options] [-- arguments]

Runs an agent once, with nothing but what is granted. A file.wasm is a component, or a program of WASI preview 1 as C, Rust and others make it.

  --input JSON|@FILE|-      input of the agent (default null); - reads stdin
  --call NAME               the export to call (default: cordon:agent/run, wasi:cli/run, run)
  --engine NAME             for a single source file: starlingmonkey (default) or quickjs
${grantHelp}
The result goes to stdout as JSON. What an agent prints goes there too on a terminal, and to stderr when stdout is a file or a pipe,
so that \`cordon run agent | jq\` gets the result alone. A command's output always goes to stdout.

example:
  cordon run ./briefing --policy policy.yaml --input '{"day":"today"}'
  cordon run agent.ts --allow-net=api.example.com --mount ./letters:/inbox
  cordon run program.wasm --mount ./data:/data -- /data/input.txt

exit codes: 0 done · 1 the agent failed · 2 usage · 124 deadline · 125 refused · 126 ended by a denial · 130 interrupted · 137 memory · 143 terminated
`

const options = {
  ...grantOptions,
  ...runtimeOptions,
  input: { type: 'string' },
  call: { type: 'string' },
  engine: { type: 'string' },
} as const

const maxInputBytes = 8 * 1024 * 1024

const readAll = async (source: AsyncIterable<Buffer>, what: string): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > maxInputBytes) throw new CordonError('input.invalid', `expected at most ${maxInputBytes} bytes ${what}`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const readInputFile = async (path: string): Promise<string> => {
  try {
    return await readAll(createReadStream(path), `in \`${path}\``)
  } catch (cause) {
    if (cause instanceof CordonError) throw cause
    throw new CordonError('input.invalid', `expected a readable file at \`${path}\``, { cause, hint: 'check the path after --input @' })
  }
}

const inputText = async (given: string): Promise<string> => {
  if (given === '-') return await readAll(process.stdin as AsyncIterable<Buffer>, 'on stdin')
  return given.startsWith('@') ? await readInputFile(given.slice(1)) : given
}

/** The agent's input: JSON from the line, a file or stdin. Throws CordonError `input.invalid`. */
const inputOf = async (line: ParsedLine): Promise<unknown> => {
  const given = textOf(line, 'input')
  if (given === undefined) return null
  const text = await inputText(given)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CordonError('input.invalid', 'expected --input to be JSON', {
      cause,
      hint: `quote it for the shell: --input '{"day":"today"}'`,
    })
  }
}

const engineOf = (line: ParsedLine): { engine?: GuestEngine } => {
  const engine = textOf(line, 'engine')
  if (engine === undefined) return {}
  if (engine !== 'starlingmonkey' && engine !== 'quickjs')
    throw new CordonError('usage', `expected --engine to be starlingmonkey or quickjs, got \`${engine}\``)
  return { engine }
}

const runOptions = (line: ParsedLine, agent: Agent, signal: AbortSignal): RunOptions => {
  const call = textOf(line, 'call')
  const takesStdin = textOf(line, 'input') !== '-' && !process.stdin.isTTY && agent.exports.includes('wasi:cli/run')
  return {
    signal,
    args: line.rest,
    ...(call !== undefined && { call }),
    ...(takesStdin && { stdin: process.stdin as AsyncIterable<Uint8Array> }),
  }
}

/** Whether what runs is a command, whose standard output is its product: others return a result. */
const isCommand = (line: ParsedLine, agent: Agent): boolean =>
  (textOf(line, 'call') ?? agent.exports.find((name) => name === 'cordon:agent/run' || name === 'wasi:cli/run')) === 'wasi:cli/run'

/** Passes the agent's output on as it comes, and its log lines to stderr; without `stdout` the latter alone. */
const showOutput = async (session: Session, stdout: NodeJS.WriteStream | undefined): Promise<void> => {
  const shown = { stdout: new GuestOutput(stdout ?? process.stdout), stderr: new GuestOutput(process.stderr) }
  for await (const event of session) {
    if (event.type === 'output' && stdout !== undefined) await shown[event.stream].write(event.bytes)
    if (event.type === 'log') await writeNote(`${event.level} ${event.context}: ${event.message}\n`)
    if (event.type === 'log-dropped') await writeNote(`${styled('yellow', 'note:')} ${event.lines} log lines of the agent were dropped\n`)
  }
  await shown.stdout.end()
  await shown.stderr.end()
}

interface Showing {
  readonly json: boolean
  readonly quiet: boolean
}

const showEnd = async (end: { readonly run: RunResult } | { readonly error: CordonError }, { json, quiet }: Showing): Promise<number> => {
  if (json) await writeText(envelope(end))
  const report = 'run' in end ? end.run : end.error.report
  if (!json && 'run' in end && end.run.result !== null) await writeText(`${printableJson(end.run.result, 2)}\n`)
  if (!json && !quiet && report !== undefined) await writeNote(runReportText(report))
  if (!json && 'error' in end) await writeError(end.error, [])
  return 'run' in end ? 0 : end.error.exitCode
}

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, options)
  const source = onlyPositional(line, 'a folder, a .wasm component, or a .ts or .js file')
  const json = wantsJson(line)
  const quiet = json || line.values['quiet'] === true
  const progress = new Progress({ quiet })
  const interrupted = interruption()
  const input = await inputOf(line)
  await using runtime = await createRuntime({ ...runtimeOptionsOf(line), progress: progress.line })
  const agent = await runtime.load(source, { ...engineOf(line), signal: interrupted })
  progress.line(agent.cached ? 'from the ingest cache' : 'ingested')
  progress.clear()
  if (!quiet && runtime.advice !== undefined) await writeNote(`${styled('yellow', 'note:')} ${runtime.advice}\n`)
  const session = agent.start(input, runOptions(line, agent, interrupted))
  const [end] = await Promise.all([
    endOf(session),
    showOutput(session, json ? undefined : isCommand(line, agent) ? process.stdout : besideResult()),
  ])
  return await showEnd(end, { json, quiet })
}

/** The end of a session as a value: a run that failed still has a report to show. */
const endOf = async (session: Session): Promise<{ readonly run: RunResult } | { readonly error: CordonError }> => {
  try {
    return { run: await session.result }
  } catch (error) {
    if (error instanceof CordonError) return { error }
    throw error
  }
}

export const runCommand: Command = { name: 'run', summary: 'runs an agent once', help, perform }
