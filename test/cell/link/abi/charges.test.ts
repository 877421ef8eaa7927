import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { PrimitiveKind, ValueType } from '#core/component/component-plan.ts'
import { compileParameters, compileResult } from '#cell/link/abi/compile-parameters.ts'
import { compileType } from '#cell/link/abi/compile-type.ts'
import { MemoryGuest } from './memory-guest.ts'

/** Sums what is charged, without a limit. */
class ChargedGuest extends MemoryGuest {
  elements = 0
  bytesCharged = 0
  override charge(elements: number, bytes: number): void {
    this.elements += elements
    this.bytesCharged += bytes
  }

  /** What `lift` charges. */
  chargesOf(lift: () => unknown): { readonly elements: number; readonly bytes: number } {
    this.elements = 0
    this.bytesCharged = 0
    lift()
    return { elements: this.elements, bytes: this.bytesCharged }
  }
}

/** Collects garbage until there is none, which buffers take a while for, and gives what the heap holds. */
const collector = (): (() => number) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('expected the engine to collect on demand')
  const used = (): number => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  return () => {
    let last = used()
    for (let times = 0; times < 20; times++) {
      const now = used()
      if (Math.abs(last - now) < 1000) return now
      last = now
    }
    return last
  }
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, nth) => `f${nth}`)
const of = (kind: PrimitiveKind): ValueType => ({ kind })
const list = (element: ValueType): ValueType => ({ kind: 'list', element })
const flags = (count: number): ValueType => ({ kind: 'flags', names: names(count) })
const tuple = (count: number, type = of('bool')): ValueType => ({ kind: 'tuple', items: names(count).map(() => type) })
const record = (count: number, type = of('bool')): ValueType => ({ kind: 'record', fields: names(count).map((name) => ({ name, type })) })
const result = (ok: ValueType | undefined): ValueType => ({ kind: 'result', ok, error: undefined })
const nested = (depth: number): ValueType => (depth === 0 ? of('bool') : result(nested(depth - 1)))

type Fill = (guest: MemoryGuest, at: number, length: number) => void

/** The value of each kind that takes most: numbers too large for the engine's small ones, characters beyond those it has made already. */
const bytesOf =
  (byte: number, size: number): Fill =>
  (guest, at, length) =>
    void guest.bytes().fill(byte, at, at + size * length)
const words =
  (...pattern: readonly number[]): Fill =>
  (guest, at, length) => {
    const view = guest.view()
    for (let nth = 0; nth < pattern.length * length; nth++) view.setUint32(at + 4 * nth, pattern[nth % pattern.length] ?? 0, true)
  }
/** Pointers to the start of memory, where `content` is. */
const content =
  (text: string, units: number): Fill =>
  (guest, at, length) => {
    guest.write(0, Buffer.from(text))
    words(0, units)(guest, at, length)
  }

const zeros: Fill = () => undefined
const wide = (size: number): Fill => bytesOf(0xff, size)
const halves = (size: number): Fill => bytesOf(0x3f, size)
const narrow = 'a'.repeat(1000)

const kinds: readonly (readonly [name: string, element: ValueType, fill: Fill])[] = [
  ['bool', of('bool'), zeros],
  ['u32', tuple(1, of('u32')), wide(4)],
  ['s64', tuple(1, of('s64')), wide(8)],
  ['u64', tuple(1, of('u64')), wide(8)],
  ['f32', tuple(1, of('f32')), halves(4)],
  ['f64', tuple(1, of('f64')), halves(8)],
  ['char', of('char'), words(0x1_f600)],
  ['enum', { kind: 'enum', names: ['only'] }, zeros],
  ['string of 2 bytes', of('string'), content(narrow, 2)],
  ['string of 15 bytes', of('string'), content(narrow, 15)],
  ['string of 1000 bytes', of('string'), content(narrow, 1000)],
  ['string beyond Latin-1', of('string'), content(`${narrow}€`, 1003)],
  ['list<u8>, empty', list(of('u8')), content(narrow, 0)],
  ['list<u8> of 64', list(of('u8')), content(narrow, 64)],
  ['list<u8> of 65', list(of('u8')), content(narrow, 65)],
  ['list<u64> of 100', list(of('u64')), content(narrow, 100)],
  ['list<bool>, empty', list(of('bool')), content(narrow, 0)],
  ['list<bool> of 1', list(of('bool')), content(narrow, 1)],
  ['list<bool> of 18', list(of('bool')), content(narrow, 18)],
  ['list<bool> of 100', list(of('bool')), content(narrow, 100)],
  ...[1, 2, 18, 100].map((count) => [`tuple of ${count}`, tuple(count), zeros] as const),
  ...[1, 4, 5, 20, 100, 1000, 1020, 1021, 2000].map((count) => [`record of ${count}`, record(count), zeros] as const),
  ['record of 20 u64', record(20, of('u64')), wide(160)],
  ...[1, 4, 5, 8, 16, 32].map((count) => [`flags of ${count}`, flags(count), zeros] as const),
  ['option', { kind: 'option', some: of('f64') }, bytesOf(1, 16)],
  ['option of an option', { kind: 'option', some: { kind: 'option', some: of('bool') } }, bytesOf(1, 3)],
  ['variant', { kind: 'variant', cases: [{ name: 'only', type: of('u32') }] }, words(0, 0xffff_ffff)],
  ['result', result(undefined), zeros],
  ['results inside one another', nested(20), zeros],
]

