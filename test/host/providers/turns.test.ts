import { describe, expect, test } from 'vitest'
import { FairTurns } from '#host/providers/turns.ts'

describe('turns of several owners', () => {
  test('an owner whose work never ends holds up nobody else', async () => {
    const turns = new FairTurns<string>(2)
    for (let nth = 0; nth < 20; nth += 1) void turns.take('tarpit', () => new Promise(() => undefined))
    expect(await Promise.all(Array.from({ length: 5 }, (_, nth) => turns.take('other', async () => nth)))).toEqual([0, 1, 2, 3, 4])
  })

  test('owners come one after the other, each in its order, and only so many at a time', async () => {
    const turns = new FairTurns<string>(2)
    const begun: string[] = []
    let [active, most] = [0, 0]
    const work = async (name: string): Promise<void> => {
      begun.push(name)
      active += 1
      most = Math.max(most, active)
      await new Promise((resolve) => setImmediate(resolve))
      active -= 1
    }
    await Promise.all(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) => turns.take(name.slice(0, 1), () => work(name))))
    expect(most).toBe(2)
    expect(begun.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
    expect(begun.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
    expect(begun.indexOf('c1')).toBeLessThan(begun.indexOf('a3'))
  })

  test('work that fails gives its turn back', async () => {
    const turns = new FairTurns<string>(1)
    await expect(turns.take('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await turns.take('a', async () => 'yes')).toBe('yes')
  })
})
