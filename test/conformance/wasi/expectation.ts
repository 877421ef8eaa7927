import { constants } from 'node:os'
import { z } from 'zod'

/** What a program is run as. */
export const worlds = ['wasi:cli/command', 'wasi:http/service'] as const
/** What a program may need to be granted beside its folder. */
const proposals = ['http', 'sockets'] as const
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const

const text = z.string()
const texts = z.record(text, text)
const exitCode = z.int().min(-64).max(255).default(0)
const relativeFolder = text.min(1)

const runShape = { args: z.array(text).default([]), env: texts.default({}), root: relativeFolder.nullable().default(null) }

const run = z.strictObject({ type: z.literal('run'), ...runShape })
const wait = z.strictObject({ type: z.literal('wait'), exit_code: exitCode })
const read = z.strictObject({ type: z.literal('read'), id: z.enum(['stdout', 'stderr']).default('stdout'), payload: text.default('') })
const write = z.strictObject({ type: z.literal('write'), id: z.literal('stdin').default('stdin'), payload: text.default('') })
const connect = z.strictObject({
  type: z.literal('connect'),
  id: text.default('server'),
  protocol_type: z.enum(['tcp', 'udp', 'http']).default('tcp'),
})
const send = z.strictObject({ type: z.literal('send'), id: text, payload: text.default('') })
const recv = z.strictObject({ type: z.literal('recv'), id: text, payload: text.default('') })

const responseShape = { status: z.int().min(100).max(999).default(200), headers: texts.default({}) }
const expectedResponse = z.strictObject({ ...responseShape, body: text.default('') })
const request = z.strictObject({
  type: z.literal('request'),
  method: text.default('GET'),
  path: text.default('/'),
  headers: texts.default({}),
  body: text.default(''),
  response: expectedResponse.prefault({}),
})
const kill = z.strictObject({
  type: z.literal('kill'),
  signal: z
    .custom<NodeJS.Signals>((name) => typeof name === 'string' && Object.hasOwn(constants.signals, name), 'expected the name of a signal')
    .default('SIGTERM'),
})

const operation = z.discriminatedUnion('type', [run, wait, read, write, connect, send, recv, request, kill])

const chunked = z.strictObject({ ...responseShape, chunks: z.array(text), trailers: texts.default({}) })
const whole = expectedResponse.transform((response) => ({ ...response, chunks: undefined, trailers: {} }))
const shorthand = text.transform((body) => ({ status: 200, headers: {}, body, chunks: undefined, trailers: {} }))
const endpointResponse = z.union([shorthand, chunked.transform((response) => ({ ...response, body: '' })), whole])

const route = { method: z.preprocess(upper, z.enum(methods)).default('GET'), path: text.default('/') }
const endpoint = z.union([
  z
    .strictObject({ ...route, mode: z.literal('static').optional(), response: endpointResponse.prefault('') })
    .transform(({ method, path, response }) => ({ method, path, mode: 'static' as const, response })),
  z.strictObject({ ...route, mode: z.enum(['echo-body', 'echo-headers']) }),
])

const serverName = text.regex(/^[A-Za-z0-9_]+$/)
const server = z.union([
  z
    .strictObject({ name: serverName, kind: z.literal('listening').optional(), endpoints: z.array(endpoint).default([]) })
    .transform(({ name, endpoints }) => ({ name, kind: 'listening' as const, endpoints })),
  z.strictObject({ name: serverName, kind: z.literal('closed') }),
])

const operations = z.strictObject({
  operations: z.array(operation).default([run.parse({ type: 'run' }), wait.parse({ type: 'wait' })]),
  proposals: z.array(z.enum(proposals)).default([]),
  world: z.enum(worlds).default('wasi:cli/command'),
  servers: z.array(server).default([]),
})

/** The older form: one run, what it prints, how it ends. Earlier still, folders had their own names inside (`dirs`). */
const single = z.strictObject({
  ...runShape,
  dirs: z.array(relativeFolder).default([]),
  exit_code: exitCode,
  stdin: text.optional(),
  stdout: text.optional(),
  stderr: text.optional(),
})

