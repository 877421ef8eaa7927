import { $init, generate } from '@bytecodealliance/jco-transpile/component'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import type { ComponentArtifact, GlueArtifact } from '#core/artifact.ts'
import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { readExports } from '#host/ingest/plan-exports.ts'
import { rewriteComponent } from '#host/ingest/rewrite-component.ts'
import { transpile } from '#host/ingest/transpile.ts'

export type TestArtifact =
  | Pick<ComponentArtifact, 'linking' | 'component' | 'exports'>
  | Pick<GlueArtifact, 'linking' | 'glue' | 'cores' | 'exports'>

const rewriting = { maxMemoryPages: 4096, maxTableElements: 1_000_000, limits: defaultWasmLimits }

/** Ingests a component as ingest does, in this process. */
export const ingested = (component: Uint8Array): TestArtifact & { readonly linking: 'component' } => {
  const { bytes, plan } = rewriteComponent(component, rewriting)
  return { linking: 'component', component: bytes, exports: readExports(plan) }
}

/** Builds a component from its text and ingests it. */
export const artifactOf = async (wat: string): Promise<TestArtifact & { readonly linking: 'component' }> => ingested(await parse(wat))

/** Builds a component from its text and takes it apart with jco's transpiler, as ingest does with those past WASI 0.2. */
export const glueArtifactOf = async (wat: string): Promise<TestArtifact & { readonly linking: 'glue' }> => {
  await $init
  const { glue, cores, exports } = transpile(await parse(wat), { version: 'test', generate: generate as never, diagnostics: () => '' })
  return { linking: 'glue', glue, exports, cores: cores.map(({ name, bytes }) => ({ name, bytes: rewriteCore(bytes, rewriting).bytes })) }
}

/** What {@link agentWat} puts together. */
export interface AgentParts {
  /** Imports and canonical lowerings, after `$libc` and before the agent's module. */
  readonly around?: string
  /** Replaces `(instance $libc …)`: has to export `memory` and `cabi_realloc`. */
  readonly libc?: string
  /** Imports of the agent's module. */
  readonly imports?: string
  /** Instantiation arguments of the agent's module besides `libc`. */
  readonly with?: string
  /** The inside of the agent's module; `$memory` is imported. Has to export `run: (ptr, len) -> ptr`. */
  readonly core: string
}

const bumpAllocator = `
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16)))))`

/** A component that exports `cordon:agent/run`. Core functions can answer `ok` or `err` with `(call $ok (ptr) (len))`. */
export const agentWat = (parts: AgentParts): string => `(component $top
  (core module $libc ${parts.libc ?? bumpAllocator})
  (core instance $libc (instantiate $libc))
  ${parts.around ?? ''}
  (core module $m
    (import "libc" "memory" (memory $memory 0))
    ${parts.imports ?? ''}
    (func $answer (param $tag i32) (param $ptr i32) (param $len i32) (result i32)
      (i32.store (i32.const 16) (local.get $tag))
      (i32.store (i32.const 20) (local.get $ptr))
      (i32.store (i32.const 24) (local.get $len))
      (i32.const 16))
    (data $words (i32.const 64) "\\22done\\22 bad")
    (func $done (result i32) (call $answer (i32.const 0) (i32.const 64) (i32.const 6)))
    (func $bad (result i32) (call $answer (i32.const 1) (i32.const 71) (i32.const 3)))
    ${parts.core})
  (core instance $m (instantiate $m (with "libc" (instance $libc)) ${parts.with ?? ''}))
  (func $run (param "input" string) (result (result string (error string)))
    (canon lift (core func $m "run") (memory (core memory $libc "memory")) (realloc (core func $libc "cabi_realloc"))))
  (instance $exported (export "run" (func $run)))
  (export "cordon:agent/run@0.1.0" (instance $exported)))`

/** Imports `wasi:io/poll` and the monotonic clock; lowers `$subscribe: (i64) -> handle`, `$block: (handle)`, `$drop: (handle)`. */
export const clockImports = `
  (import "wasi:io/poll@0.2.12" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.12" (instance $clock
    (alias outer $top $pollable (type $q))
    (export "pollable" (type $r (eq $q)))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $r))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $now (canon lower (func $clock "now")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $drop (canon resource.drop $pollable))`

/** Instantiation argument for {@link clockImportsOfCore}. */
export const clockArguments = `(with "clock" (instance
  (export "subscribe" (func $subscribe)) (export "now" (func $now)) (export "block" (func $block)) (export "drop" (func $drop))))`

/** The same functions as the core module imports them. */
export const clockImportsOfCore = `
  (import "clock" "subscribe" (func $subscribe (param i64) (result i32)))
  (import "clock" "now" (func $now (result i64)))
  (import "clock" "block" (func $block (param i32)))
  (import "clock" "drop" (func $drop (param i32)))`

const sleeping = `
  (func $sleep (param $ns i64) (local $p i32)
    (local.set $p (call $subscribe (local.get $ns)))
    (call $block (local.get $p))
    (call $drop (local.get $p)))`

/** An agent that can sleep: `core` may use `$sleep: (ns: i64)` and the functions of {@link clockImportsOfCore}. */
export const sleeperWat = (core: string, libc?: string): string =>
  agentWat({
    around: clockImports,
    with: clockArguments,
    imports: clockImportsOfCore,
    core: `${sleeping} ${core}`,
    ...(libc === undefined ? {} : { libc }),
  })
