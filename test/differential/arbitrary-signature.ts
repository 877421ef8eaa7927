import * as fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import type { FunctionType, ValueType } from '#core/component/component-plan.ts'
import { lowerCamel } from '#core/component/js-names.ts'
import { isTaggedOption } from './option-form.ts'

/** Labels that are awkward as JavaScript names, and plain ones. */
const labels = [
  'a',
  'b-c',
  'd1',
  'to-string',
  'constructor',
  'then',
  'value-of',
  'val',
  'tag',
  'length',
  'e-f-g',
  'default',
  'some',
  'IP4-x',
  'z9',
]

const uniqueLabels = (min: number, max: number): Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...labels), { minLength: min, maxLength: max })

const primitiveKinds = ['bool', 's8', 'u8', 's16', 'u16', 's32', 'u32', 's64', 'u64', 'f32', 'f64', 'char', 'string'] as const

const primitive: Arbitrary<ValueType> = fc.constantFrom(...primitiveKinds).map((kind) => ({ kind }))

const names = (kind: 'enum' | 'flags', sizes: readonly number[]): Arbitrary<ValueType> =>
  fc.oneof(
    { weight: 4, arbitrary: uniqueLabels(1, 5).map((names): ValueType => ({ kind, names })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...sizes).map((size): ValueType => ({ kind, names: Array.from({ length: size }, (_, nth) => `n${nth}`) })),
    },
  )

const optional = (type: Arbitrary<ValueType>): Arbitrary<ValueType | undefined> => fc.option(type, { nil: undefined })

const zipped = <T>(types: Arbitrary<T>, max: number): Arbitrary<{ name: string; type: T }[]> =>
  uniqueLabels(1, max).chain((names) => fc.tuple(...names.map((name) => types.map((type) => ({ name, type })))))

/** Any value type but handles; a few levels deep. */
export const valueTypes: Arbitrary<ValueType> = fc.letrec<{ type: ValueType }>((tie) => {
  const inner = tie('type')
  return {
    type: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 6, arbitrary: primitive },
      { weight: 1, arbitrary: names('enum', [2, 255, 256, 257]) },
      { weight: 1, arbitrary: names('flags', [8, 9, 16, 17, 31, 32]) },
      { weight: 2, arbitrary: inner.map((element): ValueType => ({ kind: 'list', element })) },
      { weight: 1, arbitrary: inner.map((some): ValueType => ({ kind: 'option', some })) },
      { weight: 2, arbitrary: zipped(inner, 4).map((fields): ValueType => ({ kind: 'record', fields })) },
      { weight: 1, arbitrary: fc.array(inner, { minLength: 1, maxLength: 4 }).map((items): ValueType => ({ kind: 'tuple', items })) },
      { weight: 2, arbitrary: zipped(optional(inner), 4).map((cases): ValueType => ({ kind: 'variant', cases })) },
      { weight: 1, arbitrary: fc.tuple(optional(inner), optional(inner)).map(([ok, error]): ValueType => ({ kind: 'result', ok, error })) },
    ),
  }
}).type

const typedArrays = {
  s8: fc.int8Array,
  u8: fc.uint8Array,
  s16: fc.int16Array,
  u16: fc.uint16Array,
  s32: fc.int32Array,
  u32: fc.uint32Array,
  s64: fc.bigInt64Array,
  u64: fc.bigUint64Array,
  f32: fc.float32Array,
  f64: fc.float64Array,
} as const

const charOf = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\0', '\x7f', '\x80', 'ÿ', 'Ā', '߿', 'ࠀ', '￿', '𐀀', '\u{10ffff}'),
    fc.integer({ min: 32, max: 0x2ff }).map((code) => String.fromCodePoint(code)),
  ),
  minLength: 1,
  maxLength: 1,
})

const scalarStrings: Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCodePoint(code)), maxLength: 40 }),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
)

const integer = (bits: number, signed: boolean): Arbitrary<number> =>
  fc.integer(signed ? { min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - 1 })

const primitives: Readonly<Record<string, Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  s8: integer(8, true),
  u8: integer(8, false),
  s16: integer(16, true),
  u16: integer(16, false),
  s32: integer(32, true),
  u32: integer(32, false),
  s64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  f32: fc.float(),
  f64: fc.double(),
  char: charOf,
  string: scalarStrings,
}

const listOf = (element: ValueType): Arbitrary<unknown> => {
  const typed = Object.entries(typedArrays).find(([kind]) => kind === element.kind)
  return typed === undefined ? fc.array(valueOf(element), { maxLength: 5 }) : typed[1]({ maxLength: 9 })
}

const caseOf = (tag: string, type: ValueType | undefined): Arbitrary<unknown> =>
  type === undefined ? fc.constant({ tag }) : valueOf(type).map((val) => ({ tag, val }))

/** An option in an option, so that `undefined` alone would not tell the two apart. */
const optionOf = (some: ValueType): Arbitrary<unknown> =>
  isTaggedOption(some) ? fc.oneof(caseOf('none', undefined), caseOf('some', some)) : fc.option(valueOf(some), { nil: undefined })

const tupleOf = (types: readonly ValueType[]): Arbitrary<unknown[]> => fc.tuple(...types.map(valueOf))

/** Values of `type` in jco's JavaScript convention, as both linkers lift them: what comes back from a round trip is the same again. */
export const valueOf = (type: ValueType): Arbitrary<unknown> => {
  if (type.kind === 'list') return listOf(type.element)
  if (type.kind === 'record')
    return tupleOf(type.fields.map((field) => field.type)).map((values) =>
      Object.fromEntries(type.fields.map(({ name }, nth) => [lowerCamel(name), values[nth]])),
    )
  if (type.kind === 'tuple') return tupleOf(type.items)
  if (type.kind === 'variant') return fc.oneof(...type.cases.map((each) => caseOf(each.name, each.type)))
  if (type.kind === 'enum') return fc.constantFrom(...type.names)
  if (type.kind === 'flags')
    return fc
      .tuple(...type.names.map(() => fc.boolean()))
      .map((set) => Object.fromEntries(type.names.map((name, nth) => [lowerCamel(name), set[nth]])))
  if (type.kind === 'option') return optionOf(type.some)
  if (type.kind === 'result') return fc.oneof(caseOf('ok', type.ok), caseOf('err', type.error))
  return primitives[type.kind] ?? fc.constant(undefined)
}

/** One function with the arguments of a call and what the host answers to it. */
export interface Exchange {
  readonly type: FunctionType
  readonly calls: readonly { readonly args: readonly unknown[]; readonly answer: unknown }[]
}

const functionTypes: Arbitrary<FunctionType> = fc
  .record({ params: fc.array(valueTypes, { maxLength: 4 }), result: fc.option(valueTypes, { nil: undefined }) })
  .map(({ params, result }) => ({ params: params.map((type, nth) => ({ name: `p${nth}`, type })), result }))

/** A function of `type`, called a few times. */
export const exchangeOf = (type: FunctionType): Arbitrary<Exchange> => {
  const answer = type.result === undefined ? fc.constant(undefined) : valueOf(type.result)
  const call = fc.record({ args: tupleOf(type.params.map((param) => param.type)), answer })
  return fc.array(call, { minLength: 1, maxLength: 4 }).map((calls) => ({ type, calls }))
}

/** Functions of generated types, each with calls. */
export const exchanges: Arbitrary<Exchange> = functionTypes.chain(exchangeOf)
