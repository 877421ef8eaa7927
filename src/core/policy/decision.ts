import type { Capability } from '#core/capability/capability.ts'
import type {
  ConfigRule,
  EnvRule,
  FsRule,
  KeyValueRule,
  LookupRule,
  NetRule,
  SecretRule,
  SocketRule,
  ToolRule,
} from '#core/policy/rules.ts'

/** Why a call was denied. Stable. `conflict`: what was allowed could not be done to a part of its target. */
export type DenialReason = 'not-requested' | 'not-granted' | 'denied' | 'limit' | 'address' | 'expired' | 'conflict' | 'error'

/** The kind of rule that asks for, grants or denies each action. */
export interface RuleOfAction {
  'net:request': NetRule
  'fs:read': FsRule
  'fs:write': FsRule
  'secret:use': SecretRule
  'env:read': EnvRule
  'tool:call': ToolRule
  'tcp:connect': SocketRule
  'tcp:listen': SocketRule
  'udp:send': SocketRule
  'udp:bind': SocketRule
  'dns:lookup': LookupRule
  'kv:read': KeyValueRule
  'kv:write': KeyValueRule
  'config:read': ConfigRule
}

/** The rule kind that grants a capability. */
export type RuleFor<C extends Capability> = RuleOfAction[C['action']]

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
