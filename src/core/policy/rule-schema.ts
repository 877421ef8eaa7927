import { z } from 'zod'

/** The most rules of one kind in one list. */
const maxRules = 1000

const text = (expected: string, maxLength = 1024) =>
  z.string({ error: expected }).min(1, expected).max(maxLength, `${expected} of at most ${maxLength} characters`)

const listOf = <T extends z.ZodType>(item: T) =>
  z.array(item, { error: 'a list · write `[]` for nothing' }).max(maxRules, `at most ${maxRules} items`).optional()

const atLeastOne = <T extends z.ZodType>(item: T, what: string) =>
  z
    .array(item, { error: `a list of ${what}` })
    .min(1, `at least one of the ${what} · leave the field out for all of them`)
    .max(100, `at most 100 ${what}`)
    .optional()

const method = z
  .string({ error: 'an HTTP method' })
  .regex(/^(?!CONNECT$|TRACE$|TRACK$)[A-Z][A-Z0-9-]{0,31}$/, 'an HTTP method in upper case, not CONNECT, TRACE or TRACK')

const why = z
  .string({ error: 'text' })
  .max(500, 'text of at most 500 characters')
  .optional()
  .meta({ description: 'Shown to the operator.' })

const mode = z.enum(['ro', 'rw'], { error: '`ro` or `rw`' }).optional().meta({ default: 'ro' })

const netFields = {
  host: text('a host').meta({ description: '`name[:port]`, `*.suffix[:port]`, an address or a network; never a path' }),
  scheme: z.enum(['http', 'https'], { error: '`http` or `https`' }).optional(),
  methods: atLeastOne(method, 'methods'),
  paths: atLeastOne(text('a path'), 'paths').meta({ description: 'Absolute paths; `*` at the end names all that start so.' }),
}

const quota = z
  .union([z.string(), z.number()], { error: 'a size such as `10Mi`' })
  .optional()
  .meta({ examples: ['10Mi'] })

const entries = z
  .int({ error: 'a count of entries' })
  .min(0, 'a count of entries')
  .max(10_000_000, 'at most 10,000,000 entries')
  .optional()
  .meta({ description: 'Most files, directories and links in the mount.' })

const name = (what: string) =>
  z
    .string({ error: `the name of ${what}` })
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, `a name of letters, digits, \`.\`, \`_\` and \`-\``)

const variable = z
  .string({ error: 'the name of an environment variable' })
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a name of letters, digits and `_`')

const netObject = '`{ host: "api.example.com" }`'
const named = (field: z.ZodString, example: string) =>
  z.strictObject({ name: field, why }, { error: `an object such as \`{ name: ${example} }\`` })

const connectExample = 'an object such as `{ connect: "db.example.com:5432" }` or `{ listen: "127.0.0.1:8080" }`'

/** Sockets of both kinds; `extra` are the fields that only some documents have. */
const socketFields = <E extends z.ZodRawShape>(extra: E) => {
  const rule = z.union(
    [
      z.strictObject({
        connect: text('a host').meta({ description: '`name:port`, `*.suffix:port`, an address or a network with a port' }),
        ...extra,
      }),
      z.strictObject({
        listen: text('an address').meta({ description: '`address:port`; without a port the system chooses one' }),
        ...extra,
      }),
    ],
    { error: connectExample },
  )
  return { tcp: listOf(rule), udp: listOf(rule) }
}

const lookupName = text('a name').meta({ description: '`name` or `*.suffix`' })
const lookupObject = 'an object such as `{ name: "db.example.com" }`'
const store = name('a store')
const storeObject = 'an object such as `{ store: default, mode: rw }`'
const configObject = 'a name, or an object such as `{ name: greeting }`'

/** What a bundle asks for: `requests` of `agent.yaml`. */
export const requestsSchema = z.strictObject(
  {
    net: listOf(z.strictObject({ ...netFields, why }, { error: `an object such as ${netObject}` })),
    fs: listOf(
      z.strictObject(
        { guest: text('a guest path'), mode, quota, entries, why },
        { error: 'an object such as `{ guest: /inbox, mode: ro }`' },
      ),
    ),
    secrets: listOf(named(name('a secret'), 'api-key')),
    env: listOf(z.union([variable, named(variable, 'TZ')], { error: 'a name, or an object such as `{ name: TZ }`' })),
    tools: listOf(named(name('a tool'), 'search')),
    ...socketFields({ why }),
    lookup: listOf(z.strictObject({ name: lookupName, why }, { error: lookupObject })),
    keyvalue: listOf(z.strictObject({ store, mode, quota, why }, { error: storeObject })),
    config: listOf(z.union([name('a configuration value'), named(name('a configuration value'), 'greeting')], { error: configObject })),
  },
  { error: 'an object such as `{ net: [], fs: [] }`' },
)

