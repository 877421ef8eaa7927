import type { PrimitiveKind } from '#core/component/component-plan.ts'
import { bigintAt, describe, heapBytes, numberAt, type AbiType } from './abi-type.ts'
import { charOf, codePointOf } from './char.ts'
import { bigintFrom } from './bigint-from.ts'

type NumberKind = Exclude<PrimitiveKind, 'string'>

/** Numbers out of range wrap, as jco's do; anything else is the host's mistake. */
const numberOf = (value: unknown, kind: NumberKind): number => {
  if (typeof value !== 'number') throw new TypeError(`expected a number for ${kind}, got ${describe(value)}`)
  return value
}

const bigintOf = (value: unknown, kind: NumberKind): bigint => {
  const whole = bigintFrom(value)
  if (whole === undefined) throw new TypeError(`expected a bigint for ${kind}, got ${describe(value)}`)
  return whole
}

/** One NaN for all: payloads would be a channel, and would differ between machines (CanonicalABI.md, "Loading": `canonicalize_nan32`). */
const canonical = (value: number): number => (Number.isNaN(value) ? NaN : value)

const sized = (size: number, core: AbiType['flat'][number], weight: number) => ({
  size,
  align: size,
  flat: [core],
  depth: 0,
  weight,
  fields: 0,
})

const bool: AbiType = {
  ...sized(1, 'i32', 0),
  load: (call, at) => call.view().getUint8(at) !== 0,
  store: (call, value, at) => call.view().setUint8(at, value ? 1 : 0),
  lift: (_call, values, from) => numberAt(values, from) !== 0,
  lower: (_call, value, out) => void out.push(value ? 1 : 0),
}

const s8: AbiType = {
  ...sized(1, 'i32', 0),
  load: (call, at) => call.view().getInt8(at),
  store: (call, value, at) => call.view().setInt8(at, numberOf(value, 's8')),
  lift: (_call, values, from) => (numberAt(values, from) << 24) >> 24,
  lower: (_call, value, out) => void out.push((numberOf(value, 's8') << 24) >> 24),
}

const u8: AbiType = {
  ...sized(1, 'i32', 0),
  load: (call, at) => call.view().getUint8(at),
  store: (call, value, at) => call.view().setUint8(at, numberOf(value, 'u8')),
  lift: (_call, values, from) => numberAt(values, from) & 0xff,
  lower: (_call, value, out) => void out.push(numberOf(value, 'u8') & 0xff),
}

const s16: AbiType = {
  ...sized(2, 'i32', 0),
  load: (call, at) => call.view().getInt16(at, true),
  store: (call, value, at) => call.view().setInt16(at, numberOf(value, 's16'), true),
  lift: (_call, values, from) => (numberAt(values, from) << 16) >> 16,
  lower: (_call, value, out) => void out.push((numberOf(value, 's16') << 16) >> 16),
}

const u16: AbiType = {
  ...sized(2, 'i32', 0),
  load: (call, at) => call.view().getUint16(at, true),
  store: (call, value, at) => call.view().setUint16(at, numberOf(value, 'u16'), true),
  lift: (_call, values, from) => numberAt(values, from) & 0xffff,
  lower: (_call, value, out) => void out.push(numberOf(value, 'u16') & 0xffff),
}

const s32: AbiType = {
  ...sized(4, 'i32', 0),
  load: (call, at) => call.view().getInt32(at, true),
  store: (call, value, at) => call.view().setInt32(at, numberOf(value, 's32'), true),
  lift: (_call, values, from) => numberAt(values, from) | 0,
  lower: (_call, value, out) => void out.push(numberOf(value, 's32') | 0),
}

const u32: AbiType = {
  ...sized(4, 'i32', heapBytes.number),
  load: (call, at) => call.view().getUint32(at, true),
  store: (call, value, at) => call.view().setUint32(at, numberOf(value, 'u32'), true),
  lift: (_call, values, from) => numberAt(values, from) >>> 0,
  lower: (_call, value, out) => void out.push(numberOf(value, 'u32') >>> 0),
}

const s64: AbiType = {
  ...sized(8, 'i64', heapBytes.bigint),
  load: (call, at) => call.view().getBigInt64(at, true),
  store: (call, value, at) => call.view().setBigInt64(at, bigintOf(value, 's64'), true),
  lift: (_call, values, from) => BigInt.asIntN(64, bigintAt(values, from)),
  lower: (_call, value, out) => void out.push(BigInt.asIntN(64, bigintOf(value, 's64'))),
}

const u64: AbiType = {
  ...sized(8, 'i64', heapBytes.bigint),
  load: (call, at) => call.view().getBigUint64(at, true),
  store: (call, value, at) => call.view().setBigUint64(at, bigintOf(value, 'u64'), true),
  lift: (_call, values, from) => BigInt.asUintN(64, bigintAt(values, from)),
  lower: (_call, value, out) => void out.push(BigInt.asUintN(64, bigintOf(value, 'u64'))),
}

const f32: AbiType = {
  ...sized(4, 'f32', heapBytes.number),
  load: (call, at) => canonical(call.view().getFloat32(at, true)),
  store: (call, value, at) => call.view().setFloat32(at, canonical(numberOf(value, 'f32')), true),
  lift: (_call, values, from) => canonical(numberAt(values, from)),
  // A core value of this type has its precision: nothing in between may take more for one, as a lifted function that is a lowered one has no wasm in between.
  lower: (_call, value, out) => void out.push(canonical(Math.fround(numberOf(value, 'f32')))),
}

const f64: AbiType = {
  ...sized(8, 'f64', heapBytes.number),
  load: (call, at) => canonical(call.view().getFloat64(at, true)),
  store: (call, value, at) => call.view().setFloat64(at, canonical(numberOf(value, 'f64')), true),
  lift: (_call, values, from) => canonical(numberAt(values, from)),
  lower: (_call, value, out) => void out.push(canonical(numberOf(value, 'f64'))),
}

const char: AbiType = {
  ...sized(4, 'i32', heapBytes.string),
  load: (call, at) => charOf(call.view().getUint32(at, true)),
  store: (call, value, at) => call.view().setUint32(at, codePointOf(value), true),
  lift: (_call, values, from) => charOf(numberAt(values, from) >>> 0),
  lower: (_call, value, out) => void out.push(codePointOf(value)),
}

/**
 * All primitive types but strings (CanonicalABI.md, "Loading" to "Flat Lowering"). Flat integers keep the bits of their width and forget those above; any
 * bool but zero is true.
 */
export const numberTypes: Readonly<Record<NumberKind, AbiType>> = { bool, s8, u8, s16, u16, s32, u32, s64, u64, f32, f64, char }
