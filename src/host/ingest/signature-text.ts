import { linkedName } from '#core/implemented-interfaces.ts'
import { primitiveTypes } from '#core/component/primitive-types.ts'
import type { ComponentPlan, FunctionType, PrimitiveKind, ValueType } from '#core/component/component-plan.ts'

/** Interface without version → function → its signature in full, as {@link SignatureTexts} spells it. */
export type Signatures = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Longer than any type of ours; sharing of types would let texts double at every step. */
const maxTextLength = 8192
/** What is too long, or no type of an interface: matches nothing of ours. */
const unknown = '?'

const primitives: ReadonlySet<string> = new Set(Object.values(primitiveTypes))

const isPrimitive = (type: ValueType): type is { readonly kind: PrimitiveKind } => primitives.has(type.kind)

const bounded = (text: string): string => (text.length > maxTextLength ? unknown : text)

/**
 * Spells out the types of one component's imports: two functions have the same type when their texts are the same. Resources go by the interface
 * that brings them, without its version.
 */
export class SignatureTexts {
  readonly #plan: Pick<ComponentPlan, 'imports' | 'resources'>
  readonly #texts = new Map<ValueType, string>()

  constructor(plan: Pick<ComponentPlan, 'imports' | 'resources'>) {
    this.#plan = plan
  }

  /** `(param:type,…)->type`, with `_` for no result. */
  of({ params, result }: FunctionType): string {
    const list = params.map(({ name, type }) => `${name}:${this.#value(type)}`).join(',')
    return bounded(`(${list})->${this.#optional(result)}`)
  }

  /** `wasi:io/poll.pollable`; `?` for a resource that the component defines. */
  resource(index: number): string {
    const resource = this.#plan.resources[index]
    if (resource?.from !== 'import') return unknown
    const name = this.#plan.imports[resource.import]?.name ?? unknown
    return `${linkedName(name)}.${resource.name}`
  }

  #optional(type: ValueType | undefined): string {
    return type === undefined ? '_' : this.#value(type)
  }

  /** Each type is spelled once, however often it is shared. */
  #value(type: ValueType): string {
    const known = this.#texts.get(type)
    if (known !== undefined) return known
    const text = bounded(this.#spelled(type))
    this.#texts.set(type, text)
    return text
  }

  #spelled(type: ValueType): string {
    if (isPrimitive(type)) return type.kind
    switch (type.kind) {
      case 'record':
        return `record{${type.fields.map((field) => `${field.name}:${this.#value(field.type)}`).join(',')}}`
      case 'variant':
        return `variant{${type.cases.map((each) => `${each.name}:${this.#optional(each.type)}`).join(',')}}`
      case 'list':
        return `list<${this.#value(type.element)}>`
      case 'tuple':
        return `tuple<${type.items.map((item) => this.#value(item)).join(',')}>`
      case 'flags':
        return `flags{${type.names.join(',')}}`
      case 'enum':
        return `enum{${type.names.join(',')}}`
      case 'option':
        return `option<${this.#value(type.some)}>`
      case 'result':
        return `result<${this.#optional(type.ok)},${this.#optional(type.error)}>`
      case 'own':
      case 'borrow':
        return `${type.kind}<${this.resource(type.resource)}>`
    }
  }
}
