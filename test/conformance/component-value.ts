import type { Expression, ListExpression } from './s-expression.ts'

/** A value as a script writes it: `(u8.const 7)`, `(list.const (str.const "a"))`. */
export type ScriptValue =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'integer'; readonly type: IntegerType; readonly value: bigint }
  | { readonly kind: 'float'; readonly type: 'f32' | 'f64'; readonly value: number }
  | { readonly kind: 'char' | 'string'; readonly value: string }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly ScriptValue[] }
  | { readonly kind: 'record'; readonly fields: readonly { readonly name: string; readonly value: ScriptValue }[] }
  | { readonly kind: 'variant'; readonly name: string; readonly payload: ScriptValue | undefined }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'option'; readonly payload: ScriptValue | undefined }
  | { readonly kind: 'result'; readonly tag: 'ok' | 'err'; readonly payload: ScriptValue | undefined }

type IntegerType = 's8' | 'u8' | 's16' | 'u16' | 's32' | 'u32' | 's64' | 'u64'

/** A form of value that scripts have and this harness does not. */
class UnknownValue extends Error {
  constructor(form: string) {
    super(`a value of the form ${form}`)
    this.name = 'UnknownValue'
  }
}

const integers: ReadonlySet<string> = new Set(['s8', 'u8', 's16', 'u16', 's32', 'u32', 's64', 'u64'])
const isInteger = (type: string): type is IntegerType => integers.has(type)

const wordOf = (expression: Expression | undefined): string => {
  if (expression?.kind === 'atom') return expression.text
  if (expression?.kind === 'string') return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(expression.bytes)
  throw new UnknownValue(expression === undefined ? 'nothing' : '(…)')
}

const integerOf = (text: string): bigint => {
  const digits = text.replaceAll('_', '')
  return digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits.replace(/^\+/, ''))
}

const hexFloat = /^([+-]?)0x([0-9a-f]+)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i

const floatOf = (type: 'f32' | 'f64', text: string): number => {
  const plain = text.replaceAll('_', '')
  const sign = plain.startsWith('-') ? -1 : 1
  if (/^[+-]?nan/.test(plain)) return Number.NaN
  if (/^[+-]?inf$/.test(plain)) return sign * Number.POSITIVE_INFINITY
  const [hex, , whole = '', part = '', power = '0'] = hexFloat.exec(plain) ?? []
  const value = hex === undefined ? Number(plain) : sign * Number.parseInt(whole + part, 16) * 2 ** (Number(power) - 4 * part.length)
  return type === 'f32' ? Math.fround(value) : value
}

/** What follows in a form: one value in parentheses, or its words without them; nothing at all is undefined. */
const payloadOf = (items: readonly Expression[]): ScriptValue | undefined => (items.length === 0 ? undefined : valueOf(items))

const fieldOf = (expression: Expression): { readonly name: string; readonly value: ScriptValue } => {
  if (expression.kind !== 'list') throw new UnknownValue('a field')
  return { name: wordOf(expression.items[1]), value: valueOf(expression.items.slice(2)) }
}

const scalarOf = (form: string, word: Expression | undefined): ScriptValue | undefined => {
  const type = form.slice(0, -'.const'.length)
  if (isInteger(type)) return { kind: 'integer', type, value: integerOf(wordOf(word)) }
  if (type === 'f32' || type === 'f64') return { kind: 'float', type, value: floatOf(type, wordOf(word)) }
  if (type === 'bool') return { kind: 'bool', value: wordOf(word) === 'true' }
  if (type === 'char') return { kind: 'char', value: wordOf(word) }
  return type === 'str' ? { kind: 'string', value: wordOf(word) } : undefined
}

const compoundOf = (form: string, rest: readonly Expression[]): ScriptValue => {
  switch (form) {
    case 'list.const':
      return { kind: 'list', items: rest.map((each) => valueOf([each])) }
    case 'tuple.const':
      return { kind: 'tuple', items: rest.map((each) => valueOf([each])) }
    case 'record.const':
      return { kind: 'record', fields: rest.map((each) => fieldOf(each)) }
    case 'variant.const':
      return { kind: 'variant', name: wordOf(rest[0]), payload: payloadOf(rest.slice(1)) }
    case 'enum.const':
      return { kind: 'enum', name: wordOf(rest[0]) }
    case 'flags.const':
      return { kind: 'flags', names: rest.map((each) => wordOf(each)) }
    case 'option.none':
    case 'option.some':
      return { kind: 'option', payload: payloadOf(rest) }
    case 'result.ok':
    case 'result.err':
      return { kind: 'result', tag: form === 'result.ok' ? 'ok' : 'err', payload: payloadOf(rest) }
    default:
      throw new UnknownValue(form)
  }
}

const valueOf = (items: readonly Expression[]): ScriptValue => {
  const [first, ...rest] = items
  if (first?.kind === 'list' && rest.length === 0) return valueOf(first.items)
  const form = wordOf(first)
  return scalarOf(form, rest[0]) ?? compoundOf(form, rest)
}

/** Reads a value such as `(option.some (u8.const 1))`. Throws `UnknownValue` for forms it does not know. */
export const readValue = (expression: ListExpression): ScriptValue => valueOf(expression.items)
