import { readValue, type ScriptValue } from './component-value.ts'
import { readExpressions, ScriptError, type Expression, type ListExpression } from './s-expression.ts'

/** A component as a script gives it: text to encode, or bytes. */
export type ComponentSource = { readonly text: string } | { readonly bytes: Uint8Array }

export interface Invocation {
  /** Name of the instance without `$`; the latest without one. */
  readonly instance: string | undefined
  readonly export: string
  readonly args: readonly ScriptValue[]
}

/** One step of a script; each counts as one assertion. */
export type Directive = { readonly line: number } & (
  | { readonly kind: 'component'; readonly name: string | undefined; readonly source: ComponentSource }
  | { readonly kind: 'component definition'; readonly name: string | undefined; readonly source: ComponentSource }
  | { readonly kind: 'component instance'; readonly name: string | undefined; readonly definition: string | undefined }
  | { readonly kind: 'register'; readonly as: string; readonly instance: string | undefined }
  | { readonly kind: 'invoke'; readonly invocation: Invocation }
  | { readonly kind: 'assert_return'; readonly invocation: Invocation; readonly results: readonly ScriptValue[] }
  | { readonly kind: 'assert_trap'; readonly action: Invocation | ComponentSource; readonly message: string }
  | {
      readonly kind: 'assert_invalid' | 'assert_malformed' | 'assert_unlinkable'
      readonly source: ComponentSource
      readonly message: string
    }
  | { readonly kind: 'other'; readonly form: string; readonly reason: string }
)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const nameOf = (expression: Expression | undefined): string | undefined =>
  expression?.kind === 'atom' && expression.text.startsWith('$') ? expression.text.slice(1) : undefined

const atomOf = (expression: Expression | undefined): string | undefined => (expression?.kind === 'atom' ? expression.text : undefined)

const headOf = (expression: Expression | undefined): string | undefined =>
  expression?.kind === 'list' ? atomOf(expression.items[0]) : undefined

const stringOf = (expression: Expression | undefined, line: number): string => {
  if (expression?.kind !== 'string') throw new ScriptError(line, 'expected a string')
  return utf8.decode(expression.bytes)
}

const joined = (strings: readonly Expression[]): Uint8Array =>
  Uint8Array.from(strings.flatMap((each) => (each.kind === 'string' ? [...each.bytes] : [])))

/** What a script says and this harness does not do, with its name. */
class Unsupported extends Error {}

class ScriptReader {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  directive(expression: ListExpression): Directive {
    const { line } = expression
    const form = headOf(expression) ?? 'nothing'
    try {
      return { line, ...this.#known(form, expression) }
    } catch (error) {
      if (error instanceof ScriptError || !(error instanceof Error)) throw error
      return { line, kind: 'other', form, reason: error.message }
    }
  }

  #known(form: string, list: ListExpression): DistributiveOmit<Directive, 'line'> {
    const { items, line } = list
    switch (form) {
      case 'component':
        return this.#component(list)
      case 'register':
        return { kind: form, as: stringOf(items[1], line), instance: nameOf(items[2]) }
      case 'invoke':
        return { kind: form, invocation: this.#invocation(list) }
      case 'assert_return':
        return { kind: form, invocation: this.#invocation(items[1]), results: this.#values(items.slice(2)) }
      case 'assert_trap':
        return { kind: form, action: this.#action(items[1]), message: stringOf(items[2], line) }
      case 'assert_invalid':
      case 'assert_malformed':
      case 'assert_unlinkable':
        return { kind: form, source: this.#source(items[1]), message: stringOf(items[2], line) }
      default:
        throw new Unsupported(`the directive ${form}`)
    }
  }

  #component(list: ListExpression): DistributiveOmit<Directive, 'line'> {
    const what = atomOf(list.items[1])
    if (what === 'instance') return { kind: 'component instance', name: nameOf(list.items[2]), definition: nameOf(list.items[3]) }
    const name = nameOf(list.items[what === 'definition' ? 2 : 1])
    return { kind: what === 'definition' ? 'component definition' : 'component', name, source: this.#source(list) }
  }

  #action(expression: Expression | undefined): Invocation | ComponentSource {
    return headOf(expression) === 'invoke' ? this.#invocation(expression) : this.#source(expression)
  }

  #invocation(expression: Expression | undefined): Invocation {
    if (expression?.kind !== 'list' || headOf(expression) !== 'invoke') throw new Unsupported(`the action ${headOf(expression)}`)
    const instance = nameOf(expression.items[1])
    const [name, ...args] = expression.items.slice(instance === undefined ? 1 : 2)
    return { instance, export: stringOf(name, expression.line), args: this.#values(args) }
  }

  #values(expressions: readonly Expression[]): readonly ScriptValue[] {
    return expressions.map((each) => {
      if (each.kind !== 'list') throw new ScriptError(each.line, 'expected a value in parentheses')
      return readValue(each)
    })
  }

  /** `(component …)`, `(component definition …)`, `(component binary "…")`, `(component quote "…")`, each with or without a name. */
  #source(expression: Expression | undefined): ComponentSource {
    if (expression?.kind !== 'list' || headOf(expression) !== 'component') throw new Unsupported(`(${headOf(expression)} …): no component`)
    const { items, end } = expression
    let next = 1
    if (atomOf(items[next]) === 'definition') next++
    const from = items[next]
    if (nameOf(items[next]) !== undefined) next++
    const form = atomOf(items[next])
    if (form === 'instance') throw new Unsupported('(component instance …) inside an assertion')
    if (form === 'binary') return { bytes: joined(items.slice(next + 1)) }
    if (form === 'quote') return { text: `(component ${utf8.decode(joined(items.slice(next + 1)))})` }
    // The word `definition` belongs to scripts: the text format does not know it.
    return { text: `(component ${this.#text.slice(from === undefined ? end - 1 : from.start, end)}` }
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** Splits a script into its directives. Annotations at the top are left out; forms that are not known become `other`. Throws {@link ScriptError}. */
export const readScript = (text: string): readonly Directive[] => {
  const reader = new ScriptReader(text)
  return readExpressions(text).flatMap((each) => {
    if (each.kind !== 'list') throw new ScriptError(each.line, 'expected a directive in parentheses')
    return headOf(each)?.startsWith('@') === true ? [] : [reader.directive(each)]
  })
}
