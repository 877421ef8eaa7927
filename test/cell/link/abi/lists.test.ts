import { describe, expect, test } from 'vitest'
import type { PrimitiveKind, ValueType } from '#core/component/component-plan.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { MemoryGuest } from './memory-guest.ts'

const listOf = (element: ValueType) => compileType({ kind: 'list', element })
const numbers = (kind: PrimitiveKind) => listOf({ kind })
const stored = (kind: PrimitiveKind, value: unknown): unknown => {
  const guest = new MemoryGuest()
  numbers(kind).store(guest, value, 16)
  return numbers(kind).load(guest, 16)
}

describe('a guest’s list (CanonicalABI.md, "Loading": `load_list_from_range`)', () => {
  const memoryBytes = 4 * 65_536

  test.each([
    ['u32', 2, 0, 'aligned to 4'],
    ['u64', 4, 1, 'aligned to 8'],
    ['string', 6, 1, 'aligned to 4'],
    ['u8', memoryBytes, 1, 'inside a memory'],
    ['u32', memoryBytes - 4, 2, 'inside a memory'],
    ['u8', -1, 2, 'inside a memory'],
    ['char', -4, 1, 'inside a memory'],
    // As 32 bits, the product would be 0.
    ['u64', 0, 0x2000_0000, 'at most'],
    ['string', 0, 0x2000_0000, 'at most'],
    ['u8', 0, -1, 'at most'],
  ] as const)('of %s at %i with %i elements traps', (kind, pointer, length, message) => {
    const guest = new MemoryGuest()
    expect(() => numbers(kind).lift(guest, [pointer, length], 0)).toThrow(message)
    guest.write32(16, pointer, length)
    expect(() => numbers(kind).load(guest, 16)).toThrow(LinkTrap)
  })

  test('may be empty at the end of its memory, aligned', () => {
    expect(numbers('u64').lift(new MemoryGuest(), [memoryBytes, 0], 0)).toEqual(new BigUint64Array())
  })

  test('of bytes is a copy: what the guest writes later does not reach the host', () => {
    const guest = new MemoryGuest()
    guest.write(64, [1, 2, 3])
    const list = numbers('u8').lift(guest, [64, 3], 0)
    guest.write(64, [9, 9, 9])
    expect(list).toEqual(Uint8Array.of(1, 2, 3))
    expect((list as Uint8Array).buffer.byteLength).toBe(3)
  })

  test.each([
    ['f32', Uint32Array.of(0x7fa0_0001, 0xffff_ffff, 0x3f80_0000), Uint32Array.of(0x7fc0_0000, 0x7fc0_0000, 0x3f80_0000)],
    ['f64', BigUint64Array.of(0xfff0_0000_0000_0001n, 0n), BigUint64Array.of(0x7ff8_0000_0000_0000n, 0n)],
  ] as const)('of %s has the canonical NaN only, both ways', (kind, bits, canonical) => {
    const guest = new MemoryGuest()
    guest.write(64, new Uint8Array(bits.buffer))
    const list = numbers(kind).lift(guest, [64, bits.length], 0)
    expect(new Uint8Array((list as Float32Array).buffer)).toEqual(new Uint8Array(canonical.buffer))
    const odd = kind === 'f32' ? new Float32Array(bits.buffer) : new Float64Array(bits.buffer)
    numbers(kind).store(guest, odd, 16)
    const at = guest.view().getUint32(16, true)
    expect(guest.bytes().slice(at, at + canonical.byteLength)).toEqual(new Uint8Array(canonical.buffer))
  })
})

