import { parseLimitFlags } from '#core/budget/parse-limits.ts'
import { CordonError } from '#core/errors.ts'
import { compileConfig, compileEnv, compileMount, readSecretSource, type GrantField } from './compile-grants.ts'
import { compileFs, compileNet, compileStore } from './compile-rules.ts'
import { compileLookup, compileSocket } from './compile-sockets.ts'
import { didYouMean } from './did-you-mean.ts'
import { fieldError, gotText, type DocumentSource } from './document.ts'
import type { DocumentPlace, EnvGrant, GrantLayer } from './grants.ts'
import type { RuleUse } from './host-pattern.ts'
import { quoted } from './neutralise.ts'
import { absoluteHostPath } from './path.ts'
import type { ConfigRule, FsRule, KeyValueRule, LookupRule, NetRule, RuleSet, SecretRule, SocketRule, ToolRule } from './rules.ts'

/** The flags that grant, deny and limit, without their dashes. */
export const grantFlagNames = [
  'allow-net',
  'allow-read',
  'allow-write',
  'mount',
  'scratch',
  'allow-env',
  'allow-secret',
  'allow-tool',
  'allow-tcp',
  'allow-udp',
  'allow-lookup',
  'allow-keyvalue',
  'config',
  'deny-net',
  'deny-read',
  'deny-write',
  'deny-env',
  'deny-secret',
  'deny-tool',
  'deny-tcp',
  'deny-udp',
  'deny-lookup',
  'deny-keyvalue',
  'limit',
] as const

export type GrantFlagName = (typeof grantFlagNames)[number]

/** The values of each flag in the order they were given, each still as it was typed (commas and all). */
export type GrantFlags = Readonly<Partial<Record<GrantFlagName | 'allow-all', readonly string[]>>>

interface Flag {
  readonly name: GrantFlagName
  readonly field: GrantField
}

const flagOf = (name: GrantFlagName, place: DocumentPlace): Flag => ({
  name,
  field: { source: { code: 'grant.invalid', origin: `--${name}`, isFlag: true }, place, path: [] },
})

const examples: Readonly<Record<GrantFlagName, string>> = {
  'allow-net': 'api.example.com',
  'allow-read': './letters',
  'allow-write': './out',
  mount: './letters:/inbox',
  scratch: '/tmp',
  'allow-env': 'TZ',
  'allow-secret': 'api-key=env://API_KEY',
  'allow-tool': 'search',
  'allow-tcp': 'db.example.com:5432',
  'allow-udp': '10.0.0.53:53',
  'allow-lookup': 'db.example.com',
  'allow-keyvalue': 'default',
  config: 'greeting=hello',
  'deny-net': '10.0.0.0/8',
  'deny-read': '/inbox/private',
  'deny-write': '/out/keep',
  'deny-env': 'TZ',
  'deny-secret': 'api-key',
  'deny-tool': 'search',
  'deny-tcp': '10.0.0.0/8',
  'deny-udp': '10.0.0.0/8',
  'deny-lookup': 'db.example.com',
  'deny-keyvalue': 'default',
  limit: 'memory=64Mi',
}

/** Written with a space before their value. */
const spaced: ReadonlySet<GrantFlagName> = new Set(['mount', 'config'])

const wrong = ({ name, field }: Flag, got: string, expected: string): CordonError =>
  fieldError(field.source, [], { expected, got, hint: `write it as --${name}${spaced.has(name) ? ' ' : '='}${examples[name]}` })

const refuseEverything = ({ name, field }: Flag): CordonError =>
  fieldError(field.source, [], {
    expected: 'what is meant by name',
    got: '`*`',
    hint: name.startsWith('deny')
      ? 'what is not granted is denied already: leave the grant out'
      : `nothing is granted wholesale: name each, as in --${name}=${examples[name]}, or run once and read what was denied`,
  })

/** The items of a comma-separated value. */
const items = (flag: Flag, values: readonly string[]): readonly string[] =>
  values.flatMap((value) =>
    value.split(',').map((item) => {
      if (item === '*') throw refuseEverything(flag)
      if (item === '') throw wrong(flag, value === '' ? 'nothing' : gotText(value), 'items with commas between them')
      return item
    }),
  )

const netRules = (flag: Flag, values: readonly string[], use: RuleUse): readonly NetRule[] =>
  items(flag, values).map((item) => {
    const match = /^(https?):\/\/(.*)$/s.exec(item)
    const scheme = match?.[1] === 'http' ? 'http' : match?.[1] === 'https' ? 'https' : undefined
    return compileNet({ host: match?.[2] ?? item, scheme }, flag.field.source, [], use)
  })

