import type { DenialReason } from '#core/policy/decision.ts'

/** What a session used, in the units of the names. */
export interface Usage {
  readonly wallMs: number
  readonly cpuMs: number
  readonly fuel: number
  readonly memoryPeakBytes: number
  /** Capability calls, denied ones included. */
  readonly calls: number
  readonly denied: number
  readonly egressBytes: number
  readonly ingressBytes: number
  readonly outputBytes: number
}

/** One thing that was denied, however often. */
export interface Denial {
  readonly action: string
  /** The capability in one line: `net:request GET https://x.com:443/`. */
  readonly target: string
  readonly reason: DenialReason
  /** The flag or line that would allow it. */
  readonly hint?: string
  /** Where the rule stands that denied it, when one did. */
  readonly rule?: string
  readonly count: number
}

/** One capability call as people see it in the table after a run. */
export interface CallSummary {
  readonly call: string
  readonly target: string
  readonly effect: 'allow' | 'deny'
  readonly reason?: DenialReason
  readonly hint?: string
  /** Where the rule stands that decided. */
  readonly rule?: string
  /** What came of it: `done`, `refused`, `failed`, `abandoned`; absent for denials. */
  readonly status?: string
  readonly code?: string
}

/** What is known of a session when it is over, whichever way it went. */
export interface RunReport {
  readonly session: { readonly id: string; readonly agent: string; readonly bundle: string; readonly isolation: string }
  readonly usage: Usage
  readonly denials: readonly Denial[]
  readonly calls: readonly CallSummary[]
  readonly stdout: string
  readonly stderr: string
  /** Whether output past the limit was discarded. */
  readonly truncated: boolean
  readonly audit: { readonly dir: string; readonly firstSeq: number; readonly lastSeq: number; readonly head: string }
}
