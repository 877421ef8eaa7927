import type { ExternName } from './component-names.ts'
import { invalid } from './reading.ts'
import type { Entity, FunctionNode, ResourceName, ValueNode } from './static-types.ts'

type MemberName = Exclude<ExternName, { kind: 'label' } | { kind: 'interface' }>

/**
 * The resource types that have a plain name among the imports or exports of one scope, and the rule that constructors, methods and static functions
 * belong to one of them (Binary.md, import and export definitions).
 */
export class ResourceMembers {
  private readonly names = new Map<ResourceName, string>()
  private readonly labels = new Set<string>()

  /** Notes a resource type under its label. */
  register(name: ExternName, entity: Entity): void {
    if (name.kind !== 'label' || entity.kind !== 'type' || entity.named.kind !== 'resource') return
    this.names.set(entity.named, name.text)
    this.labels.add(name.text)
  }

  /** Throws WasmError for an annotated name that does not fit what it names. */
  check(name: ExternName, entity: Entity, at: number): void {
    if (name.kind === 'label' || name.kind === 'interface') return
    if (entity.kind !== 'func') throw invalid(at, `expected a function as \`${name.text}\`, got a thing of kind ${entity.kind}`)
    if (name.kind === 'constructor') this.checkHandle(constructed(entity.type), 'own', name, at)
    else if (name.kind === 'method') {
      const self = entity.type.params[0]
      if (self?.name !== 'self') throw invalid(at, `expected \`self\` as the first parameter of \`${name.text}\`, got \`${self?.name}\``)
      this.checkHandle(self.type, 'borrow', name, at)
    } else if (!this.labels.has(name.resource)) {
      throw invalid(at, `expected \`${name.text}\` to belong to a resource named before it, got none named \`${name.resource}\``)
    }
  }

  private checkHandle(type: ValueNode | undefined, kind: 'own' | 'borrow', name: MemberName, at: number): void {
    const shape = type?.shape
    if (shape?.kind !== kind) {
      throw invalid(at, `expected ${kind}<${name.resource}> in the type of \`${name.text}\`, got ${shape?.kind ?? 'nothing'}`)
    }
    const label = 'of' in shape ? this.names.get(shape.of) : undefined
    if (label !== name.resource) {
      throw invalid(
        at,
        `expected \`${name.text}\` to be about resource \`${name.resource}\`, got ${label === undefined ? 'one without a name here' : `\`${label}\``}`,
      )
    }
  }
}

/** The result of a constructor, or what it makes when all goes well. */
const constructed = ({ result }: FunctionNode): ValueNode | undefined => (result?.shape.kind === 'result' ? result.shape.ok : result)
