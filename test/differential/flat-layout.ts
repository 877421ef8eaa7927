import type { ValueType } from '#core/component/component-plan.ts'

/** The test's own reading of `CanonicalABI.md`, sections Alignment, Element Size and Flattening: the linker's is not asked. */
export type Flat = 'i32' | 'i64' | 'f32' | 'f64'

const primitives: Readonly<Record<string, readonly [size: number, flat: Flat]>> = {
  bool: [1, 'i32'],
  s8: [1, 'i32'],
  u8: [1, 'i32'],
  s16: [2, 'i32'],
  u16: [2, 'i32'],
  s32: [4, 'i32'],
  u32: [4, 'i32'],
  s64: [8, 'i64'],
  u64: [8, 'i64'],
  f32: [4, 'f32'],
  f64: [8, 'f64'],
  char: [4, 'i32'],
  own: [4, 'i32'],
  borrow: [4, 'i32'],
}

/** Fields of a record or tuple, cases of anything that is a variant at heart, or neither. */
export const partsOf = (
  type: ValueType,
): { readonly fields?: readonly ValueType[]; readonly cases?: readonly (ValueType | undefined)[] } => {
  if (type.kind === 'record') return { fields: type.fields.map((field) => field.type) }
  if (type.kind === 'tuple') return { fields: type.items }
  if (type.kind === 'variant') return { cases: type.cases.map((each) => each.type) }
  if (type.kind === 'enum') return { cases: type.names.map(() => undefined) }
  if (type.kind === 'option') return { cases: [undefined, type.some] }
  if (type.kind === 'result') return { cases: [type.ok, type.error] }
  return {}
}

const discriminantSize = (cases: number): number => (cases <= 256 ? 1 : cases <= 65_536 ? 2 : 4)
const flagsSize = (names: number): number => (names <= 8 ? 1 : names <= 16 ? 2 : 4)
const aligned = (at: number, align: number): number => Math.ceil(at / align) * align
const most = (numbers: readonly number[]): number => Math.max(1, ...numbers)

/** `alignment` of the specification. */
export const alignOf = (type: ValueType): number => {
  const { fields, cases } = partsOf(type)
  if (fields !== undefined) return most(fields.map(alignOf))
  if (cases !== undefined) return most([discriminantSize(cases.length), ...cases.map((each) => (each === undefined ? 1 : alignOf(each)))])
  if (type.kind === 'flags') return flagsSize(type.names.length)
  return primitives[type.kind]?.[0] ?? 4
}

/** `elem_size` of the specification. */
export const sizeOf = (type: ValueType): number => {
  const { fields, cases } = partsOf(type)
  if (fields !== undefined) {
    const end = fields.reduce((at, field) => aligned(at, alignOf(field)) + sizeOf(field), 0)
    return aligned(end, alignOf(type))
  }
  if (cases !== undefined) return aligned(payloadOffset(type) + Math.max(0, ...payloadsOf(type).map(sizeOf)), alignOf(type))
  if (type.kind === 'flags') return flagsSize(type.names.length)
  return primitives[type.kind]?.[0] ?? 8
}

const payloadsOf = (type: ValueType): readonly ValueType[] => (partsOf(type).cases ?? []).filter((each) => each !== undefined)

/** Where in a variant its payload lies. */
export const payloadOffset = (type: ValueType): number =>
  aligned(discriminantSize((partsOf(type).cases ?? []).length), most(payloadsOf(type).map(alignOf)))

const join = (one: Flat | undefined, other: Flat): Flat => {
  if (one === undefined || one === other) return other
  return [one, other].every((each) => each === 'i32' || each === 'f32') ? 'i32' : 'i64'
}

/** `flatten_type` of the specification. */
export const flatOf = (type: ValueType): readonly Flat[] => {
  const { fields, cases } = partsOf(type)
  if (fields !== undefined) return fields.flatMap(flatOf)
  if (cases !== undefined) {
    const joined: Flat[] = []
    for (const payload of payloadsOf(type)) for (const [nth, flat] of flatOf(payload).entries()) joined[nth] = join(joined[nth], flat)
    return ['i32', ...joined]
  }
  if (type.kind === 'flags') return ['i32']
  const primitive = primitives[type.kind]
  return primitive === undefined ? ['i32', 'i32'] : [primitive[1]]
}
