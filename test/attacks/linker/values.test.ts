import { describe, expect, it } from 'vitest'
import type { Instance } from '#cell/link/linker.ts'
import { instanceOf, outcomeOf, sealed } from '../../cell/link/component-world.ts'

/** A guest whose `go` passes `args`, core values, to a function of the host that takes a `type`; `data` lies in its one page of memory. */
interface Passing {
  /** Types that `type` names. */
  readonly types?: string
  readonly type: string
  readonly flat: string
  readonly args: string
  readonly data?: string
  readonly encoding?: 'utf8' | 'utf16' | 'latin1+utf16'
}

const passingWat = ({ types = '', type, flat, args, data = '', encoding = 'utf8' }: Passing): string => `(component
  (import "host" (instance $host ${types} (export "take" (func (param "x" ${type})))))
  (core module $libc (memory (export "memory") 1) ${data})
  (core instance $libc (instantiate $libc))
  (core func $take (canon lower (func $host "take") (memory (core memory $libc "memory")) string-encoding=${encoding}))
  (core module $m (import "" "take" (func $take (param ${flat}))) (func (export "go") (call $take ${args})) (func (export "fine")))
  (core instance $m (instantiate $m (with "" (instance (export "take" (func $take))))))
  (func (export "go") (canon lift (core func $m "go")))
  (func (export "fine") (canon lift (core func $m "fine"))))`

/** The same type of the host's, by a name. */
const named = (type: string): string => `(type $t' ${type}) (export "t" (type $t (eq $t')))`

class Host {
  readonly taken: unknown[] = []

  guest(passing: Passing): Promise<Instance> {
    return instanceOf(passingWat(passing), { imports: sealed({ host: { take: (x: unknown) => void this.taken.push(x) } }) })
  }
}

const text = (bytes: string, length = bytes.length / 3): Pick<Passing, 'type' | 'flat' | 'args' | 'data'> => ({
  type: 'string',
  flat: 'i32 i32',
  args: `(i32.const 16) (i32.const ${length})`,
  data: `(data (i32.const 16) "${bytes}")`,
})

const list = (element: string, pointer: number, length: number): Passing => ({
  type: `(list ${element})`,
  flat: 'i32 i32',
  args: `(i32.const ${pointer}) (i32.const ${length})`,
})

const long = '\\61'.repeat(40)

const broken: readonly (readonly [string, Passing])[] = [
  ['text with a byte that is in no UTF-8', text('\\ff')],
  ['text in a longer form than its shortest', text('\\c0\\80')],
  ['text with half a pair of surrogates', text('\\ed\\a0\\80')],
  ['text that ends within a character', text('\\e2\\82')],
  ['a long text that is malformed at its end', text(`${long}\\ff`)],
  ['a long text that ends within a character', text(`${long}\\f0\\9f\\91`)],
  ['text past the last character of Unicode', text('\\f4\\90\\80\\80')],
  ['UTF-16 with half a pair', { ...text('\\00\\d8', 1), encoding: 'utf16' }],
  ['UTF-16 at an odd address', { ...text('\\61\\00', 1), args: '(i32.const 17) (i32.const 1)', encoding: 'utf16' }],
  ['tagged UTF-16 with half a pair', { ...text('\\00\\dc', 0x8000_0001), encoding: 'latin1+utf16' }],
  ['text that ends past its memory', { ...text(''), args: '(i32.const 65535) (i32.const 2)' }],
  ['text of all addresses', { ...text(''), args: '(i32.const -1) (i32.const -1)' }],
  ['text of half of them', { ...text(''), args: '(i32.const 0) (i32.const 0x7fffffff)' }],
  ['UTF-16 whose length in bytes is 0 in 32 bits', { ...text(''), args: '(i32.const 0) (i32.const 0x80000000)', encoding: 'utf16' }],
  ['a list whose length in bytes is 0 in 32 bits', list('u32', 0, 0x4000_0000)],
  ['a list whose length in bytes is small in 32 bits', list('u64', 0, 0x2000_0001)],
  ['a list of lists whose length in bytes is 0 in 32 bits', list('(list u8)', 0, 0x2000_0000)],
  ['a list that ends past its memory', list('u8', 65_000, 1000)],
  ['a list at an address that its elements may not have', list('u32', 2, 1)],
  ['a list of nothing outside of its memory', list('u8', 65_537, 0)],
  ['an enum past its cases', { types: named('(enum "a" "b" "c")'), type: '$t', flat: 'i32', args: '(i32.const 3)' }],
  ['an enum below its cases', { types: named('(enum "a" "b" "c")'), type: '$t', flat: 'i32', args: '(i32.const -1)' }],
  ['an enum in memory past its cases', { ...list('$t', 0, 1), types: named('(enum "a" "b")'), data: '(data (i32.const 0) "\\02")' }],
  [
    'a variant past its cases',
    { types: named('(variant (case "a" u32) (case "b"))'), type: '$t', flat: 'i32 i32', args: '(i32.const 2) (i32.const 0)' },
  ],
  ['an option that is neither', { type: '(option u32)', flat: 'i32 i32', args: '(i32.const 2) (i32.const 0)' }],
  ['a result that is neither', { type: '(result u32)', flat: 'i32 i32', args: '(i32.const 255) (i32.const 0)' }],
  ['a character that is half a pair', { type: 'char', flat: 'i32', args: '(i32.const 0xd800)' }],
  ['a character past the last one', { type: 'char', flat: 'i32', args: '(i32.const 0x110000)' }],
]

