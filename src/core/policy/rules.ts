import type { Limits } from '#core/budget/limits.ts'

/** Where a rule was written, for people: `policy.yaml:12`, `--allow-net`, `agent.yaml requests.net[0]`. */
export type Origin = string

/** A host as rules name it. */
export type HostPattern =
  | { readonly kind: 'name'; readonly name: string }
  /** `*.suffix`: exactly one or more labels before `.suffix`; never the suffix itself. */
  | { readonly kind: 'suffix'; readonly suffix: string }
  /** An address or CIDR: `bytes` of the network (4 or 16), `prefix` bits. */
  | { readonly kind: 'cidr'; readonly bytes: readonly number[]; readonly prefix: number; readonly text: string }

export interface NetRule {
  readonly kind: 'net'
  readonly origin: Origin
  readonly host: HostPattern
  /** `undefined` (only in denies) = every port. */
  readonly port: number | undefined
  /** `undefined` (only in denies) = both. */
  readonly scheme: 'http' | 'https' | undefined
  /** Upper case; `undefined` = every method. */
  readonly methods: readonly string[] | undefined
  /** Path patterns: literal, or ending in `*` (prefix); `undefined` = every path. */
  readonly paths: readonly string[] | undefined
  /** Name of the secret that the host injects into matching requests. */
  readonly secret: string | undefined
}

export type MountKind = 'live' | 'copy' | 'memory'

export interface FsRule {
  readonly kind: 'fs'
  readonly origin: Origin
  /** Absolute, normalised guest path; covers everything below. */
  readonly guestPath: string
  readonly mode: 'ro' | 'rw'
  /** Absolute host path; only in grants, and not of what is in memory. */
  readonly hostPath: string | undefined
  readonly quotaBytes: number | undefined
  /** Most entries (files, directories, links) in the mount. */
  readonly quotaEntries: number | undefined
  /** `live`: the host folder itself; `copy`: a private copy of it, written back at a good end; `memory`: nothing of the host. */
  readonly mountKind: MountKind
}

export interface SecretRule {
  readonly kind: 'secret'
  readonly origin: Origin
  readonly name: string
  /** `env://NAME` or `file:///path`; only in grants. */
  readonly source: string | undefined
  readonly inject: { readonly header: string; readonly format: string } | undefined
}

export interface EnvRule {
  readonly kind: 'env'
  readonly origin: Origin
  readonly name: string
  /** Only in grants. */
  readonly value: string | undefined
}

export interface ToolRule {
  readonly kind: 'tool'
  readonly origin: Origin
  readonly name: string
}

export interface SocketRule {
  readonly kind: 'tcp' | 'udp'
  readonly origin: Origin
  /** `connect`: dialled, or sent to and received from; `listen`: bound, and open to whoever comes. */
  readonly direction: 'connect' | 'listen'
  /** An address when `listen`. */
  readonly host: HostPattern
  /** `undefined` (only in denies) = every port; 0 (only `listen`) = one that the system chooses. */
  readonly port: number | undefined
}

export interface LookupRule {
  readonly kind: 'lookup'
  readonly origin: Origin
  /** A name or a suffix. */
  readonly host: HostPattern
}

export interface KeyValueRule {
  readonly kind: 'keyvalue'
  readonly origin: Origin
  readonly store: string
  readonly mode: 'ro' | 'rw'
  readonly quotaBytes: number | undefined
}

export interface ConfigRule {
  readonly kind: 'config'
  readonly origin: Origin
  readonly name: string
  /** Only in grants. */
  readonly value: string | undefined
}

/** One rule of any kind. */
export type AnyRule = NetRule | FsRule | SecretRule | EnvRule | ToolRule | SocketRule | LookupRule | KeyValueRule | ConfigRule

export interface RuleSet {
  readonly net: readonly NetRule[]
  readonly fs: readonly FsRule[]
  readonly secrets: readonly SecretRule[]
  readonly env: readonly EnvRule[]
  readonly tools: readonly ToolRule[]
  readonly tcp: readonly SocketRule[]
  readonly udp: readonly SocketRule[]
  readonly lookup: readonly LookupRule[]
  readonly keyvalue: readonly KeyValueRule[]
  readonly config: readonly ConfigRule[]
}

/** All that decides for one session: what the bundle asks, what operators grant, what anyone denies. Immutable. */
export interface EffectivePolicy {
  /** Name of the agent. */
  readonly agent: string
  /** What the bundle asks for; when there is no manifest, the same as `grants`. */
  readonly requests: RuleSet
  readonly grants: RuleSet
  readonly denies: RuleSet
  readonly limits: Limits
  /** Hex sha256 of the canonical JSON of all of the above: in every record. */
  readonly digest: string
}
