import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'

/** A component from its text. */
export const component = (wat: string): Promise<Uint8Array> => parse(`(component ${wat})`)

const bumpAllocator = `(global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get 3))))`

/** Parts of {@link agent}. */
export interface AgentParts {
  /** Goes before the core module. */
  readonly before?: string
  /** Goes into the core module. */
  readonly inside?: string
  /** Arguments of the core module's instance. */
  readonly with?: string
  /** Goes at the end of the component. */
  readonly after?: string
}

/** A component that exports `cordon:agent/run` and answers with its input. */
export const agent = (parts: AgentParts = {}): Promise<Uint8Array> =>
  component(`${parts.before ?? ''}
    (core module $m ${parts.inside ?? ''}
      (memory (export "memory") 1)
      ${bumpAllocator}
      (func (export "run") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (local.get 0))
        (i32.store (i32.const 24) (local.get 1))
        (i32.const 16)))
    (core instance $i (instantiate $m ${parts.with ?? ''}))
    (func $run (param "input" string) (result (result string (error string)))
      (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "cabi_realloc"))))
    (instance $exported (export "run" (func $run)))
    (export "cordon:agent/run@0.1.0" (instance $exported))
    ${parts.after ?? ''}`)

/** A component whose only export is a function of that name. */
export const exporting = (name: string): Promise<Uint8Array> =>
  component(`(core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func (export "${name}") (canon lift (core func $i "f")))`)

/** A component with that core module, which nothing instantiates and nothing exports. */
export const withCore = (core: string): Promise<Uint8Array> => component(`(core module $m ${core})`)

const tens = (what: string): string => Array.from({ length: 10 }, () => what).join(' ')

/** A component of some 600 bytes whose one function takes 10^depth numbers. */
export const amplifying = (depth: number): Promise<Uint8Array> =>
  component(`(type $t0 (tuple ${tens('u8')}))
    ${Array.from({ length: depth - 1 }, (_, nth) => `(type $t${nth + 1} (tuple ${tens(`$t${nth}`)}))`).join('\n')}
    (core module $m (memory (export "memory") 1)
      (func (export "f") (param i32))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "x" $t${depth - 1})
      (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "cabi_realloc"))))`)
