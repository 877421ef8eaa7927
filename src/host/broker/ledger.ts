import type { Capability } from '#core/capability/capability.ts'
import type { Decision, DenialReason } from '#core/policy/decision.ts'
import { describeCapability } from '#core/policy/describe.ts'
import type { CallSummary, Denial } from '#core/report.ts'

/** The most calls and denials a report lists one by one; the audit log has them all. */
const maxListed = 1000

/** What the operator sees of a session's calls: a bounded digest of what the audit log holds. */
export class Ledger {
  readonly #calls = new Map<string, CallSummary>()
  readonly #denials = new Map<string, Denial>()

  decided(call: string, decision: Decision): CallSummary {
    const target = describeCapability(decision.capability)
    const denied = denialOf(decision)
    const summary = { call, target, effect: decision.effect, ...(decision.effect === 'allow' && { rule: decision.rule.origin }), ...denied }
    if (this.#calls.size < maxListed) this.#calls.set(call, summary)
    if (decision.effect === 'deny')
      this.#denied({ action: decision.capability.action, target, count: 1, ...denied, reason: decision.reason })
    return summary
  }

  settled(call: string, outcome: { readonly status: string; readonly code?: string }): void {
    const known = this.#calls.get(call)
    if (known !== undefined) this.#calls.set(call, { ...known, ...outcome })
  }

  /** Part of an allowed act that was not done: `why` in place of a way to allow it. */
  refused(capability: Capability, why: string): void {
    this.#denied({ action: capability.action, target: describeCapability(capability), reason: 'conflict', hint: why, count: 1 })
  }

  get calls(): readonly CallSummary[] {
    return [...this.#calls.values()]
  }

  get denials(): readonly Denial[] {
    return [...this.#denials.values()]
  }

  #denied(denial: Denial): void {
    const key = `${denial.reason} ${denial.target}`
    const known = this.#denials.get(key)
    if (known !== undefined || this.#denials.size < maxListed) this.#denials.set(key, { ...denial, count: (known?.count ?? 0) + 1 })
  }
}

const denialOf = (decision: Decision): { readonly reason?: DenialReason; readonly hint?: string; readonly rule?: string } => {
  if (decision.effect === 'allow') return {}
  const { reason, hint, origin } = decision
  return { reason, ...(hint !== undefined && { hint }), ...(origin !== undefined && { rule: origin }) }
}
