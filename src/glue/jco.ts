import { types } from 'node:util'
import { compileCore, type CompiledCore } from '#cell/link/core-module.ts'
import { engine, type CoreFunction, type CoreModuleObject } from '#cell/link/engine.ts'
import {
  DeclaredError,
  LinkTrap,
  type Imports,
  type Instance,
  type Linkable,
  type Linked,
  type Linker,
  type MeterHooks,
} from '#cell/link/linker.ts'
import { Metering } from '#cell/link/metering.ts'
import { evaluateGlue, type GlueFactory } from './glue.ts'
import { InstanceLife } from './instance-life.ts'

/** Links with the glue that jco wrote and ingest checked and patched. Compiles each core module once per artifact. */
export class JcoLinker implements Linker {
  /** Rejects when a core module does not compile or the glue does not evaluate. */
  async link(artifact: Linkable): Promise<Linked> {
    if (artifact.linking !== 'glue') throw new LinkTrap('expected an artifact with glue, got a component', 'link')
    const compiled = await Promise.all(artifact.cores.map(async (core) => [core.name, await compileCore(core)] as const))
    return new JcoLinked(evaluateGlue(artifact.glue), new Map(compiled))
  }
}

class JcoLinked implements Linked {
  readonly #glue: GlueFactory
  readonly #cores: ReadonlyMap<string, CompiledCore>
  readonly #byModule: ReadonlyMap<CoreModuleObject, CompiledCore>

  constructor(glue: GlueFactory, cores: ReadonlyMap<string, CompiledCore>) {
    this.#glue = glue
    this.#cores = cores
    this.#byModule = new Map([...cores.values()].map((core) => [core.module, core]))
  }

  async instantiate(imports: Imports, hooks: MeterHooks): Promise<Instance> {
    const metering = new Metering(hooks)
    const life = new InstanceLife()
    const glue = this.#glue({ webAssembly: webAssemblyOf(metering, life), life, guard: (core) => metering.guard(core) })
    try {
      const exports = await glue.instantiate(
        (name) => this.#core(this.#cores.get(name)).module,
        imports,
        (module, given = {}) => metering.instantiate(this.#core(this.#byModule.get(module)), given as never),
      )
      return new JcoInstance(exports, metering, life)
    } catch (error) {
      life.end(error)
      throw metering.trap ?? error
    }
  }

  #core(core: CompiledCore | undefined): CompiledCore {
    if (core === undefined) throw new LinkTrap('expected glue that asks for core modules of its artifact')
    return core
  }
}

class JcoInstance implements Instance {
  readonly #exports: unknown
  readonly #metering: Metering
  readonly #life: InstanceLife
  #broken = false

  constructor(exports: unknown, metering: Metering, life: InstanceLife) {
    this.#exports = exports
    this.#metering = metering
    this.#life = life
  }

  async call(path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    if (this.#broken) throw new LinkTrap('the instance has trapped before')
    const run = functionAt(this.#exports, path)
    try {
      return await this.#life.until(run(...(args as never[])))
    } catch (error) {
      const trap = this.#metering.trap
      if (trap === undefined && isDeclared(error)) throw new DeclaredError(error.payload)
      this.end(trap ?? error)
      throw trap ?? error
    }
  }

  /** Glue keeps its tables to itself: they cannot be put back. */
  reset(): boolean {
    return false
  }

  serve(): void {
    throw new LinkTrap('the instance cannot serve another session', 'link')
  }

  end(reason: unknown): void {
    this.#broken = true
    this.#life.end(reason)
  }

  fuelUsed(): number {
    return this.#metering.fuelUsed()
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    const bytes = this.#metering.memoryBytes()
    return { bytes, peakBytes: bytes }
  }
}

/**
 * Whether the glue threw it for a WIT `err`: its own error class is the only one of its context that has a payload. Errors of
 * adapters may have one too, but come from here: one that got this far was not meant to.
 */
const isDeclared = (error: unknown): error is { readonly payload: unknown } =>
  types.isNativeError(error) && !(error instanceof Error) && Object.hasOwn(error, 'payload')

/** The export at `path`; own properties only, so that no name reaches what every object has. */
const functionAt = (exports: unknown, path: readonly string[]): CoreFunction => {
  let found: unknown = exports
  for (const name of path) {
    if (typeof found !== 'object' || found === null) found = undefined
    else found = Object.getOwnPropertyDescriptor(found, name)?.value
  }
  if (typeof found !== 'function') throw new LinkTrap(`expected an exported function at \`${path.join('.')}\``)
  return found as CoreFunction
}

/** The parts of `WebAssembly` that jco's glue uses, with waits that are metered. It can compile nothing. */
const webAssemblyOf = (metering: Metering, life: InstanceLife): object => {
  function Suspending(run: CoreFunction): object {
    return metering.suspending((...args) => life.until(run(...args)))
  }
  const { promising, Global, Memory, Table, RuntimeError, SuspendError } = engine
  return Object.freeze({ __proto__: null, Suspending, SuspendError, promising, Global, Memory, Table, RuntimeError })
}
