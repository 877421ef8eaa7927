import type { AuditEvent } from '#core/audit/record.ts'
import type { Decision } from '#core/policy/decision.ts'

type DecisionEvent = Extract<AuditEvent, { type: 'decision' }>

/** The record of a decision: what was asked for, by whom, and on what ground it was allowed or denied. */
export const decisionEvent = (
  decision: Decision,
  about: Pick<DecisionEvent, 'session' | 'agent' | 'call' | 'op' | 'policy'>,
): DecisionEvent => {
  const { action, ...resource } = decision.capability
  const event = { type: 'decision', ...about, action, resource } as const
  if (decision.effect === 'allow') return { ...event, effect: 'allow', rule: decision.rule.origin }
  const { reason, hint, origin } = decision
  return { ...event, effect: 'deny', reason, ...(hint !== undefined && { hint }), ...(origin !== undefined && { rule: origin }) }
}
