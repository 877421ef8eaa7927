import type { Receipt } from '#core/audit/receipt.ts'
import type { Capability } from '#core/capability/capability.ts'
import type { Decision, RuleFor } from '#core/policy/decision.ts'

/** What an allow decision needs to become a grant. */
export interface Minting<C extends Capability> {
  readonly decision: Decision<C>
  readonly receipt: Receipt
  readonly policyDigest: string
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number
  readonly now: () => number
  /** Decides again about another target that the same act turned out to touch (a link's target, a rename's other end). */
  readonly alsoAllows: (capability: Capability) => boolean
}

type Allow<C extends Capability> = Extract<Decision<C>, { effect: 'allow' }>

/**
 * Evidence that one act was allowed and recorded. Only {@link mintGrant} makes it, from an allow and its record's receipt;
 * providers take nothing else and read the target from nowhere else. Usable once.
 */
export class Granted<C extends Capability = Capability> {
  readonly #minting: Minting<C>
  readonly #allow: Allow<C>
  #used = false

  private constructor(minting: Minting<C>, allow: Allow<C>) {
    this.#minting = minting
    this.#allow = allow
  }

  /** @internal */
  static mint<C extends Capability>(minting: Minting<C>): Granted<C> {
    const { decision } = minting
    if (decision.effect !== 'allow') throw new TypeError('expected an allow, got a denial')
    return new Granted(minting, decision)
  }

  get callId(): string {
    return this.#minting.receipt.callId
  }

  /** The rule that allowed it. */
  get rule(): RuleFor<C> {
    return this.#allow.rule
  }

  /** Whether the same session may also touch `capability` as part of this act. */
  alsoAllows(capability: Capability): boolean {
    return this.#minting.alsoAllows(capability)
  }

  /** Uses the grant up and gives its normalised target. Throws when it was used before or its time is over. */
  consume(): C {
    if (this.#used) throw new TypeError('this grant was used before')
    this.#used = true
    if (this.#minting.now() > this.#minting.notAfterMs) throw new TypeError('this grant is over')
    return this.#allow.capability
  }
}

/** Makes a grant from an allow and its record's receipt. Throws TypeError when the decision is a denial. */
export const mintGrant = <C extends Capability>(minting: Minting<C>): Granted<C> => Granted.mint(minting)
