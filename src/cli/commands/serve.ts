import {
  CordonError,
  createRuntime,
  parseServeLimits,
  printableLine,
  serveLimitFlags,
  type Agent,
  type AgentServer,
  type Runtime,
  type RuntimeOptions,
  type ServedOutput,
  type ServeOptions,
} from '#index.ts'
import { listOf, onlyPositional, parseLine, textOf, wantsJson, type Command, type ParsedLine } from '#cli/command.ts'
import { grantHelp, grantOptions, runtimeOptions, runtimeOptionsOf } from '#cli/options.ts'
import { ServeSignals } from '#cli/serve-signals.ts'
import { GuestOutput, Progress, styled, writeNote, writeText } from '#cli/terminal.ts'

const help = `usage: cordon serve <folder|file.wasm|file.ts|file.js> [options] [-- arguments]

Serves an agent over HTTP: a component that exports wasi:http/incoming-handler, or a source that listens to \`fetch\` events.
Each request is answered by a fresh instance, with nothing but what is granted.

  --listen HOST:PORT        where to listen (default 127.0.0.1:8080); port 0 is any that is free
  --host NAME,…             names that requests may be for (default: any, on the loopback its own names)
  --principal RULE          on whose behalf requests come: header:NAME (which a proxy in front sets, and takes out of what clients
                            send), connection, request, or none (default). Two principals never share a cell
  --reuse N                 let an instance serve up to N requests of one principal (default 1); sources that listen to \`fetch\`
                            events can serve one only
  --cells N                 cells at a time: as many principals are served side by side (default: one a core; 16 where principals are told apart)
  --concurrency N           requests worked on at a time (default 32); --queue N more wait (128) for --queue-timeout (10s), then 503
  --connections N           connections at a time (default 512)
  --max-body SIZE           longest request body (default 16Mi): 413
  --max-header-bytes SIZE, --max-headers N, --max-target SIZE   heads of requests (16Ki, 100, 8Ki): 431, 414
  --header-timeout, --request-timeout, --stall-timeout, --keep-alive DURATION   slow clients (10s, 2m, 30s, 5s): 408, or cut
  --drain DURATION          after SIGINT or SIGTERM: how long what runs may go on (default 10s); a second signal cuts it at once
${grantHelp}
The limits of a session (--limit) are those of one request; with --reuse all but its time are those of the N requests together.
What agents print goes to stderr. It speaks plain HTTP/1.1: put a proxy in front of it for TLS.
With -o json stdout has two lines of JSON: one when it is ready, and one when it has stopped.

example:
  cordon serve hello.ts
  cordon serve ./shop --policy policy.yaml --listen 127.0.0.1:9000 --principal header:x-user --reuse 100

exit codes: 0 stopped by a signal · 2 usage · 125 refused, or the address is in use · 130, 143 interrupted before it served
`

const one = { type: 'string' } as const

const options = {
  ...grantOptions,
  ...runtimeOptions,
  ...Object.fromEntries(serveLimitFlags.map((flag) => [flag, one])),
  listen: one,
  host: { type: 'string', multiple: true },
  principal: one,
  reuse: one,
  cells: one,
} as const

/** Cells that are there for principals who take turns: starting one for each turn would cost far more than keeping it. */
const cellsOfPrincipals = 16

const numberOf = (line: ParsedLine, name: 'reuse' | 'cells'): number | undefined => {
  const text = textOf(line, name)
  if (text === undefined) return undefined
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text)
  throw new CordonError('usage', `expected --${name} to be a number, got \`${text}\``, { hint: `for instance: --${name} 100` })
}

const reuseOf = (line: ParsedLine): number => numberOf(line, 'reuse') ?? 1

const poolOf = (line: ParsedLine, isolation: NonNullable<RuntimeOptions['pool']>['isolation']): NonNullable<RuntimeOptions['pool']> => {
  const told = (textOf(line, 'principal') ?? 'none') === 'none' ? undefined : cellsOfPrincipals
  const max = numberOf(line, 'cells') ?? told
  return { isolation: isolation ?? 'auto', ...(max !== undefined && { max }) }
}

