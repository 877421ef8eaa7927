import type { FunctionType, ValueType } from './component-plan.ts'
import { invalid, type Reading } from './reading.ts'
import { labelsOf, partsOf } from './shapes.ts'
import type { FunctionNode, Resource, Shape, ValueNode } from './static-types.ts'

/** Makes the types of a plan: one object for each type, however often and in however many components it is written down. */
export class PlanTypes {
  private readonly reading: Reading
  private readonly interned = new Map<string, ValueType>()
  private readonly ids = new Map<ValueType, number>()
  private readonly functions = new Map<string, FunctionType>()

  constructor(reading: Reading) {
    this.reading = reading
  }

  /** Makes one from a key that says everything about it. */
  intern(key: string, size: number, make: () => ValueType): ValueType {
    const before = this.interned.get(key)
    if (before !== undefined) return before
    this.reading.count('typesSize', 0, size)
    const made = make()
    this.interned.set(key, made)
    this.ids.set(made, this.ids.size)
    return made
  }

  /** The function type that is equal to `type`. */
  internFunction(type: FunctionType): FunctionType {
    const key = `${type.params.map((param) => `${param.name}:${this.id(param.type)}`).join()} ${this.id(type.result)}`
    const before = this.functions.get(key)
    if (before !== undefined) return before
    this.reading.count('typesSize', 0, type.params.length)
    this.functions.set(key, type)
    return type
  }

  /** What stands for `type` in a key. */
  id(type: ValueType | undefined): string {
    return type === undefined ? '-' : `${this.ids.get(type)}`
  }
}

/** Turns types of one component instance, in which it is known what each resource type is, into those of the plan. */
export class InstanceTypes {
  private readonly types: PlanTypes
  private readonly reading: Reading
  private readonly resources: ReadonlyMap<Resource, number>
  private readonly done = new Map<object, ValueType>()
  private readonly functions = new Map<FunctionNode, FunctionType>()

  constructor(types: PlanTypes, reading: Reading, resources: ReadonlyMap<Resource, number>) {
    this.types = types
    this.reading = reading
    this.resources = resources
  }

  function(node: FunctionNode): FunctionType {
    const before = this.functions.get(node)
    if (before !== undefined) return before
    this.reading.spend(0, 1 + node.params.length)
    const made = {
      params: node.params.map(({ name, type }) => ({ name, type: this.value(type) })),
      result: this.optional(node.result),
    }
    const shared = this.types.internFunction(made)
    this.functions.set(node, shared)
    return shared
  }

  private optional(node: ValueNode | undefined): ValueType | undefined {
    return node === undefined ? undefined : this.value(node)
  }

  private value(node: ValueNode): ValueType {
    const before = this.done.get(node.shape)
    if (before !== undefined) return before
    this.reading.spend(0)
    const made = this.shape(node.shape, node.facts.size)
    this.done.set(node.shape, made)
    return made
  }

  private shape(shape: Shape, size: number): ValueType {
    if ('of' in shape) return this.handle(shape.kind, shape.of.resource, size)
    const parts = partsOf(shape)
    this.reading.spend(0, parts.length)
    const made = this.parts(shape)
    // Everything that tells types of one kind apart: labels, which are plain words, and the parts by their numbers.
    const key = `${shape.kind} ${labelsOf(shape).join()} ${parts.map((part) => this.types.id(this.optional(part))).join()}`
    return this.types.intern(key, size, () => made)
  }

  private handle(kind: 'own' | 'borrow', of: Resource, size: number): ValueType {
    const resource = this.resources.get(of)
    if (resource === undefined) throw invalid(0, 'expected a resource type that the component instance knows, got another one')
    return this.types.intern(`${kind} ${resource}`, size, () => ({ kind, resource }))
  }

  private parts(shape: Exclude<Shape, { kind: 'own' | 'borrow' }>): ValueType {
    if ('fields' in shape) return { kind: 'record', fields: shape.fields.map(({ name, type }) => ({ name, type: this.value(type) })) }
    if ('items' in shape) return { kind: 'tuple', items: shape.items.map((item) => this.value(item)) }
    if ('cases' in shape) return { kind: 'variant', cases: shape.cases.map(({ name, type }) => ({ name, type: this.optional(type) })) }
    if ('names' in shape) return shape.kind === 'enum' ? { kind: 'enum', names: shape.names } : { kind: 'flags', names: shape.names }
    if ('element' in shape) return { kind: 'list', element: this.value(shape.element) }
    if ('some' in shape) return { kind: 'option', some: this.value(shape.some) }
    return 'ok' in shape ? { kind: 'result', ok: this.optional(shape.ok), error: this.optional(shape.error) } : { kind: shape.kind }
  }
}
