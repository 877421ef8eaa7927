import type { FunctionType, ValueType } from '#core/component/component-plan.ts'

/** How the types of one component are written where they are used: `$t0`, or in full for those that need no name. */
export class TypeNames {
  readonly #named = new Map<ValueType, string>()
  /** What an instance type has to declare for them. */
  readonly declarations: string[] = []

  /** Names of the types that have one. */
  get names(): readonly string[] {
    return [...this.#named.values()]
  }

  /** The text of `type`. Throws TypeError for handles. */
  of(type: ValueType): string {
    if (type.kind === 'record')
      return this.#name(type, `(record ${type.fields.map(({ name, type: field }) => `(field "${name}" ${this.of(field)})`).join(' ')})`)
    if (type.kind === 'variant')
      return this.#name(type, `(variant ${type.cases.map((each) => `(case "${each.name}" ${this.#optional(each.type)})`).join(' ')})`)
    if (type.kind === 'enum' || type.kind === 'flags')
      return this.#name(type, `(${type.kind} ${type.names.map((name) => `"${name}"`).join(' ')})`)
    if (type.kind === 'tuple') return `(tuple ${type.items.map((item) => this.of(item)).join(' ')})`
    if (type.kind === 'list') return `(list ${this.of(type.element)})`
    if (type.kind === 'option') return `(option ${this.of(type.some)})`
    if (type.kind === 'result')
      return `(result ${this.#optional(type.ok)} ${type.error === undefined ? '' : `(error ${this.of(type.error)})`})`
    if (type.kind === 'own' || type.kind === 'borrow') throw new TypeError('expected a type without resources')
    return type.kind
  }

  #optional(type: ValueType | undefined): string {
    return type === undefined ? '' : this.of(type)
  }

  #name(type: ValueType, text: string): string {
    const known = this.#named.get(type)
    if (known !== undefined) return `$${known}`
    const name = `t${this.#named.size}`
    this.#named.set(type, name)
    this.declarations.push(`(type $d-${name} ${text}) (export "${name}" (type $${name} (eq $d-${name})))`)
    return `$${name}`
  }
}

/** Parameters and result of a function type. */
export const functionText = (type: FunctionType, names: TypeNames): string =>
  `${type.params.map((param) => `(param "${param.name}" ${names.of(param.type)})`).join(' ')} ${type.result === undefined ? '' : `(result ${names.of(type.result)})`}`
