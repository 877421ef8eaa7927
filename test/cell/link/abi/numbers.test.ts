import { describe, expect, test } from 'vitest'
import type { PrimitiveKind } from '#core/component/component-plan.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import type { CoreValue } from '#cell/link/abi/compiled-type.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { MemoryGuest } from './memory-guest.ts'

const guest = new MemoryGuest()
const typeOf = (kind: PrimitiveKind) => compileType({ kind })
const lift = (kind: PrimitiveKind, value: CoreValue): unknown => typeOf(kind).lift(guest, [value], 0)
const lower = (kind: PrimitiveKind, value: unknown): CoreValue | undefined => {
  const out: CoreValue[] = []
  typeOf(kind).lower(guest, value, out)
  return out[0]
}
const store = (kind: PrimitiveKind, value: unknown): Uint8Array => {
  typeOf(kind).store(guest, value, 16)
  return guest.bytes().slice(16, 16 + typeOf(kind).size)
}

describe('integers (CanonicalABI.md, "Flat Lifting": `lift_flat_unsigned`, `lift_flat_signed`)', () => {
  test.each([
    ['u8', -1, 255],
    ['u8', 0x1ff, 255],
    ['s8', 0x80, -128],
    ['s8', 0x17f, 127],
    ['u16', -1, 65_535],
    ['s16', 0x8000, -32_768],
    ['u32', -1, 4_294_967_295],
    ['s32', -1, -1],
    ['u64', -1n, 18_446_744_073_709_551_615n],
    ['s64', -1n, -1n],
  ] as const)('a flat %s keeps its own bits of %s', (kind, core, value) => {
    expect(lift(kind, core)).toBe(value)
  })

  test.each([
    ['u8', 256, 0],
    ['u8', -1, 255],
    ['s8', 128, -128],
    ['u16', 65_537, 1],
    ['s16', -32_769, 32_767],
    ['u32', -1, 4_294_967_295],
    ['s32', 2 ** 31, -(2 ** 31)],
    ['u64', -1n, 2n ** 64n - 1n],
    ['s64', 2n ** 63n, -(2n ** 63n)],
    ['u8', 1.9, 1],
    ['u32', Number.NaN, 0],
    ['u64', 7, 7n],
    ['s64', '-7', -7n],
  ] as const)('a host’s %s out of range wraps as jco wraps it: %s', (kind, given, value) => {
    expect(lower(kind, given)).toBe(value)
    store(kind, given)
    expect(typeOf(kind).load(guest, 16)).toBe(value)
  })

  test.each([
    ['u8', '1'],
    ['s32', undefined],
    ['u32', 1n],
    ['u64', 1.5],
    ['s64', '1.5'],
    ['u64', '0x10'],
    ['u64', ''],
    ['f64', null],
    ['f32', 1n],
  ] as const)('a %s is no %o: the host is told', (kind, given) => {
    expect(() => lower(kind, given)).toThrow(TypeError)
    expect(() => store(kind, given)).toThrow(TypeError)
  })
})

describe('bool (CanonicalABI.md, "Loading": `convert_int_to_bool`)', () => {
  test('anything but zero is true', () => {
    guest.write(16, [2])
    expect([lift('bool', 0), lift('bool', 1), lift('bool', -1), lift('bool', 256)]).toEqual([false, true, true, true])
    expect(typeOf('bool').load(guest, 16)).toBe(true)
  })

  test('a host’s value goes by its truth and becomes 0 or 1', () => {
    expect([lower('bool', true), lower('bool', ''), lower('bool', 'x'), ...store('bool', 7)]).toEqual([1, 0, 1, 1])
  })
})

describe('floats have one NaN (CanonicalABI.md, "Loading": `canonicalize_nan32`; "Storing": the deterministic profile)', () => {
  const { exports } = guest
  const [f32Canonical, f64Canonical] = [0x7fc0_0000, 0x7ff8_0000_0000_0000n]
  const bits32 = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(0, true)
  const bits64 = (bytes: Uint8Array): bigint => new DataView(bytes.buffer).getBigUint64(0, true)
  /** What a host may have: numbers whose bits the engine keeps. */
  const odd32 = new Float32Array(Uint32Array.of(0xffc0_beef).buffer)
  const odd64 = new Float64Array(BigUint64Array.of(0xfff8_dead_beef_0001n).buffer)

  test('whatever NaN a guest lifts or loads, its bits are the canonical ones', () => {
    guest.view().setUint32(16, 0x7fa0_0001, true)
    guest.view().setBigUint64(24, 0xfff0_0000_0000_0001n, true)
    const lifted = [
      typeOf('f32').load(guest, 16),
      typeOf('f64').load(guest, 24),
      lift('f32', exports['f32-of'](-1)),
      lift('f64', exports['f64-of'](-1n)),
    ]
    for (const value of lifted) {
      // The engine's own bits of each number, without conversion.
      expect(new BigUint64Array(Float64Array.of(Number(value)).buffer)[0]).toBe(f64Canonical)
    }
  })

  test('whatever NaN a host lowers or stores, the guest sees the canonical one', () => {
    expect(exports['f32-bits'](Number(lower('f32', odd32[0])))).toBe(f32Canonical)
    expect(exports['f64-bits'](Number(lower('f64', odd64[0])))).toBe(f64Canonical)
    expect(bits32(store('f32', odd64[0]))).toBe(f32Canonical)
    expect(bits64(store('f64', odd64[0]))).toBe(f64Canonical)
  })

  test.each([0, -0, 1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324])('%s crosses as it is', (value) => {
    store('f64', value)
    expect(typeOf('f64').load(guest, 16)).toBe(value)
    expect(lift('f64', lower('f64', value) ?? 1)).toBe(value)
  })
})

test.each([0.1, 2 ** 24 + 1, 1e39, -1e-46])('a host’s f32 has the precision of one before any guest sees it: %d', (value) => {
  const single = Math.fround(value)
  expect(lower('f32', value)).toBe(single)
  store('f32', value)
  expect(typeOf('f32').load(guest, 16)).toBe(single)
})

describe('char (CanonicalABI.md, "Loading": `convert_i32_to_char`)', () => {
  test.each([0xd800, 0xdbff, 0xdc00, 0xdfff, 0x11_0000, -1])('%i is no scalar value and traps', (code) => {
    expect(() => lift('char', code)).toThrow(LinkTrap)
    guest.view().setInt32(16, code, true)
    expect(() => typeOf('char').load(guest, 16)).toThrow('expected a Unicode scalar value')
  })

  test.each([0, 0x41, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0x1_0000, 0x10_ffff])('%i crosses both ways', (code) => {
    expect(lift('char', code)).toBe(String.fromCodePoint(code))
    expect(lower('char', String.fromCodePoint(code))).toBe(code)
  })

  test.each(['', 'ab', '\uD800', '\uDC00', '\uD800a', '👍👍', 65, null])('a host’s %o is no char', (value) => {
    expect(() => lower('char', value)).toThrow(TypeError)
  })
})
