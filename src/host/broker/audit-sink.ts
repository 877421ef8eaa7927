import type { Receipt } from '#core/audit/receipt.ts'
import type { AuditEvent } from '#core/audit/record.ts'

/** Where the broker records. A rejected append means: nothing was recorded, so nothing may be done. */
export interface AuditSink {
  /**
   * Appends one record. Resolves once it is written (`durable: false`) or on stable storage (`durable: true`).
   * Rejects with CordonError `audit.failed`, and from then on always.
   */
  append(event: AuditEvent, options: { readonly durable: boolean }): Promise<Receipt>
  /** Whether an append failed: nothing more may be granted. */
  readonly failed: boolean
}
