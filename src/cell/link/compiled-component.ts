import { readComponent } from '#core/component/read-component.ts'
import type { CanonPlan, ComponentPlan, FunctionPlan, ResourcePlan } from '#core/component/component-plan.ts'
import { meterExports } from '#core/wasm/meter-names.ts'
import type { CompiledCanon } from './canons.ts'
import { ComponentCall } from './component-call.ts'
import { importTemplate, type ImportTemplate } from './core-imports.ts'
import { compileCore, type CompiledCore } from './core-module.ts'
import { engine, type CoreModuleObject } from './engine.ts'
import { exportTree, type ExportTree } from './export-tree.ts'
import type { ScopePlan } from './guest-scope.ts'
import { HostCall } from './host-call.ts'
import { hostClasses, hostMember, type HostClass, type HostMember } from './host-functions.ts'
import { LiftedFunction } from './lifted-function.ts'
import { LinkTrap } from './linker.ts'
import { resourceDrop, resourceNew, resourceRep, type Destructor } from './resource-canons.ts'
import { compileTrampolines } from './trampolines.ts'

/** Whether a host function may wait. `interfaceId` has no version; `member` is the function's name in the component model. */
export type IsAsync = (interfaceId: string, member: string) => boolean

/** A core instance to be made. */
export interface CoreStep {
  readonly core: CompiledCore
  readonly imports: ImportTemplate
  /** Names of the mutable globals that it exports for being reset. */
  readonly globals: readonly string[]
}

/** A component with all that can be worked out before there is an instance; shared by all of them. */
export interface CompiledComponent {
  readonly plan: ComponentPlan
  readonly steps: readonly CoreStep[]
  readonly canons: readonly CompiledCanon[]
  /** By function: where the host has it. */
  readonly members: readonly (HostMember | undefined)[]
  /** Where the host has the resource types that the root imports. */
  readonly classes: readonly HostClass[]
  /** By function: how the host calls it. */
  readonly lifted: readonly (LiftedFunction | undefined)[]
  readonly scopes: readonly ScopePlan[]
  readonly exports: ExportTree
  /** By resource: how the host ends one that a guest defines. */
  readonly destructors: readonly (Destructor | undefined)[]
  /** For the canonical functions that may wait or not, by their places in the trampolines' module. */
  readonly trampolines: { readonly module: CoreModuleObject; readonly places: ReadonlyMap<number, number> } | undefined
  /** No code of it changes what cannot be put back. */
  readonly resettable: boolean
}

/** How a component is compiled. */
export interface CompileOptions {
  readonly isAsync: IsAsync
  /** Its core modules were rewritten. */
  readonly metered: boolean
}

/** Each costs every instance some microseconds that no fuel pays. */
const maxTrampolines = 2000

/** Reads a component and compiles its modules off the thread where V8 can. Rejects with WasmError, {@link LinkTrap} or the engine's CompileError. */
export const compileComponent = async (bytes: Uint8Array, options: CompileOptions): Promise<CompiledComponent> => {
  const plan = readComponent(bytes, { metered: options.metered })
  const cores = await Promise.all(plan.modules.map(({ offset, length }) => compileCore({ bytes: bytes.subarray(offset, offset + length) })))
  if (options.metered && cores.some((core) => !isMetered(core)))
    throw new LinkTrap('expected core modules that ingest has rewritten', 'link')
  const compiler = new ComponentCompiler(plan, options.isAsync)
  const canons = plan.canons.map((canon) => compiler.canon(canon))
  const lifted = plan.functions.map((each) => (each.from === 'lift' ? compiler.liftForHost(each) : undefined))
  const waiting = [...canons.entries()].filter(([, { waits }]) => waits === 'either')
  return {
    plan,
    canons,
    lifted,
    steps: plan.steps.map((step) => stepOf(coreAt(cores, step.module), importTemplate(step))),
    members: plan.functions.map((each) => (each.from === 'import' ? hostMember(plan.imports, each) : undefined)),
    classes: hostClasses(plan.imports),
    destructors: plan.resources.map((resource) => compiler.destructor(resource, undefined)),
    scopes: compiler.scopes,
    exports: exportTree(plan),
    trampolines: waiting.length === 0 ? undefined : await trampolinesFor(waiting),
    resettable: options.metered && cores.every((core) => !core.metered || exportsOf(core).includes(meterExports.resettable)),
  }
}

