import type { FunctionPlan, ResourcePlan, RootImport } from './component-plan.ts'
import type { FunctionValue, InstanceValue, Value } from './frame.ts'
import { Frame } from './frame.ts'
import { unsupported } from './reading.ts'
import type { Entity, FunctionNode, Opened } from './static-types.ts'

/** An import of the root, in the instance that it is imported into. */
interface Imported {
  readonly frame: Frame
  readonly name: string
  readonly entity: Entity
  readonly opens: readonly Opened[]
  readonly at: number
}

/** What the root imports: functions, instances of functions and types, and types. */
export class RootImports {
  readonly plans: RootImport[] = []
  private readonly addResource: (plan: ResourcePlan, at: number) => number

  constructor(addResource: (plan: ResourcePlan, at: number) => number) {
    this.addResource = addResource
  }

  /** Gives the root what it imports. Throws WasmError `unsupported` for modules, components and instances in instances. */
  add(imported: Imported): void {
    const { frame, name, entity, opens, at } = imported
    const index = this.plans.length
    const resources = opens.map(({ resource, path }) => {
      const own = path.at(-1) ?? name
      const added = this.addResource({ from: 'import', import: index, name: own }, at)
      frame.bind(resource, added)
      return { name: own, resource: added }
    })
    if (entity.kind === 'func') {
      const { type, value } = functionOf(frame, entity.type, index, undefined)
      this.plans.push({ name, kind: 'func', functions: [{ name: '', type }], resources, aliases: [] })
      frame.functions.push(value)
    } else if (entity.kind === 'type') {
      const { resource } = typeValue(frame, entity, at)
      const aliases = resource === undefined || resources.length > 0 ? [] : [{ name, resource }]
      this.plans.push({ name, kind: 'type', functions: [], resources, aliases })
    } else if (entity.kind === 'instance') this.instance(imported, index, resources)
    else throw unsupported(at, `a core module or component as import \`${name}\` of the root`)
  }

  private instance({ frame, name, entity, at }: Imported, index: number, resources: RootImport['resources']): void {
    if (entity.kind !== 'instance') return
    const functions: RootImport['functions'][number][] = []
    const aliases: RootImport['aliases'][number][] = []
    const brought = new Set(resources.map((each) => each.name))
    const values = new Map<string, Value>()
    for (const [member, inner] of entity.type.exports) {
      if (inner.kind === 'func') {
        const { type, value } = functionOf(frame, inner.type, index, member)
        functions.push({ name: member, type })
        values.set(member, { kind: 'func', function: value })
      } else if (inner.kind === 'type') {
        const value = typeValue(frame, inner, at)
        values.set(member, value)
        if (value.resource !== undefined && !brought.has(member)) aliases.push({ name: member, resource: value.resource })
      } else throw unsupported(at, `a thing of kind ${inner.kind} in the imported instance \`${name}\` (a nested namespace)`)
    }
    this.plans.push({ name, kind: 'instance', functions, resources, aliases })
    const exports: InstanceValue = values
    frame.instances.push(exports)
  }
}

const typeValue = (frame: Frame, { named }: Extract<Entity, { kind: 'type' }>, at: number): Extract<Value, { kind: 'type' }> => ({
  kind: 'type',
  resource: named.kind === 'resource' ? frame.resource(named.resource, at) : undefined,
})

const functionOf = (
  frame: Frame,
  node: FunctionNode,
  index: number,
  name: string | undefined,
): { readonly type: FunctionPlan['type']; readonly value: FunctionValue } => {
  const type = frame.types.function(node)
  return { type, value: { plan: { from: 'import', import: index, name, type }, index: undefined } }
}
