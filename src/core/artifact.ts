import type { WasiVersionedName } from '#core/interface-name.ts'

/** One rewritten core module of an ingested component. */
export interface CoreModule {
  /** The file name by which the glue asks for it, e.g. `component.core2.wasm`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The shape of one exported function as the glue presents it. */
export interface ExportedFunction {
  /** Path to the function in the glue's instance, e.g. `['run']` or `['wasi:cli/run@0.2.12', 'run']`. */
  readonly path: readonly string[]
  /** The name `cordon run --call` knows it by: `run`, `wasi:cli/run`, `cordon:agent/run`, or a plain kebab-case name. */
  readonly call: string
  /** How the call takes input and gives its result. */
  readonly kind: 'agent-run' | 'wasi-command' | 'plain'
}

/**
 * What ingest makes of untrusted component bytes: all a cell needs to instantiate it, and nothing that was not
 * validated. Immutable and content-addressed; written by `host/ingest`, read by `cell/link`.
 */
export interface Artifact {
  /** Cache key, hex sha256 over component, limits profile, rewriter, jco, patch and Node versions. */
  readonly key: string
  /** `sha256:<hex>` of the component bytes as they came. */
  readonly componentDigest: string
  /**
   * JavaScript expression text (strict, no import, export, `eval` or `Function`) that evaluates to
   * `(guard) => ({ instantiate(getCoreModule, imports, instantiateCore) })`. `guard(f)` gives a function that does what the core
   * function `f` does; the glue wraps with it every core function it calls on a stack that cannot suspend (reallocations,
   * post-returns, destructors), so that metering knows. One evaluation serves any number of instances. Both functions that `instantiate` is given
   * must answer at once, not with a promise; `instantiateCore` has no default. The globals it needs are in {@link glueGlobals}.
   */
  readonly glue: string
  readonly cores: readonly CoreModule[]
  /** The interfaces the component imports, as written, e.g. `wasi:io/streams@0.2.12`. */
  readonly imports: readonly WasiVersionedName[]
  readonly exports: readonly ExportedFunction[]
}

/** The globals that glue may use besides those of the language itself; a context that evaluates it has to provide them. */
export const glueGlobals = [
  'WebAssembly',
  'TextEncoder',
  'TextDecoder',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'queueMicrotask',
  'console',
] as const
