import { canonicalJson, type Json } from '#core/audit/canonical-json.ts'

/**
 * The records of the audit log. One record is one line of canonical JSON (RFC 8785). `seq` counts from 0 without gaps;
 * `prev` is the hex sha256 of the line before (64 zeros for the first), so that no line can be changed, dropped,
 * added or moved without breaking the chain.
 */
export type AuditEvent =
  /**
   * The log was opened: by which key its heads will be signed, whether a torn line was found and set aside, and how many records just
   * before this one no head had covered. The next head covers them, but who wrote them only this number tells apart.
   */
  | {
      readonly type: 'opened'
      readonly log: string
      readonly keyId: string
      readonly tornBytes?: number
      readonly unsignedRecords?: number
    }
  | {
      readonly type: 'session-started'
      readonly session: string
      readonly agent: string
      readonly bundle: string
      readonly segment: string
      readonly isolation: string
      readonly policy: string
      readonly limits: Readonly<Record<string, number>>
      /** The session stays open and is called; each call is an `invoked` and an `invocation-ended`. */
      readonly open?: true
    }
  /** Before an open session is called. `invocation` counts up from 0 in its session; what goes in is told by its digest, `sha256:<hex>`. */
  | {
      readonly type: 'invoked'
      readonly session: string
      readonly agent: string
      readonly invocation: number
      readonly export: string
      readonly inputDigest: string
      readonly inputBytes: number
    }
  /** After it, whichever way it went: `done`, or the code of the error. */
  | {
      readonly type: 'invocation-ended'
      readonly session: string
      readonly invocation: number
      readonly outcome: string
      readonly resultBytes: number
      readonly durationMs: number
    }
  /**
   * Before a guest is given a request to serve; on stable storage before a byte of its answer goes out. `invocation` as in `invoked`, 0 in a session of one
   * request. Queries may hold anything, so of a target only its path is recorded.
   */
  | {
      readonly type: 'request'
      readonly session: string
      readonly agent: string
      readonly invocation: number
      readonly method: string
      readonly authority: string
      readonly path: string
    }
  /**
   * When the client has its answer, or never will. `status` is what it was sent, 0 when that was nothing; `outcome` is `done`, `cut` (the connection was closed
   * before the answer was whole), `gone` (the client went away), or the code of the error that the host answered for.
   */
  | {
      readonly type: 'request-ended'
      readonly session: string
      readonly invocation: number
      readonly status: number
      readonly outcome: string
      readonly ingressBytes: number
      readonly egressBytes: number
      readonly durationMs: number
    }
  /** Before each act, and instead of one: what was decided, on what ground. */
  | {
      readonly type: 'decision'
      readonly session: string
      readonly agent: string
      readonly call: string
      readonly op: string
      readonly action: string
      readonly resource: Json
      readonly effect: 'allow' | 'deny'
      readonly reason?: string
      readonly rule?: string
      readonly hint?: string
      readonly policy: string
    }
  /** After each act. */
  | {
      readonly type: 'outcome'
      readonly session: string
      readonly call: string
      readonly status: 'done' | 'refused' | 'failed' | 'abandoned'
      readonly code?: string
      readonly detail?: string
      readonly egressBytes: number
      readonly ingressBytes: number
      readonly durationMs: number
      readonly summary?: Readonly<Record<string, string | number | boolean>>
    }
  | {
      readonly type: 'session-ended'
      readonly session: string
      readonly outcome: string
      readonly exitCode: number
      readonly usage: Readonly<Record<string, number>>
    }
  | { readonly type: 'closed' }

/** An event with its place in the chain. */
export type AuditRecord = AuditEvent & {
  readonly v: 1
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly timeMs: number
  readonly prev: string
}

/** The `prev` of the first record. */
export const genesis = '0'.repeat(64)

/** The longest line a log may hold, in bytes. C2SP tlog entries end at 65,535. */
export const maxLineBytes = 65_535

const maxTextLength = 4096

/** Cuts over-long text (a guest chooses paths and names), marking that it was cut. */
const bounded = (value: Json): Json => {
  if (typeof value === 'string')
    return value.length > maxTextLength ? `${value.slice(0, maxTextLength)}… (${value.length} characters)` : value
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.slice(0, 64).map((item: Json) => bounded(item))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, item === undefined ? undefined : bounded(item)]))
}

/** The line (without line feed) of an event at its place. */
export const encodeRecord = (event: AuditEvent, place: { seq: number; timeMs: number; prev: string }): string => {
  const line = canonicalJson(bounded({ v: 1, ...place, ...event }))
  return line.length * 3 <= maxLineBytes ? line : shorten(event, place, line)
}

const shorten = (event: AuditEvent, place: { seq: number; timeMs: number; prev: string }, line: string): string => {
  if (new TextEncoder().encode(line).length <= maxLineBytes) return line
  const cut = 'resource' in event ? { ...event, resource: 'too long to record' } : { ...event, summary: undefined, detail: undefined }
  return canonicalJson(bounded({ v: 1, ...place, ...cut }))
}

/** Reads a line; `undefined` when it is not canonical JSON of a record's common fields. */
export const decodeRecord = (line: string): AuditRecord | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) && canonicalJson(value) === line ? value : undefined
  } catch {
    // No JSON, or JSON that nests deeper than any record: then canonical text runs out of stack.
    return undefined
  }
}

const isRecord = (value: unknown): value is AuditRecord & { readonly [name: string]: Json } => {
  if (typeof value !== 'object' || value === null) return false
  const { v, seq, timeMs, prev, type } = { ...value } as Record<string, unknown>
  return v === 1 && Number.isSafeInteger(seq) && Number.isSafeInteger(timeMs) && typeof prev === 'string' && typeof type === 'string'
}