const secretGrant = z.strictObject(
  {
    from: text('`env://NAME` or `file:///path`'),
    inject: z
      .strictObject(
        { header: text('the name of a header', 128), format: text('text with `{secret}` in it') },
        {
          error: 'an object such as `{ header: authorization, format: "Bearer {secret}" }`',
        },
      )
      .optional(),
  },
  { error: 'an object such as `{ from: "env://NAME" }`' },
)

const envGrant = z.union(
  [
    text('a variable', 32_768),
    z.strictObject({
      name: variable,
      value: z.string().max(32_768).optional(),
      from: z.string().max(1024).optional(),
    }),
  ],
  { error: '`NAME`, `NAME=value`, or an object of `name` and either `value` or `from` (`env://NAME`)' },
)

/** What anybody may deny: `deny` of an agent's entry, and `floor.deny`. */
export const denySchema = z.strictObject(
  {
    net: listOf(z.strictObject(netFields, { error: `an object such as ${netObject}` })),
    fs: listOf(
      z.strictObject(
        {
          guest: text('a guest path'),
          mode: z
            .literal('ro', { error: '`ro`, which leaves reading · leave `mode` out to deny all access' })
            .optional()
            .meta({ description: '`ro` leaves reading; without it all access is denied.' }),
        },
        { error: 'an object such as `{ guest: /out }`' },
      ),
    ),
    secrets: listOf(name('a secret')),
    env: listOf(variable),
    tools: listOf(name('a tool')),
    ...socketFields({}),
    lookup: listOf(z.strictObject({ name: lookupName }, { error: lookupObject })),
    keyvalue: listOf(
      z.strictObject(
        { store, mode: z.literal('ro', { error: '`ro`, which leaves reading · leave `mode` out to deny all access' }).optional() },
        { error: storeObject },
      ),
    ),
    config: listOf(name('a configuration value')),
  },
  { error: 'an object such as `{ net: [{ host: "example.com" }] }`' },
)

/** What an operator grants one agent, but for `limits`. */
export const grantFields = {
  net: listOf(
    z.strictObject(
      { ...netFields, secret: name('a secret').optional().meta({ description: 'The secret that the host injects into these requests.' }) },
      { error: `an object such as ${netObject}` },
    ),
  ),
  mounts: listOf(
    z.strictObject(
      {
        host: text('a host folder', 4096).optional().meta({ description: 'Not of what is in memory.' }),
        guest: text('a guest path'),
        mode,
        quota,
        entries,
        kind: z.enum(['live', 'copy', 'memory'], { error: '`live`, `copy` or `memory`' }).optional().meta({
          default: 'live',
          description: '`copy`: a private copy, written back at a good end. `memory`: empty, gone with the session.',
        }),
      },
      { error: 'an object such as `{ host: ./letters, guest: /inbox, mode: ro }`' },
    ),
  ),
  secrets: z.record(z.string(), secretGrant, { error: 'an object of secrets by name' }).optional(),
  env: listOf(envGrant),
  tools: listOf(z.union([name('a tool'), z.strictObject({ name: name('a tool') })], { error: 'the name of a tool' })),
  ...socketFields({}),
  lookup: listOf(z.strictObject({ name: lookupName }, { error: lookupObject })),
  keyvalue: listOf(z.strictObject({ store, mode, quota }, { error: storeObject })),
  config: z
    .record(z.string(), z.string({ error: 'text' }).max(65_536, 'text of at most 65,536 characters'), {
      error: 'an object of values by name, such as `{ greeting: hello }`',
    })
    .optional(),
  deny: denySchema.optional(),
}

/** What `net` of a request, a grant or a deny holds, as it is written. */
export interface RawNet {
  readonly host: string
  readonly scheme?: 'http' | 'https' | undefined
  readonly methods?: readonly string[] | undefined
  readonly paths?: readonly string[] | undefined
  readonly secret?: string | undefined
}

/** What `tcp` and `udp` hold, as it is written. */
export type RawSocket = { readonly connect: string } | { readonly listen: string }

/** {@link requestsSchema} after checking. */
export type RawRequests = z.infer<typeof requestsSchema>
/** {@link denySchema} after checking. */
export type RawDeny = z.infer<typeof denySchema>
/** One agent's grants after checking. */
export type RawGrants = z.infer<z.ZodObject<typeof grantFields>>
