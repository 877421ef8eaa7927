import { parseSize } from '#core/budget/quantity.ts'
import { originOf, take, type DocumentSource } from './document.ts'
import type { FieldPath } from './grants.ts'
import { defaultPort, isLoopbackPattern, parseHostPattern, type RuleUse } from './host-pattern.ts'
import { parsed, refused, type Parsed } from './parsed.ts'
import { isPathPattern, normaliseGuestPath, normaliseUrlPath } from './path.ts'
import type { RawDeny, RawNet, RawRequests, RawSocket } from './rule-schema.ts'
import { compileLookup, compileSocket } from './compile-sockets.ts'
import type { FsRule, KeyValueRule, LookupRule, MountKind, NetRule, RuleSet, SocketRule } from './rules.ts'

const checkPathPattern = (pattern: string): Parsed<string> => {
  if (isPathPattern(pattern)) return parsed(pattern)
  const literal = pattern.replace(/\*$/, '')
  const normal = normaliseUrlPath(literal)
  if (literal.includes('*')) return refused('a path with `*` only at its end', 'write one pattern for each path')
  if (normal === undefined)
    return refused('an absolute path without `..`, `\\`, query or encoded slashes', 'write it as `/v1/items` or `/v1/*`')
  return refused('a path in normal form', `write \`${normal}${pattern.endsWith('*') ? '*' : ''}\``)
}

/** Compiles a host rule. Throws CordonError with the source's code for hosts and paths that are not what they should be. */
export const compileNet = (raw: RawNet, source: DocumentSource, path: FieldPath, use: RuleUse): NetRule => {
  const { host, port } = take(source, [...path, 'host'], { from: raw.host, result: parseHostPattern(raw.host, use) })
  const scheme = raw.scheme ?? (use === 'grant' ? 'https' : undefined)
  const plaintext = raw.secret !== undefined && scheme !== 'https' && !isLoopbackPattern(host)
  const schemeCheck = plaintext ? refused('`https`, since a secret is sent', 'remove `secret`, or use https') : parsed(scheme)
  return {
    kind: 'net',
    origin: originOf(source, path),
    host,
    port: port ?? (use === 'grant' ? defaultPort(scheme ?? 'https') : undefined),
    scheme: take(source, [...path, 'scheme'], { from: raw.scheme, result: schemeCheck }),
    methods: raw.methods,
    paths: raw.paths?.map((from, index) => take(source, [...path, 'paths', index], { from, result: checkPathPattern(from) })),
    secret: raw.secret,
  }
}

/** Reads an absolute guest path. */
const checkGuestPath = (text: string): Parsed<string> => {
  const normal = normaliseGuestPath(text)
  return normal === undefined ? refused('an absolute guest path without `..`', 'write it as `/inbox`') : parsed(normal)
}

interface RawFs {
  readonly guest: string
  readonly mode?: 'ro' | 'rw' | undefined
  readonly quota?: string | number | undefined
  readonly entries?: number | undefined
}

/** Reads a size that a rule may leave out. */
const compileQuota = (quota: string | number | undefined, source: DocumentSource, path: FieldPath): number | undefined =>
  quota === undefined ? undefined : take(source, [...path, 'quota'], { from: quota, result: parseSize(quota) })

/** What only a granted mount has. */
interface MountSource {
  readonly hostPath: string | undefined
  readonly mountKind: MountKind
}

/** Compiles a rule about guest paths; the mount's source only in grants. */
export const compileFs = (
  raw: RawFs,
  source: DocumentSource,
  path: FieldPath,
  { hostPath, mountKind }: MountSource = { hostPath: undefined, mountKind: 'live' },
): FsRule => ({
  kind: 'fs',
  origin: originOf(source, path),
  guestPath: take(source, [...path, 'guest'], { from: raw.guest, result: checkGuestPath(raw.guest) }),
  mode: raw.mode ?? 'ro',
  hostPath,
  quotaBytes: compileQuota(raw.quota, source, path),
  quotaEntries: raw.entries,
  mountKind,
})

interface RawStore {
  readonly store: string
  readonly mode?: 'ro' | 'rw' | undefined
  readonly quota?: string | number | undefined
}

/** Compiles a rule about a key-value store. */
export const compileStore = (raw: RawStore, source: DocumentSource, path: FieldPath): KeyValueRule => ({
  kind: 'keyvalue',
  origin: originOf(source, path),
  store: raw.store,
  mode: raw.mode ?? 'ro',
  quotaBytes: compileQuota(raw.quota, source, path),
})

