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

/** A resource that the component defines, in use: `go` makes one, looks into it (7) and drops it. Goes to the end of a component. */
export const ownResource = `
  (core module $d (func (export "dtor") (param i32)))
  (core instance $d (instantiate $d))
  (type $thing (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $thing))
  (core func $rep (canon resource.rep $thing))
  (core func $drop (canon resource.drop $thing))
  (core module $e
    (import "h" "new" (func $new (param i32) (result i32)))
    (import "h" "rep" (func $rep (param i32) (result i32)))
    (import "h" "drop" (func $drop (param i32)))
    (func (export "go") (result i32) (local $thing i32)
      (local.set $thing (call $new (i32.const 7)))
      (call $rep (local.get $thing))
      (call $drop (local.get $thing))))
  (core instance $e (instantiate $e
    (with "h" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
  (func (export "go") (result u32) (canon lift (core func $e "go")))`

/** The inside of a component that is composed of three, one of which is instantiated twice. `add-twice` adds 2. */
export const composed = `
  (component $adder
    (import "base" (func $base (param "x" u32) (result u32)))
    (core func $base (canon lower (func $base)))
    (core module $m
      (import "h" "base" (func $base (param i32) (result i32)))
      (func (export "add") (param i32) (result i32) (i32.add (call $base (local.get 0)) (i32.const 1))))
    (core instance $m (instantiate $m (with "h" (instance (export "base" (func $base))))))
    (func (export "add") (param "x" u32) (result u32) (canon lift (core func $m "add"))))
  (component $same
    (core module $m (func (export "same") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $m))
    (func (export "same") (param "x" u32) (result u32) (canon lift (core func $m "same"))))
  (instance $same (instantiate $same))
  (instance $one (instantiate $adder (with "base" (func $same "same"))))
  (instance $two (instantiate $adder (with "base" (func $one "add"))))
  (export "add-twice" (func $two "add"))`

/** The inside of a component whose export `add-one` is an async function of WASI 0.3. */
export const asyncExport = `
  (core module $async
    (import "" "task.return" (func $return (param i32)))
    (func (export "run") (param i32) (result i32) (call $return (i32.add (local.get 0) (i32.const 1))) (i32.const 0))
    (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
  (core func $return (canon task.return (result u32)))
  (core instance $async (instantiate $async (with "" (instance (export "task.return" (func $return))))))
  (func (export "add-one") async (param "x" u32) (result u32)
    (canon lift (core func $async "run") async (callback (core func $async "cb"))))`
