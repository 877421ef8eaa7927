import type { Capability } from '#core/capability/capability.ts'
import type { Granted } from '#core/policy/grant.ts'
import type { Call, CallOp, GuestErrorCode } from '#wire/calls.ts'

/** A refusal towards the guest: the code is all it learns; `detail` goes to the operator's record. */
export class GuestFault extends Error {
  readonly code: GuestErrorCode
  /** What the record says beyond the code: an errno, an address that was refused. Never shown to the guest. */
  readonly detail: string | undefined
  constructor(code: GuestErrorCode, detail?: string) {
    super(detail === undefined ? code : `${code}: ${detail}`)
    this.name = 'GuestFault'
    this.code = code
    this.detail = detail
  }
}

/** A host resource that a granted call opened and that later calls continue. */
export interface OpenHandle {
  /** Frees the resource; idempotent; settles every pending operation on it. */
  close(): Promise<void>
  /** What the outcome record says when the handle closes (e.g. `{ status: 200 }`, `{ sha256: … }`). */
  summary(): Readonly<Record<string, string | number | boolean>>
}

/** What a call came to. Bytes are what crossed Cordon's border for the guest, for the meters and the record. */
export interface Performed {
  readonly value: Readonly<Record<string, unknown>>
  readonly body?: Uint8Array
  /** Set by an operation that opens: the broker gives it a number, adds `handle` to `value`, and records its outcome at close. */
  readonly opened?: OpenHandle
  /** Set by an operation that ends a handle for good. */
  readonly closed?: boolean
  readonly egressBytes?: number
  readonly ingressBytes?: number
  /** For the outcome record of an operation that opens nothing. */
  readonly summary?: Readonly<Record<string, string | number | boolean>>
}

/** What a provider may know of the session it works for. */
export interface ProviderSession {
  readonly id: string
  /** Aborted when the session is over: pending work must settle soon. */
  readonly signal: AbortSignal
  /** The open handle of that number, or a thrown {@link GuestFault} `bad-descriptor`. */
  handle(number: number): OpenHandle
  /** Bytes that may still come in; providers read no more than this. */
  readonly ingressLeft: number
  /** Bytes that may still go out. */
  readonly egressLeft: number
}

/** How the broker treats a call. */
export type Plan =
  /**
   * A capability call. `effect: 'read'` may act once the record is written; `'external'` waits until it is durable. `egressBytes`: what it would send out, which is
   * reserved before it acts and stays spent should it fail.
   */
  | { readonly kind: 'capability'; readonly capability: Capability; readonly effect: 'read' | 'external'; readonly egressBytes?: number }
  /** Continues the call that opened `handle`. `egressBytes`: what it would send out. */
  | { readonly kind: 'continuation'; readonly handle: number; readonly egressBytes: number }
  /** Neither decided nor recorded: the session's own input, the list of its own tools, the request it serves. `egressBytes`: what it would send out. */
  | { readonly kind: 'own'; readonly egressBytes?: number }

/** What a {@link ClosingAct} came to. */
export interface ClosingOutcome {
  readonly summary: Readonly<Record<string, string | number | boolean>>
  /** What of it was not done, for the operator's list of denials; the first few of `refusedCount`. */
  readonly refused: readonly { readonly capability: Capability; readonly why: string }[]
  readonly refusedCount: number
}

/** What a provider has left to do once its session has ended well (a private copy is written back): decided and recorded like a call. */
export interface ClosingAct {
  /** As the records name it. */
  readonly op: string
  readonly capability: Capability
  perform(granted: Granted): Promise<ClosingOutcome>
}

/**
 * Performs one family of calls with the host's authority. Takes only a `Granted` for anything that names a target.
 * One instance serves one session; made when the session starts, closed when it ends.
 */
export interface Provider {
  readonly ops: readonly CallOp[]
  /** Says what the call needs, without any side effect and without waiting. Throws {@link GuestFault} for calls that mean nothing. */
  plan(call: Call): Plan
  /** Performs a capability call. Throws {@link GuestFault}; anything else is an internal fault and ends the session. */
  perform(granted: Granted, call: Call): Promise<Performed>
  /** Performs a continuation or an own call. */
  continue(call: Call): Promise<Performed>
  /** Asked after a good end only, when every handle is closed. */
  closing?(): readonly ClosingAct[]
  [Symbol.asyncDispose](): Promise<void>
}
