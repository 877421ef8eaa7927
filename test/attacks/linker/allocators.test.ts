import { describe, expect, it, vi } from 'vitest'
import type { Imports, Instance } from '#cell/link/linker.ts'
import { instanceOf, linkedOf, outcomeOf, sealed, unlimited } from '../../cell/link/component-world.ts'

/** What a component is made of whose allocator is `realloc`, the body of a function of (old, old size, align, new size). */
interface Liar {
  readonly realloc: string
  /** The inside of the core module, besides. */
  readonly core?: string
  readonly exports?: string
}

/** Whose allocator may call the host, make and drop resources, directly and through a table, and whose memory is of one page. */
const liarWat = ({ realloc, core = '', exports = '' }: Liar): string => `(component
  (import "host" (instance $host
    (export "tick" (func))
    (export "words" (func (result (list string))))
    (export "tell" (func (param "text" string)))))
  (core module $libc (memory (export "memory") 1) (table (export "table") 4 funcref))
  (core instance $libc (instantiate $libc))
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core func $rep (canon resource.rep $r))
  (core func $tick (canon lower (func $host "tick")))
  (core func $tell (canon lower (func $host "tell") (memory (core memory $libc "memory"))))
  (core module $m
    (type $nothing (func))
    (type $make (func (param i32) (result i32)))
    (import "libc" "memory" (memory 1))
    (import "libc" "table" (table 4 funcref))
    (import "host" "tick" (func $tick))
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (import "host" "rep" (func $rep (param i32) (result i32)))
    (elem (i32.const 0) $tick $new)
    (global $next (mut i32) (i32.const 1024))
    (global $handle (mut i32) (i32.const 0))
    (func $bump (param i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.sub (local.get 0) (i32.const 1))) (i32.sub (i32.const 0) (local.get 0))))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 1))))
    (func $realloc (export "realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32) ${realloc})
    (func (export "take") (param i32 i32))
    (func (export "take-numbers") (param i32 i32))
    (func (export "make") (global.set $handle (call $new (i32.const 7))))
    (func (export "first") (param i32 i32) (result i32) (if (result i32) (local.get 1) (then (i32.load8_u (local.get 0))) (else (i32.const -1))))
    ${core})
  (core instance $m (instantiate $m (with "libc" (instance $libc))
    (with "host" (instance (export "tick" (func $tick)) (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))))
  (func (export "take") (param "text" string)
    (canon lift (core func $m "take") (memory (core memory $libc "memory")) (realloc (core func $m "realloc"))))
  (func (export "take-numbers") (param "numbers" (list u32))
    (canon lift (core func $m "take-numbers") (memory (core memory $libc "memory")) (realloc (core func $m "realloc"))))
  (func (export "make") (canon lift (core func $m "make")))
  (func (export "first") (param "text" string) (result s32)
    (canon lift (core func $m "first") (memory (core memory $libc "memory")) (realloc (core func $m "realloc"))))
  ${exports})`

const hostWith = (tick: () => void, words: readonly string[] = [], told: string[] = []): Imports =>
  sealed({ host: { tick, words: () => words, tell: (text: string) => void told.push(text) } })

const liar = (realloc: string, tick: () => void = () => undefined): Promise<Instance> =>
  instanceOf(liarWat({ realloc }), { imports: hostWith(tick) })

const poisoned = { name: 'LinkTrap', code: 'poisoned' }

/** An attack ends the instance with `end`, whatever is called afterwards. */
const expectEnd = async (instance: Instance, call: readonly [string, unknown], end: Record<string, unknown>): Promise<void> => {
  await expect(instance.call([call[0]], [call[1]])).rejects.toMatchObject(end)
  await expect(instance.call(['make'], [])).rejects.toMatchObject(poisoned)
}

