import type { CoreReference, FunctionPlan } from './component-plan.ts'
import type { CoreType, ModuleType } from './core-types.ts'
import type { ComponentDefinition, Item } from './definition.ts'
import { InstanceTypes, type PlanTypes } from './plan-types.ts'
import { invalid, type Reading } from './reading.ts'
import type { Opened, Resource } from './static-types.ts'

/** What a component passes on once it is known which instance it is. */
export type Value =
  | { readonly kind: 'func'; readonly function: FunctionValue }
  | { readonly kind: 'component'; readonly component: ComponentValue }
  | { readonly kind: 'instance'; readonly exports: InstanceValue }
  | { readonly kind: 'module'; readonly module: ModuleValue }
  | { readonly kind: 'type'; readonly resource: number | undefined }

/** A function; it has an index in the plan once something calls it. */
export interface FunctionValue {
  readonly plan: FunctionPlan
  index: number | undefined
}

export interface ModuleValue {
  readonly index: number
  readonly type: ModuleType
}

/** A component with the instance that it was defined in, whose components and modules it may alias. */
export interface ComponentValue {
  readonly definition: ComponentDefinition
  readonly around: Frame | undefined
}

export type InstanceValue = ReadonlyMap<string, Value>

/** Where the exports of a core instance come from. */
export type CoreInstanceValue = { readonly step: number } | { readonly exports: ReadonlyMap<string, CoreReference> }

/** A component instance while it is made: its index spaces. */
export class Frame {
  readonly instance: number
  readonly around: Frame | undefined
  readonly depth: number
  readonly args: InstanceValue
  readonly core: Readonly<Record<CoreType['kind'], CoreReference[]>> = { func: [], table: [], memory: [], global: [] }
  readonly coreInstances: CoreInstanceValue[] = []
  readonly modules: ModuleValue[] = []
  readonly components: ComponentValue[] = []
  readonly functions: FunctionValue[] = []
  readonly instances: InstanceValue[] = []
  readonly exports = new Map<string, Value>()
  readonly types: InstanceTypes
  private readonly resources = new Map<Resource, number>()

  constructor(
    place: { readonly instance: number; readonly around: Frame | undefined; readonly depth: number; readonly args: InstanceValue },
    types: PlanTypes,
    reading: Reading,
  ) {
    this.instance = place.instance
    this.around = place.around
    this.depth = place.depth
    this.args = place.args
    this.types = new InstanceTypes(types, reading, this.resources)
  }

  /** Says which resource type of the plan one of the component's own is. */
  bind(resource: Resource, index: number): void {
    this.resources.set(resource, index)
  }

  /** The index in the plan of a resource type. */
  resource(resource: Resource, at: number): number {
    return known(this.resources.get(resource), 'a resource type', at)
  }

  /** Finds out what resource types `opened` are by following their paths. */
  open(opened: readonly Opened[], values: InstanceValue, at: number): void {
    for (const { resource, path } of opened) {
      let value: Value | undefined
      let here: InstanceValue | undefined = values
      for (const name of path) {
        value = here?.get(name)
        here = value?.kind === 'instance' ? value.exports : undefined
      }
      this.bind(resource, known(value?.kind === 'type' ? value.resource : undefined, `resource type \`${path.join('` `')}\``, at))
    }
  }

  /** Gives `value` the next index of its kind. */
  push(value: Value): void {
    switch (value.kind) {
      case 'func':
        return void this.functions.push(value.function)
      case 'component':
        return void this.components.push(value.component)
      case 'instance':
        return void this.instances.push(value.exports)
      case 'module':
        return void this.modules.push(value.module)
      case 'type':
    }
  }

  /** What `item` refers to. */
  value(item: Item, at: number): Value {
    switch (item.kind) {
      case 'func':
        return { kind: 'func', function: known(this.functions[item.index], 'a function', at) }
      case 'component':
        return { kind: 'component', component: known(this.components[item.index], 'a component', at) }
      case 'instance':
        return { kind: 'instance', exports: known(this.instances[item.index], 'an instance', at) }
      case 'module':
        return { kind: 'module', module: known(this.modules[item.index], 'a core module', at) }
      case 'type':
        return { kind: 'type', resource: item.type.kind === 'resource' ? this.resource(item.type.resource, at) : undefined }
    }
  }

  /** Values by name. */
  values(items: ReadonlyMap<string, Item>, at: number): InstanceValue {
    return new Map([...items].map(([name, item]) => [name, this.value(item, at)]))
  }
}

/** Throws where validation let something through that does not exist: an error of this reader, which must end in a refusal nonetheless. */
export const known = <Kind>(value: Kind | undefined, what: string, at: number): Kind => {
  if (value === undefined) throw invalid(at, `expected ${what} that validation has seen, got none`)
  return value
}
