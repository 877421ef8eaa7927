import { printableJson, type CordonError, type RunResult } from '#index.ts'

/** The one JSON document of `-o json`, as the CLI contract fixes it. */
export const envelope = (end: { readonly run: RunResult } | { readonly error: CordonError }): string => {
  const report = 'run' in end ? end.run : end.error.report
  const outcome = 'run' in end ? { ok: true, exitCode: 0, result: end.run.result } : failure(end.error)
  const { stdout = '', stderr = '', truncated = false, denials = [], session, usage, audit, calls } = report ?? {}
  return `${printableJson({ schemaVersion: 1, ...outcome, stdout, stderr, truncated, denials, calls, session, usage, audit }, 2)}\n`
}

const failure = (error: CordonError): object => ({
  ok: false,
  exitCode: error.exitCode,
  error: { code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) },
})
