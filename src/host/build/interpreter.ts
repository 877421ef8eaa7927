import { readFile } from 'node:fs/promises'

import { CordonError } from '#core/errors.ts'
import { buildAgent } from './build-agent.ts'
import { ownModule, packageFile } from './build-tools.ts'

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

/** Where the package carries the interpreter, made by `build:interpreter`. */
export const vendoredInterpreter = packageFile('dist/vendor/interpreter.wasm')

/** Builds the interpreter from its source in `src/guest/interpreter`, served from `cacheDir` when nothing changed. */
export const buildInterpreter = async (cacheDir: string): Promise<Uint8Array> => {
  const { component } = await buildAgent({ entry: ownModule('guest/interpreter/evaluate'), engine: 'quickjs', cacheDir })
  return component
}

/**
 * The prebuilt QuickJS interpreter as a component: its `cordon:agent/run` takes the JSON of an
 * {@link InterpreterInput} and gives the JSON of an {@link InterpreterOutput}. The installed package carries it; from
 * source it is built, so that it never lags behind its source.
 *
 * @throws CordonError `package.missing` when run from source without the build tools, or when the package is not whole
 */
export const interpreterComponent = async (cacheDir: string): Promise<Uint8Array> => {
  if (import.meta.url.endsWith('.ts')) return await buildInterpreter(cacheDir)
  try {
    return new Uint8Array(await readFile(vendoredInterpreter))
  } catch (cause) {
    throw new CordonError('package.missing', 'expected the interpreter in this installation of cordon, found none', {
      cause,
      hint: 'install cordon again',
    })
  }
}