/** An instance keeps what its requests left in its memory, so it has to be known whose they are. */
const checkReuse = (line: ParsedLine): void => {
  const principal = textOf(line, 'principal') ?? 'none'
  if (reuseOf(line) === 1 || (principal !== 'none' && principal !== 'request')) return
  throw new CordonError(
    'usage',
    `expected a principal to reuse instances for, got \`${principal}\`: an instance never serves two principals`,
    {
      hint: 'say on whose behalf requests come, with --principal header:NAME or --principal connection, or leave --reuse out',
    },
  )
}

/** Passes on what agents print: theirs alone, each session's text by itself. */
const outputTo = (stream: NodeJS.WriteStream): ((output: ServedOutput) => void) => {
  const shown = new GuestOutput(stream)
  return ({ bytes }) => void shown.write(bytes)
}

const serveOptions = (line: ParsedLine): ServeOptions => {
  const hosts = listOf(line, 'host').flatMap((value) => value.split(','))
  const listen = textOf(line, 'listen')
  const principal = textOf(line, 'principal')
  return {
    reuse: reuseOf(line),
    server: parseServeLimits(Object.fromEntries(serveLimitFlags.map((flag) => [flag, textOf(line, flag)]))),
    args: line.rest,
    output: outputTo(process.stderr),
    ...(hosts.length > 0 && { hosts }),
    ...(listen !== undefined && { listen }),
    ...(principal !== undefined && { principal }),
  }
}

interface Showing {
  readonly json: boolean
  readonly quiet: boolean
}

const showReady = async (
  runtime: Runtime,
  served: { readonly agent: Agent; readonly server: AgentServer },
  { json, quiet }: Showing,
): Promise<void> => {
  const { agent, server } = served
  const { url, address } = server
  const event = { schemaVersion: 1, event: 'ready', url, ...address, agent: agent.name, bundle: agent.digest }
  if (json) await writeText(`${JSON.stringify({ ...event, isolation: runtime.isolation, audit: runtime.audit.dir })}\n`)
  if (quiet) return
  await writeNote(
    `${styled('green', 'listening')} on ${url} (${printableLine(agent.name)}, isolation ${runtime.isolation}, audit ${runtime.audit.dir})\n`,
  )
}

const showStopped = async (server: AgentServer, { json, quiet }: Showing): Promise<void> => {
  const { requests, answered, refused } = server.stats
  if (json) await writeText(`${JSON.stringify({ schemaVersion: 1, event: 'stopped', requests, answered, refused })}\n`)
  if (!quiet) await writeNote(`stopped: ${requests} requests, ${answered} answered in full, ${refused} refused\n`)
}

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, options)
  const source = onlyPositional(line, 'a folder, a .wasm component, or a .ts or .js file')
  const json = wantsJson(line)
  const quiet = json || line.values['quiet'] === true
  checkReuse(line)
  const asked = serveOptions(line)
  const progress = new Progress({ quiet })
  using signals = new ServeSignals()
  const { pool, ...runtimeAsked } = runtimeOptionsOf(line)
  await using runtime = await createRuntime({ ...runtimeAsked, pool: poolOf(line, pool?.isolation), progress: progress.line })
  const agent = await runtime.load(source, { signal: signals.interrupted })
  progress.clear()
  signals.interrupted.throwIfAborted()
  if (!quiet && runtime.advice !== undefined) await writeNote(`${styled('yellow', 'note:')} ${runtime.advice}\n`)
  const server = await agent.serve(asked)
  await showReady(runtime, { agent, server }, { json, quiet })
  await signals.first
  void signals.second.then(() => server.cut())
  await server.close()
  await showStopped(server, { json, quiet })
  return 0
}

export const serveCommand: Command = { name: 'serve', summary: 'serves an agent over HTTP', help, perform }
