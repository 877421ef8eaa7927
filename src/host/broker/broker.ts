import type { Capability } from '#core/capability/capability.ts'
import { CordonError } from '#core/errors.ts'
import { decide } from '#core/policy/decide.ts'
import type { Decision } from '#core/policy/decision.ts'
import { mintGrant, type Granted } from '#core/policy/grant.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { Receipt } from '#core/audit/receipt.ts'
import type { AuditEvent } from '#core/audit/record.ts'
import type { CallSummary } from '#core/report.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import { decisionEvent } from '#host/broker/decision-event.ts'
import { HandleTable, type TrackedHandle } from '#host/broker/handle-table.ts'
import { Ledger } from '#host/broker/ledger.ts'
import { Meter } from '#host/broker/meter.ts'
import { type ClosingAct, GuestFault, type OpenHandle, type Performed, type Plan, type Provider } from '#host/broker/provider.ts'
import type { Call, CallOp, CallReply } from '#wire/calls.ts'

/** Operations that leave a handle open. */
const opening: ReadonlySet<CallOp> = new Set(['fs.open', 'http.start', 'kv.open', 'tcp.connect', 'tcp.listen', 'udp.open'])
const nothing = new Uint8Array()

type CapabilityPlan = Extract<Plan, { kind: 'capability' }>

export interface BrokerOptions {
  readonly sessionId: string
  readonly policy: EffectivePolicy
  readonly audit: AuditSink
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** When the session's time is over: no grant outlives it. */
  readonly notAfterMs: () => number
  /** Ends the session; called at most once, with the first cause. */
  readonly fail: (error: CordonError) => void
  /** Told of each record's place in the log. */
  readonly recorded?: (receipt: Receipt) => void
  /** Told of each decision. */
  readonly decided?: (call: CallSummary) => void
}

/**
 * The policy enforcement point of one session (NIST SP 800-207, section 2): every call of the guest comes through
 * {@link Broker.handle}, and nothing else reaches a provider.
 *
 * INVARIANT: no provider acts without a `Granted`, no `Granted` without an allow and its record in the log.
 */
export class Broker {
  readonly meter: Meter
  readonly ledger = new Ledger()
  readonly #options: BrokerOptions
  readonly #providers = new Map<CallOp, Provider>()
  readonly #handles = new HandleTable()
  #calls = 0
  #failed = false
  #over = false

  constructor(options: BrokerOptions) {
    this.#options = options
    this.meter = new Meter(options.policy.limits)
  }

  /** Adds a provider for its operations. Throws TypeError when one is taken. */
  use(provider: Provider): void {
    for (const op of provider.ops) {
      if (this.#providers.has(op)) throw new TypeError(`two providers for ${op}`)
      this.#providers.set(op, provider)
    }
  }

  /** The open handle of that number. Throws GuestFault `bad-descriptor`. */
  handleOf(number: number): OpenHandle {
    return this.#handles.get(number).open
  }

  /** Gives the guest a handle it is born with (a mount's root). */
  adopt(open: OpenHandle): number {
    return this.#handles.add({ open, callId: undefined, openedMs: this.#options.now(), egressBytes: 0, ingressBytes: 0, fault: undefined })
  }

  /** Decides, records, performs, records. Never rejects: what ends the session goes to `fail`, and the guest hears `not-permitted`. */
  async handle(call: Call): Promise<CallReply> {
    try {
      const provider = this.#providerOf(call.op)
      const plan = await this.#plan(provider, call)
      if (plan.kind !== 'capability') return await this.#continue(provider, plan, call)
      if (!this.meter.call()) throw this.#tooManyCalls()
      const decision = this.#decide(plan, call)
      const receipt = await this.#record(decision, plan, call.op)
      if (decision.effect === 'deny') return { ok: false, code: 'not-permitted' }
      return await this.#perform(provider, this.#grant(decision, receipt), call, plan.egressBytes)
    } catch (error) {
      if (error instanceof GuestFault) return { ok: false, code: error.code }
      this.#fail(error)
      return { ok: false, code: 'not-permitted' }
    }
  }

  /** Decides and records what is handed over at the start rather than called for: environment variables, and mounts that were asked for in vain. */
  async decideAtStart(capability: Capability): Promise<boolean> {
    this.meter.decidedAtStart()
    const decision = decide(this.#options.policy, capability)
    await this.#record(decision, { kind: 'capability', capability, effect: 'read' }, 'start')
    return decision.effect === 'allow'
  }

  /** After a good end: closes every handle and has the providers do what they have left to do. */
  async finish(): Promise<void> {
    await this.#closeHandles()
    for (const provider of new Set(this.#providers.values())) {
      for (const act of provider.closing?.() ?? []) await this.#finish(act)
    }
  }

  /** Closes every handle and provider, recording what was open as abandoned or done. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeHandles()
    for (const provider of new Set(this.#providers.values())) await provider[Symbol.asyncDispose]()
  }

  async #closeHandles(): Promise<void> {
    this.#over = true
    for (const handle of this.#handles.drain()) await this.#closed(handle, 'abandoned').catch((error: unknown) => this.#fail(error))
  }

  async #finish(act: ClosingAct): Promise<void> {
    const { capability, op } = act
    const decision = decide(this.#options.policy, capability)
    const receipt = await this.#record(decision, { kind: 'capability', capability, effect: 'external' }, op)
    if (decision.effect === 'deny') return
    const startedMs = this.#options.now()
    const granted = this.#grant(decision, receipt, Number.POSITIVE_INFINITY)
    const { callId } = granted
    try {
      const { summary, refused, refusedCount } = await act.perform(granted)
      for (const part of refused) this.ledger.refused(part.capability, part.why)
      const detail = refused.map(({ why }) => why).join('; ')
      await this.#outcome(
        callId,
        refusedCount === 0 ? { status: 'done', startedMs, summary } : { status: 'refused', startedMs, summary, detail },
      )
    } catch (error) {
      await this.#outcome(callId, { status: 'failed', startedMs })
      throw error
    }
  }

  /** A call that means nothing (a name with a null byte, an authority that is none) is counted and recorded like a denied one: trying is not free. */
  async #plan(provider: Provider, call: Call): Promise<Plan> {
    try {
      return provider.plan(call)
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      if (!this.meter.call()) throw this.#tooManyCalls()
      this.meter.denied()
      const { sessionId, policy } = this.#options
      await this.#append({
        type: 'decision',
        session: sessionId,
        agent: policy.agent,
        call: this.#nextCall(),
        op: call.op,
        action: call.op,
        resource: null,
        effect: 'deny',
        reason: `meaningless (${error.code})`,
        policy: policy.digest,
      })
      throw error
    }
  }

