import type { WasiVersionedName } from '#core/interface-name.ts'

/** One rewritten core module of an ingested component. */
export interface CoreModule {
  /** The file name by which the glue asks for it, e.g. `component.core2.wasm`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The shape of one exported function as a linked instance presents it. */
export interface ExportedFunction {
  /** Path to the function in an instance's exports, e.g. `['run']` or `['wasi:cli/run@0.2.12', 'run']`. */
  readonly path: readonly string[]
  /** The name `cordon run --call` knows it by: `run`, `wasi:cli/run`, `cordon:agent/run`, or a plain kebab-case name. What `cordon serve` calls is `wasi:http/incoming-handler`. */
  readonly call: string
  /** How the call takes input and gives its result. */
  readonly kind: 'agent-run' | 'wasi-command' | 'http-handler' | 'plain'
}

/** What every artifact says of itself. */
interface ArtifactHead {
  /** Cache key, hex sha256 over component, limits profile, linker, rewriter, jco, patch and Node versions. */
  readonly key: string
  /** `sha256:<hex>` of the component bytes as they came. */
  readonly componentDigest: string
  /** The interfaces the component imports, as written, e.g. `wasi:io/streams@0.2.12`. */
  readonly imports: readonly WasiVersionedName[]
  readonly exports: readonly ExportedFunction[]
}

/** A component of WASI 0.2: `cell/link` instantiates it from its binary; nothing in it is text. */
export interface ComponentArtifact extends ArtifactHead {
  readonly linking: 'component'
  /** The component with each core module replaced in place by its rewritten form, and without its custom sections. */
  readonly component: Uint8Array
}

/** A component with features past WASI 0.2, which jco took apart: `glue/` evaluates its glue. */
export interface GlueArtifact extends ArtifactHead {
  readonly linking: 'glue'
  /**
   * JavaScript expression text (strict, no import, export, `eval` or `Function`) that evaluates to
   * `(guard) => ({ instantiate(getCoreModule, imports, instantiateCore) })`. `guard(f)` gives a function that does what the core
   * function `f` does; the glue wraps with it every core function it calls on a stack that cannot suspend (reallocations,
   * post-returns, destructors), so that metering knows. One evaluation serves any number of instances. Both functions that `instantiate` is given
   * must answer at once, not with a promise; `instantiateCore` has no default. The globals it needs are in {@link glueGlobals}.
   */
  readonly glue: string
  readonly cores: readonly CoreModule[]
}

/**
 * What ingest makes of untrusted component bytes: all a cell needs to instantiate it, and nothing that was not
 * validated. Immutable and content-addressed; written by `host/ingest`, read by the room that links it.
 */
export type Artifact = ComponentArtifact | GlueArtifact

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
