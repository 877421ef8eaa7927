/**
 * The engine's WebAssembly, as far as a cell uses it. Neither the language's nor Node's types declare it, JSPI least of all.
 */

/** A compiled module; opaque. */
export interface CoreModuleObject {
  readonly [Symbol.toStringTag]: string
}

/** A global that JavaScript may read, and write when it is mutable. */
export interface CoreGlobal {
  value: unknown
}

/** What a module exports or is given to import: functions, memories, tables, globals, suspending imports. */
export type CoreExterns = Readonly<Record<string, unknown>>

/** A core instance. */
export interface CoreInstance {
  readonly exports: CoreExterns
}

/** A core function as JavaScript sees it. */
export type CoreFunction = (...args: readonly never[]) => unknown

interface ImportDescriptor {
  readonly module: string
  readonly name: string
  readonly kind: string
}

type Constructor<A extends readonly unknown[], T> = new (...args: A) => T

interface Engine {
  compile(bytes: Uint8Array): Promise<CoreModuleObject>
  readonly promising: (core: CoreFunction) => (...args: readonly never[]) => Promise<unknown>
  readonly Module: {
    imports(module: CoreModuleObject): readonly ImportDescriptor[]
    exports(module: CoreModuleObject): readonly { readonly name: string; readonly kind: string }[]
  }
  readonly Instance: Constructor<[module: CoreModuleObject, imports: object], CoreInstance>
  readonly Global: Constructor<[type: object, value?: unknown], CoreGlobal>
  readonly Memory: Constructor<[type: object], object>
  readonly Table: Constructor<[type: object], object>
  readonly RuntimeError: Constructor<[message?: string], Error>
  readonly SuspendError: Constructor<[message?: string], Error>
  readonly Suspending: Constructor<[run: (...args: readonly never[]) => unknown], object>
}

/** The engine's own `WebAssembly` object. */
export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly
