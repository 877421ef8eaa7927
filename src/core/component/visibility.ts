import { invalid, type Reading } from './reading.ts'
import { partsOf } from './shapes.ts'
import type { Entity, FunctionNode, InstanceNode, StaticType, ValueNode } from './static-types.ts'

export type Side = 'import' | 'export'

/** Kinds of value types that are known by a name only. */
const neverAnonymous: ReadonlySet<string> = new Set(['record', 'variant', 'enum', 'flags'])

/** The types that have a name on one side, and what was found to be made of such. Both only grow. */
class NamedTypes {
  readonly names = new Set<StaticType>()
  readonly visible = new Set<StaticType>()
  readonly registered = new Set<InstanceNode>()
}

/**
 * Which types of a component may appear in its imports and exports: records, variants, enums, flags and resources need a name there
 * (Explainer.md, external visibility of types).
 */
export class Visibility {
  private readonly sides: Readonly<Record<Side, NamedTypes>> = { import: new NamedTypes(), export: new NamedTypes() }
  private readonly reading: Reading

  constructor(reading: Reading) {
    this.reading = reading
  }

  /** Checks an import or export and remembers the types that it names. Throws WasmError. */
  admit(side: Side, entity: Entity, name: string, at: number): void {
    if (!this.register(side, entity, at)) {
      throw invalid(at, `expected all types in ${side} \`${name}\` to be ${side}ed by a name of their own before it, got one that is not`)
    }
  }

  private register(side: Side, entity: Entity, at: number): boolean {
    this.reading.spend(at)
    const named = this.sides[side]
    switch (entity.kind) {
      case 'type':
        if (!this.inside(entity.of, named, at)) return false
        named.names.add(entity.named)
        if (side === 'import') this.sides.export.names.add(entity.named)
        return true
      case 'instance':
        if (named.registered.has(entity.type)) return true
        for (const inner of entity.type.exports.values()) if (!this.register(side, inner, at)) return false
        named.registered.add(entity.type)
        return true
      case 'func':
        return this.inFunction(entity.type, named, at)
      case 'component':
      case 'module':
        return true
    }
  }

  /** True when what `type` is made of is visible; the type itself is being named. */
  private inside(type: StaticType, named: NamedTypes, at: number): boolean {
    switch (type.kind) {
      case 'resource':
      case 'component':
        return true
      case 'value':
        if (type.shape.kind === 'own' || type.shape.kind === 'borrow') return named.names.has(type.shape.of)
        return this.all(partsOf(type.shape), named, at)
      case 'func':
        return this.inFunction(type, named, at)
      case 'instance':
        return this.once(type, named, at, () => [...type.exports.values()].every((entity) => this.inEntity(entity, named, at)))
    }
  }

  private inEntity(entity: Entity, named: NamedTypes, at: number): boolean {
    if (entity.kind === 'module' || entity.kind === 'component') return true
    return this.inside(entity.kind === 'type' ? entity.named : entity.type, named, at)
  }

  private inFunction(type: FunctionNode, named: NamedTypes, at: number): boolean {
    return this.once(type, named, at, () => {
      const parts = type.params.map((param) => param.type)
      if (type.result !== undefined) parts.push(type.result)
      return this.all(parts, named, at)
    })
  }

  private all(parts: readonly (ValueNode | undefined)[], named: NamedTypes, at: number): boolean {
    this.reading.spend(at, parts.length)
    return parts.every((part) => part === undefined || this.visible(part, named, at))
  }

  private visible(node: ValueNode, named: NamedTypes, at: number): boolean {
    if (neverAnonymous.has(node.shape.kind)) return named.names.has(node)
    return this.once(node, named, at, () => this.inside(node, named, at))
  }

  /** What is visible stays so. What is not ends the reading: there is nothing to remember of it. */
  private once(type: StaticType, named: NamedTypes, at: number, check: () => boolean): boolean {
    if (named.visible.has(type)) return true
    this.reading.spend(at)
    if (!check()) return false
    named.visible.add(type)
    return true
  }
}
