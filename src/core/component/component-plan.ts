/**
 * A component made flat: what `core/component` makes of its bytes and `cell/link` instantiates. Nested components are dissolved into one list
 * of steps; every type, function and instance that was named by an index or an alias is resolved. Nothing in it is text to evaluate.
 */
export interface ComponentPlan {
  /** Byte ranges of the core modules, in the order in which they lie in the component. */
  readonly modules: readonly CoreModuleRange[]
  /** What the root imports, in order. */
  readonly imports: readonly RootImport[]
  /** Component instances: for each its parent, -1 for the root, which is the first. Each has flags and a handle table of its own. */
  readonly instances: readonly number[]
  readonly resources: readonly ResourcePlan[]
  readonly functions: readonly FunctionPlan[]
  /** Core functions that are made and not exported by a module, in the order in which the component makes them. */
  readonly canons: readonly CanonPlan[]
  /** Core instances to make, in order. */
  readonly steps: readonly CoreInstancePlan[]
  /** What the root exports, in order. */
  readonly exports: readonly RootExport[]
}

export interface CoreModuleRange {
  readonly offset: number
  readonly length: number
}

export interface RootImport {
  /** As written: `wasi:io/streams@0.2.12`, or a plain kebab name. */
  readonly name: string
  readonly kind: 'instance' | 'func' | 'type'
  /** The functions of an instance by their component-model names (`[method]pollable.block`), with their types; one entry without a name for a `func`. */
  readonly functions: readonly { readonly name: string; readonly type: FunctionType }[]
  /** Resource types that it brings, by name. */
  readonly resources: readonly { readonly name: string; readonly resource: number }[]
  /** Names under which it has resource types that are brought by another name or import (`use` in WIT). */
  readonly aliases: readonly { readonly name: string; readonly resource: number }[]
}

/** A value type. Objects are shared wherever a type is: identity may serve as a key for what is compiled from one. */
export type ValueType =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'record'; readonly fields: readonly { readonly name: string; readonly type: ValueType }[] }
  | { readonly kind: 'tuple'; readonly items: readonly ValueType[] }
  | { readonly kind: 'list'; readonly element: ValueType }
  | { readonly kind: 'variant'; readonly cases: readonly { readonly name: string; readonly type: ValueType | undefined }[] }
  | { readonly kind: 'enum'; readonly names: readonly string[] }
  | { readonly kind: 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'option'; readonly some: ValueType }
  | { readonly kind: 'result'; readonly ok: ValueType | undefined; readonly error: ValueType | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: number }

export type PrimitiveKind = 'bool' | 's8' | 'u8' | 's16' | 'u16' | 's32' | 'u32' | 's64' | 'u64' | 'f32' | 'f64' | 'char' | 'string'

export interface FunctionType {
  readonly params: readonly { readonly name: string; readonly type: ValueType }[]
  readonly result: ValueType | undefined
}

export type ResourcePlan =
  /** The host's; the same index wherever the same type is meant. */
  | { readonly from: 'import'; readonly import: number; readonly name: string }
  /** Defined by component instance `instance`; `destructor` takes the representation. */
  | { readonly from: 'component'; readonly instance: number; readonly destructor: CoreReference | undefined }

export type FunctionPlan =
  /** `name` is undefined when the root import is itself the function. */
  | { readonly from: 'import'; readonly import: number; readonly name: string | undefined; readonly type: FunctionType }
  | {
      readonly from: 'lift'
      readonly instance: number
      readonly core: CoreReference
      readonly options: CanonicalOptions
      readonly type: FunctionType
    }

/** Canonical options (component model, `canonopt`), resolved. */
export interface CanonicalOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16'
  readonly memory: CoreReference | undefined
  readonly realloc: CoreReference | undefined
  readonly postReturn: CoreReference | undefined
}

export type CanonPlan =
  | { readonly kind: 'lower'; readonly instance: number; readonly function: number; readonly options: CanonicalOptions }
  | { readonly kind: 'resource.new' | 'resource.rep' | 'resource.drop'; readonly instance: number; readonly resource: number }

/** Something of core wasm: an export of a core instance that an earlier step made, or a function of `canons`. */
export type CoreReference =
  | { readonly from: 'step'; readonly step: number; readonly name: string }
  | { readonly from: 'canon'; readonly canon: number }

/** Instantiates module `module` with one reference for each of its imports, in their order. */
export interface CoreInstancePlan {
  /** Index in `modules`. */
  readonly module: number
  readonly imports: readonly { readonly module: string; readonly name: string; readonly given: CoreReference }[]
}

export type RootExport =
  | { readonly kind: 'func'; readonly name: string; readonly function: number }
  | { readonly kind: 'resource'; readonly name: string; readonly resource: number }
  /** A value type under a name: nothing at run time. */
  | { readonly kind: 'type'; readonly name: string }
  | { readonly kind: 'instance'; readonly name: string; readonly exports: readonly RootExport[] }