  #nextCall(): string {
    this.#calls += 1
    return `${this.#options.sessionId}.${this.#calls}`
  }

  async #append(event: AuditEvent, durable = false): Promise<Receipt> {
    const receipt = await this.#options.audit.append(event, { durable })
    this.#options.recorded?.(receipt)
    return receipt
  }

  #providerOf(op: CallOp): Provider {
    const provider = this.#providers.get(op)
    if (provider === undefined) throw new GuestFault('not-permitted', `no provider for ${op}`)
    return provider
  }

  #decide(plan: CapabilityPlan, call: Call): Decision {
    const decision = decide(this.#options.policy, plan.capability)
    if (decision.effect === 'deny' || !opening.has(call.op) || this.meter.openHandle()) return decision
    return {
      effect: 'deny',
      capability: plan.capability,
      reason: 'limit',
      hint: `raise with: --limit handles=${this.#options.policy.limits.handles * 2}`,
      origin: undefined,
    }
  }

  async #record(decision: Decision, plan: CapabilityPlan, op: string): Promise<Receipt> {
    const { sessionId, policy } = this.#options
    const call = this.#nextCall()
    if (decision.effect === 'deny') this.meter.denied()
    const receipt = await this.#append(
      decisionEvent(decision, { session: sessionId, agent: policy.agent, call, op, policy: policy.digest }),
      // An act that leaves the host waits until its record is on stable storage: a crash may lose the act, never the record.
      decision.effect === 'allow' && plan.effect === 'external',
    )
    const summary = this.ledger.decided(call, decision)
    this.#options.decided?.(summary)
    return receipt
  }

  #grant(decision: Decision, receipt: Receipt, notAfterMs = this.#options.notAfterMs()): Granted {
    const { policy, now } = this.#options
    return mintGrant({
      decision,
      receipt,
      policyDigest: policy.digest,
      notAfterMs,
      now,
      alsoAllows: (capability) => decide(policy, capability).effect === 'allow',
    })
  }

  async #perform(provider: Provider, granted: Granted, call: Call, reserved = 0): Promise<CallReply> {
    const startedMs = this.#options.now()
    const { callId } = granted
    try {
      if (!this.meter.sendOut(reserved)) throw new GuestFault('not-permitted', 'egress limit reached')
      const performed = await provider.perform(granted, call)
      this.meter.settle({ egressBytes: (performed.egressBytes ?? 0) - reserved, ingressBytes: performed.ingressBytes ?? 0 })
      if (performed.opened !== undefined) return await this.#opened(performed, performed.opened, { callId, startedMs })
      await this.#outcome(callId, { status: 'done', startedMs, ...performed })
      return { ok: true, value: performed.value, body: performed.body ?? nothing }
    } catch (error) {
      if (opening.has(call.op)) this.meter.closeHandle()
      const fault =
        error instanceof GuestFault
          ? { status: 'refused' as const, code: error.code, ...(error.detail !== undefined && { detail: error.detail }) }
          : { status: 'failed' as const }
      await this.#outcome(callId, { ...fault, startedMs })
      throw error
    }
  }

  async #opened(performed: Performed, open: OpenHandle, { callId, startedMs }: { callId: string; startedMs: number }): Promise<CallReply> {
    const { egressBytes = 0, ingressBytes = 0 } = performed
    const handle = { open, callId, openedMs: startedMs, egressBytes, ingressBytes, fault: undefined }
    if (this.#over) {
      // It opened after everything was closed: nobody else would ever close it.
      await this.#closed(handle, 'abandoned')
      return { ok: false, code: 'not-permitted' }
    }
    return { ok: true, value: { ...performed.value, handle: this.#handles.add(handle) }, body: performed.body ?? nothing }
  }

  async #continue(provider: Provider, plan: Exclude<Plan, CapabilityPlan>, call: Call): Promise<CallReply> {
    if (!this.meter.continuation()) throw this.#tooManyCalls()
    if (plan.kind === 'own') return await this.#ofItsOwn(provider, plan.egressBytes ?? 0, call)
    const handle = this.#handles.get(plan.handle)
    if (!this.meter.sendOut(plan.egressBytes)) {
      handle.fault = { code: 'limit', detail: 'egress limit reached' }
      return { ok: false, code: 'not-permitted' }
    }
    handle.egressBytes += plan.egressBytes
    const performed = await provider.continue(call).catch((error: unknown) => {
      if (error instanceof GuestFault) handle.fault = { code: error.code, detail: error.detail }
      throw error
    })
    handle.ingressBytes += performed.ingressBytes ?? 0
    this.meter.settle({
      egressBytes: (performed.egressBytes ?? plan.egressBytes) - plan.egressBytes,
      ingressBytes: performed.ingressBytes ?? 0,
    })
    // A breached cell may close one handle many times at once; it counts, and is recorded, once.
    if (performed.closed === true && this.#handles.remove(plan.handle) !== undefined) await this.#closed(handle, 'done')
    return { ok: true, value: performed.value, body: performed.body ?? nothing }
  }

  async #ofItsOwn(provider: Provider, egressBytes: number, call: Call): Promise<CallReply> {
    if (!this.meter.sendOut(egressBytes)) return { ok: false, code: 'not-permitted' }
    const own = await provider.continue(call)
    this.meter.settle({ egressBytes: (own.egressBytes ?? egressBytes) - egressBytes, ingressBytes: own.ingressBytes ?? 0 })
    return { ok: true, value: own.value, body: own.body ?? nothing }
  }

  async #closed(handle: TrackedHandle, status: 'done' | 'abandoned'): Promise<void> {
    await handle.open.close()
    if (handle.callId === undefined) return
    this.meter.closeHandle()
    const fault =
      handle.fault === undefined
        ? { status }
        : { status: 'refused' as const, code: handle.fault.code, ...(handle.fault.detail !== undefined && { detail: handle.fault.detail }) }
    await this.#outcome(handle.callId, {
      ...fault,
      startedMs: handle.openedMs,
      egressBytes: handle.egressBytes,
      ingressBytes: handle.ingressBytes,
      summary: handle.open.summary(),
    })
  }

  async #outcome(
    call: string,
    outcome: {
      readonly status: 'done' | 'refused' | 'failed' | 'abandoned'
      readonly startedMs: number
      readonly code?: string
      readonly detail?: string
      readonly egressBytes?: number
      readonly ingressBytes?: number
      readonly summary?: Readonly<Record<string, string | number | boolean>>
    },
  ): Promise<void> {
    const { status, code, detail, summary } = outcome
    this.ledger.settled(call, { status, ...(code !== undefined && { code }) })
    await this.#append({
      type: 'outcome',
      session: this.#options.sessionId,
      call,
      status,
      ...(code !== undefined && { code }),
      ...(detail !== undefined && { detail }),
      ...(summary !== undefined && { summary }),
      egressBytes: outcome.egressBytes ?? 0,
      ingressBytes: outcome.ingressBytes ?? 0,
      durationMs: Math.max(0, this.#options.now() - outcome.startedMs),
    })
  }

  #tooManyCalls(): CordonError {
    const { calls } = this.#options.policy.limits
    return new CordonError('limit.calls', `the agent made more than ${calls} capability calls`, {
      hint: `raise with: --limit calls=${calls * 2}`,
    })
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.fail(
      error instanceof CordonError ? error : new CordonError('internal', 'a host function failed unexpectedly', { cause: error }),
    )
  }
}
