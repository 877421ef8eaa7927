import { WasmError } from '#core/wasm/wasm-error.ts'
import { uniquenessKey, UniqueNames, type ExternName } from './component-names.ts'
import type { CoreSignature, CoreType, ModuleType } from './core-types.ts'
import type { Reading } from './reading.ts'
import { ResourceMembers } from './resource-members.ts'
import type { ComponentNode, Entity, FunctionNode, InstanceNode, Opened, StaticType } from './static-types.ts'
import { Visibility, type Side } from './visibility.ts'

/** A core type that a component defines. */
export type CoreTypeDefinition =
  | { readonly kind: 'func'; readonly signature: CoreSignature }
  | { readonly kind: 'module'; readonly type: ModuleType }

/** Imports, or exports, of a scope. */
class NamedEntities {
  readonly entities = new Map<string, Entity>()
  readonly opens: Opened[] = []
  private readonly unique: UniqueNames
  private readonly members = new ResourceMembers()

  constructor(what: string) {
    this.unique = new UniqueNames(what)
  }

  add(name: ExternName, entity: Entity, at: number): void {
    this.unique.add(uniquenessKey(name), name.text, at)
    this.members.check(name, entity, at)
    this.members.register(name, entity)
    this.entities.set(name.text, entity)
  }
}

/** Index spaces of a component, a component type or an instance type while it is read. */
export class Scope {
  readonly kind: 'component' | 'component type' | 'instance type'
  readonly parent: Scope | undefined
  readonly depth: number
  readonly core: Readonly<Record<CoreType['kind'], CoreType[]>> = { func: [], table: [], memory: [], global: [] }
  readonly coreTypes: CoreTypeDefinition[] = []
  readonly coreInstances: ReadonlyMap<string, CoreType>[] = []
  readonly modules: ModuleType[] = []
  readonly types: StaticType[] = []
  readonly functions: FunctionNode[] = []
  readonly components: ComponentNode[] = []
  readonly instances: InstanceNode[] = []
  readonly imports = new NamedEntities('import')
  readonly exports = new NamedEntities('export')
  private readonly visibility: Visibility

  constructor(kind: Scope['kind'], parent: Scope | undefined, reading: Reading, at: number) {
    this.kind = kind
    this.parent = parent
    this.depth = parent === undefined ? 0 : parent.depth + 1
    if (this.depth > reading.limits.depth) {
      throw new WasmError('limit', at, `expected components and types at most ${reading.limits.depth} deep, got more`)
    }
    this.visibility = new Visibility(reading)
  }

  /** Adds an import or export. Instance types are checked for visibility when they are used. Throws WasmError. */
  admit(side: Side, name: ExternName, entity: Entity, at: number): void {
    const named = side === 'import' ? this.imports : this.exports
    named.add(name, entity, at)
    if (this.kind !== 'instance type') this.visibility.admit(side, entity, name.text, at)
  }

  /** Gives `entity` the next index of its kind. */
  push(entity: Entity): void {
    switch (entity.kind) {
      case 'module':
        return void this.modules.push(entity.type)
      case 'func':
        return void this.functions.push(entity.type)
      case 'type':
        return void this.types.push(entity.named)
      case 'component':
        return void this.components.push(entity.type)
      case 'instance':
        return void this.instances.push(entity.type)
    }
  }
}
