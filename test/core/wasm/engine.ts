type Constructor<A extends readonly unknown[], T> = new (...args: A) => T

/** A compiled module; opaque. */
export type Module = object
export interface Global {
  value: unknown
}
export interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
export interface Table {
  readonly length: number
}
export interface Instance {
  readonly exports: Readonly<Record<string, unknown>>
}

/** Import module → field → value. */
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>

interface Engine {
  validate(bytes: Uint8Array): boolean
  readonly Module: Constructor<[bytes: Uint8Array], Module> & {
    customSections(module: Module, name: string): ArrayBuffer[]
    imports(module: Module): readonly { readonly module: string; readonly name: string }[]
  }
  readonly Instance: Constructor<[module: Module, imports?: Imports], Instance>
  readonly Global: Constructor<[type: object, value?: unknown], Global>
  readonly Memory: Constructor<[type: object], Memory>
  readonly Table: Constructor<[type: object], Table>
  readonly RuntimeError: Constructor<[], Error>
  readonly Suspending: Constructor<[run: () => Promise<void>], object>
  promising(run: Call): (...args: readonly unknown[]) => Promise<unknown>
}

/** An exported function. */
export type Call = (...args: readonly unknown[]) => unknown

/** The engine's own `WebAssembly` object, which neither the language's nor Node's types declare. */
export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly

/** Instantiates `bytes` with `imports`. */
export const instantiate = (bytes: Uint8Array, imports: Imports = {}): Instance => new engine.Instance(new engine.Module(bytes), imports)

const exported = <T>(instance: Instance, name: string, kind: Constructor<never[], T>): T => {
  const found = instance.exports[name]
  if (!(found instanceof kind)) throw new TypeError(`expected an export \`${name}\`, got ${typeof found}`)
  return found
}

/** The exported function `name`. */
export const call = (instance: Instance, name: string): Call => {
  const found = instance.exports[name]
  if (typeof found !== 'function') throw new TypeError(`expected a function \`${name}\`, got ${typeof found}`)
  return (...args) => Reflect.apply(found, undefined, args) as unknown
}

/** The exported global `name`. */
export const globalOf = (instance: Instance, name: string): Global =>
  exported(instance, name, engine.Global as Constructor<never[], Global>)
/** The exported memory `name`. */
export const memoryOf = (instance: Instance, name = 'memory'): Memory =>
  exported(instance, name, engine.Memory as Constructor<never[], Memory>)
/** The exported table `name`. */
export const tableOf = (instance: Instance, name = 'table'): Table => exported(instance, name, engine.Table as Constructor<never[], Table>)
