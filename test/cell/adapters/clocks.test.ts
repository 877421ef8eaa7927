import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { datetimeOf, toDatetime, toNanoseconds } from '#cell/adapters/wasi/datetime.ts'
import { importsOf, MemoryWorld } from './memory-world.ts'

const lastInstant = 2n ** 64n - 1n

describe('wasi:clocks', () => {
  it('tells the time of the world, and in which steps', () => {
    const imports = importsOf(new MemoryWorld())
    expect(imports['wasi:clocks/monotonic-clock'].now()).toBe(1_000_000_000n)
    expect(imports['wasi:clocks/monotonic-clock'].resolution()).toBe(100_000n)
    expect(imports['wasi:clocks/wall-clock'].now()).toEqual({ seconds: 1_700_000_000n, nanoseconds: 123_000_000 })
    expect(imports['wasi:clocks/wall-clock'].resolution()).toEqual({ seconds: 0n, nanoseconds: 1_000_000 })
  })

  it('never overflows a duration', () => {
    const clock = importsOf(new MemoryWorld())['wasi:clocks/monotonic-clock']
    expect(clock.subscribeDuration(lastInstant).ready()).toBe(false)
    expect(clock.subscribeInstant(lastInstant).ready()).toBe(false)
  })

  it('is ready at an instant and not before, and at once for one that has passed', async () => {
    const world = new MemoryWorld()
    const clock = importsOf(world)['wasi:clocks/monotonic-clock']
    const later = clock.subscribeInstant(1_000_500_000n)
    const length = clock.subscribeDuration(500_000n)
    expect([later.ready(), length.ready()]).toEqual([false, false])
    expect([
      clock.subscribeInstant(0n).ready(),
      clock.subscribeInstant(1_000_000_000n).ready(),
      clock.subscribeDuration(0n).ready(),
    ]).toEqual([true, true, true])
    await world.advance(499_999n)
    expect([later.ready(), length.ready()]).toEqual([false, false])
    await world.advance(1n)
    expect([later.ready(), length.ready()]).toEqual([true, true])
  })

  it('says UTC at any time, and nothing of where the host is', () => {
    const { display, utcOffset } = importsOf(new MemoryWorld())['wasi:clocks/timezone']
    for (const seconds of [0n, 1_700_000_000n, 1_720_000_000n, lastInstant]) {
      expect(display({ seconds, nanoseconds: 0 })).toEqual({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false })
      expect(utcOffset({ seconds, nanoseconds: 999_999_999 })).toBe(0)
    }
  })
})

describe('datetime', () => {
  it('goes to nanoseconds and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: lastInstant }), (ns) => {
        expect(toNanoseconds(toDatetime(ns))).toBe(ns.toString())
        expect(datetimeOf(ns.toString())).toEqual(toDatetime(ns))
      }),
    )
  })

  it('is no time past what 64 bits of nanoseconds hold, or with a second too many', () => {
    expect(toNanoseconds({ seconds: lastInstant, nanoseconds: 0 })).toBeUndefined()
    expect(toNanoseconds({ seconds: 0n, nanoseconds: 1_000_000_000 })).toBeUndefined()
    for (const text of ['', '-1', '1.5', '1e3', '9'.repeat(21), 7, undefined]) expect(datetimeOf(text)).toBeUndefined()
  })
})