describe('what lifting charges is what the host then holds: at least that, and less than twice as much, for', () => {
  test.each(kinds)('%s', (_name, element, fill) => {
    const guest = new ChargedGuest()
    const type = compileType(list(element))
    const length = Math.min(10_000, Math.floor(900_000 / compileType(element).size))
    const at = guest.realloc(0, 0, 8, 2 ** 20)
    guest.realloc(0, 0, 8, 2 ** 16)
    fill(guest, at, length)
    const collect = collector()
    // Code is compiled and objects find their shape on the way.
    for (let times = 0; times < 3; times++) type.lift(guest, [at, Math.min(length, 1000)], 0)
    const charged = guest.chargesOf(() => type.lift(guest, [at, length], 0)).bytes
    const heldByLifting = (): number => {
      const before = collect()
      const lifted = type.lift(guest, [at, length], 0)
      const held = collect() - before
      expect(lifted).toHaveLength(length)
      return held
    }
    const noise = 60_000
    const isFair = (held: number): boolean => held < charged + noise && charged < 2 * held + noise
    // Once is enough: what else the process does must not show in all of three.
    const rounds: number[] = []
    while (rounds.length < 3 && !rounds.some(isFair)) rounds.push(heldByLifting())
    expect(rounds.some(isFair), `charged ${charged}, held ${rounds.join(', ')}`).toBe(true)
  })
})

describe('charges', () => {
  const chargesOf = (element: ValueType, length: number) => {
    const guest = new ChargedGuest()
    return guest.chargesOf(() => compileType(list(element)).lift(guest, [0, length], 0))
  }

  test.each([
    ['a bool', of('bool'), 1, 8],
    ['a char', of('char'), 1, 40],
    ['an enum', { kind: 'enum', names: ['only'] } as const, 1, 8],
    ['a tuple', tuple(3), 3, 80],
    ['a tuple of bigints', tuple(3, of('u64')), 3, 152],
    ['a record', record(3), 3, 88],
    ['a record of records', record(2, record(3)), 8, 240],
    ['a record that is no hash table yet', record(1020), 1020, 8224],
    ['a record that is one', record(1021), 1021, 49_248],
    ['flags', flags(32), 32, 320],
    ['an option', { kind: 'option', some: of('u32') } as const, 1, 24],
    ['a result', result(undefined), 1, 48],
    ['a result of a tuple', result(tuple(3)), 4, 120],
    ['results inside one another', nested(20), 20, 808],
    ['an empty string', of('string'), 1, 40],
    ['an empty list', list(of('bool')), 1, 56],
    ['an empty list of bytes', list(of('u8')), 2, 344],
  ])('for %s in a list count its parts and its room', (_what, element, elements, bytes) => {
    expect(chargesOf(element, 0)).toEqual({ elements: 0, bytes: 48 })
    expect(chargesOf(element, 7)).toEqual({ elements: 7 * elements, bytes: 48 + 7 * bytes })
  })

  test('for parameters and results are those of what is in them: nothing for plain values but their room', () => {
    const guest = new ChargedGuest()
    const params = (...types: readonly ValueType[]) =>
      guest.chargesOf(() => compileParameters(types).lift(guest, Array<number>(17).fill(0)))
    expect(params(of('u8'), of('bool'))).toEqual({ elements: 0, bytes: 16 })
    expect(params(flags(32), record(3))).toEqual({ elements: 35, bytes: 320 + 88 })
    expect(params(record(100))).toEqual({ elements: 100, bytes: 8 + 56 + 800 })
    expect(guest.chargesOf(() => compileResult(flags(8)).lift(guest, 0))).toEqual({ elements: 8, bytes: 120 })
    expect(guest.chargesOf(() => compileResult(tuple(3)).lift(guest, 0))).toEqual({ elements: 3, bytes: 72 })
  })
})
