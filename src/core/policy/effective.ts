import { canonicalJson, type Json } from '#core/audit/canonical-json.ts'
import { ceilingLimits, defaultLimits, effectiveLimits, limitNames, type Limits } from '#core/budget/limits.ts'
import { CordonError } from '#core/errors.ts'
import type { Manifest } from '#core/manifest/manifest.ts'
import type { EnvGrant, GrantLayer, Policy } from './grants.ts'
import { checkMountFolder, checkMounts, narrowMount } from './mounts.ts'
import { neutralise } from './neutralise.ts'
import type { ConfigRule, EffectivePolicy, EnvRule, FsRule, KeyValueRule, NetRule, Origin, RuleSet, SecretRule } from './rules.ts'

/** What only the host can say about the places that grants name. */
export interface HostView {
  /** The real path of a host folder. Throws CordonError `mount.invalid` when it is missing or is no folder. */
  readonly folder: (path: string, origin: Origin) => string
  /** The value of a variable of the host's environment. */
  readonly variable: (name: string) => string | undefined
}

/** All that goes into one session's policy. */
export interface PolicyParts {
  readonly agent: string
  /** `sha256:<hex>` of the bundle or component, when known: policies may grant to it. */
  readonly digest?: string | undefined
  /** Without one, the grants are also the requests. */
  readonly manifest?: Pick<Manifest, 'requests' | 'limits'> | undefined
  readonly policies?: readonly Policy[]
  /** Grants beside the policies (see `parseGrantFlags`, `parseAllow`), the nearest to the operator's hand first. */
  readonly layers?: readonly GrantLayer[]
  /** Limits of this one run, on the operator's side. */
  readonly limits?: Partial<Limits> | undefined
  /** What nothing may exceed. */
  readonly ceiling?: Limits | undefined
  /** Hex sha256 of a text's UTF-8. */
  readonly sha256: (text: string) => string
  readonly host: HostView
}

/** The layers that speak about this agent. */
const layersOf = ({ agent, digest, policies = [], layers = [] }: PolicyParts): readonly GrantLayer[] => {
  const keys = digest === undefined ? [agent] : [digest, agent]
  const entries = policies.flatMap(({ agents }) => keys.map((key) => agents.get(key)))
  return [...layers, ...entries].filter((layer) => layer !== undefined)
}

const mergeDenies = (sets: readonly RuleSet[]): RuleSet => ({
  net: sets.flatMap(({ net }) => net),
  fs: sets.flatMap(({ fs }) => fs),
  secrets: sets.flatMap(({ secrets }) => secrets),
  env: sets.flatMap(({ env }) => env),
  tools: sets.flatMap(({ tools }) => tools),
  tcp: sets.flatMap(({ tcp }) => tcp),
  udp: sets.flatMap(({ udp }) => udp),
  lookup: sets.flatMap(({ lookup }) => lookup),
  keyvalue: sets.flatMap(({ keyvalue }) => keyvalue),
  config: sets.flatMap(({ config }) => config),
})

/** One rule a name: a nearer layer says where the secret comes from, a farther one may still say where it goes. */
const mergeSecrets = (rules: readonly SecretRule[]): readonly SecretRule[] => {
  const merged = new Map<string, SecretRule>()
  for (const rule of rules) {
    const nearer = merged.get(rule.name)
    merged.set(rule.name, nearer === undefined ? rule : { ...nearer, inject: nearer.inject ?? rule.inject })
  }
  return [...merged.values()]
}

const readVariable = ({ kind, origin, name, value, fromHost, mustExist }: EnvGrant, host: HostView): EnvRule => {
  const read = fromHost === undefined ? value : host.variable(fromHost)
  if (mustExist && read === undefined) {
    throw new CordonError('policy.invalid', `${neutralise(origin)}: expected the environment variable \`${fromHost}\`, got nothing`, {
      hint: `set it, or remove the grant of \`${name}\``,
    })
  }
  return { kind, origin, name, value: read }
}

/** One rule a name, the nearest layer's; the host's environment is read only for what the bundle asks for. */
const mergeVariables = (rules: readonly EnvGrant[], asked: RuleSet | undefined, host: HostView): readonly EnvRule[] => {
  const merged = new Map<string, EnvRule>()
  for (const rule of rules) {
    if (merged.has(rule.name)) continue
    const isAsked = asked === undefined || asked.env.some(({ name }) => name === rule.name)
    const { kind, origin, name } = rule
    merged.set(name, isAsked ? readVariable(rule, host) : { kind, origin, name, value: undefined })
  }
  return [...merged.values()]
}

const realMount = (rule: FsRule, host: HostView): FsRule => {
  if (rule.mountKind === 'memory') return rule
  const real = host.folder(rule.hostPath ?? '', rule.origin)
  const checked = checkMountFolder(real)
  if (checked.ok) return { ...rule, hostPath: real }
  throw new CordonError('mount.invalid', `${neutralise(rule.origin)}: expected ${checked.expected}, got \`${neutralise(real)}\``, {
    hint: checked.hint,
  })
}

