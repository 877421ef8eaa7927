import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { describe, expect, test } from 'vitest'

import { defaultComponentLimits, type ComponentLimits } from '#core/component/component-limits.ts'
import { readComponent } from '#core/component/read-component.ts'
import { component, ids, name, section, types, u32, vec } from './component-bytes.ts'
import { refusal, refusalOf } from './read.ts'

const repeat = (count: number, make: (nth: number) => string): string => Array.from({ length: count }, (_, nth) => make(nth)).join(' ')

/** For each limit how much of it is allowed, a component that uses `count` of it, and what a refusal says. */
const bounded: readonly (readonly [limit: keyof ComponentLimits, most: number, make: (count: number) => string, says: RegExp])[] = [
  ['depth', 3, (count) => `${'(component '.repeat(count + 1)}${')'.repeat(count + 1)}`, /at most 3 deep/],
  ['depth', 3, (count) => `(component ${'(type (component '.repeat(count)}${'))'.repeat(count)})`, /at most 3 deep/],
  ['definitions', 5, (count) => `(component ${repeat(count, () => '(type u8)')})`, /at most 5 types/],
  ['definitions', 5, (count) => `(component (type (instance ${repeat(count - 1, () => '(type u8)')})))`, /at most 5 definitions/],
  ['definitions', 5, (count) => `(component ${repeat(count, () => '(core module)')})`, /at most 5 definitions/],
  ['definitions', 5, (count) => `(component ${repeat(count, () => '(component)')})`, /at most 5 definitions/],
  ['components', 3, (count) => `(component ${repeat(count, () => '(component)')})`, /at most 3 nested components/],
  ['modules', 3, (count) => `(component ${repeat(count - 1, () => '(core module)')} (component (core module)))`, /at most 3 core modules/],
  [
    'moduleEntries',
    3,
    (count) => `(component (core module ${repeat(count - 1, () => '(type (func))')}) (core module (type (func))))`,
    /at most 3 entries of core modules/,
  ],
  ['members', 4, (count) => `(component (type (record ${repeat(count, (nth) => `(field "f${nth}" u8)`)})))`, /at most 4 fields/],
  ['members', 4, (count) => `(component (type (func ${repeat(count, (nth) => `(param "p${nth}" u8)`)})))`, /at most 4 parameters/],
  [
    'members',
    4,
    (count) => `(component (import "f" (func $f)) (instance ${repeat(count, (nth) => `(export "f${nth}" (func $f))`)}))`,
    /at most 4 exports/,
  ],
  ['typeDepth', 5, (count) => `(component (type ${'(list '.repeat(count - 1)}u8${')'.repeat(count - 1)}))`, /at most 5 deep/],
  // Instances in one another may be three times as deep as values.
  [
    'typeDepth',
    2,
    (count) =>
      `(component $c (type $t0 (instance)) ${repeat(3 * count - 1, (nth) => `(type $t${nth + 1} (instance (alias outer $c $t${nth} (type $t)) (export "a" (instance (type $t)))))`)})`,
    /at most 6 deep/,
  ],
  // An item counts as a type, and as a place for one.
  ['typeSize', 9, (count) => `(component (type (tuple ${repeat(Math.ceil((count - 1) / 2), () => 'u8')})))`, /at most 9 types in a type/],
  ['typesSize', 6, (count) => `(component ${repeat(count, () => '(type u8)')})`, /at most 6 types in all types/],
  ['nameBytes', 6, (count) => `(component (type (enum "${'a'.repeat(count)}")))`, /at most 6 bytes in the name/],
  [
    'instances',
    4,
    (count) => `(component (component $c) ${repeat(count - 1, () => '(instance (instantiate $c))')})`,
    /at most 4 component instances/,
  ],
  [
    'instantiationDepth',
    2,
    (count) => `(component ${'(component $c '.repeat(count)}${') (instance (instantiate $c))'.repeat(count)})`,
    /at most 2 deep/,
  ],
  [
    'coreInstances',
    3,
    (count) => `(component (core module $m) ${repeat(count, () => '(core instance (instantiate $m))')})`,
    /at most 3 core instances/,
  ],
  [
    'coreImports',
    3,
    (count) => `(component (core module $e (func (export "f"))) (core instance $e (instantiate $e))
      (core module $m (import "e" "f" (func))) ${repeat(count, () => '(core instance (instantiate $m (with "e" (instance $e))))')})`,
    /at most 3 imports of core instances/,
  ],
  [
    'functions',
    3,
    (count) => `(component (import "f" (func $f)) ${repeat(count - 1, () => '(core func (canon lower (func $f)))')})`,
    /at most 3 functions/,
  ],
  ['functions', 3, (count) => `(component (type $t u8) ${repeat(count, (nth) => `(export "t${nth}" (type $t))`)})`, /at most 3 functions/],
  ['resources', 3, (count) => `(component ${repeat(count, () => '(type (resource (rep i32)))')})`, /at most 3 resource types/],
  [
    'resources',
    3,
    (count) => `(component ${repeat(count, (nth) => `(import "r${nth}" (type (sub resource)))`)})`,
    /at most 3 resource types/,
  ],
]

