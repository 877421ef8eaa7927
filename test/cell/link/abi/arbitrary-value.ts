import * as fc from 'fast-check'
import { lowerCamel } from '#core/component/js-names.ts'
import type { PrimitiveKind, ValueType } from '#core/component/component-plan.ts'

/** Which types {@link valueTypes} gives. */
export interface TypeOptions {
  /** How deep lists, records and the like may lie in each other; 3 without. */
  readonly maxDepth?: number
  /** Indices of resource types to make handles of; none without. */
  readonly resources?: readonly number[]
  /** Whether handles may be borrowed, which results may not be; false without. */
  readonly borrows?: boolean
  /** Whether names may be such as every JavaScript object has; false without. */
  readonly inheritedNames?: boolean
  /** Most parts of one type; 5 without. Flags have up to 32 in any case. */
  readonly maxParts?: number
}

const primitiveKinds: readonly PrimitiveKind[] = [
  'bool',
  's8',
  'u8',
  's16',
  'u16',
  's32',
  'u32',
  's64',
  'u64',
  'f32',
  'f64',
  'char',
  'string',
]

const plainNames = fc
  .array(
    fc
      .tuple(
        fc.constantFrom('a', 'b', 'c', 'x', 'y', 'z'),
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', '0', '1', '9'), maxLength: 3 }),
      )
      .map(([first, rest]) => first + rest),
    { minLength: 1, maxLength: 3 },
  )
  .map((words) => words.join('-'))

const inheritedNames = fc.constantFrom(
  'constructor',
  'to-string',
  'value-of',
  'has-own-property',
  'is-prototype-of',
  'then',
  'tag',
  'val',
  'length',
)

/** Value types of WASI 0.2. Names in one type are unlike each other in JavaScript too. */
export const valueTypes = (options: TypeOptions = {}): fc.Arbitrary<ValueType> => {
  const { maxDepth = 3, resources = [], borrows = false, maxParts = 5 } = options
  const name = options.inheritedNames === true ? fc.oneof(plainNames, inheritedNames) : plainNames
  const namesOf = (minLength: number, maxLength: number) =>
    fc.uniqueArray(name, { minLength, maxLength, selector: (each) => lowerCamel(each).toLowerCase() })
  const primitive = fc.constantFrom(...primitiveKinds).map((kind): ValueType => ({ kind }))
  const leaves: fc.Arbitrary<ValueType>[] = [
    primitive,
    namesOf(1, maxParts * 2).map((names): ValueType => ({ kind: 'enum', names })),
    namesOf(1, 32).map((names): ValueType => ({ kind: 'flags', names })),
  ]
  if (resources.length > 0) {
    const kinds = borrows ? (['own', 'borrow'] as const) : (['own'] as const)
    leaves.push(fc.record({ kind: fc.constantFrom(...kinds), resource: fc.constantFrom(...resources) }))
  }
  const { type } = fc.letrec((tie) => {
    // `tie` gives what this object has under that name.
    const some = tie('type') as fc.Arbitrary<ValueType>
    const maybe = fc.option(some, { nil: undefined })
    const named = namesOf(1, maxParts)
    return {
      type: fc.oneof(
        { maxDepth, withCrossShrink: true },
        fc.oneof({ weight: 4, arbitrary: primitive }, ...leaves),
        some.map((element): ValueType => ({ kind: 'list', element })),
        named.chain((names) => fc.tuple(...names.map(() => some)).map((types): ValueType => recordOf(names, types))),
        fc.array(some, { minLength: 1, maxLength: maxParts }).map((items): ValueType => ({ kind: 'tuple', items })),
        named.chain((names) => fc.tuple(...names.map(() => maybe)).map((types): ValueType => variantOf(names, types))),
        some.map((some): ValueType => ({ kind: 'option', some })),
        fc.tuple(maybe, maybe).map(([ok, error]): ValueType => ({ kind: 'result', ok, error })),
      ),
    }
  })
  return type
}

const recordOf = (names: readonly string[], types: readonly ValueType[]): ValueType => ({
  kind: 'record',
  fields: types.map((type, index) => ({ name: names[index] ?? '', type })),
})

const variantOf = (names: readonly string[], types: readonly (ValueType | undefined)[]): ValueType => ({
  kind: 'variant',
  cases: types.map((type, index) => ({ name: names[index] ?? '', type })),
})

/** Makes the values that handles of a resource stand for. */
export type Handles = (resource: number, kind: 'own' | 'borrow') => fc.Arbitrary<unknown>

const plainHandles: Handles = (resource, kind) => fc.nat().map((id) => ({ resource, kind, id }))

