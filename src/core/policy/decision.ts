import type { Capability } from '#core/capability/capability.ts'
import type { EnvRule, FsRule, NetRule, SecretRule, ToolRule } from '#core/policy/rules.ts'

/** Why a call was denied. Stable. */
export type DenialReason = 'not-requested' | 'not-granted' | 'denied' | 'limit' | 'address' | 'expired' | 'error'

/** The rule kind that grants an action. */
export type RuleFor<C extends Capability> = C extends { action: 'net:request' }
  ? NetRule
  : C extends { action: 'fs:read' | 'fs:write' }
    ? FsRule
    : C extends { action: 'secret:use' }
      ? SecretRule
      : C extends { action: 'env:read' }
        ? EnvRule
        : ToolRule

/** The outcome of deciding one call. A denial is a value, not an exception. */
export type Decision<C extends Capability = Capability> =
  | { readonly effect: 'allow'; readonly capability: C; readonly rule: RuleFor<C> }
  | {
      readonly effect: 'deny'
      readonly capability: C
      readonly reason: DenialReason
      /** The line or flag that would allow it, for operators: `allow with: --allow-net=x.com`. */
      readonly hint: string | undefined
      /** Where the deny rule stands, when one decided. */
      readonly origin: string | undefined
    }
