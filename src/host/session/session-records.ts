import type { Receipt } from '#core/audit/receipt.ts'
import type { AuditEvent } from '#core/audit/record.ts'
import type { CordonError } from '#core/errors.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { RunReport, Usage } from '#core/report.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'

/** The log a session is recorded in. */
export type SessionLog = AuditSink & { readonly folder: string; readonly head: { readonly hash: string } }

/** The beginning and the end of one session in the audit log, and where in it all its records lie. */
export class SessionRecords {
  readonly #session: string
  readonly #audit: SessionLog
  #firstSeq = -1
  #lastSeq = -1

  constructor(session: string, audit: SessionLog) {
    this.#session = session
    this.#audit = audit
  }

  /** Throws CordonError `audit.failed`. */
  async started(
    policy: EffectivePolicy,
    about: Pick<Extract<AuditEvent, { type: 'session-started' }>, 'bundle' | 'segment' | 'isolation' | 'open'>,
  ): Promise<void> {
    const { agent, digest, limits } = policy
    const receipt = await this.#audit.append(
      { type: 'session-started', session: this.#session, agent, ...about, policy: digest, limits: { ...limits } },
      { durable: false },
    )
    this.recorded(receipt)
  }

  /** Waits for stable storage. Throws CordonError `audit.failed`. */
  async ended(error: CordonError | undefined, usage: Usage): Promise<void> {
    const outcome = error?.code ?? 'done'
    const receipt = await this.#audit.append(
      { type: 'session-ended', session: this.#session, outcome, exitCode: error?.exitCode ?? 0, usage: { ...usage } },
      { durable: true },
    )
    this.recorded(receipt)
  }

  /** Notes where a record of this session lies. */
  recorded({ seq }: Receipt): void {
    if (this.#firstSeq < 0) this.#firstSeq = seq
    this.#lastSeq = Math.max(this.#lastSeq, seq)
  }

  get place(): RunReport['audit'] {
    return { dir: this.#audit.folder, firstSeq: this.#firstSeq, lastSeq: this.#lastSeq, head: this.#audit.head.hash }
  }
}