/** Folders at the same path inside; a folder that is both read and written is mounted once, writable. */
const samePathMounts = (reading: Flag, writing: Flag, flags: GrantFlags): readonly FsRule[] => {
  const mounts = new Map<string, FsRule>()
  const add = (flag: Flag, mode: 'ro' | 'rw'): void => {
    for (const host of items(flag, flags[flag.name] ?? [])) {
      const guest = absoluteHostPath(flag.field.place.folder, host)
      const rule = compileMount({ host, guest, mode }, flag.field)
      mounts.set(rule.guestPath, rule)
    }
  }
  add(reading, 'ro')
  add(writing, 'rw')
  return [...mounts.values()]
}

const mountRule = (flag: Flag, value: string): FsRule => {
  const [, host = '', guest = '', mode] = /^(.+?):(\/[^:]*)(?::(ro|rw|copy))?$/s.exec(value) ?? []
  if (host === '') {
    throw wrong(
      flag,
      gotText(value),
      '`HOST:GUEST`, `HOST:GUEST:rw` to write or `HOST:GUEST:copy` to write to a copy, the guest path absolute',
    )
  }
  if (mode === 'copy') return compileMount({ host, guest, mode: 'rw', kind: 'copy' }, flag.field)
  return compileMount({ host, guest, mode: mode === 'rw' ? 'rw' : 'ro' }, flag.field)
}

/** Folders in memory, which are always writable. */
const scratchMounts = (flag: Flag, values: readonly string[]): readonly FsRule[] =>
  items(flag, values).map((guest) => compileMount({ guest, mode: 'rw', kind: 'memory' }, flag.field))

const socketRules = (flag: Flag, values: readonly string[], kind: SocketRule['kind'], use: RuleUse): readonly SocketRule[] =>
  items(flag, values).map((item) => {
    const raw = item.startsWith('listen:') ? { listen: item.slice('listen:'.length) } : { connect: item }
    return compileSocket(raw, { kind, source: flag.field.source, path: [], use })
  })

const lookupRules = (flag: Flag, values: readonly string[], use: RuleUse): readonly LookupRule[] =>
  items(flag, values).map((item) => compileLookup(item, { source: flag.field.source, path: [], use }))

/** `STORE` is read and written, `STORE:ro` only read; what is denied is denied altogether. */
const storeRules = (flag: Flag, values: readonly string[]): readonly KeyValueRule[] =>
  items(flag, values).map((item) => {
    const [, store, mode = 'rw'] = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})(?::(ro|rw))?$/.exec(item) ?? []
    if (store === undefined) throw wrong(flag, gotText(item), 'the name of a store, `:ro` behind it for reading alone')
    return compileStore({ store, mode: mode === 'ro' ? 'ro' : 'rw' }, flag.field.source, [])
  })

/** `NAME=value`, commas and all. */
const configRules = (flag: Flag, values: readonly string[]): readonly ConfigRule[] =>
  values.map((value) => {
    const cut = value.indexOf('=')
    if (cut < 1) throw wrong(flag, gotText(value), '`NAME=value`')
    return compileConfig(value.slice(0, cut), value.slice(cut + 1), flag.field)
  })

/** `NAME=value` takes the rest as the value, commas and all; otherwise names alone with commas between them. */
const envGrants = (flag: Flag, values: readonly string[]): readonly EnvGrant[] =>
  values
    .flatMap((value) => {
      if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(value)) return [value]
      // A value in a list would end at its first comma.
      if (value.includes('=')) throw wrong(flag, 'text that is not shown here', 'names, or one `NAME=value` in a flag of its own')
      return items(flag, [value])
    })
    .map((item) => compileEnv(item, flag.field))

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const variablePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

const names = (flag: Flag, values: readonly string[], pattern = namePattern): readonly string[] =>
  items(flag, values).map((name) => {
    if (!pattern.test(name)) throw wrong(flag, gotText(name), 'a name')
    return name
  })

const toolRules = (flag: Flag, values: readonly string[]): readonly ToolRule[] =>
  names(flag, values).map((name) => ({ kind: 'tool', origin: flag.field.source.origin, name }))