/** A secret is sent only when the bundle asked for it, an operator granted it and nobody denied it. */
const bindSecrets = (net: readonly NetRule[], usable: ReadonlySet<string>): readonly NetRule[] =>
  net.map((rule) => (rule.secret === undefined || usable.has(rule.secret) ? rule : { ...rule, secret: undefined }))

const firstOfEachName = (rules: readonly ConfigRule[]): readonly ConfigRule[] => [
  ...new Map(rules.toReversed().map((rule) => [rule.name, rule])).values(),
]

/** Each store's quota is the smallest that anybody names, the bundle too. */
const mergeStores = (rules: readonly KeyValueRule[], asked: readonly KeyValueRule[]): readonly KeyValueRule[] =>
  rules.map((rule) => {
    const quotas = [...rules, ...asked].filter(({ store }) => store === rule.store).map(({ quotaBytes }) => quotaBytes)
    const said = quotas.filter((quota) => quota !== undefined)
    return said.length === 0 ? rule : { ...rule, quotaBytes: Math.min(...said) }
  })

const mergeGrants = (layers: readonly GrantLayer[], denies: RuleSet, parts: PolicyParts): RuleSet => {
  const { host, manifest } = parts
  const all = layers.map(({ grants }) => grants)
  const secrets = mergeSecrets(all.flatMap((grants) => grants.secrets))
  const asked = manifest?.requests.secrets ?? secrets
  const named = (rules: readonly SecretRule[], name: string): boolean => rules.some((rule) => rule.name === name)
  const usable = secrets.map(({ name }) => name).filter((name) => named(asked, name) && !named(denies.secrets, name))
  return {
    net: bindSecrets(
      all.flatMap(({ net }) => net),
      new Set(usable),
    ),
    fs: checkMounts(all.flatMap(({ fs }) => fs).map((rule) => realMount(rule, host))).map((rule) =>
      narrowMount(rule, manifest?.requests.fs ?? []),
    ),
    secrets,
    env: mergeVariables(
      all.flatMap(({ env }) => env),
      manifest?.requests,
      host,
    ),
    tools: all.flatMap(({ tools }) => tools),
    tcp: all.flatMap(({ tcp }) => tcp),
    udp: all.flatMap(({ udp }) => udp),
    lookup: all.flatMap(({ lookup }) => lookup),
    keyvalue: mergeStores(
      all.flatMap(({ keyvalue }) => keyvalue),
      manifest?.requests.keyvalue ?? [],
    ),
    config: firstOfEachName(all.flatMap(({ config }) => config)),
  }
}

/** The smallest of what several layers say, limit by limit. */
const smallest = (layers: readonly Partial<Limits>[]): Partial<Limits> => {
  const said = limitNames.map((name) => [name, layers.map((layer) => layer[name]).filter((value) => value !== undefined)] as const)
  return Object.fromEntries(said.filter(([, values]) => values.length > 0).map(([name, values]) => [name, Math.min(...values)]))
}

/**
 * A bundle may ask for less than the defaults but gets more only when an operator says so: where operators are silent the
 * default stands for them. Floors lower the ceiling.
 */
const limitsOf = (layers: readonly GrantLayer[], { manifest, policies = [], limits, ceiling = ceilingLimits }: PolicyParts): Limits => {
  const operators: Limits = { ...defaultLimits, ...smallest([...layers.map((layer) => layer.limits), limits ?? {}]) }
  const lowered: Limits = { ...ceiling, ...smallest([ceiling, ...policies.map(({ floor }) => floor.limits)]) }
  return effectiveLimits([operators, manifest?.limits ?? {}], operators, lowered)
}

/** Freezes plain data all the way down. */
const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const item of Object.values(value)) deepFreeze(item)
    Object.freeze(value)
  }
  return value
}

/**
 * Brings manifest, policies, the embedder's grants and flags together into what decides for one session. Grants add up, any deny
 * wins, limits are the smallest. Throws CordonError `mount.invalid` for folders that are missing, doubled or conflicting, and
 * `policy.invalid` for a host variable that is named but not set.
 */
export const effectivePolicy = (parts: PolicyParts): EffectivePolicy => {
  const layers = layersOf(parts)
  const denies = mergeDenies([...(parts.policies ?? []).map(({ floor }) => floor.denies), ...layers.map((layer) => layer.denies)])
  const grants = mergeGrants(layers, denies, parts)
  const rules = { agent: parts.agent, requests: parts.manifest?.requests ?? grants, grants, denies, limits: limitsOf(layers, parts) }
  const digest = parts.sha256(canonicalJson(JSON.parse(JSON.stringify(rules)) as Json))
  return deepFreeze({ ...rules, digest })
}
