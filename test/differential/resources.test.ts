import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { LinkTrap } from '#cell/link/linker.ts'
import { assemble, instantiateStock, stockJco, type Contend, type Contender, type Ending } from './contenders.ts'
import { cordon, linkedByCordon, unlimited } from './own-linker.ts'
import { ownThings, thingChain, thingGuest, thingHost, thingMaker, thingUser } from './resource-components.ts'
import { sealedImports } from './sealed-imports.ts'

class Thing {
  readonly #id: number
  constructor(id: number) {
    this.#id = id
  }
  static join(one: Thing, other: Thing): Thing {
    return new Thing((one.#id * 31 + other.#id) % 1_000_003)
  }
  static tip(one: Thing, other: Thing): Thing {
    return Thing.join(other, one)
  }
  get(): number {
    return this.#id
  }
}

const imports = sealedImports({ [thingHost]: { Thing } })

let user: Uint8Array
let maker: Uint8Array
beforeAll(async () => {
  user = await assemble(thingUser)
  maker = await assemble(thingMaker)
})

const isHandleTrap = (ending: Ending): boolean =>
  ending.kind === 'trapped' && ending.error instanceof LinkTrap && ending.error.code === 'handle'

/** What a host can tell of what it was given. */
const seen = (value: unknown): unknown => {
  if (value instanceof Thing) return { thing: value.get() }
  return Array.isArray(value) ? value.map(seen) : value
}

const told = (ending: Ending): unknown => (ending.kind === 'returned' ? { value: seen(ending.value) } : ending.kind)

const call = (contender: Contender, name: string, args: readonly unknown[]): Promise<Ending> => contender.call([thingGuest, name], args)

/** Honest things to do with resources of the host; `which` draws one of those that the host holds. */
type Step = (contender: Contender, held: Thing[], which: number) => Promise<Ending>

const takenOut = (held: Thing[], which: number): Thing => held.splice(which % held.length, 1)[0] ?? new Thing(0)
const lookedAt = (held: Thing[], which: number): Thing => held[which % Math.max(1, held.length)] ?? new Thing(0)

const steps: Readonly<Record<string, Step>> = {
  make: (guest, _held, which) => call(guest, 'make', [which]),
  pass: (guest, held, which) => call(guest, 'pass', [takenOut(held, which)]),
  look: (guest, held, which) => call(guest, 'look', [lookedAt(held, which)]),
  join: (guest, held, which) => call(guest, 'join', [takenOut(held, which), lookedAt(held, which + 1)]),
  lose: (guest, held, which) => call(guest, 'lose', [takenOut(held, which)]),
  passList: (guest, held, which) => call(guest, 'passList', [held.splice(0, which % (held.length + 1))]),
}

const runSteps = async (contend: Contend, program: readonly (readonly [string, number])[]): Promise<readonly unknown[]> => {
  const contender = await contend(user, imports)
  const held: Thing[] = [1, 2, 3].map((id) => new Thing(id))
  const outcomes: unknown[] = []
  for (const [name, which] of program) {
    const ending = (await steps[name]?.(contender, held, which)) ?? { kind: 'trapped', error: name }
    if (ending.kind === 'returned') held.push(...[ending.value].flat().filter((each) => each instanceof Thing))
    outcomes.push(told(ending), held.map(seen))
  }
  return outcomes
}

describe('resources of the host', () => {
  test('go in and out of a guest the same way under both linkers, however often', async () => {
    const program = fc.array(fc.tuple(fc.constantFrom(...Object.keys(steps)), fc.nat(20)), { minLength: 1, maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(program, async (made) => {
        const ours = await runSteps(cordon, made)
        expect(ours).toEqual(await runSteps(stockJco, made))
        expect(ours).not.toContain('trapped')
      }),
      { numRuns: 30 },
    )
  })

  test('keep who they are: what comes back is what went in', async () => {
    for (const contend of [cordon, stockJco]) {
      const contender = await contend(user, imports)
      const things = [new Thing(1), new Thing(2)]
      expect(await call(contender, 'pass', [things[0]])).toEqual({ kind: 'returned', value: things[0] })
      const back = await call(contender, 'passList', [things])
      expect(back.kind === 'returned' && (back.value as Thing[]).every((each, nth) => each === things[nth])).toBe(true)
      await call(contender, 'keep', [things[1]])
      expect(await call(contender, 'lookAtKept', [])).toEqual({ kind: 'returned', value: 2 })
      const kept = await call(contender, 'give', [])
      expect(kept.kind === 'returned' && kept.value === things[1]).toBe(true)
    }
  })

  /** What a hostile guest does with handles; `decidedBy` is a section of `CanonicalABI.md`, `jco` what it makes of it when that is no error. */
  const hostile: readonly {
    readonly name: string
    readonly args: () => readonly unknown[]
    readonly decidedBy: string
    readonly jco: 'error' | 'lets it'
  }[] = [
    { name: 'forge', args: () => [77], decidedBy: 'Loading, lift_borrow: the handle is looked up (Table State, get traps)', jco: 'error' },
    { name: 'dropForged', args: () => [77], decidedBy: 'canon resource.drop: Table State, remove traps', jco: 'lets it' },
    { name: 'dropTwice', args: () => [new Thing(1)], decidedBy: 'canon resource.drop: Table State, remove traps', jco: 'error' },
    { name: 'useDropped', args: () => [new Thing(1)], decidedBy: 'Loading, lift_borrow: Table State, get traps', jco: 'error' },
    {
      name: 'moveLent',
      args: () => [new Thing(1)],
      decidedBy: 'Loading, lift_own: trap_if(h.num_lends != 0), and a moved handle cannot be borrowed',
      jco: 'error',
    },
    { name: 'moveLentBefore', args: () => [new Thing(1)], decidedBy: 'Loading, lift_own: trap_if(h.num_lends != 0)', jco: 'lets it' },
    { name: 'giveBorrowed', args: () => [new Thing(1)], decidedBy: 'Loading, lift_own: trap_if(not h.own)', jco: 'lets it' },
    { name: 'moveBorrowed', args: () => [new Thing(1)], decidedBy: 'Loading, lift_own: trap_if(not h.own)', jco: 'error' },
    {
      name: 'keepBorrowed',
      args: () => [new Thing(1)],
      decidedBy: 'Task State: trap_if(task.num_borrows > 0) at its return',
      jco: 'lets it',
    },
    { name: 'giveTwice', args: () => [new Thing(1)], decidedBy: 'Loading, lift_own: Table State, remove traps', jco: 'error' },
  ]

  test.each(hostile)('$name traps: $decidedBy', async ({ name, args, jco }) => {
    expect(await call(await cordon(user, imports), name, args())).toSatisfy(isHandleTrap)
    const theirs = await call(await stockJco(user, imports), name, args())
    expect(theirs.kind === 'trapped' ? 'error' : 'lets it').toBe(jco)
  })
})

/** A component's own resource as its host uses it, under either linker. */
interface Tallies {
  make(value: number): Promise<unknown>
  get(tally: unknown): Promise<unknown>
  merge(one: unknown, other: unknown): Promise<unknown>
  dispose(tally: unknown): Promise<void>
  dropped(): Promise<unknown>
}

interface JcoTally extends Disposable {
  get(): number
}

interface JcoTallies {
  readonly Tally: { new (value: number): JcoTally; merge(one: unknown, other: unknown): JcoTally }
  dropped(): number
}

const ofJco = async (): Promise<Tallies> => {
  const { Tally, dropped } = (await instantiateStock(maker, {}))[ownThings] as unknown as JcoTallies
  return {
    make: async (value) => new Tally(value),
    get: async (tally) => (tally as JcoTally).get(),
    merge: async (one, other) => Tally.merge(one, other),
    dispose: async (tally) => (tally as Disposable)[Symbol.dispose](),
    dropped: async () => dropped(),
  }
}

const ofCordon = async (): Promise<Tallies> => {
  const instance = await (await linkedByCordon(maker)).instantiate({}, unlimited)
  return {
    make: (value) => instance.call([ownThings, 'Tally', 'constructor'], [value]),
    get: (tally) => instance.call([ownThings, 'Tally', 'get'], [tally]),
    merge: (one, other) => instance.call([ownThings, 'Tally', 'merge'], [one, other]),
    dispose: async (tally) => (tally as Disposable)[Symbol.dispose](),
    dropped: () => instance.call([ownThings, 'dropped'], []),
  }
}

const useTallies = async (
  tallies: Tallies,
  program: readonly (readonly ['make' | 'get' | 'merge' | 'dispose', number])[],
): Promise<readonly unknown[]> => {
  const held: unknown[] = [await tallies.make(1), await tallies.make(2)]
  const outcomes: unknown[] = []
  for (const [step, which] of program) {
    const at = which % Math.max(1, held.length)
    if (step === 'make') held.push(await tallies.make(which + 1))
    else if (held.length >= 2 && step === 'get') outcomes.push(await tallies.get(held[at]))
    else if (held.length >= 2 && step === 'dispose') await tallies.dispose(held.splice(at, 1)[0])
    else if (held.length >= 2) {
      const [moved] = held.splice(at, 1)
      held.push(await tallies.merge(moved, held[which % held.length]))
    }
    outcomes.push(await tallies.dropped())
  }
  return outcomes
}

describe('resources of a component', () => {
  test('are made, lent, moved and dropped alike under both linkers, their destructors run at the same moments', async () => {
    const program = fc.array(fc.tuple(fc.constantFrom('make' as const, 'get' as const, 'merge' as const, 'dispose' as const), fc.nat(9)), {
      minLength: 1,
      maxLength: 25,
    })
    await fc.assert(
      fc.asyncProperty(program, async (made) => {
        expect(await useTallies(await ofCordon(), made)).toEqual(await useTallies(await ofJco(), made))
      }),
      { numRuns: 30 },
    )
  })

  test('may be represented by 0, as `canon resource.new` takes any i32, where jco loses track', async () => {
    const useZero = async (tallies: Tallies): Promise<unknown> => {
      const [zero, one] = [await tallies.make(0), await tallies.make(1)]
      return tallies.get(await tallies.merge(zero, one))
    }
    expect(await useZero(await ofCordon())).toBe(1)
    await expect(useZero(await ofJco())).rejects.toThrow('unknown handle')
  })

  test.each([
    [
      'one that was moved',
      async (tallies: Tallies) => {
        const [one, other] = [await tallies.make(1), await tallies.make(2)]
        await tallies.merge(one, other)
        return tallies.get(one)
      },
    ],
    [
      'one that was dropped',
      async (tallies: Tallies) => {
        const one = await tallies.make(1)
        await tallies.dispose(one)
        return tallies.get(one)
      },
    ],
    [
      'one that is moved and lent in one call',
      async (tallies: Tallies) => {
        const one = await tallies.make(1)
        return tallies.merge(one, one)
      },
    ],
    ['one of another instance', async (tallies: Tallies) => tallies.get(await (await ofCordon()).make(1))],
    ['something that is none', async (tallies: Tallies) => tallies.get({})],
  ])('a host cannot use %s', async (_, use) => {
    await expect(use(await ofCordon())).rejects.toThrow(/resource/)
  })

  test.each([
    ['forge', 'canon lift, lift_own: Table State, remove traps'],
    ['look', 'canon resource.rep: Table State, get traps'],
  ])('a guest cannot make a handle up: %s (%s)', async (name) => {
    const instance = await (await linkedByCordon(maker)).instantiate({}, unlimited)
    await instance.call([ownThings, 'Tally', 'constructor'], [1])
    await expect(instance.call([ownThings, name], [2 ** 30])).rejects.toMatchObject({ code: 'handle' })
  })
})

describe('resources between components', () => {
  test('are made, lent, moved and dropped alike under both linkers', async () => {
    const chain = await assemble(thingChain)
    const contenders = await Promise.all([cordon, stockJco].map((contend) => contend(chain, {})))
    let droppedBefore = 0
    for (const n of [1, 2, 10, 100]) {
      const sum = 1 + (n * (n + 1)) / 2
      // Each tally counts 1000 and what it stood for: the terms, the partial sums of merging, and the last one.
      const partial = Array.from({ length: n }, (_, nth) => 1 + (n * (n + 1) - (n - nth) * (n - nth + 1)) / 2)
      const terms = (n * (n + 1)) / 2
      droppedBefore += 1000 * (2 * n + 1) + terms + partial.reduce((total, each) => total + each, 0) + sum
      for (const contender of contenders) {
        expect(await call(contender, 'sum', [n])).toEqual({ kind: 'returned', value: [sum, droppedBefore] })
      }
    }
  })

  test('do not move while they are lent, nor without being there', async () => {
    const chain = await assemble(thingChain)
    expect(await call(await cordon(chain, {}), 'misuse', [77])).toSatisfy(isHandleTrap)
  })
})
