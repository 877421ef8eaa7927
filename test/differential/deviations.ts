import type { FunctionType, ValueType } from '#core/component/component-plan.ts'
import { flatOf, partsOf } from './flat-layout.ts'

const partTypes = (type: ValueType): readonly ValueType[] => {
  const { fields, cases } = partsOf(type)
  if (fields !== undefined) return fields
  if (cases !== undefined) return cases.filter((each) => each !== undefined)
  return type.kind === 'list' ? [type.element] : []
}

const anywhere = (type: ValueType, applies: (type: ValueType) => boolean): boolean =>
  applies(type) || partTypes(type).some((part) => anywhere(part, applies))

const isSigned = (type: ValueType): boolean => type.kind === 's8' || type.kind === 's16' || type.kind === 's32'

/** A case of signed integers while another case needs an `i64`: their core values may have to travel in one. */
const widensSigned = (type: ValueType): boolean =>
  (partsOf(type).cases ?? []).some((each) => each !== undefined && anywhere(each, isSigned)) && flatOf(type).includes('i64')

const typesOf = ({ params, result }: FunctionType): readonly ValueType[] => [
  ...params.map((param) => param.type),
  ...(result === undefined ? [] : [result]),
]

/**
 * Where jco hands on another value than it was given although all is honest: between two components, a signed integer below zero that
 * shares its place with an `i64` arrives as a large unsigned one, or not at all. `CanonicalABI.md`, Flat Lifting: `lift_flat_variant` wraps what it takes
 * from an `i64` (`wrap_i64_to_i32`), and `lift_flat_signed` reads that as signed.
 */
export const mayDeviateInCompositions = (type: FunctionType): boolean => typesOf(type).some((each) => anywhere(each, widensSigned))

/** A value that a guest gives, where jco and the specification differ. */
export interface Deviation {
  readonly name: string
  readonly type: ValueType
  readonly encoding: 'utf8' | 'utf16'
  /** What the guest's memory holds: at `valueAt` and at `slotsAt`, in hex; the rest is zero. */
  readonly value: string
  readonly slots: string
  /** How the guest gives it: as a result or as a parameter of an import. */
  readonly by: 'give' | 'take'
  /** Part of `CanonicalABI.md` that decides. */
  readonly decidedBy: string
  /** What the specification makes of it; undefined for a trap. */
  readonly expected: { readonly value: unknown } | undefined
  /** What jco makes of it; undefined for an error. */
  readonly jco: { readonly value: unknown } | undefined
}

const u8: ValueType = { kind: 'u8' }

/** Each is tested on both: the specification's answer is asked of Cordon, jco's own answer of jco, so that the table stays true. */
export const deviations: readonly Deviation[] = [
  {
    name: 'a string that is not UTF-8',
    type: { kind: 'string' },
    encoding: 'utf8',
    // Four bytes at 2048.
    value: '0008000004000000',
    slots: '',
    by: 'give',
    decidedBy: 'Loading, load_string_from_range: trap on UnicodeError',
    expected: undefined,
    jco: { value: 'a\ufffdbc' },
  },
  {
    name: 'a string with half a surrogate pair',
    type: { kind: 'string' },
    encoding: 'utf16',
    value: '0009000002000000',
    slots: '',
    by: 'give',
    decidedBy: 'Loading, load_string_from_range: trap on UnicodeError',
    expected: undefined,
    jco: { value: 'a\ufffd' },
  },
  {
    name: 'a bool that is neither 0 nor 1',
    type: { kind: 'bool' },
    encoding: 'utf8',
    value: '',
    slots: '0200000000000000',
    by: 'give',
    decidedBy: 'Loading, convert_int_to_bool: all other bit patterns are true',
    expected: { value: true },
    jco: undefined,
  },
  {
    name: 'flags with bits that no flag has',
    type: { kind: 'flags', names: ['a', 'b'] },
    encoding: 'utf8',
    value: '',
    slots: 'fe00000000000000',
    by: 'take',
    decidedBy: 'Flat Lifting, lift_flat_flags and unpack_flags_from_int: bits past the labels are not looked at',
    expected: { value: { a: false, b: true } },
    jco: undefined,
  },
  {
    name: 'a small integer with high bits set',
    type: u8,
    encoding: 'utf8',
    value: '',
    slots: '0501000000000000',
    by: 'take',
    decidedBy: 'Flat Lifting, lift_flat_unsigned: the unused high bits are ignored',
    expected: { value: 5 },
    jco: undefined,
  },
  {
    name: 'an i64 that stands for an i32 below zero',
    type: {
      kind: 'variant',
      cases: [
        { name: 'small', type: { kind: 's32' } },
        { name: 'wide', type: { kind: 'u64' } },
      ],
    },
    encoding: 'utf8',
    value: '',
    slots: '0000000000000000f9ffffff00000000',
    by: 'take',
    decidedBy: 'Flat Lifting, lift_flat_variant: wrap_i64_to_i32, then lift_flat_signed',
    expected: { value: { tag: 'small', val: -7 } },
    jco: { value: { tag: 'small', val: 4_294_967_289 } },
  },
  {
    name: 'a list of numbers that reaches past the memory',
    type: { kind: 'list', element: u8 },
    encoding: 'utf8',
    value: 'fcff000000000100',
    slots: '',
    by: 'give',
    decidedBy: 'Loading, load_list_from_range: trap past the end of the memory',
    expected: undefined,
    jco: { value: new Uint8Array(4) },
  },
  {
    name: 'a list that claims 2^31 elements',
    type: { kind: 'list', element: { kind: 'tuple', items: [u8, u8] } },
    encoding: 'utf8',
    value: '',
    slots: '00200000000000000000008000000000',
    by: 'take',
    decidedBy: 'Loading, load_list_from_range: trap past MAX_LIST_BYTE_LENGTH',
    expected: undefined,
    jco: { value: [] },
  },
]

/** Text that the table points at: `a\xffbc` at 2048, and `a` with half a pair, in UTF-16, at 2304. */
export const deviantText: readonly (readonly [at: number, hex: string])[] = [
  [2048, '61ff6263'],
  [2304, '610000d8'],
]
