import type { Capability } from '#core/capability/capability.ts'
import { isCapability } from '#core/capability/check.ts'
import type { Decision, DenialReason, RuleFor } from './decision.ts'
import { grantHint, requestHint } from './hint.ts'
import { fsRuleDenies, fsRuleFor, nameMatches, netRuleDenies, netRuleFor } from './match.ts'
import type { EffectivePolicy, EnvRule, FsRule, NetRule, Origin, RuleSet, SecretRule, ToolRule } from './rules.ts'

type AnyRule = NetRule | FsRule | SecretRule | EnvRule | ToolRule

/** Methods that reflect or tunnel a request: no rule opens them. */
const neverForwarded = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** The rule of a set that asks for or grants the capability. */
const ruleFor = (rules: RuleSet, capability: Capability): AnyRule | undefined => {
  switch (capability.action) {
    case 'net:request':
      return netRuleFor(rules.net, capability)
    case 'fs:read':
    case 'fs:write':
      return fsRuleFor(rules.fs, capability)
    case 'secret:use':
      return rules.secrets.find((rule) => nameMatches(rule, capability))
    case 'env:read':
      return rules.env.find((rule) => nameMatches(rule, capability))
    case 'tool:call':
      return rules.tools.find((rule) => nameMatches(rule, capability))
    default:
      // A capability of no known action reaches here only past the types: nothing grants it.
      return undefined
  }
}

const denyingRule = (denies: RuleSet, capability: Capability): AnyRule | undefined => {
  if (capability.action === 'net:request') return denies.net.find((rule) => netRuleDenies(rule, capability))
  if ('path' in capability) return denies.fs.find((rule) => fsRuleDenies(rule, capability))
  return ruleFor(denies, capability)
}

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
