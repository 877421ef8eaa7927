import { isAsyncImport } from '#core/async-imports.ts'
import { compileComponent, type CompiledComponent, type IsAsync } from './compiled-component.ts'
import { ComponentInstance, type SnapshotSlot } from './component-instance.ts'
import { LinkTrap, type Imports, type Instance, type Linkable, type Linked, type Linker, type MeterHooks } from './linker.ts'

/** How components are linked. */
export interface ComponentLinkerOptions {
  /** Which host functions may answer with a promise; those of WASI 0.2 and Cordon that wait, without. */
  readonly isAsync?: IsAsync
  /** False for components as they come from a compiler: nothing is metered then, nor reset. For tests and measurements only. */
  readonly metered?: boolean
}

/**
 * Links components of WASI 0.2 from their binary, as data: the canonical ABI is compiled to closures, once a component. Imports, exports and resources follow jco's
 * documented convention in JavaScript.
 */
export class ComponentLinker implements Linker {
  readonly #isAsync: IsAsync
  readonly #metered: boolean

  constructor({ isAsync = isAsyncImport, metered = true }: ComponentLinkerOptions = {}) {
    this.#isAsync = isAsync
    this.#metered = metered
  }

  async link(artifact: Linkable): Promise<Linked> {
    if (artifact.linking !== 'component') throw new LinkTrap('expected an artifact with a component, got glue', 'link')
    return this.linkComponent(artifact.component)
  }

  /** Links a component whose core modules ingest has rewritten. Rejects with WasmError, {@link LinkTrap} or the engine's CompileError. */
  async linkComponent(bytes: Uint8Array): Promise<Linked> {
    return new ComponentLinked(await compileComponent(bytes, { isAsync: this.#isAsync, metered: this.#metered }))
  }
}

class ComponentLinked implements Linked {
  readonly #component: CompiledComponent
  readonly #slot: SnapshotSlot = { snapshot: undefined }

  constructor(component: CompiledComponent) {
    this.#component = component
  }

  // oxlint-disable-next-line typescript/require-await -- what instantiating throws has to reject
  async instantiate(imports: Imports, hooks: MeterHooks): Promise<Instance> {
    return new ComponentInstance(this.#component, { imports, hooks, slot: this.#slot })
  }
}
