import type { RunReport } from '#core/report.ts'

/**
 * Every way Cordon fails towards the embedder or the operator, with the exit code of the command line.
 * A denial towards a guest is not here: that is a value (see `core/policy/decide.ts`).
 */
const exitCodes = {
  usage: 2,
  'deadline.timeout': 124,
  'deadline.cpu': 124,
  'deadline.fuel': 124,
  'node.too-old': 125,
  'bundle.not-found': 125,
  'bundle.invalid': 125,
  'bundle.build-failed': 125,
  'manifest.invalid': 125,
  'policy.invalid': 125,
  'grant.invalid': 125,
  'mount.invalid': 125,
  'secret.unavailable': 125,
  'component.invalid': 125,
  'component.unsupported': 125,
  'component.import-unknown': 125,
  'component.export-missing': 125,
  'ingest.timeout': 125,
  'ingest.memory': 125,
  'ingest.failed': 125,
  'ingest.cache-tampered': 125,
  'isolation.unavailable': 125,
  'package.missing': 125,
  'port.in-use': 125,
  'audit.occupied': 125,
  'audit.invalid': 125,
  'audit.failed': 125,
  'cell.crashed': 125,
  'cell.violation': 125,
  'runtime.closed': 125,
  'runtime.overloaded': 125,
  'input.invalid': 125,
  internal: 125,
  'limit.calls': 126,
  denied: 126,
  'limit.memory': 137,
  'agent.error': 1,
  'agent.trap': 1,
  'agent.exit': 1,
  'session.ended': 125,
  'session.interrupted': 130,
  'session.killed': 143,
} as const

/** A stable, documented code of a {@link CordonError}. */
export type CordonErrorCode = keyof typeof exitCodes

/** The exit code (0–255) that the command line gives for an error code. */
export const exitCodeOf = (code: CordonErrorCode): number => exitCodes[code]

/** What a {@link CordonError} may carry besides its message. */
export interface CordonErrorOptions {
  readonly cause?: unknown
  /** One line that says what to do. */
  readonly hint?: string
  /** What the session had done when it ended this way. */
  readonly report?: RunReport
  /** The exit code of the command line, when it is not the code's own (an agent's own exit code passes through). */
  readonly exitCode?: number
}

/**
 * The only error that Cordon throws at an embedder. The message is lower case, names what was expected
 * and what came, and carries no host secret; `hint` says what to do.
 *
 * @example
 * throw new CordonError('bundle.not-found', 'expected a bundle at `./x`, found nothing', { hint: 'check the path' })
 */
export class CordonError extends Error {
  readonly code: CordonErrorCode
  readonly hint: string | undefined
  readonly report: RunReport | undefined
  readonly #exitCode: number | undefined

  constructor(code: CordonErrorCode, message: string, options: CordonErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'CordonError'
    this.code = code
    this.hint = options.hint
    this.report = options.report
    this.#exitCode = options.exitCode
  }

  /** The same error with what the session had done. */
  withReport(report: RunReport): CordonError {
    return new CordonError(this.code, this.message, {
      cause: this.cause,
      report,
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(this.#exitCode !== undefined && { exitCode: this.#exitCode }),
    })
  }

  /** What the session used until then; `undefined` when none had begun. */
  get usage(): RunReport['usage'] | undefined {
    return this.report?.usage
  }

  get session(): RunReport['session'] | undefined {
    return this.report?.session
  }

  get audit(): RunReport['audit'] | undefined {
    return this.report?.audit
  }

  /** The exit code of the command line for this error. */
  get exitCode(): number {
    return this.#exitCode ?? exitCodes[this.code]
  }
}
