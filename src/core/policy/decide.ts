import type { Action, Capability } from '#core/capability/capability.ts'
import { isCapability } from '#core/capability/check.ts'
import type { Decision, DenialReason, RuleFor } from './decision.ts'
import { grantHint, requestHint } from './hint.ts'
import { fsRuleDenies, fsRuleFor, nameMatches, netRuleDenies, netRuleFor, storeRuleDenies, storeRuleFor } from './match.ts'
import { lookupDeniedBy, lookupRuleFor, socketDeniedBy, socketRuleFor } from './match-sockets.ts'
import type { AnyRule, EffectivePolicy, Origin, RuleSet } from './rules.ts'

/** Methods that reflect or tunnel a request: no rule opens them. */
const neverForwarded = new Set(['CONNECT', 'TRACE', 'TRACK'])

type Of<A extends Action> = Extract<Capability, { readonly action: A }>
type Finders = { readonly [A in Action]: (rules: RuleSet, capability: Of<A>) => AnyRule | undefined }

/** The rule of a set that asks for or grants a capability, by action. */
const granting: Finders = {
  'net:request': ({ net }, capability) => netRuleFor(net, capability),
  'fs:read': ({ fs }, capability) => fsRuleFor(fs, capability),
  'fs:write': ({ fs }, capability) => fsRuleFor(fs, capability),
  'secret:use': ({ secrets }, capability) => secrets.find((rule) => nameMatches(rule, capability)),
  'env:read': ({ env }, capability) => env.find((rule) => nameMatches(rule, capability)),
  'tool:call': ({ tools }, capability) => tools.find((rule) => nameMatches(rule, capability)),
  'tcp:connect': socketRuleFor,
  'tcp:listen': socketRuleFor,
  'udp:send': socketRuleFor,
  'udp:bind': socketRuleFor,
  'dns:lookup': ({ lookup }, capability) => lookupRuleFor(lookup, capability),
  'kv:read': ({ keyvalue }, capability) => storeRuleFor(keyvalue, capability),
  'kv:write': ({ keyvalue }, capability) => storeRuleFor(keyvalue, capability),
  'config:read': ({ config }, capability) => config.find((rule) => nameMatches(rule, capability)),
}

/** The deny rule that covers a capability, by action. Where nothing is said a deny is compared as a grant is. */
const denying: Finders = {
  ...granting,
  'net:request': ({ net }, capability) => net.find((rule) => netRuleDenies(rule, capability)),
  'fs:read': ({ fs }, capability) => fs.find((rule) => fsRuleDenies(rule, capability)),
  'fs:write': ({ fs }, capability) => fs.find((rule) => fsRuleDenies(rule, capability)),
  'tcp:connect': socketDeniedBy,
  'tcp:listen': socketDeniedBy,
  'udp:send': socketDeniedBy,
  'udp:bind': socketDeniedBy,
  'dns:lookup': lookupDeniedBy,
  'kv:read': ({ keyvalue }, capability) => keyvalue.find((rule) => storeRuleDenies(rule, capability)),
  'kv:write': ({ keyvalue }, capability) => keyvalue.find((rule) => storeRuleDenies(rule, capability)),
}

/** A capability of no known action comes here only past the types: it finds no entry, throws, and is denied. */
const found = <A extends Action>(finders: Finders, rules: RuleSet, capability: Of<A>): AnyRule | undefined =>
  finders[capability.action](rules, capability)

const ruleFor = (rules: RuleSet, capability: Capability): AnyRule | undefined => found(granting, rules, capability)

const denyingRule = (denies: RuleSet, capability: Capability): AnyRule | undefined => found(denying, denies, capability)

/** The origin of what forbids the capability whatever is granted. */
const forbiddenBy = (denies: RuleSet, capability: Capability): Origin | undefined => {
  if (capability.action === 'net:request' && neverForwarded.has(capability.method))
    return `Cordon, which never forwards ${capability.method}`
  return denyingRule(denies, capability)?.origin
}

/** A mount hides what a wider mount has at its place, so an act through the wider mount is not covered by the narrower one's grant. */
const isThroughOtherMount = (capability: Capability, rule: AnyRule): boolean =>
  'mount' in capability && rule.kind === 'fs' && rule.guestPath !== capability.mount

interface Denial {
  readonly reason: DenialReason
  readonly hint?: string | undefined
  readonly origin?: Origin | undefined
}

const deny = <C extends Capability>(capability: C, { reason, hint, origin }: Denial): Decision<C> => ({
  effect: 'deny',
  capability,
  reason,
  hint,
  origin,
})

const decideWellFormed = <C extends Capability>(policy: EffectivePolicy, capability: C): Decision<C> => {
  const origin = forbiddenBy(policy.denies, capability)
  if (origin !== undefined) return deny(capability, { reason: 'denied', origin })
  // Without a manifest the grants are the requests: what is missing there is a grant, and the hint must say so.
  const isRequested = policy.requests === policy.grants || ruleFor(policy.requests, capability) !== undefined
  if (!isRequested) return deny(capability, { reason: 'not-requested', hint: requestHint(capability, policy.grants.fs) })
  const rule = ruleFor(policy.grants, capability)
  if (rule === undefined || isThroughOtherMount(capability, rule)) {
    return deny(capability, { reason: 'not-granted', hint: grantHint(capability, policy.grants.fs) })
  }
  return { effect: 'allow', capability, rule: rule as RuleFor<C> }
}

/**
 * Decides one call: allowed only when no rule denies it, the bundle asked for it and an operator granted it. Pure and total: a
 * capability that is not in normal form, or anything that goes wrong inside, is a denial with reason `error`.
 * For requests the allowing rule is the one that binds a secret, then the narrowest.
 */
export const decide = <C extends Capability>(policy: EffectivePolicy, capability: C): Decision<C> => {
  try {
    return isCapability(capability) ? decideWellFormed(policy, capability) : deny(capability, { reason: 'error' })
  } catch {
    return deny(capability, { reason: 'error' })
  }
}
