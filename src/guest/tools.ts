import { call, list } from 'cordon:agent/tools@0.1.0'

import { errorCase } from './engine.ts'

/** Why a tool gave nothing: `denied`, `unknown`, `invalid-input`, `failed` or `too-large`. */
export class ToolError extends Error {
  readonly code: string
  constructor(code: string, name: string) {
    super(`${code}: tool \`${name}\``)
    this.name = 'ToolError'
    this.code = code
  }
}

/** One tool granted to this run. */
export interface ToolDescription {
  readonly name: string
  readonly description: string
  /** A JSON Schema. */
  readonly inputSchema: unknown
}

const attempt = (name: string, work: () => string): unknown => {
  try {
    return JSON.parse(work())
  } catch (error) {
    const code = errorCase(error)
    if (code === undefined) throw error
    throw new ToolError(code, name)
  }
}

/** Calls one of the embedder's tools with a JSON value and gives its JSON answer. @throws ToolError */
export const callTool = (name: string, input: unknown = {}): unknown => attempt(name, () => call(name, JSON.stringify(input)))

/** The tools granted to this run. @throws ToolError */
export const listTools = (): readonly ToolDescription[] => attempt('*', list) as readonly ToolDescription[]
