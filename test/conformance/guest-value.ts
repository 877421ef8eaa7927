import type { ValueType } from '#core/component/component-plan.ts'
import { lowerCamel } from '#core/component/js-names.ts'
import type { ScriptValue } from './component-value.ts'

/** What a script says does not fit the function's type: the script's mistake, or the reader's of the type. */
export class Misfit extends Error {
  constructor(type: ValueType, value: ScriptValue) {
    super(`a value of the kind ${value.kind} where the type is ${type.kind}`)
    this.name = 'Misfit'
  }
}

const casesOf = (type: ValueType & { readonly kind: 'variant' }, name: string): ValueType | undefined =>
  type.cases.find((each) => each.name === name)?.type

const tagged = (tag: string, type: ValueType | undefined, payload: ScriptValue | undefined): object =>
  type === undefined || payload === undefined ? { tag } : { tag, val: toJs(type, payload) }

const optionOf = (some: ValueType, payload: ScriptValue | undefined): unknown => {
  // An option of an option keeps its own `none` apart from the inner one.
  if (some.kind === 'option') return payload === undefined ? { tag: 'none' } : tagged('some', some, payload)
  return payload === undefined ? undefined : toJs(some, payload)
}

const scalarOf = (type: ValueType, value: ScriptValue): unknown => {
  if (value.kind === 'integer' && type.kind === value.type) return type.kind.endsWith('64') ? value.value : Number(value.value)
  if (value.kind === 'float' && type.kind === value.type) return value.value
  if ((value.kind === 'bool' || value.kind === 'char' || value.kind === 'string') && type.kind === value.kind) return value.value
  throw new Misfit(type, value)
}

const itemOf = (type: ValueType & { readonly kind: 'tuple' }, value: ScriptValue, at: number): unknown => {
  const item = type.items[at]
  if (item === undefined) throw new Misfit(type, value)
  return toJs(item, value)
}

const recordOf = (type: ValueType & { readonly kind: 'record' }, value: ScriptValue & { readonly kind: 'record' }): object =>
  Object.fromEntries(
    type.fields.map((field) => {
      const given = value.fields.find(({ name }) => name === field.name)
      if (given === undefined) throw new Misfit(type, value)
      return [lowerCamel(field.name), toJs(field.type, given.value)]
    }),
  )

const choiceOf = (type: ValueType, value: ScriptValue): unknown => {
  if (type.kind === 'variant' && value.kind === 'variant') return tagged(value.name, casesOf(type, value.name), value.payload)
  if (type.kind === 'enum' && value.kind === 'enum') return value.name
  if (type.kind === 'option' && value.kind === 'option') return optionOf(type.some, value.payload)
  if (type.kind === 'result' && value.kind === 'result') return tagged(value.tag, value.tag === 'ok' ? type.ok : type.error, value.payload)
  return scalarOf(type, value)
}

/** The value in jco's JavaScript convention, as the linker takes and gives it. Throws {@link Misfit}. */
export const toJs = (type: ValueType, value: ScriptValue): unknown => {
  if (type.kind === 'record' && value.kind === 'record') return recordOf(type, value)
  if (type.kind === 'list' && value.kind === 'list') return value.items.map((each) => toJs(type.element, each))
  if (type.kind === 'tuple' && value.kind === 'tuple') return value.items.map((each, at) => itemOf(type, each, at))
  if (type.kind === 'flags' && value.kind === 'flags') {
    return Object.fromEntries(type.names.map((name) => [lowerCamel(name), value.names.includes(name)]))
  }
  return choiceOf(type, value)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

const asSequence = (value: unknown): readonly unknown[] | undefined => {
  if (Array.isArray(value)) return value
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? [...(value as unknown as Iterable<unknown>)] : undefined
}

/** Whether both are the same value. Numbers as `Object.is` has it; typed arrays count as lists, an absent property as undefined. */
export const sameValue = (left: unknown, right: unknown): boolean => {
  const leftItems = asSequence(left)
  const rightItems = asSequence(right)
  if (leftItems !== undefined || rightItems !== undefined) {
    return leftItems?.length === rightItems?.length && leftItems?.every((each, at) => sameValue(each, rightItems?.[at])) === true
  }
  if (!isObject(left) || !isObject(right)) return Object.is(left, right)
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => sameValue(left[key], right[key]))
}

/** A value as a line of a report shows it. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`
    if (typeof each === 'number' && (Object.is(each, -0) || !Number.isFinite(each))) return Object.is(each, -0) ? '-0' : String(each)
    return asSequence(each) ?? each
  }) as string | undefined
  return (text ?? 'undefined').slice(0, 200)
}