/** Strings of all widths; without unpaired surrogates, which no guest can give back. */
const strings = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

const primitives: Readonly<Record<PrimitiveKind, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  s8: fc.integer({ min: -0x80, max: 0x7f }),
  u8: fc.integer({ min: 0, max: 0xff }),
  s16: fc.integer({ min: -0x8000, max: 0x7fff }),
  u16: fc.integer({ min: 0, max: 0xffff }),
  s32: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  u32: fc.integer({ min: 0, max: 0xffff_ffff }),
  s64: fc.bigInt({ min: -0x8000_0000_0000_0000n, max: 0x7fff_ffff_ffff_ffffn }),
  u64: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  f32: fc.float(),
  f64: fc.double(),
  char: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  string: strings,
}

const maxLength = 6
const numericLists: Readonly<Partial<Record<ValueType['kind'], fc.Arbitrary<unknown>>>> = {
  s8: fc.int8Array({ maxLength }),
  u8: fc.uint8Array({ maxLength: 40 }),
  s16: fc.int16Array({ maxLength }),
  u16: fc.uint16Array({ maxLength }),
  s32: fc.int32Array({ maxLength }),
  u32: fc.uint32Array({ maxLength }),
  s64: fc.bigInt64Array({ maxLength }),
  u64: fc.bigUint64Array({ maxLength }),
  f32: fc.float32Array({ maxLength }),
  f64: fc.float64Array({ maxLength }),
}

const objectOf = (names: readonly string[], values: readonly fc.Arbitrary<unknown>[]): fc.Arbitrary<unknown> =>
  fc.tuple(...values).map((made) => Object.fromEntries(made.map((value, index) => [lowerCamel(names[index] ?? ''), value])))

type Part = (type: ValueType) => fc.Arbitrary<unknown>

const isPrimitive = (type: ValueType): type is { readonly kind: PrimitiveKind } => Object.hasOwn(primitives, type.kind)

type Cased = Extract<ValueType, { readonly kind: 'variant' | 'option' | 'result' }>

const isCased = (type: ValueType): type is Cased => type.kind === 'variant' || type.kind === 'option' || type.kind === 'result'

/** Values of `type` in jco's convention, each as it comes back when it is lowered and lifted again. */
export const valueOf = (type: ValueType, handles: Handles = plainHandles): fc.Arbitrary<unknown> => {
  if (isPrimitive(type)) return primitives[type.kind]
  const part = (each: ValueType): fc.Arbitrary<unknown> => valueOf(each, handles)
  if (isCased(type)) return fc.oneof(...casesOf(type, part))
  switch (type.kind) {
    case 'list':
      return listOf(type.element, part)
    case 'record':
      return recordValue(type.fields, part)
    case 'tuple':
      return fc.tuple(...type.items.map((item) => part(item)))
    case 'enum':
      return fc.constantFrom(...type.names)
    case 'flags':
      return objectOf(
        type.names,
        type.names.map(() => fc.boolean()),
      )
    case 'own':
    case 'borrow':
      return handles(type.resource, type.kind)
  }
}

const listOf = (element: ValueType, part: Part): fc.Arbitrary<unknown> =>
  numericLists[element.kind] ?? fc.array(part(element), { maxLength: 4 })

const recordValue = (fields: Extract<ValueType, { readonly kind: 'record' }>['fields'], part: Part): fc.Arbitrary<unknown> =>
  objectOf(
    fields.map(({ name }) => name),
    fields.map(({ type }) => part(type)),
  )

const tagged = (tag: string, type: ValueType | undefined, part: Part): fc.Arbitrary<unknown> =>
  type === undefined ? fc.constant({ tag }) : part(type).map((val) => ({ tag, val }))

/** Whether undefined is a value of `some`, so that an option of it needs a tag. */
const isTaggedOption = (some: ValueType): boolean => some.kind === 'option' && !isTaggedOption(some.some)

const casesOf = (type: Cased, part: Part): readonly fc.Arbitrary<unknown>[] => {
  if (type.kind === 'variant') return type.cases.map((each) => tagged(each.name, each.type, part))
  if (type.kind === 'option') {
    const { some } = type
    return isTaggedOption(some) ? [tagged('none', undefined, part), tagged('some', some, part)] : [fc.constant(undefined), part(some)]
  }
  // A result says `val` even where there is none.
  const payload = (each: ValueType | undefined): fc.Arbitrary<unknown> => (each === undefined ? fc.constant(undefined) : part(each))
  return [payload(type.ok).map((val) => ({ tag: 'ok', val })), payload(type.error).map((val) => ({ tag: 'err', val }))]
}
