import { describe, expect, it } from 'vitest'
import { GuestEnd } from '#cell/adapters/world.ts'
import { importsOf, MemoryWorld } from './memory-world.ts'

const mebi = 1024 * 1024
const perCall = 8 * mebi

describe('wasi:random', () => {
  it.each(['getRandomBytes', 'getInsecureRandomBytes'] as const)(
    'bounds what one call of %s gives, and what it allocates for it',
    (name) => {
      const world = new MemoryWorld()
      let asked = 0
      world.world.random = (length) => {
        asked += length
        return new Uint8Array(length)
      }
      const imports = importsOf(world)
      const draw =
        name === 'getRandomBytes' ? imports['wasi:random/random'].getRandomBytes : imports['wasi:random/insecure'].getInsecureRandomBytes
      expect(draw(0n)).toHaveLength(0)
      expect(draw(BigInt(perCall))).toHaveLength(perCall)
      for (const length of [BigInt(perCall) + 1n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 64n - 1n]) expect(() => draw(length)).toThrow(GuestEnd)
      expect(asked).toBe(perCall)
      expect(world.ends[0]).toMatchObject({ kind: 'trap', message: expect.stringContaining(`at most ${perCall} random bytes a call`) })
    },
  )

  it('gives a session no more than its fuel would buy, whichever function it asks', () => {
    const world = new MemoryWorld({}, { fuel: perCall + 1024 })
    const imports = importsOf(world)
    imports['wasi:random/random'].getRandomBytes(BigInt(perCall))
    // Eight bytes at a time come out of draws of 512.
    for (let count = 0; count < 128; count++) imports['wasi:random/random'].getRandomU64()
    expect(() => imports['wasi:random/insecure'].getInsecureRandomU64()).toThrow(GuestEnd)
    expect(() => imports['wasi:random/insecure-seed'].insecureSeed()).toThrow(GuestEnd)
    expect(() => imports['wasi:random/random'].getRandomBytes(1n)).toThrow(GuestEnd)
    expect(world.ends).not.toHaveLength(0)
  })

  it('has one call for every session, however little fuel it has', () => {
    const { getRandomBytes } = importsOf(new MemoryWorld({}, { fuel: 1 }))['wasi:random/random']
    expect(getRandomBytes(BigInt(perCall))).toHaveLength(perCall)
    expect(() => getRandomBytes(1n)).toThrow(GuestEnd)
  })

  it('gives different numbers each time', () => {
    const imports = importsOf(new MemoryWorld())
    const numbers = Array.from({ length: 300 }, () => imports['wasi:random/random'].getRandomU64())
    const others = Array.from({ length: 300 }, () => imports['wasi:random/insecure'].getInsecureRandomU64())
    expect(new Set([...numbers, ...others, ...imports['wasi:random/insecure-seed'].insecureSeed()]).size).toBe(602)
    expect(numbers.every((each) => each >= 0n && each < 2n ** 64n)).toBe(true)
  })
})