describe('what a component may have is bounded', () => {
  test.each(bounded)('in %s', async (limit, most, make, says) => {
    expect(await refusal(make(most), { [limit]: most })).toBe('accepted')
    const answer = await refusal(make(most + 1), { [limit]: most })
    expect(answer).toMatch(/^limit: /)
    expect(answer).toMatch(says)
  })

  test('in sections, core modules’ own included', () => {
    const core = section(ids.module, [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 1, 0])
    const custom = section(ids.custom, [0])
    expect(refusalOf(component(core, custom), { sections: 3 })).toBeUndefined()
    expect(refusalOf(component(core, custom, custom), { sections: 3 })?.message).toMatch(/at most 3 sections/)
  })

  test('in bytes of one value, which the component model holds below 2^28', () => {
    const doubled = (times: number): Uint8Array =>
      component(types([0x7d], ...Array.from({ length: times }, (_, nth) => [0x6f, 2, nth, nth])))
    const wide = { typeSize: 2 ** 40, typesSize: 2 ** 50 }
    expect(refusalOf(doubled(27), wide)).toBeUndefined()
    expect(refusalOf(doubled(28), wide)?.message).toMatch(/less than 2\^28 bytes, got a type of 268435456/)
    // Strings are counted with 64-bit pointers: 16 bytes each.
    const strings = component(types([0x73], ...Array.from({ length: 24 }, (_, nth) => [0x6f, 2, nth, nth])))
    expect(refusalOf(strings, wide)?.message).toMatch(/less than 2\^28 bytes/)
  })

  test('in bytes, twice as many of which are allowed when it is metered', () => {
    const bytes = component(section(ids.custom, [4, 1, 2, 3, 4]))
    const limits = { ...defaultComponentLimits, componentBytes: bytes.length - 1 }
    expect(refusalOf(bytes, limits)?.code).toBe('limit')
    expect(readComponent(bytes, { limits, metered: true }).modules).toEqual([])
    expect(() => readComponent(bytes, { limits: { ...limits, componentBytes: 7 }, metered: true })).toThrow(/at most 14 bytes/)
  })
})

/** A component that asks for far more than it is long, and what stops it. */
const bombs: Readonly<Record<string, () => Promise<Uint8Array> | Uint8Array>> = {
  'a tuple of 2^60 items': () => component(types([0x73], ...Array.from({ length: 60 }, (_, nth) => [0x6f, 2, nth, nth]))),
  'many types of a size that each may have': () =>
    component(
      types([0x73], ...Array.from({ length: 13 }, (_, nth) => [0x6f, 2, nth, nth]), ...Array.from({ length: 5000 }, () => [0x6b, 13])),
    ),
  'an option 100,000 deep': () => component(types([0x73], ...Array.from({ length: 100_000 }, (_, nth) => [0x6b, ...u32(nth)]))),
  'an instance with 2^40 resource types': () => {
    const doubled = Array.from({ length: 40 }, (_, nth) => [
      0x42,
      ...vec([
        [2, 3, 2, 1, ...u32(nth)],
        [4, 0, ...name('a'), 5, 0],
        [4, 0, ...name('b'), 5, 0],
      ]),
    ])
    return component(types([0x42, ...vec([[4, 0, ...name('r'), 3, 1]])], ...doubled))
  },
  'an exported instance of 2^60 instances': () => {
    const bags = Array.from({ length: 60 }, (_, nth) => [
      1,
      ...vec([
        [0, ...name('a'), 5, ...u32(nth)],
        [0, ...name('b'), 5, ...u32(nth)],
      ]),
    ])
    return component(section(ids.instance, vec([[1, 0], ...bags])), section(ids.export, vec([[0, ...name('x'), 5, 60, 0]])))
  },
  '2^20 component instances': () =>
    parse(
      `(component (component $c0) ${repeat(
        20,
        (nth) => `(component $c${nth + 1} (alias outer 1 ${nth} (component $c))
      (instance (instantiate $c)) (instance (instantiate $c)))`,
      )} (instance (instantiate $c20)))`,
    ),
  'a chain of 900 component instances': () =>
    parse(
      `(component (component $c0) ${repeat(
        900,
        (nth) => `(component $c${nth + 1} (alias outer 1 ${nth} (component $c))
      (instance (instantiate $c)))`,
      )} (instance (instantiate $c900)))`,
    ),
  'components 300 deep': () => {
    let inner: number[] = []
    for (let depth = 0; depth < 300; depth++) inner = section(ids.component, [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...inner])
    return component(inner)
  },
  'a wide record that is exported again and again': () => {
    const wide = [0x72, ...vec(Array.from({ length: 5000 }, (_, nth) => [...name(`f${nth}`), 0x7d]))]
    const again = Array.from({ length: 900 }, (_, nth) => [0, ...name(`e${nth}`), 3, 0, 0])
    return component(types(wide), section(ids.export, vec(again)))
  },
}

