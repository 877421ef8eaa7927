import type { Reading } from './reading.ts'
import { partsOf, withParts } from './shapes.ts'
import { Resource } from './static-types.ts'
import type {
  ComponentNode,
  Entity,
  FunctionNode,
  InstanceNode,
  Opened,
  ResourceName,
  Shape,
  StaticMember,
  StaticType,
  ValueNode,
} from './static-types.ts'

/** Puts resource types and names in the place of others, throughout types. What does not change stays the same object; shared parts stay shared. */
export class Substitution {
  private readonly resources: ReadonlyMap<Resource, Resource>
  private readonly names: ReadonlyMap<StaticType, StaticType>
  private readonly done = new Map<object, object>()
  private readonly reading: Reading
  private readonly at: number

  constructor(
    reading: Reading,
    at: number,
    resources: ReadonlyMap<Resource, Resource>,
    names: ReadonlyMap<StaticType, StaticType> = new Map(),
  ) {
    this.reading = reading
    this.at = at
    this.resources = resources
    this.names = names
  }

  private get empty(): boolean {
    return this.resources.size === 0 && this.names.size === 0
  }

  /** An import or export. */
  entity(entity: Entity): Entity {
    if (this.empty || entity.kind === 'module') return entity
    return this.once(entity, () => this.changedEntity(entity))
  }

  /** All of `entities`. */
  entities(entities: ReadonlyMap<string, Entity>): ReadonlyMap<string, Entity> {
    if (this.empty) return entities
    return this.once(entities, () => {
      let changed = false
      const out = new Map<string, Entity>()
      for (const [name, entity] of entities) {
        const now = this.entity(entity)
        changed ||= now !== entity
        out.set(name, now)
      }
      return changed ? out : entities
    })
  }

  private changedEntity(entity: Entity): Entity {
    if (entity.kind === 'type') {
      const named = this.type(entity.named)
      const of = this.type(entity.of)
      return named === entity.named && of === entity.of ? entity : { kind: 'type', named, of }
    }
    if (entity.kind === 'module') return entity
    if (entity.kind === 'func') {
      const type = this.function(entity.type)
      return type === entity.type ? entity : { kind: 'func', type }
    }
    if (entity.kind === 'instance') {
      const type = this.instance(entity.type)
      return type === entity.type ? entity : { kind: 'instance', type }
    }
    const type = this.component(entity.type)
    return type === entity.type ? entity : { kind: 'component', type }
  }

  /** Any type. */
  type(type: StaticType): StaticType {
    const other = this.names.get(type)
    if (other !== undefined) return other
    switch (type.kind) {
      case 'resource':
        return this.resource(type)
      case 'value':
        return this.value(type)
      case 'func':
        return this.function(type)
      case 'instance':
        return this.instance(type)
      case 'component':
        return this.component(type)
    }
  }

  private resource(name: ResourceName): ResourceName {
    const other = this.names.get(name)
    if (other?.kind === 'resource') return other
    const resource = this.resources.get(name.resource)
    return resource === undefined ? name : this.once(name, (): ResourceName => ({ kind: 'resource', resource }))
  }

  private value(node: ValueNode): ValueNode {
    const other = this.names.get(node)
    if (other?.kind === 'value') return other
    if (this.empty || (this.names.size === 0 && !node.facts.handles)) return node
    return this.once(node, () => {
      const shape = this.once(node.shape, () => this.shape(node.shape))
      return shape === node.shape ? node : { kind: 'value', shape, facts: node.facts }
    })
  }

  private optional(node: ValueNode | undefined): ValueNode | undefined {
    return node === undefined ? undefined : this.value(node)
  }

  private shape(shape: Shape): Shape {
    this.reading.spend(this.at, partsOf(shape).length)
    if (!('of' in shape)) return withParts(shape, (part) => this.value(part))
    const of = this.resource(shape.of)
    return of === shape.of ? shape : { kind: shape.kind, of }
  }

  private members(members: readonly StaticMember[]): readonly StaticMember[] {
    this.reading.spend(this.at, members.length)
    const out = members.map(({ name, type }) => ({ name, type: this.value(type) }))
    return out.every(({ type }, nth) => type === members[nth]?.type) ? members : out
  }

  private function(node: FunctionNode): FunctionNode {
    if (this.empty) return node
    return this.once(node, () => {
      const params = this.members(node.params)
      const result = this.optional(node.result)
      return params === node.params && result === node.result ? node : { ...node, params, result }
    })
  }

  /** The type of an instance. */
  instance(node: InstanceNode): InstanceNode {
    const other = this.names.get(node)
    if (other?.kind === 'instance') return other
    if (this.empty) return node
    return this.once(node, () => {
      const exports = this.entities(node.exports)
      return exports === node.exports ? node : { ...node, exports }
    })
  }

  private component(node: ComponentNode): ComponentNode {
    if (this.empty) return node
    return this.once(node, () => {
      const imports = this.entities(node.imports)
      const exports = this.entities(node.exports)
      return imports === node.imports && exports === node.exports ? node : { ...node, imports, exports }
    })
  }

  /** Makes something of `from` once: types are graphs in which much is shared. */
  private once<Made extends object>(from: object, make: () => Made): Made {
    const before = this.done.get(from)
    // What is kept under an object was made from it by the same caller, hence of its type.
    if (before !== undefined) return before as Made
    this.reading.spend(this.at)
    const made = make()
    this.done.set(from, made)
    return made
  }
}

/** An instance type with resource types of its own: what an import or export of that type is. */
export interface OpenedInstance {
  readonly type: InstanceNode
  /** Its fresh resource types; paths begin with `name`. */
  readonly opens: readonly Opened[]
}

/** Gives each abstract resource type of `node` a fresh one (Explainer.md, type checking). Throws WasmError `limit`. */
export const openInstance = (node: InstanceNode, name: string, reading: Reading, at: number): OpenedInstance => {
  if (node.opens.length === 0) return { type: node, opens: [] }
  const { fresh, opens } = freshFor(node.opens, reading, at)
  const exports = new Substitution(reading, at, fresh).entities(node.exports)
  return { type: { ...node, exports, opens: [] }, opens: opens.map(({ resource, path }) => ({ resource, path: [name, ...path] })) }
}

/** A fresh resource type for each of `opened`. Throws WasmError `limit`. */
export const freshFor = (
  opened: readonly Opened[],
  reading: Reading,
  at: number,
): { readonly fresh: Map<Resource, Resource>; readonly opens: readonly Opened[] } => {
  reading.spend(at, opened.length)
  reading.count('resources', at, opened.length)
  const fresh = new Map<Resource, Resource>()
  const opens = opened.map(({ resource, path }) => {
    const own = new Resource()
    fresh.set(resource, own)
    return { resource: own, path }
  })
  return { fresh, opens }
}