/** Without a source the secret comes from the host's variable of that name in capitals: `api-key` from `API_KEY`. */
const secretRule = (flag: Flag, value: string): SecretRule => {
  const cut = value.indexOf('=')
  const name = cut < 0 ? value : value.slice(0, cut)
  if (name === '*') throw refuseEverything(flag)
  if (!namePattern.test(name)) throw wrong(flag, cut < 0 ? gotText(value) : 'text that is not shown here', '`NAME` or `NAME=source`')
  const variable = name.toUpperCase().replaceAll(/[.-]/g, '_')
  const source = readSecretSource(cut < 0 ? `env://${variable}` : value.slice(cut + 1), flag.field.place)
  if (!source.ok) throw wrong(flag, 'text that is not shown here', 'a source of the form `env://NAME` or `file:///path`')
  return { kind: 'secret', origin: flag.field.source.origin, name, source: source.value, inject: undefined }
}

/** Guest paths; relative ones count from the working folder, as they do for `--allow-read`. */
const pathDenies = (flag: Flag, values: readonly string[], mode: 'ro' | 'rw'): readonly FsRule[] =>
  items(flag, values).map((item) => compileFs({ guest: absoluteHostPath(flag.field.place.folder, item), mode }, flag.field.source, []))

const denyRules = (flags: GrantFlags, place: DocumentPlace): RuleSet => {
  const values = (name: GrantFlagName): readonly [Flag, readonly string[]] => [flagOf(name, place), flags[name] ?? []]
  return {
    net: netRules(...values('deny-net'), 'deny'),
    fs: [...pathDenies(...values('deny-read'), 'rw'), ...pathDenies(...values('deny-write'), 'ro')],
    secrets: names(...values('deny-secret')).map((name) => ({
      kind: 'secret',
      origin: '--deny-secret',
      name,
      source: undefined,
      inject: undefined,
    })),
    env: names(...values('deny-env'), variablePattern).map((name) => ({ kind: 'env', origin: '--deny-env', name, value: undefined })),
    tools: toolRules(...values('deny-tool')),
    tcp: socketRules(...values('deny-tcp'), 'tcp', 'deny'),
    udp: socketRules(...values('deny-udp'), 'udp', 'deny'),
    lookup: lookupRules(...values('deny-lookup'), 'deny'),
    keyvalue: storeRules(...values('deny-keyvalue')),
    config: [],
  }
}

const checkFlagNames = (flags: GrantFlags): void => {
  if (flags['allow-all'] !== undefined) {
    const source: DocumentSource = { code: 'grant.invalid', origin: '--allow-all', isFlag: true }
    const hint = 'run once without: each denial names the flag that would allow it'
    throw fieldError(source, [], { expected: 'grants by name', got: '`-A`', hint })
  }
  for (const name of Object.keys(flags)) {
    if (grantFlagNames.some((known) => known === name)) continue
    const near = didYouMean(name, grantFlagNames)
    throw new CordonError('grant.invalid', `unknown grant flag ${quoted(`--${name}`)}`, {
      hint: near === undefined ? `known: ${grantFlagNames.map((known) => `--${known}`).join(', ')}` : `did you mean --${near}?`,
    })
  }
}

/**
 * Reads the grant flags of a command line. Throws CordonError `grant.invalid` for what cannot be parsed or is too wide; `-A` and
 * `*` are always too wide. Relative host paths count from
 * the absolute `folder`; nothing on disk is looked at: see `effectivePolicy`.
 */
export const parseGrantFlags = (flags: GrantFlags, folder: string): GrantLayer => {
  const place: DocumentPlace = { folder }
  checkFlagNames(flags)
  const flag = (name: GrantFlagName): Flag => flagOf(name, place)
  const values = (name: GrantFlagName): readonly string[] => flags[name] ?? []
  return {
    origin: 'flags',
    grants: {
      net: netRules(flag('allow-net'), values('allow-net'), 'grant'),
      fs: [
        ...samePathMounts(flag('allow-read'), flag('allow-write'), flags),
        ...values('mount').map((value) => mountRule(flag('mount'), value)),
        ...scratchMounts(flag('scratch'), values('scratch')),
      ],
      secrets: values('allow-secret').map((value) => secretRule(flag('allow-secret'), value)),
      env: envGrants(flag('allow-env'), values('allow-env')),
      tools: toolRules(flag('allow-tool'), values('allow-tool')),
      tcp: socketRules(flag('allow-tcp'), values('allow-tcp'), 'tcp', 'grant'),
      udp: socketRules(flag('allow-udp'), values('allow-udp'), 'udp', 'grant'),
      lookup: lookupRules(flag('allow-lookup'), values('allow-lookup'), 'grant'),
      keyvalue: storeRules(flag('allow-keyvalue'), values('allow-keyvalue')),
      config: configRules(flag('config'), values('config')),
    },
    denies: denyRules(flags, place),
    limits: parseLimitFlags(values('limit')),
  }
}