describe('a bomb ends in a refusal before it goes off', () => {
  test.each(Object.entries(bombs))('%s', async (_, make) => {
    const bytes = await make()
    const before = process.memoryUsage().heapUsed
    const start = process.cpuUsage()
    expect(refusalOf(bytes)?.code).toBe('limit')
    // Of this process's own time: the machine may be busy. Undone, most of these take hours or all memory.
    expect(process.cpuUsage(start).user).toBeLessThan(5e6)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(400e6)
  })

  test('checking costs steps, of which a component has so many', () => {
    const labels = Array.from({ length: 300 }, (_, nth) => name(`e${nth}`))
    const taker = component(section(ids.import, vec(labels.map((label) => [0, ...label, 3, 1]))))
    const taken = [0, 0, ...vec(labels.map((label) => [...label, 3, 0]))]
    const of = (count: number): Uint8Array =>
      component(
        section(ids.component, [...taker]),
        types([0x3f, 0x7f, 0]),
        section(ids.instance, vec(Array.from({ length: count }, () => taken))),
      )
    expect(refusalOf(of(50), { work: 100_000 })).toBeUndefined()
    expect(refusalOf(of(100), { work: 100_000 })?.message).toMatch(/checked in 100000 steps/)
  })

  /** Little to write, much to do: a component and how many steps are too few for it, where a hundred times as many are enough. */
  const laborious: readonly (readonly [what: string, text: string, work: number])[] = [
    [
      'its definitions in each of its instances',
      `(component (component $c ${repeat(50, () => '(component)')}) ${repeat(50, () => '(instance (instantiate $c))')})`,
      2000,
    ],
    [
      'exports of an instance in each instance around it',
      `(component (component $c (component $d) (instance ${repeat(100, (nth) => `(export "e${nth}" (component $d))`)})) ${repeat(100, () => '(instance (instantiate $c))')})`,
      5000,
    ],
    [
      'core exports in each instance around them',
      `(component (component $c (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (core func $f (alias core export $i "f"))
        (core instance ${repeat(100, (nth) => `(export "e${nth}" (func $f))`)})) ${repeat(100, () => '(instance (instantiate $c))')})`,
      5000,
    ],
    [
      'comparing a wide record with another in each instantiation',
      `(component (type $r (record ${repeat(200, (nth) => `(field "f${nth}" u8)`)}))
        (component $c (type $r (record ${repeat(200, (nth) => `(field "f${nth}" u8)`)})) (import "r" (type (eq $r))))
        ${repeat(100, () => '(instance (instantiate $c (with "r" (type $r))))')})`,
      20_000,
    ],
    [
      'comparing a core module with its type in each instantiation',
      `(component (core module $m ${repeat(200, (nth) => `(func (export "f${nth}"))`)})
        (component $c (import "m" (core module ${repeat(200, (nth) => `(export "f${nth}" (func))`)})))
        ${repeat(100, () => '(instance (instantiate $c (with "m" (core module $m))))')})`,
      15_000,
    ],
    [
      'giving each instance’s functions its own resource type',
      `(component (component $c (type $r (resource (rep i32))) (export $x "r" (type $r)) (core func $d (canon resource.drop $r))
        (type $t (record ${repeat(200, (nth) => `(field "f${nth}" (own $x))`)})) (export "t" (type $t)))
        ${repeat(100, () => '(instance (instantiate $c))')})`,
      15_000,
    ],
  ]

  test.each(laborious)('%s takes steps', async (_, text, work) => {
    expect(await refusal(text, { work })).toMatch(/^limit: .* in \d+ steps/)
    expect(await refusal(text, { work: 100 * work })).toBe('accepted')
  })

  test('types count once more for each resource type that they are made with', async () => {
    const made = (count: number): string => `(component
      (component $c
        (core module $m (memory (export "mem") 1) (func (export "f") (param i32)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
        (core instance $i (instantiate $m))
        (type $r (resource (rep i32))) (export $x "r" (type $r))
        (func $f (param "t" (tuple ${repeat(100, () => '(own $x)')}))
          (canon lift (core func $i "f") (memory (core memory $i "mem")) (realloc (core func $i "realloc"))))
        (export "f" (func $f)))
      ${repeat(count, () => '(instance (instantiate $c))')})`
    expect(await refusal(made(1), { typesSize: 2000 })).toBe('accepted')
    expect(await refusal(made(20), { typesSize: 2000 })).toMatch(/at most 2000 types in all types/)
  })

  test('a type bomb costs as much as reading its bytes', () => {
    const bomb = component(types([0x73], ...Array.from({ length: 60 }, (_, nth) => [0x6f, 2, nth, nth])))
    const harmless = component(types([0x73], ...Array.from({ length: 60 }, () => [0x6f, 2, 0, 0])))
    const cost = (bytes: Uint8Array): number => {
      const times = Array.from({ length: 50 }, () => {
        const start = performance.now()
        refusalOf(bytes)
        return performance.now() - start
      })
      return times.toSorted((one, other) => one - other)[25] ?? 0
    }
    cost(harmless)
    cost(bomb)
    expect(cost(bomb)).toBeLessThan(20 * cost(harmless) + 1)
  })
})
