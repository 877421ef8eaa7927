import type { Limits } from '#core/budget/limits.ts'
import type { EnvRule, Origin, RuleSet } from '#core/policy/rules.ts'

/** An environment grant before the host's own environment was looked at. */
export interface EnvGrant extends EnvRule {
  /** Name of the host's variable to take the value from; `undefined` when `value` says it. */
  readonly fromHost: string | undefined
  /** Whether a missing host variable is an error (`from: env://X`) or leaves the guest's unset (`--allow-env=X`). */
  readonly mustExist: boolean
}

/** Grants as they are written: host paths absolute but not yet looked at, environment values not yet read. */
export interface GrantSet extends Omit<RuleSet, 'env'> {
  readonly env: readonly EnvGrant[]
}

/** What one source (one agent's entry of a policy file, the `allow` option, the flags) grants, denies and limits. */
export interface GrantLayer {
  readonly origin: Origin
  readonly grants: GrantSet
  readonly denies: RuleSet
  readonly limits: Partial<Limits>
}

/** One operator policy file, parsed. */
export interface Policy {
  readonly origin: Origin
  /** By agent name or `sha256:<hex>` digest. */
  readonly agents: ReadonlyMap<string, GrantLayer>
  /** Holds for every agent: denies that nothing overrides and limits that nothing exceeds. */
  readonly floor: { readonly denies: RuleSet; readonly limits: Partial<Limits> }
}

/** Nothing at all. */
export const noRules = {
  net: [],
  fs: [],
  secrets: [],
  env: [],
  tools: [],
  tcp: [],
  udp: [],
  lookup: [],
  keyvalue: [],
  config: [],
} as const satisfies RuleSet

/** What parsing needs to know of the place a document was found. */
export interface DocumentPlace {
  /** Absolute host folder from which relative host paths count: the document's own, or the working folder for flags. */
  readonly folder: string
  /** Where a field stands, e.g. `policy.yaml:12`; without it the origin and the field's path are given. */
  readonly locate?: (path: FieldPath) => Origin | undefined
}

/** Steps from a document's root to a field: `['agents', 'briefing', 'net', 0, 'host']`. */
export type FieldPath = readonly (string | number)[]
