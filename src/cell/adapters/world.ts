import type { HostCalls } from '#wire/calls.ts'
import type { SessionStart } from '#wire/messages.ts'

/** Ends the guest from inside an adapter: no guest code may catch it. */
export class GuestEnd extends Error {
  readonly outcome: { readonly kind: 'exit'; readonly code: number } | { readonly kind: 'trap'; readonly message: string }
  constructor(outcome: GuestEnd['outcome']) {
    super(outcome.kind === 'exit' ? `exit ${outcome.code}` : outcome.message)
    this.name = 'GuestEnd'
    this.outcome = outcome
  }
}

/**
 * What the adapters of one session stand on. Adapters keep no state outside of it, so that nothing of one session
 * can reach another; after `end` was called or the session is over every host call rejects.
 */
export interface SessionWorld {
  readonly start: SessionStart
  readonly host: HostCalls
  /** Sends guest output; resolves when the cell may take more (backpressure). */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>
  /** Ends the session: remembers the first end and gives the error for the adapter to throw. */
  end(outcome: GuestEnd['outcome']): GuestEnd
  /** Counts guest-held host resources (streams, pollables, descriptors, fields, …) against `start.handles`; throws {@link GuestEnd} past it. */
  readonly resources: { add(): void; drop(): void }
  /** Nanoseconds, monotonic and wall, in steps that are coarse on purpose. */
  readonly clock: {
    readonly monotonicStepNs: bigint
    readonly wallStepNs: bigint
    monotonicNs(): bigint
    wallNs(): bigint
    sleep(ns: bigint): Promise<void>
  }
  /** Cryptographically secure random bytes. What a guest may draw is the caller's to bound. */
  random(length: number): Uint8Array
}