const trampolinesFor = async (waiting: readonly (readonly [number, CompiledCanon])[]): Promise<CompiledComponent['trampolines']> => {
  if (waiting.length > maxTrampolines) throw new LinkTrap(`expected at most ${maxTrampolines} functions between components`, 'link')
  const module = await compileTrampolines(waiting.map(([, canon]) => canon))
  return { module, places: new Map(waiting.map(([index], place) => [index, place])) }
}

const exportsOf = ({ module }: CompiledCore): readonly string[] => engine.Module.exports(module).map(({ name }) => name)

/** A module without code needs no metering, but one with a memory has to show its virtual size. */
const isMetered = (core: CompiledCore): boolean => {
  const exported = exportsOf(core)
  return (!core.hasCode || exported.includes(meterExports.slice)) && (core.memories === 0 || exported.includes(meterExports.memoryPages))
}

const coreAt = (cores: readonly CompiledCore[], index: number): CompiledCore => {
  const core = cores[index]
  if (core === undefined) throw new LinkTrap(`expected core module ${index}`, 'link')
  return core
}

const stepOf = (core: CompiledCore, imports: ImportTemplate): CoreStep => ({
  core,
  imports,
  globals: exportsOf(core).filter((name) => name.startsWith(meterExports.globalPrefix)),
})

/** Compiles canonical functions, giving out the numbers of their scopes. */
class ComponentCompiler {
  readonly scopes: ScopePlan[] = []
  readonly #plan: ComponentPlan
  readonly #isAsync: IsAsync

  constructor(plan: ComponentPlan, isAsync: IsAsync) {
    this.#plan = plan
    this.#isAsync = isAsync
  }

  canon(canon: CanonPlan): CompiledCanon {
    switch (canon.kind) {
      case 'lower':
        return this.#lower(canon)
      case 'resource.new':
        return resourceNew(canon)
      case 'resource.rep':
        return resourceRep(canon)
      case 'resource.drop':
        return resourceDrop(canon, this.destructor(this.#plan.resources[canon.resource], canon.instance))
    }
  }

  liftForHost(plan: FunctionPlan & { readonly from: 'lift' }): LiftedFunction {
    const { instance, options } = plan
    return new LiftedFunction(plan, this.#scope({ instance, options, facesHost: true }), this.#entered(instance, undefined))
  }

  #lower({ instance, options, function: index }: CanonPlan & { readonly kind: 'lower' }): CompiledCanon {
    const callee = this.#plan.functions[index]
    if (callee === undefined) throw new LinkTrap(`expected function ${index}`, 'link')
    const scope = this.#scope({ instance, options, facesHost: callee.from === 'import' })
    if (callee.from === 'lift') return this.#componentCall(instance, scope, callee)
    const { interfaceId, name } = hostMember(this.#plan.imports, callee)
    return new HostCall({ instance, scope, function: index, type: callee.type, isAsync: this.#isAsync(interfaceId, name ?? interfaceId) })
  }

  #componentCall(instance: number, scope: number, callee: FunctionPlan & { readonly from: 'lift' }): CompiledCanon {
    const own = this.#scope({ instance: callee.instance, options: callee.options, facesHost: false })
    const lifted = new LiftedFunction(callee, own, this.#entered(callee.instance, instance))
    return new ComponentCall({ instance, scope, callee: lifted })
  }

  /** Its destructor as component instance `caller` or the host calls it. */
  destructor(resource: ResourcePlan | undefined, caller: number | undefined): Destructor | undefined {
    if (resource?.from !== 'component' || resource.destructor === undefined) return undefined
    return { core: resource.destructor, entered: this.#entered(resource.instance, caller) }
  }

  #scope(plan: ScopePlan): number {
    return this.scopes.push(plan) - 1
  }

  /** The instances that a call enters: the callee and those around it, without those that the caller is in (CanonicalABI.md, "Component Instances"). */
  #entered(callee: number, caller: number | undefined): readonly number[] {
    const inside = caller === undefined ? [] : this.#line(caller)
    return this.#line(callee).filter((instance) => !inside.includes(instance))
  }

  /** An instance and those around it. */
  #line(instance: number): readonly number[] {
    const line: number[] = []
    for (let at = instance; at >= 0 && line.length <= this.#plan.instances.length; at = this.#plan.instances[at] ?? -1) line.push(at)
    return line
  }
}
