import { parseSize } from '#core/budget/quantity.ts'
import { originOf, take, type DocumentSource } from './document.ts'
import type { FieldPath } from './grants.ts'
import { defaultPort, isLoopbackPattern, parseHostPattern, type RuleUse } from './host-pattern.ts'
import { parsed, refused, type Parsed } from './parsed.ts'
import { isPathPattern, normaliseGuestPath, normaliseUrlPath } from './path.ts'
import type { RawDeny, RawNet, RawRequests } from './rule-schema.ts'
import type { FsRule, NetRule, RuleSet } from './rules.ts'

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
}

/** Compiles a rule about guest paths; `hostPath` only in grants. */
export const compileFs = (raw: RawFs, source: DocumentSource, path: FieldPath, hostPath?: string): FsRule => ({
  kind: 'fs',
  origin: originOf(source, path),
  guestPath: take(source, [...path, 'guest'], { from: raw.guest, result: checkGuestPath(raw.guest) }),
  mode: raw.mode ?? 'ro',
  hostPath,
  quotaBytes: raw.quota === undefined ? undefined : take(source, [...path, 'quota'], { from: raw.quota, result: parseSize(raw.quota) }),
})

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
  }
}
