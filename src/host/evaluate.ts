import type { Limits } from '#core/budget/limits.ts'
import { CordonError } from '#core/errors.ts'
import { printable } from '#core/printable.ts'
import type { RunReport } from '#core/report.ts'
import type { Agent } from '#host/agent.ts'
import type { InterpreterInput, InterpreterOutput } from '#host/build/interpreter.ts'

/** A snippet and what it may use. */
export interface EvaluateOptions {
  /** An expression, or statements that `return` a value; `input`, `tools` and `console` are in scope and `await` works. */
  readonly code: string
  readonly lang?: 'js'
  /** JSON value that the snippet sees as `input`. */
  readonly input?: unknown
  /** Names of the runtime's tools that the snippet may call; each is granted for this snippet alone. */
  readonly tools?: readonly string[]
  readonly signal?: AbortSignal
  readonly segment?: string
  readonly limits?: Partial<Limits>
}

export interface Evaluated<T = unknown> extends RunReport {
  readonly result: T
}

/**
 * Runs a snippet in the interpreter agent.
 * Throws CordonError `agent.error` when the snippet throws, its message beginning with the snippet's own line and column.
 */
export const evaluate = async <T>(interpreter: Agent, options: EvaluateOptions): Promise<Evaluated<T>> => {
  const { code, lang = 'js', input = null, tools = [], ...rest } = options
  if (lang !== 'js') throw new CordonError('input.invalid', `expected lang \`js\`, got \`${String(lang)}\``)
  if (typeof code !== 'string') throw new CordonError('input.invalid', `expected code as a string, got a ${typeof code}`)
  const task: InterpreterInput = { code, input, tools }
  const run = await interpreter.run<InterpreterOutput>(task, { ...rest, allow: { tools: [...tools] } })
  const { result: output, ...report } = run
  if (typeof output !== 'object' || output === null || !('error' in output)) return { ...report, result: output.result as T }
  const { name, message, line, column } = output.error
  const where = line === null ? '' : `line ${line}${column === null ? '' : `:${column}`}: `
  throw new CordonError('agent.error', printable(`${where}${name}: ${message}`), { report })
}
