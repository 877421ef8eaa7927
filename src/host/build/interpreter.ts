import { CordonError } from '#core/errors.ts'

/**
 * The prebuilt QuickJS interpreter as a component: its `cordon:agent/run` takes the JSON of an
 * {@link InterpreterInput} and gives the JSON of an {@link InterpreterOutput}.
 *
 * @throws CordonError `package.missing` when run from source without the build tools
 */
export const interpreterComponent = (cacheDir: string): Promise<Uint8Array> =>
  Promise.reject(new CordonError('internal', `no interpreter in \`${cacheDir}\` yet`))

/** What the interpreter's `run` is given, as JSON. */
export interface InterpreterInput {
  /** An expression, or the body of an async function with `input`, `tools` and `console` in scope. */
  readonly code: string
  readonly input: unknown
  /** Names of the embedder's tools, callable as `await tools.name(argument)`. */
  readonly tools: readonly string[]
}

/** Where and why the code failed; line and column are 1-based in the code as given. */
export interface InterpreterError {
  readonly name: string
  readonly message: string
  readonly line: number | null
  readonly column: number | null
  readonly stack: string
}

/** What the interpreter's `run` gives back, as JSON. */
export type InterpreterOutput = { readonly result: unknown } | { readonly error: InterpreterError }
