import { randomUUID } from 'node:crypto'
import type { Capability } from '#core/capability/capability.ts'
import { defaultLimits } from '#core/budget/limits.ts'
import { decide } from '#core/policy/decide.ts'
import { mintGrant } from '#core/policy/grant.ts'
import type { EffectivePolicy, FsRule, NetRule, RuleSet } from '#core/policy/rules.ts'
import {
  type ClosingOutcome,
  GuestFault,
  type OpenHandle,
  type Performed,
  type Plan,
  type Provider,
  type ProviderSession,
} from '#host/broker/provider.ts'
import { noRules } from '#core/policy/grants.ts'
import type { Call, CallArgs, CallOp } from '#wire/calls.ts'

/** What a guest sees of one call. */
export type Answer =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>>; readonly body: Uint8Array; readonly handle: number }
  | { readonly ok: false; readonly code: string; readonly detail: string | undefined; readonly denied: boolean }

const none: RuleSet = noRules

/** A policy with these grants, requested in full. */
export const policyOf = (grants: Partial<RuleSet>, denies: Partial<RuleSet> = {}): EffectivePolicy => {
  const granted = { ...none, ...grants }
  return {
    agent: 'test',
    requests: granted,
    grants: granted,
    denies: { ...none, ...denies },
    limits: defaultLimits,
    digest: 'd'.repeat(64),
  }
}

export const fsRule = (guestPath: string, mode: 'ro' | 'rw', more: Partial<FsRule> = {}): FsRule => ({
  kind: 'fs',
  origin: 'test',
  guestPath,
  mode,
  hostPath: undefined,
  quotaBytes: undefined,
  quotaEntries: undefined,
  mountKind: 'live',
  ...more,
})

export const netRule = (host: NetRule['host'], port: number, more: Partial<NetRule> = {}): NetRule => ({
  kind: 'net',
  origin: 'test',
  host,
  port,
  scheme: 'http',
  methods: undefined,
  paths: undefined,
  secret: undefined,
  ...more,
})

/**
 * The broker's part of a session, reduced to deciding, minting and counting: real decisions, real grants, no log.
 * Providers are tested against it as a guest would use them.
 */
export class GuestSession implements ProviderSession {
  readonly id = 'session-1'
  readonly signal: AbortSignal
  ingressLeft = 64 * 1024 * 1024
  egressLeft = 64 * 1024 * 1024
  readonly summaries: Readonly<Record<string, unknown>>[] = []
  readonly #policy: EffectivePolicy
  readonly #abort = new AbortController()
  readonly #providers = new Map<CallOp, Provider>()
  readonly #handles = new Map<number, OpenHandle>()
  #next = 1

  constructor(policy: EffectivePolicy) {
    this.#policy = policy
    this.signal = this.#abort.signal
  }

  use(provider: Provider): void {
    for (const op of provider.ops) this.#providers.set(op, provider)
  }

  abort(): void {
    this.#abort.abort()
  }

  adopt(handle: OpenHandle): number {
    const number = this.#next++
    this.#handles.set(number, handle)
    return number
  }

  handle(number: number): OpenHandle {
    const handle = this.#handles.get(number)
    if (handle === undefined) throw new GuestFault('bad-descriptor')
    return handle
  }

  /** Makes a call as the broker would; throws only what is no refusal. */
  async call<O extends CallOp>(op: O, args: CallArgs<O>, body: Uint8Array | string = ''): Promise<Answer> {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
    try {
      const { value, performed } = await this.#perform({ op, args, body: bytes } as unknown as Call)
      return { ok: true, value, body: performed.body ?? new Uint8Array(), handle: Number(value['handle'] ?? -1) }
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      return { ok: false, code: error.code, detail: error.detail, denied: error.detail === 'denied by policy' }
    }
  }

  /** Ends it well, as the broker does: closes what is open and has providers do what they have left to do. */
  async finish(): Promise<ClosingOutcome[]> {
    this.#abort.abort()
    await Promise.all([...this.#handles.values()].map((handle) => handle.close()))
    const outcomes: ClosingOutcome[] = []
    for (const provider of new Set(this.#providers.values())) {
      for (const act of provider.closing?.() ?? []) outcomes.push(await act.perform(this.#grant(act.capability)))
    }
    return outcomes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await Promise.all([...this.#handles.values()].map((handle) => handle.close()))
    for (const provider of new Set(this.#providers.values())) await provider[Symbol.asyncDispose]()
  }

  async #perform(call: Call): Promise<{ value: Readonly<Record<string, unknown>>; performed: Performed }> {
    const provider = this.#providers.get(call.op)
    if (provider === undefined) throw new TypeError(`no provider for ${call.op}`)
    const plan = provider.plan(call)
    const granted = plan.kind === 'capability' ? this.#grant(plan.capability) : undefined
    const reserved = this.#reserve(plan)
    const performed = await (granted === undefined ? provider.continue(call) : provider.perform(granted, call))
    this.ingressLeft -= performed.ingressBytes ?? 0
    this.egressLeft -= (performed.egressBytes ?? 0) - reserved
    if (performed.summary !== undefined) this.summaries.push(performed.summary)
    if (plan.kind === 'continuation' && performed.closed === true) {
      const handle = this.handle(plan.handle)
      await handle.close()
      this.summaries.push(handle.summary())
      this.#handles.delete(plan.handle)
    }
    if (performed.opened === undefined) return { value: performed.value, performed }
    return { value: { ...performed.value, handle: this.adopt(performed.opened) }, performed }
  }

  #reserve(plan: Plan): number {
    const { egressBytes = 0 } = plan.kind === 'capability' ? plan : {}
    if (egressBytes > this.egressLeft) throw new GuestFault('not-permitted', 'egress limit reached')
    this.egressLeft -= egressBytes
    return egressBytes
  }

  #grant(capability: Capability): ReturnType<typeof mintGrant> {
    const decision = decide(this.#policy, capability)
    if (decision.effect === 'deny') throw new GuestFault('not-permitted', 'denied by policy')
    return mintGrant({
      decision,
      receipt: { seq: 1, hash: 'a'.repeat(64), callId: randomUUID() },
      policyDigest: this.#policy.digest,
      notAfterMs: Number.MAX_SAFE_INTEGER,
      now: () => Date.now(),
      alsoAllows: (other) => decide(this.#policy, other).effect === 'allow',
    })
  }
}