describe('a guest that passes what is no value of the type', () => {
  it.each(broken)('ends with %s, and the host is not called', async (_what, passing) => {
    const host = new Host()
    const neighbour = await host.guest({ type: 'u32', flat: 'i32', args: '(i32.const 7)' })
    const instance = await host.guest(passing)
    expect(await outcomeOf(instance.call(['go'], []))).toMatchObject({ name: 'LinkTrap', code: 'abi' })
    expect(host.taken).toEqual([])
    await expect(instance.call(['fine'], [])).rejects.toMatchObject({ code: 'poisoned' })
    await neighbour.call(['go'], [])
    expect(host.taken).toEqual([7])
  })
})

describe('a guest that passes more bits than the type has', () => {
  it.each<readonly [string, Passing, unknown]>([
    [
      'flags past the last one',
      { types: named('(flags "a" "b")'), type: '$t', flat: 'i32', args: '(i32.const -2)' },
      { a: false, b: true },
    ],
    ['a bool of any number', { type: 'bool', flat: 'i32', args: '(i32.const -4)' }, true],
    ['a u8 of 32 bits', { type: 'u8', flat: 'i32', args: '(i32.const 0x1ff)' }, 255],
    ['an s8 of 32 bits', { type: 's8', flat: 'i32', args: '(i32.const 0x80)' }, -128],
    ['a u16 of 32 bits', { type: 'u16', flat: 'i32', args: '(i32.const -1)' }, 65_535],
  ])('gets %s cut to it, as the canonical ABI has it', async (_what, passing, taken) => {
    const host = new Host()
    const instance = await host.guest(passing)
    await instance.call(['go'], [])
    expect(host.taken).toEqual([taken])
  })
})

describe('lists that lie over one another', () => {
  /** 4000 pairs of pointer and length, each of the very bytes that the pairs lie in. */
  const overlapping = (element: string, count: number): Passing => ({
    type: `(list (list ${element}))`,
    flat: 'i32 i32',
    args: `(i32.const 0) (i32.const ${count})`,
    data: `(data (i32.const 0) "${'\\00\\00\\00\\00\\00\\80\\00\\00'.repeat(count)}")`,
  })

  it('are values of their own: what the host changes in one does not show in another', async () => {
    const host = new Host()
    await (await host.guest(overlapping('u8', 4))).call(['go'], [])
    const [[first, second]] = host.taken as [Uint8Array[]]
    expect(first).toEqual(second)
    first?.fill(9)
    expect(second?.[0]).toBe(0)
  })

  it('are charged each for itself, so that a page of them cannot stand for gigabytes', async () => {
    const host = new Host()
    const instance = await host.guest(overlapping('u8', 4000))
    expect(await outcomeOf(instance.call(['go'], []))).toMatchObject({ name: 'LinkTrap', code: 'budget' })
    expect(host.taken).toEqual([])
  })
})
