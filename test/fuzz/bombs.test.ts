import { afterAll, describe, expect, test } from 'vitest'
import { assemble } from '../differential/contenders.ts'
import { bytesOf, joined, leb, type Section } from './component-tree.ts'
import { FuzzCell } from './fuzz-cell.ts'
import type { CaseResult } from './answer-cases.ts'

const MiB = 1024 * 1024
/** What reading, linking and calling a bomb may take of the CPU and hold: each is a second's work at the most. */
const limits = { cpuMs: 5000, wallMs: 30_000, rssBytes: 450 * MiB }

const cell = new FuzzCell(limits)
afterAll(() => cell[Symbol.dispose]())

const explode = (component: Uint8Array): Promise<CaseResult> => cell.try({ component, seed: 1 })

const section = (id: number, ...parts: readonly Uint8Array[]): Section => ({ id, body: joined(parts) })
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)
const repeated = (count: number, make: (nth: number) => Uint8Array): Uint8Array =>
  joined(Array.from({ length: count }, (_, nth) => make(nth)))

const type = { section: 7, string: 0x73, list: 0x70, tuple: 0x6f, component: 0x41, instance: 0x42 } as const

/** `count` types, each of which has the one before it `wide` times. */
const doubling = (count: number, wide: number): Uint8Array =>
  bytesOf([
    section(
      type.section,
      leb(count),
      bytes(type.tuple, 1, type.string),
      repeated(count - 1, (nth) => joined([bytes(type.tuple), leb(wide), repeated(wide, () => leb(nth))])),
    ),
  ])

const nested = (depth: number): Uint8Array => {
  let inner: Section[] = []
  for (let left = depth; left > 0; left--) inner = [{ id: 4, body: bytesOf(inner) }]
  return bytesOf(inner)
}

/** Each component instantiates the one before it twice: 2^count instances in a few bytes a component. */
const instances = (count: number): string => {
  const twice = (nth: number): string =>
    `(component $c${nth} (alias outer 1 $c${nth - 1} (component $p)) (instance (instantiate $p)) (instance (instantiate $p)))`
  const others = Array.from({ length: count }, (_, nth) => twice(nth + 1))
  return `(component (component $c0 (core module $m) (core instance (instantiate $m))) ${others.join('\n')} (instance (instantiate $c${count})))`
}

/** Lists in lists whose elements are all the same bytes: `length` to the power of `depth` elements in 64 KiB of memory. */
const aliasing = (depth: number, length: number): string => {
  const levels = Array.from({ length: depth }, (_, nth) => 1024 + 8192 * nth)
  const fill = levels
    .slice(0, -1)
    .map(
      (at, nth) => `(local.set 0 (i32.const 0))
        (loop $l${nth}
          (i32.store offset=${at} (i32.shl (local.get 0) (i32.const 3)) (i32.const ${levels[nth + 1]}))
          (i32.store offset=${at + 4} (i32.shl (local.get 0) (i32.const 3)) (i32.const ${length}))
          (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $l${nth} (i32.lt_u (local.get 0) (i32.const ${length}))))`,
    )
    .join('\n')
  const text = `${'(list '.repeat(depth)}u8${')'.repeat(depth)}`
  return `(component
    (core module $m
      (memory (export "memory") 2)
      (func (export "run") (result i32) (local i32)
        ${fill}
        (i32.store (i32.const 0) (i32.const ${levels[0]}))
        (i32.store (i32.const 4) (i32.const ${length}))
        (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $run (result ${text}) (canon lift (core func $i "run") (memory (core memory $i "memory"))))
    (export "run" (func $run)))`
}

const recursing = `(component
  (core module $m (func $f (export "f") (result i32) (i32.add (i32.const 1) (call $f))))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (export "f" (func $f)))`

describe('bombs', () => {
  test.each([
    ['60 types of which each has the one before it twice', doubling(60, 2)],
    ['60 types of which each has the one before it a hundred times', doubling(60, 100)],
    ['5000 types, each inside the next', doubling(5000, 1)],
    ['20 components, each inside the next', nested(20)],
    ['3000 components, each inside the next', nested(3000)],
    [
      '4000 sections that are a list type of a list type',
      bytesOf(
        Array.from({ length: 4000 }, (_, nth) =>
          section(type.section, leb(1), nth === 0 ? bytes(type.list, type.string) : joined([bytes(type.list), leb(nth - 1)])),
        ),
      ),
    ],
  ])('%s are refused at once', async (_, component) => {
    const { verdict, finding, cpuMs } = await explode(component)
    expect({ verdict, finding }).toEqual({ verdict: 'refused', finding: undefined })
    expect(cpuMs).toBeLessThan(1000)
  })

  test.each([1, 2, 3, 5, 6, 7, 8, 10, 11])('a section %i that claims 2^32 - 1 entries is refused at once', async (id) => {
    for (const rest of [new Uint8Array(0), new Uint8Array(100_000)]) {
      const { verdict, finding, cpuMs } = await explode(bytesOf([section(id, leb(2 ** 32 - 1), rest)]))
      expect({ verdict, finding }).toEqual({ verdict: 'refused', finding: undefined })
      expect(cpuMs).toBeLessThan(1000)
    }
  })

  test('a type in an instance type in a component type, and so on, is refused', async () => {
    let inner = bytes(0)
    for (let depth = 0; depth < 2000; depth++) inner = joined([bytes(depth % 2 === 0 ? type.instance : type.component, 1, 1), inner])
    expect(await explode(bytesOf([section(type.section, leb(1), inner)]))).toMatchObject({ verdict: 'refused', finding: undefined })
  })

  test('2^20 instances in a few hundred bytes are refused before there is one', async () => {
    const component = await assemble(instances(20))
    expect(component.length).toBeLessThan(2000)
    const { verdict, finding, cpuMs } = await explode(component)
    expect({ verdict, finding }).toEqual({ verdict: 'refused', finding: undefined })
    expect(cpuMs).toBeLessThan(2000)
  })

  test.each([
    [2, 1000],
    [3, 1000],
    [5, 1000],
  ])('aliased lists, %i deep and %i wide, take no more than the budget of a call', async (depth, length) => {
    const component = await assemble(aliasing(depth, length))
    expect(component.length).toBeLessThan(500)
    const { verdict, finding, peakRssBytes } = await explode(component)
    expect(finding).toBeUndefined()
    expect(verdict).toBe(depth === 2 ? 'ran' : 'trapped')
    expect(peakRssBytes).toBeLessThan(limits.rssBytes)
  })

  test('recursion ends with its stack, and its instance with it', async () => {
    expect(await explode(await assemble(recursing))).toMatchObject({ verdict: 'trapped', finding: undefined })
  })
})
