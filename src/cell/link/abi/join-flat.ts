import { bigintAt, maxFlat, numberAt } from './abi-type.ts'
import type { CoreType, CoreValue } from './compiled-type.ts'

/** What two cases of a variant share a core value as (`join`; CanonicalABI.md, "Flattening"). */
const joined = (one: CoreType, other: CoreType): CoreType => {
  if (one === other) return one
  return (one === 'i32' && other === 'f32') || (one === 'f32' && other === 'i32') ? 'i32' : 'i64'
}

/** The core values that the payloads of all cases share (`flatten_variant` without the discriminant), cut after {@link maxFlat}. */
export const joinFlat = (cases: readonly (readonly CoreType[])[]): readonly CoreType[] => {
  const flat: CoreType[] = []
  for (const own of cases) {
    for (const [index, core] of own.entries()) flat[index] = joined(flat[index] ?? core, core)
  }
  return flat.slice(0, maxFlat)
}

const scratch = new DataView(new ArrayBuffer(8))

/** The bits of a float as its type lowered it: of NaN, those of the canonical one. */
const f32Bits = (value: number): number => {
  scratch.setFloat32(0, value)
  return scratch.getUint32(0)
}
const f64Bits = (value: number): bigint => {
  scratch.setFloat64(0, value)
  return scratch.getBigUint64(0)
}
const f32OfBits = (bits: number): number => {
  scratch.setUint32(0, bits)
  return scratch.getFloat32(0)
}
const f64OfBits = (bits: bigint): number => {
  scratch.setBigUint64(0, bits)
  return scratch.getFloat64(0)
}
const low32 = (value: bigint): number => Number(BigInt.asUintN(32, value))

/** Reads a core value that is `have` as the `want` that a case put there (`CoerceValueIter`; CanonicalABI.md, "Flat Lifting"). NaN are canonicalised by whoever takes them. */
const unjoin = (values: readonly CoreValue[], at: number, have: CoreType, want: CoreType): CoreValue => {
  if (have === want) return values[at] ?? numberAt(values, at)
  if (have === 'i32') return f32OfBits(numberAt(values, at))
  const bits = bigintAt(values, at)
  if (want === 'f64') return f64OfBits(bits)
  return want === 'f32' ? f32OfBits(low32(bits)) : low32(bits)
}

/** Turns the `have` of a case into the `want` that it shares (`lower_flat_variant`; CanonicalABI.md, "Flat Lowering"); i32 are unsigned there. */
const join = (values: readonly CoreValue[], at: number, have: CoreType, want: CoreType): CoreValue => {
  if (have === want) return values[at] ?? numberAt(values, at)
  const value = numberAt(values, at)
  if (have === 'f64') return f64Bits(value)
  const bits = have === 'f32' ? f32Bits(value) : value >>> 0
  return want === 'i32' ? bits : BigInt(bits)
}

/** How the core values of one case lie among those that all cases share. */
export interface CaseFlat {
  /** Whether the case has its core values as all cases share them, as most have: then they are lifted where they are. */
  readonly asShared: boolean
  /** The shared core values from `from` on as the case's own, from 0 on. */
  unjoin(values: readonly CoreValue[], from: number): readonly CoreValue[]
  /** Turns what the case appended to `out` from `from` on into the shared core values, and fills up with zeros. */
  join(out: CoreValue[], from: number): void
}

/** Compiles how the core values `own` of a case lie among `shared`. */
export const caseFlat = (own: readonly CoreType[], shared: readonly CoreType[]): CaseFlat => {
  const pairs = shared.slice(0, own.length).map((core, index) => ({ index, shared: core, own: own[index] ?? core }))
  const different = pairs.filter((pair) => pair.shared !== pair.own)
  const zeros = shared.slice(own.length).map((core) => (core === 'i64' ? 0n : 0))
  return {
    asShared: different.length === 0,
    unjoin: (values, from) => pairs.map((pair) => unjoin(values, from + pair.index, pair.shared, pair.own)),
    join: (out, from) => {
      for (const pair of different) out[from + pair.index] = join(out, from + pair.index, pair.own, pair.shared)
      for (const zero of zeros) out.push(zero)
    },
  }
}