/** Compiles the rules of a document about sockets and lookups. */
export const compileConnections = (
  raw: {
    readonly tcp?: readonly RawSocket[] | undefined
    readonly udp?: readonly RawSocket[] | undefined
    readonly lookup?: readonly { readonly name: string }[] | undefined
  },
  { source, path, use }: { readonly source: DocumentSource; readonly path: FieldPath; readonly use: RuleUse },
): { readonly tcp: readonly SocketRule[]; readonly udp: readonly SocketRule[]; readonly lookup: readonly LookupRule[] } => {
  const sockets = (kind: 'tcp' | 'udp'): readonly SocketRule[] =>
    (raw[kind] ?? []).map((item, index) => compileSocket(item, { kind, source, path: [...path, kind, index], use }))
  return {
    tcp: sockets('tcp'),
    udp: sockets('udp'),
    lookup: (raw.lookup ?? []).map(({ name }, index) => compileLookup(name, { source, path: [...path, 'lookup', index], use })),
  }
}

/** Two entries on one guest path say two things about one place. */
const refuseDoubled = (rules: readonly FsRule[], source: DocumentSource, path: FieldPath): readonly FsRule[] => {
  const seen = new Set<string>()
  for (const [index, { guestPath }] of rules.entries()) {
    const result = seen.has(guestPath) ? refused('each guest path once', 'remove one of the two') : parsed(guestPath)
    seen.add(take(source, [...path, index, 'guest'], { from: guestPath, result }))
  }
  return rules
}

/** Compiles what a bundle asks for. */
export const compileRequests = (raw: RawRequests, source: DocumentSource, path: FieldPath): RuleSet => {
  const at = (kind: string, index: number): FieldPath => [...path, kind, index]
  return {
    net: (raw.net ?? []).map((item, index) => compileNet(item, source, at('net', index), 'grant')),
    fs: refuseDoubled(
      (raw.fs ?? []).map((item, index) => compileFs(item, source, at('fs', index))),
      source,
      [...path, 'fs'],
    ),
    secrets: (raw.secrets ?? []).map(({ name }, index) => ({
      kind: 'secret',
      origin: originOf(source, at('secrets', index)),
      name,
      source: undefined,
      inject: undefined,
    })),
    env: (raw.env ?? []).map((item, index) => ({
      kind: 'env',
      origin: originOf(source, at('env', index)),
      name: typeof item === 'string' ? item : item.name,
      value: undefined,
    })),
    tools: (raw.tools ?? []).map(({ name }, index) => ({ kind: 'tool', origin: originOf(source, at('tools', index)), name })),
    ...compileConnections(raw, { source, path, use: 'grant' }),
    keyvalue: (raw.keyvalue ?? []).map((item, index) => compileStore(item, source, at('keyvalue', index))),
    config: (raw.config ?? []).map((item, index) => ({
      kind: 'config',
      origin: originOf(source, at('config', index)),
      name: typeof item === 'string' ? item : item.name,
      value: undefined,
    })),
  }
}

/** Compiles what is denied. A deny of a guest path without mode denies all access. */
export const compileDenies = (raw: RawDeny, source: DocumentSource, path: FieldPath): RuleSet => {
  const at = (kind: string, index: number): FieldPath => [...path, kind, index]
  return {
    net: (raw.net ?? []).map((item, index) => compileNet(item, source, at('net', index), 'deny')),
    fs: (raw.fs ?? []).map(({ guest, mode }, index) => compileFs({ guest, mode: mode ?? 'rw' }, source, at('fs', index))),
    secrets: (raw.secrets ?? []).map((name, index) => ({
      kind: 'secret',
      origin: originOf(source, at('secrets', index)),
      name,
      source: undefined,
      inject: undefined,
    })),
    env: (raw.env ?? []).map((name, index) => ({ kind: 'env', origin: originOf(source, at('env', index)), name, value: undefined })),
    tools: (raw.tools ?? []).map((name, index) => ({ kind: 'tool', origin: originOf(source, at('tools', index)), name })),
    ...compileConnections(raw, { source, path, use: 'deny' }),
    keyvalue: (raw.keyvalue ?? []).map(({ store, mode }, index) =>
      compileStore({ store, mode: mode ?? 'rw' }, source, at('keyvalue', index)),
    ),
    config: (raw.config ?? []).map((name, index) => ({
      kind: 'config',
      origin: originOf(source, at('config', index)),
      name,
      value: undefined,
    })),
  }
}
