import type { z } from 'zod'

/** What a tool may know of the call it serves. */
export interface ToolContext {
  /** Aborted when the session is over. */
  readonly signal: AbortSignal
  readonly sessionId: string
  /** The call's id in the audit log. */
  readonly callId: string
}

/** A function of the embedder that agents may call when policy grants it. Runs with the host's authority. */
export interface Tool<Input = unknown> {
  /** Shown to the agent. */
  readonly description?: string | undefined
  /** Checks and types what the agent sends; its JSON Schema is shown to the agent. */
  readonly input: z.ZodType<Input>
  /** Does the work. The result must be JSON; what it throws stays with the host and the agent sees `failed`. */
  run(input: Input, context: ToolContext): unknown
}

/** What {@link tool} takes: the type of `input` is inferred from the schema. */
export interface ToolDefinition<Schema extends z.ZodType> {
  readonly description?: string
  readonly input: Schema
  readonly run: (input: z.output<Schema>, context: ToolContext) => unknown
}

/**
 * Declares a tool; `run` gets its input typed by the schema.
 *
 * @example
 * tool({ description: 'finds pages', input: z.object({ q: z.string() }), run: ({ q }) => index.search(q) })
 */
export const tool = <Schema extends z.ZodType>(definition: ToolDefinition<Schema>): Tool => ({
  description: definition.description,
  input: definition.input,
  // The provider runs a tool only on what `input` gave, so the narrowing is the schema's own.
  run: (input, context) => definition.run(input as z.output<Schema>, context),
})