describe('an allocator that lies', () => {
  const badPlace = { name: 'LinkTrap', code: 'realloc' }
  it.each([
    ['at the end of memory', '(i32.const 65536)'],
    ['with its last byte outside', '(i32.const 65534)'],
    ['at the highest address', '(i32.const -1)'],
    ['at an address that is negative as a signed number', '(i32.const 0x80000000)'],
  ])('cannot give room %s', async (_where, realloc) => {
    await expectEnd(await liar(realloc), ['take', 'abc'], badPlace)
  })

  it('cannot give room that is misaligned, not even for an empty list', async () => {
    await expectEnd(await liar('(i32.const 1022)'), ['takeNumbers', [1, 2]], badPlace)
    await expectEnd(await liar('(i32.const 1022)'), ['takeNumbers', []], badPlace)
  })

  it('cannot give room beyond the pages it was told it has, though the memory is really larger', async () => {
    const linked = await linkedOf(
      liarWat({
        realloc:
          '(drop (memory.grow (i32.const 4))) (if (result i32) (i32.ne (i32.const 4) (memory.grow (i32.const 0))) (then (i32.const 131072)) (else (i32.const 0)))',
      }),
    )
    const instance = await linked.instantiate(
      hostWith(() => undefined),
      unlimited,
    )
    await instance.call(['take'], ['abc'])
    expect(instance.memory().bytes).toBe(5 * 65_536)
    expect(instance.reset()).toBe(true)
    instance.serve({ ...unlimited, growMemory: (pages) => pages < 2 })
    expect(instance.memory().bytes).toBe(65_536)
    await expectEnd(instance, ['take', 'abc'], badPlace)
  })

  it('may grow the memory while values are written: none is lost, none lands elsewhere', async () => {
    const words = Array.from({ length: 50 }, (_, nth) => `word ${nth} ${'ü'.repeat(nth)}`)
    const grow = '(drop (memory.grow (i32.const 1))) (call $bump (local.get $align) (local.get $size))'
    const told: string[] = []
    const instance = await instanceOf(
      liarWat({
        realloc: grow,
        exports: `
          (core func $words (canon lower (func $host "words") (memory (core memory $libc "memory")) (realloc (core func $m "realloc"))))
          (core module $n
            (import "libc" "memory" (memory 1))
            (import "host" "words" (func $words (param i32)))
            (import "host" "tell" (func $tell (param i32 i32)))
            (func (export "pass") (local $at i32) (local $end i32)
              (call $words (i32.const 512))
              (local.set $at (i32.load (i32.const 512)))
              (local.set $end (i32.add (local.get $at) (i32.mul (i32.const 8) (i32.load (i32.const 516)))))
              (loop $each
                (call $tell (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $each (i32.lt_u (local.get $at) (local.get $end))))))
          (core instance $n (instantiate $n (with "libc" (instance $libc)) (with "host" (instance (export "words" (func $words)) (export "tell" (func $tell))))))
          (func (export "pass") (canon lift (core func $n "pass")))`,
      }),
      { imports: hostWith(() => undefined, words, told) },
    )
    await instance.call(['pass'], [])
    expect(told).toEqual(words)
    expect(instance.memory().bytes).toBe(52 * 65_536)
  })

  it('may give the same room again and again: the guest harms itself only', async () => {
    const words = ['one', 'two', 'three']
    const instance = await liar('(i32.const 0)')
    await expect(instance.call(['first'], ['abc'])).resolves.toBe(97)
    await expect(instance.call(['takeNumbers'], [words.map((word) => word.length)])).resolves.toBeUndefined()
  })
})

describe('an allocator that does more than to allocate', () => {
  it.each([
    ['calls the host', '(call $tick) (i32.const 0)'],
    ['calls the host through a table', '(call_indirect (type $nothing) (i32.const 0)) (i32.const 0)'],
    ['makes a resource', '(drop (call $new (i32.const 1))) (i32.const 0)'],
    ['makes a resource through a table', '(drop (call_indirect (type $make) (i32.const 1) (i32.const 1))) (i32.const 0)'],
    ['drops a resource', '(call $drop (global.get $handle)) (i32.const 0)'],
  ])('ends its instance when it %s', async (_what, realloc) => {
    const tick = vi.fn()
    const instance = await liar(realloc, tick)
    await instance.call(['make'], [])
    await expectEnd(instance, ['take', 'abc'], { name: 'LinkTrap', code: 'reentrance' })
    expect(tick).not.toHaveBeenCalled()
  })

  it('may look at what its resources stand for', async () => {
    const instance = await liar('(i32.mul (call $rep (global.get $handle)) (i32.const 64))')
    await instance.call(['make'], [])
    await expect(instance.call(['first'], ['b'])).resolves.toBe(98)
  })

  it.each([
    ['traps', '(unreachable)', 'RuntimeError'],
    ['calls itself without end', '(call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3))', 'RangeError'],
  ])('ends its instance when it %s', async (_what, realloc, name) => {
    await expectEnd(await liar(realloc), ['take', 'abc'], { name })
  })

  it('has fuel of its own, once for all its calls', async () => {
    const instance = await liar('(loop $ever (br $ever)) (i32.const 0)')
    await expectEnd(instance, ['take', 'abc'], { name: 'LinkTrap', code: 'budget' })
  })

  it('may call the host again once its guest is back in a call of its own', async () => {
    const tick = vi.fn()
    const instance = await instanceOf(
      liarWat({
        realloc: '(i32.const 0)',
        core: '(func (export "go") (param i32 i32) (call $tick))',
        exports:
          '(func (export "go") (param "text" string) (canon lift (core func $m "go") (memory (core memory $libc "memory")) (realloc (core func $m "realloc"))))',
      }),
      { imports: hostWith(tick) },
    )
    await instance.call(['go'], ['abc'])
    expect(tick).toHaveBeenCalledOnce()
  })
})

describe('a post-return', () => {
  const cleaning = (body: string): string =>
    liarWat({
      realloc: '(i32.const 0)',
      core: `(func (export "answer") (result i32) (i32.const 5)) (func (export "clean") (param i32) ${body})`,
      exports: '(func (export "answer") (result u32) (canon lift (core func $m "answer") (post-return (core func $m "clean"))))',
    })
  it.each([
    ['calls the host', '(call $tick)', 'reentrance'],
    ['drops a resource', '(call $drop (global.get $handle))', 'reentrance'],
    ['never ends', '(loop $ever (br $ever))', 'budget'],
  ])('ends its instance when it %s', async (_what, body, code) => {
    const tick = vi.fn()
    const instance = await instanceOf(cleaning(body), { imports: hostWith(tick) })
    await instance.call(['make'], [])
    expect(await outcomeOf(instance.call(['answer'], []))).toMatchObject({ name: 'LinkTrap', code })
    await expect(instance.call(['make'], [])).rejects.toMatchObject(poisoned)
    expect(tick).not.toHaveBeenCalled()
  })
})
