import type { ParseArgsOptionsConfig } from 'node:util'
import { logLevels, parseGrantFlags, type GrantLayer, type RuntimeOptions } from '#index.ts'
import { CordonError } from '#index.ts'
import { listOf, textOf, type ParsedLine } from '#cli/command.ts'

const many = { type: 'string', multiple: true } as const
const one = { type: 'string' } as const

/** Options that grant and deny, in Deno's spelling. */
export const grantOptions = {
  'allow-net': many,
  'allow-read': many,
  'allow-write': many,
  mount: many,
  'allow-env': many,
  'allow-secret': many,
  'allow-tool': many,
  'allow-tcp': many,
  'allow-udp': many,
  'allow-lookup': many,
  'allow-keyvalue': many,
  config: many,
  scratch: many,
  'deny-net': many,
  'deny-read': many,
  'deny-write': many,
  'deny-env': many,
  'deny-secret': many,
  'deny-tool': many,
  'deny-tcp': many,
  'deny-udp': many,
  'deny-lookup': many,
  'deny-keyvalue': many,
} as const satisfies ParseArgsOptionsConfig

/** Options of whatever starts a runtime. */
export const runtimeOptions = {
  policy: many,
  limit: many,
  isolation: one,
  audit: one,
  'keyvalue-dir': one,
  'log-level': one,
  output: { type: 'string', short: 'o' },
  quiet: { type: 'boolean', short: 'q' },
} as const satisfies ParseArgsOptionsConfig

/** The lines of `--help` about them. */
export const grantHelp = `  --policy FILE|DIR         operator policy; may be given several times
  --allow-net=HOST[:PORT],… reach these hosts (no port: 443 over TLS)
  --allow-read=PATH,…       read these folders, under the same path inside
  --allow-write=PATH,…      read and write these folders
  --mount HOST:GUEST[:ro|rw|copy] mount a folder at another path (ro by default; copy: written back at a good end)
  --scratch GUEST,…         folders in memory, gone with the run
  --allow-env=NAME,…        pass environment variables on, or set NAME=value
  --allow-secret=NAME[=SRC] let the agent use a secret (env://NAME, file:///path) without seeing it
  --allow-tool=NAME,…       call the embedder's own functions
  --allow-tcp=HOST:PORT,…   connect by TCP; listen:ADDRESS[:PORT] to listen
  --allow-udp=HOST:PORT,…   exchange datagrams; listen:ADDRESS[:PORT] with anybody
  --allow-lookup=NAME,…     resolve these names
  --allow-keyvalue=STORE[:ro],… use the agent's own key-value stores
  --config NAME=VALUE       a value of wasi:config
  --deny-…=                 for each of these: never, whatever else allows it
  --limit K=V               timeout=30s cpuTime=5s fuel=5G memory=64Mi output=1Mi calls=1000 egress=5Mi ingress=5Mi handles=256
  --isolation LEVEL         auto (default: the strongest there is), thread, process, bwrap
  --audit DIR               folder of the audit log (default: a new one)
  --keyvalue-dir DIR        folder of the agents' key-value stores
  --log-level LEVEL         operational log on stderr: ${logLevels.join(', ')} (default silent)
  -o, --output json|text    one JSON envelope on stdout, and nothing else
  -q, --quiet               no progress, no table
`

const levels = ['auto', 'thread', 'process', 'bwrap'] as const

const isolationOf = (line: ParsedLine): (typeof levels)[number] => {
  const given = textOf(line, 'isolation') ?? 'auto'
  const level = levels.find((each) => each === given)
  if (level === undefined) throw new CordonError('usage', `expected --isolation to be one of ${levels.join(', ')}, got \`${given}\``)
  return level
}

const logLevelOf = (line: ParsedLine): (typeof logLevels)[number] => {
  const given = textOf(line, 'log-level') ?? 'silent'
  const level = logLevels.find((each) => each === given)
  if (level === undefined) throw new CordonError('usage', `expected --log-level to be one of ${logLevels.join(', ')}, got \`${given}\``)
  return level
}

/** The flags of one command line as a layer of grants, denies and limits. */
const layerOf = (line: ParsedLine): GrantLayer => {
  const names = [...Object.keys(grantOptions), 'limit']
  return parseGrantFlags(Object.fromEntries(names.map((name) => [name, listOf(line, name)])), process.cwd())
}

/** What a command line says of the runtime. Throws CordonError `usage` or `grant.invalid`. */
export const runtimeOptionsOf = (line: ParsedLine): RuntimeOptions => {
  const audit = textOf(line, 'audit')
  const keyvalueDir = textOf(line, 'keyvalue-dir')
  return {
    policy: listOf(line, 'policy'),
    grants: [layerOf(line)],
    pool: { isolation: isolationOf(line), max: 1 },
    logLevel: logLevelOf(line),
    ...(audit !== undefined && { audit }),
    ...(keyvalueDir !== undefined && { keyvalueDir }),
  }
}
