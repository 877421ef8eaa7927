/** An agent's `run`: the parsed input in, a JSON value (or its promise) out. */
export type AgentFunction = (input: unknown) => unknown

/** Checks what the agent's module exports; runs while the component is being built, so that a mistake shows then. */
export const agentFunction = (found: unknown): AgentFunction => {
  if (typeof found === 'function') return found as AgentFunction
  throw new TypeError(`expected the module to export a function \`run\`, got ${found === undefined ? 'none' : typeof found}`)
}

/** The text of a WIT `err` for whatever an agent threw. */
export const errorText = (error: unknown): string => {
  if (error instanceof Error) return error.message === '' ? error.name : error.message
  const text: unknown = typeof error === 'string' ? error : JSON.stringify(error)
  return typeof text === 'string' ? text : String(error)
}

/** JSON of what an agent returned; nothing is `null`. */
export const answerText = (value: unknown): string => JSON.stringify(value) ?? 'null'
