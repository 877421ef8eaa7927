import { describe, expect, test } from 'vitest'
import type { ValueType } from '#core/component/component-plan.ts'
import { compileParameters, compileResult } from '#cell/link/abi/compile-parameters.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import type { LiftingBudget } from '#cell/link/abi/compiled-type.ts'
import { defaultLiftingBudget, LiftingMeter } from '#cell/link/abi/lifting-meter.ts'
import { MemoryGuest } from './memory-guest.ts'

const wide: LiftingBudget = { bytesPerCall: 2 ** 40, elementsPerCall: 2 ** 40, bytesPerSession: 2 ** 40, elementsPerSession: 2 ** 40 }
const guestWith = (budget: Partial<LiftingBudget>): MemoryGuest => new MemoryGuest('utf8', new LiftingMeter({ ...wide, ...budget }))
const list = (element: ValueType): ValueType => ({ kind: 'list', element })
const string: ValueType = { kind: 'string' }
const overBudget = expect.objectContaining({ code: 'budget' }) as unknown

const thrownBy = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

/** Counts what was charged, and what was lifted of it. */
class CountingGuest extends MemoryGuest {
  charged = 0
  override charge(elements: number, bytes: number): void {
    this.charged += bytes
    super.charge(elements, bytes)
  }
}

describe('lifting is charged before anything is made', () => {
  test('100,000 strings in the same 64 KiB cost what the budget says', () => {
    const guest = new CountingGuest()
    const count = 100_000
    const at = guest.realloc(0, 0, 4, 8 * count)
    const words = new Uint32Array(guest.bytes().buffer, at, 2 * count)
    for (let index = 1; index < words.length; index += 2) words[index] = 65_536
    const before = process.memoryUsage()
    expect(thrownBy(() => compileType(list(string)).lift(guest, [at, count], 0))).toEqual(overBudget)
    const { heapUsed, external } = process.memoryUsage()
    expect(guest.charged).toBeLessThan(defaultLiftingBudget.bytesPerCall + 2 * 65_536 + 64)
    expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(100 * 2 ** 20)
  })

  test('lists of bytes in the same memory too', () => {
    const guest = new CountingGuest()
    for (let index = 0; index < 8192; index++) guest.write32(65_536 + 8 * index, 0, 4 * 65_536)
    expect(thrownBy(() => compileType(list(list({ kind: 'u8' }))).lift(guest, [65_536, 8192], 0))).toEqual(overBudget)
    expect(guest.charged).toBeLessThan(defaultLiftingBudget.bytesPerCall + 4 * 65_536 + 64)
  })

  test('lists in lists multiply, and stop at the elements', () => {
    const guest = guestWith({ elementsPerCall: 10_000 })
    for (let index = 0; index < 1000; index++) guest.write32(65_536 + 8 * index, 0, 1000)
    expect(thrownBy(() => compileType(list(list({ kind: 'bool' }))).lift(guest, [65_536, 1000], 0))).toEqual(overBudget)
  })

  test.each([
    ['bool', { kind: 'bool' } as const],
    ['result', { kind: 'result', ok: undefined, error: undefined } as const],
    ['enum', { kind: 'enum', names: ['only'] } as const],
    ['tuple', { kind: 'tuple', items: [{ kind: 'bool' }] } as const],
  ])('each element of a list of %s counts, however small', (_kind, element) => {
    const type = compileType(list(element))
    expect(thrownBy(() => type.lift(guestWith({ elementsPerCall: 999 }), [0, 1000], 0))).toEqual(overBudget)
    expect(type.lift(guestWith({ elementsPerCall: 1000 }), [0, 1000], 0)).toHaveLength(1000)
  })

  test('objects cost more than what they take in the guest', () => {
    const flags = compileType(list({ kind: 'flags', names: Array.from({ length: 32 }, (_, index) => `f${index}`) }))
    // 4 bytes each there, an object of 32 fields here.
    expect(thrownBy(() => flags.lift(guestWith({ bytesPerCall: 100_000 }), [0, 1000], 0))).toEqual(overBudget)
  })

  test('what is in no list is charged by its type: flat, in memory, as a result', () => {
    const big: ValueType = { kind: 'tuple', items: Array.from({ length: 1000 }, (): ValueType => ({ kind: 'u64' })) }
    const flags: ValueType = { kind: 'flags', names: Array.from({ length: 32 }, (_, index) => `f${index}`) }
    const guest = (): MemoryGuest => guestWith({ bytesPerCall: 200 })
    expect(thrownBy(() => compileParameters([big]).lift(guest(), [0]))).toEqual(overBudget)
    expect(thrownBy(() => compileParameters([flags]).lift(guest(), [0]))).toEqual(overBudget)
    expect(thrownBy(() => compileResult(big).lift(guest(), 0))).toEqual(overBudget)
    expect(thrownBy(() => compileResult(flags).lift(guest(), 0))).toEqual(overBudget)
  })

  test('a body of 1 MiB passes, as bytes and as text', () => {
    const guest = new MemoryGuest()
    const at = guest.realloc(0, 0, 1, 2 ** 20)
    expect(compileType(list({ kind: 'u8' })).lift(guest, [at, 2 ** 20], 0)).toHaveLength(2 ** 20)
    expect(compileType(string).lift(guest, [at, 2 ** 20], 0)).toHaveLength(2 ** 20)
  })
})

describe('the meter', () => {
  const tight = { bytesPerCall: 10, elementsPerCall: 5, bytesPerSession: 25, elementsPerSession: 12 }

  test('limits are inclusive, and each call has its own', () => {
    const meter = new LiftingMeter(tight)
    meter.charge(5, 10)
    expect(() => meter.charge(1, 0)).toThrow('5 elements in one call')
    meter.startCall()
    meter.charge(0, 10)
    expect(() => meter.charge(0, 1)).toThrow('10 bytes in one call')
  })

  test('a session’s calls add up, until the next session', () => {
    const meter = new LiftingMeter(tight)
    for (let call = 0; call < 2; call++) {
      meter.startCall()
      meter.charge(5, 10)
    }
    meter.startCall()
    expect(() => meter.charge(0, 6)).toThrow('25 bytes in one session')
    meter.startSession(tight)
    meter.charge(5, 10)
    meter.startCall()
    meter.charge(5, 0)
    meter.startCall()
    expect(() => meter.charge(3, 0)).toThrow('12 elements in one session')
  })

  test('what did not fit stays charged: a guest that is not ended cannot go on asking', () => {
    const meter = new LiftingMeter(tight)
    expect(() => meter.charge(0, 1000)).toThrow('in one call')
    meter.startCall()
    expect(() => meter.charge(0, 1)).toThrow('in one session')
  })
})