export type Operation = z.infer<typeof operation> | WholeRead | NamedFolders
export type OperationOf<T extends Operation['type']> = Extract<Operation, { readonly type: T }>
export type Server = z.infer<typeof server>
export type Endpoint = z.infer<typeof endpoint>

/** Of the older form: all that the program prints, and nothing after it. */
interface WholeRead {
  readonly type: 'read-all'
  readonly id: 'stdout' | 'stderr'
  readonly payload: string
}

/** Of the older form: folders that are mounted under their own names by the run that follows. */
interface NamedFolders {
  readonly type: 'folders'
  readonly folders: readonly string[]
}

/** What a program is to be given and to do. */
export interface Expectation {
  readonly operations: readonly Operation[]
  readonly proposals: readonly (typeof proposals)[number][]
  readonly world: (typeof worlds)[number]
  readonly servers: readonly Server[]
}

/** An expectation that says something unknown, or nothing that could be carried out. */
export class ExpectationError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ExpectationError'
  }
}

function upper(value: unknown): unknown {
  return typeof value === 'string' ? value.toUpperCase() : value
}

const operationsOf = ({ args, env, root, dirs, ...rest }: z.infer<typeof single>): readonly Operation[] => {
  const written = rest.stdin === undefined ? [] : [{ type: 'write', id: 'stdin', payload: rest.stdin } as const]
  const printed = (['stdout', 'stderr'] as const).flatMap((id): WholeRead[] => {
    const payload = rest[id]
    return payload === undefined ? [] : [{ type: 'read-all', id, payload }]
  })
  const folders = dirs.length === 0 ? [] : [{ type: 'folders', folders: dirs } as const]
  return [...folders, { type: 'run', args, env, root }, ...written, { type: 'wait', exit_code: rest.exit_code }, ...printed]
}

const isOperational = (raw: unknown): boolean =>
  typeof raw === 'object' && raw !== null && ['operations', 'proposals', 'servers', 'world'].some((key) => Object.hasOwn(raw, key))

const parsed = (raw: unknown): Expectation => {
  if (isOperational(raw)) return operations.parse(raw)
  return { operations: operationsOf(single.parse(raw)), proposals: [], world: 'wasi:cli/command', servers: [] }
}

/** What holds where no expectation is written. */
export const defaultExpectation: Expectation = parsed({})

const problemOf = ({ path, message }: z.core.$ZodIssue): string => `${path.length === 0 ? 'the file' : path.join('.')}: ${message}`

/** Reads the JSON beside a program (doc/specification.md of the public suite). Throws {@link ExpectationError} for what it does not know. */
export const readExpectation = (json: string): Expectation => {
  try {
    const expectation = parsed(JSON.parse(json))
    checkOrder(expectation)
    return expectation
  } catch (error) {
    if (error instanceof z.ZodError) throw new ExpectationError(error.issues.map(problemOf).join('; '))
    if (error instanceof SyntaxError) throw new ExpectationError(`expected JSON: ${error.message}`)
    throw error
  }
}

const refuseDuplicates = (names: readonly string[], what: string): void => {
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new ExpectationError(`expected each ${what} once, got \`${twice}\` again`)
}

/** A run is waited for before the next one; whatever talks to a program comes in between; connections are made before they are used. */
const checkOrder = ({ operations: steps, servers }: Expectation): void => {
  refuseDuplicates(
    servers.map(({ name }) => name.toUpperCase()),
    'server',
  )
  refuseDuplicates(
    steps.flatMap((step) => (step.type === 'connect' ? [step.id] : [])),
    'connection',
  )
  let running = false
  const open = new Set<string>()
  for (const [at, step] of steps.entries()) {
    const refuse = (message: string): never => {
      throw new ExpectationError(`operations.${at}: ${message}`)
    }
    if (step.type === 'folders' || step.type === 'read-all') continue
    if ((step.type === 'run') === running)
      refuse(running ? 'expected a `wait` before the next `run`' : `expected a \`run\` before \`${step.type}\``)
    if ((step.type === 'send' || step.type === 'recv') && !open.has(step.id))
      refuse(`expected a \`connect\` with the id \`${step.id}\` before`)
    if (step.type === 'connect') open.add(step.id)
    running = step.type !== 'wait'
  }
  if (running) throw new ExpectationError('expected a `wait` for the last `run`')
}
