import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileType } from '#cell/link/abi/compile-type.ts'
import { BorrowScope, HandleQuota, HandleTable, LendScope } from '#cell/link/abi/handle-table.ts'
import { MemoryGuest } from './memory-guest.ts'

const [file, socket] = [0, 1]

const trapOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
const handleTrap = expect.objectContaining({ name: 'LinkTrap', code: 'handle' }) as unknown

describe('indices (CanonicalABI.md, "Table State")', () => {
  test('begin at 1 and are taken again last freed first', () => {
    const table = new HandleTable()
    expect([1, 2, 3].map((each) => table.addOwn(file, each))).toEqual([1, 2, 3])
    for (const index of [1, 3, 2]) table.drop(file, index)
    expect([4, 5, 6, 7].map((each) => table.addOwn(file, each))).toEqual([2, 3, 1, 4])
  })

  test('behave as a list with a stack of free places, whatever is done', () => {
    const steps = fc.array(fc.oneof(fc.constant('add' as const), fc.nat({ max: 12 })), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (script) => {
        const table = new HandleTable()
        const model: (number | undefined)[] = [undefined]
        const free: number[] = []
        for (const [turn, step] of script.entries()) {
          if (step === 'add') {
            const index = free.pop() ?? model.length
            model[index] = turn
            expect(table.addOwn(file, turn)).toBe(index)
          } else if (model[step] === undefined) {
            expect(trapOf(() => table.drop(file, step))).toEqual(handleTrap)
          } else {
            expect(table.drop(file, step).representation).toBe(model[step])
            model[step] = undefined
            free.push(step)
          }
          expect(table.live).toBe(model.filter((each) => each !== undefined).length)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('a handle that is not what it is used as traps (CanonicalABI.md, "Resource State", `lift_own`, `lift_borrow`)', () => {
  test.each([0, 2, -1, 0xffff_ffff, 2 ** 28, 1.5, Number.NaN])('forged: %d', (forged) => {
    const table = new HandleTable()
    table.addOwn(file, 'a')
    const uses = [
      () => table.representation(file, forged),
      () => table.takeOwn(file, forged),
      () => table.lend(file, forged, new LendScope()),
      () => table.drop(file, forged),
    ]
    // 1.5 is 1 to any 32-bit number; the others are nothing.
    if (forged !== 1.5) for (const use of uses) expect(trapOf(use)).toEqual(handleTrap)
    expect(table.representation(file, 1)).toBe('a')
  })

  test('dropped, and dropped twice', () => {
    const table = new HandleTable()
    const index = table.addOwn(file, 'a')
    expect(table.drop(file, index)).toMatchObject({ representation: 'a', own: true })
    expect(trapOf(() => table.drop(file, index))).toEqual(handleTrap)
    expect(trapOf(() => table.representation(file, index))).toEqual(handleTrap)
  })

  test('moved, and moved twice', () => {
    const table = new HandleTable()
    const index = table.addOwn(file, 'a')
    expect(table.takeOwn(file, index)).toBe('a')
    expect(trapOf(() => table.takeOwn(file, index))).toEqual(handleTrap)
    expect(trapOf(() => table.lend(file, index, new LendScope()))).toEqual(handleTrap)
  })

  test('of another resource type', () => {
    const table = new HandleTable()
    const index = table.addOwn(file, 'a')
    const uses = [
      () => table.representation(socket, index),
      () => table.takeOwn(socket, index),
      () => table.lend(socket, index, new LendScope()),
      () => table.drop(socket, index),
    ]
    for (const use of uses) {
      expect(trapOf(use)).toEqual(handleTrap)
      expect(use).toThrow(`expected handle ${index} to be of resource type ${socket}, it is of type ${file}`)
    }
    expect(table.live).toBe(1)
  })

  test('lent: it cannot be moved or dropped until every call that has it is over', () => {
    const table = new HandleTable()
    const [first, second] = [new LendScope(), new LendScope()]
    const index = table.addOwn(file, 'a')
    table.lend(file, index, first)
    table.lend(file, index, first)
    table.lend(file, index, second)
    for (const scope of [first, second]) {
      expect(trapOf(() => table.takeOwn(file, index))).toEqual(handleTrap)
      expect(trapOf(() => table.drop(file, index))).toEqual(handleTrap)
      scope.end()
      scope.end()
    }
    expect(table.takeOwn(file, index)).toBe('a')
  })

  test('borrowed: it cannot be moved, may be lent on, and has to be dropped before its call returns', () => {
    const table = new HandleTable()
    const call = new BorrowScope()
    const index = table.addBorrow(file, 'a', call)
    expect(trapOf(() => table.takeOwn(file, index))).toEqual(handleTrap)
    const lends = new LendScope()
    expect(table.lend(file, index, lends)).toBe('a')
    lends.end()
    expect(trapOf(() => call.end())).toEqual(handleTrap)
    expect(table.drop(file, index)).toMatchObject({ own: false })
    expect([call.open, trapOf(() => call.end())]).toEqual([0, undefined])
  })

  test('one in a list twice cannot be moved twice', () => {
    const guest = new MemoryGuest()
    const type = compileType({ kind: 'list', element: { kind: 'own', resource: file } })
    const index = guest.lowerOwn(file, 'a')
    guest.write32(64, index, index)
    expect(trapOf(() => type.lift(guest, [64, 2], 0))).toEqual(handleTrap)
  })

  test('one cannot be moved in the call that it is lent to', () => {
    const guest = new MemoryGuest()
    const type = compileType({
      kind: 'tuple',
      items: [
        { kind: 'borrow', resource: file },
        { kind: 'own', resource: file },
      ],
    })
    const index = guest.lowerOwn(file, 'a')
    expect(trapOf(() => type.lift(guest, [index, index], 0))).toEqual(handleTrap)
  })
})

describe('bounds and ends', () => {
  test('tables share a quota, past which there is no handle', () => {
    const quota = new HandleQuota(3)
    const [one, other] = [new HandleTable(quota), new HandleTable(quota)]
    one.addOwn(file, 1)
    one.addOwn(file, 2)
    other.addBorrow(file, 3, new BorrowScope())
    expect(trapOf(() => other.addOwn(file, 4))).toEqual(expect.objectContaining({ code: 'budget' }))
    one.takeOwn(file, 1)
    expect(other.addOwn(file, 4)).toBe(2)
    expect(trapOf(() => one.addOwn(file, 5))).toEqual(expect.objectContaining({ code: 'budget' }))
    one.reset()
    expect(one.addOwn(file, 5)).toBe(1)
  })

  test('all that is left can be seen, owned or not, in order', () => {
    const table = new HandleTable()
    for (const each of ['a', 'b', 'c']) table.addOwn(file, each)
    table.addBorrow(socket, 'd', new BorrowScope())
    table.drop(file, 2)
    expect([...table].map(({ resource, representation, own }) => [resource, representation, own])).toEqual([
      [file, 'a', true],
      [file, 'c', true],
      [socket, 'd', false],
    ])
  })

  test('after a reset it is as new: nothing is left, and 1 is next', () => {
    const table = new HandleTable()
    for (let count = 0; count < 5; count++) table.addOwn(file, count)
    table.drop(file, 2)
    table.reset()
    expect([table.live, [...table].length]).toEqual([0, 0])
    expect(trapOf(() => table.representation(file, 1))).toEqual(handleTrap)
    expect([table.addOwn(file, 'a'), table.addOwn(file, 'b')]).toEqual([1, 2])
  })
})