describe('a host’s list (jco’s convention)', () => {
  test.each([
    ['u8', [1, 255], Uint8Array.of(1, 255)],
    ['s8', [-128], Int8Array.of(-128)],
    ['u16', [65_535], Uint16Array.of(65_535)],
    ['s16', [-1], Int16Array.of(-1)],
    ['u32', [2 ** 32 - 1], Uint32Array.of(2 ** 32 - 1)],
    ['s32', [-1], Int32Array.of(-1)],
    ['u64', [2n ** 64n - 1n], BigUint64Array.of(2n ** 64n - 1n)],
    ['s64', [-1n], BigInt64Array.of(-1n)],
    ['f32', [0.5], Float32Array.of(0.5)],
    ['f64', [0.1], Float64Array.of(0.1)],
  ] as const)('of %s may be an array, and comes back as a typed array', (kind, plain, typed) => {
    expect(stored(kind, plain)).toEqual(typed)
    expect(stored(kind, typed)).toEqual(typed)
  })

  test('may be written in JSON as single values are', () => {
    const json = (text: string): unknown => JSON.parse(text)
    expect(stored('u64', json('[1, "18446744073709551615"]'))).toEqual(BigUint64Array.of(1n, 2n ** 64n - 1n))
    expect(stored('s64', json('[-9007199254740991, "-9223372036854775808", 2]'))).toEqual(
      BigInt64Array.of(-9_007_199_254_740_991n, -(2n ** 63n), 2n),
    )
    expect(stored('u8', json('[0, 255]'))).toEqual(Uint8Array.of(0, 255))
    expect(stored('f64', json('[0.1, 1e300, 3]'))).toEqual(Float64Array.of(0.1, 1e300, 3))
    const pairs = listOf({ kind: 'tuple', items: [{ kind: 's64' }, { kind: 'list', element: { kind: 'u64' } }] })
    const guest = new MemoryGuest()
    pairs.store(guest, json('[[-1, ["2", 3]], ["-4", []]]'), 16)
    expect(pairs.load(guest, 16)).toEqual([
      [-1n, BigUint64Array.of(2n, 3n)],
      [-4n, new BigUint64Array()],
    ])
  })

  test('of bytes may be any view of memory', () => {
    const under = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)
    expect(stored('u8', new DataView(under.buffer, 1, 2))).toEqual(Uint8Array.of(1, 2))
    expect(stored('u8', new Uint16Array(under.buffer, 2, 1))).toEqual(Uint8Array.of(2, 3))
    expect(stored('u8', under.buffer)).toEqual(under)
    expect(stored('u8', Buffer.from('hi'))).toEqual(Uint8Array.of(104, 105))
  })

  test('of wider numbers never shows what lies beside a view of another kind', () => {
    // Taken as bytes, two elements of four would reach past the view.
    const under = Uint8Array.of(1, 2, 83, 69, 67, 82, 69, 84)
    expect(stored('u32', new Uint8Array(under.buffer, 0, 2))).toEqual(Uint32Array.of(1, 2))
  })

  test.each([
    ['u8', [256]],
    ['u8', [1.5]],
    ['s8', ['1']],
    ['u16', Int16Array.of(-1)],
    ['u64', [1.5]],
    ['u64', [-1]],
    ['u64', [2 ** 64]],
    ['u64', ['18446744073709551616']],
    ['u64', ['0x1']],
    ['u64', ['']],
    ['u64', [null]],
    ['s64', [2n ** 63n]],
    ['s64', ['9223372036854775808']],
    ['f32', [1n]],
    ['f64', [undefined]],
    ['u8', 'text'],
    ['u8', { length: 1, 0: 1 }],
    ['u32', new DataView(new ArrayBuffer(4))],
    ['char', 'abc'],
    ['string', Uint8Array.of(1)],
    ['bool', undefined],
  ] as const)('of %s is not %o', (kind, value) => {
    expect(() => stored(kind, value)).toThrow(TypeError)
  })

  test('asks the guest for its exact size, also for none (CanonicalABI.md, "Storing": `store_list_into_range`)', () => {
    const guest = new MemoryGuest()
    numbers('u64').store(guest, [], 16)
    numbers('bool').store(guest, [true, false, true], 16)
    expect(guest.reallocs).toEqual([
      [0, 0, 8, 0],
      [0, 0, 1, 3],
    ])
  })
})
