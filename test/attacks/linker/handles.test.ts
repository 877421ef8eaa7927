import { describe, expect, it } from 'vitest'
import type { Instance, MeterHooks } from '#cell/link/linker.ts'
import { instanceOf, outcomeOf, sealed } from '../../cell/link/component-world.ts'

const handleTrap = { name: 'LinkTrap', code: 'handle' }

/**
 * A component that plays with handles: `$host.thing` and `$host.other` are the host's, `$own` its own, whose destructor adds to a sum. `body` is what `go` does; it may
 * call `$thing`, `$other`, `$use`, `$swap`, `$lend2`, `$drop-thing`, `$drop-other`, `$new`, `$rep`, `$drop`.
 */
const playerWat = (body: string, destructor = '(global.set $sum (i32.add (global.get $sum) (local.get 0)))'): string => `(component
  (import "host" (instance $host
    (export "thing" (type $t (sub resource)))
    (export "other" (type $o (sub resource)))
    (export "[constructor]thing" (func (result (own $t))))
    (export "[constructor]other" (func (result (own $o))))
    (export "[method]thing.use" (func (param "self" (borrow $t)) (result u32)))
    (export "swap" (func (param "a" (own $t)) (result (own $t))))
    (export "both" (func (param "a" (borrow $t)) (param "b" (own $t))))
    (export "many" (func (param "all" (list (own $t)))))))
  (alias export $host "thing" (type $thing))
  (alias export $host "other" (type $other))
  (core module $d (global $sum (export "sum") (mut i32) (i32.const 0)) (memory (export "memory") 1) (func (export "end") (param i32) ${destructor}))
  (core instance $d (instantiate $d))
  (type $own (resource (rep i32) (dtor (core func $d "end"))))
  (core func $thing-new (canon lower (func $host "[constructor]thing")))
  (core func $other-new (canon lower (func $host "[constructor]other")))
  (core func $use (canon lower (func $host "[method]thing.use")))
  (core func $swap (canon lower (func $host "swap")))
  (core func $both (canon lower (func $host "both")))
  (core func $many (canon lower (func $host "many") (memory (core memory $d "memory"))))
  (core func $drop-thing (canon resource.drop $thing))
  (core func $drop-other (canon resource.drop $other))
  (core func $new (canon resource.new $own))
  (core func $rep (canon resource.rep $own))
  (core func $drop (canon resource.drop $own))
  (core module $m
    (import "d" "memory" (memory 1))
    (import "d" "sum" (global $sum (mut i32)))
    (import "h" "thing" (func $thing (result i32)))
    (import "h" "other" (func $other (result i32)))
    (import "h" "use" (func $use (param i32) (result i32)))
    (import "h" "swap" (func $swap (param i32) (result i32)))
    (import "h" "both" (func $both (param i32 i32)))
    (import "h" "many" (func $many (param i32 i32)))
    (import "h" "drop-thing" (func $drop-thing (param i32)))
    (import "h" "drop-other" (func $drop-other (param i32)))
    (import "h" "new" (func $new (param i32) (result i32)))
    (import "h" "rep" (func $rep (param i32) (result i32)))
    (import "h" "drop" (func $drop (param i32)))
    (func (export "go") (result i32) (local $a i32) (local $b i32) ${body})
    (func (export "sum") (result i32) (global.get $sum)))
  (core instance $m (instantiate $m (with "d" (instance $d)) (with "h" (instance
    (export "thing" (func $thing-new)) (export "other" (func $other-new)) (export "use" (func $use)) (export "swap" (func $swap)) (export "both" (func $both))
    (export "many" (func $many)) (export "drop-thing" (func $drop-thing)) (export "drop-other" (func $drop-other)) (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
  (func (export "go") (result u32) (canon lift (core func $m "go")))
  (func (export "sum") (result u32) (canon lift (core func $m "sum"))))`

/** A host that notes who was used and who was let go of; numbers say which. */
class Host {
  readonly used: number[] = []
  readonly gone: number[] = []
  readonly given: unknown[] = []
  #made = 0

  instance(wat: string, hooks: Partial<MeterHooks> = {}): Promise<Instance> {
    const { used, gone, given } = this
    const next = (): number => ++this.#made
    class Thing {
      readonly #number = next()
      use(): number {
        used.push(this.#number)
        return this.#number
      }
      [Symbol.dispose](): void {
        gone.push(this.#number)
      }
    }
    class Other {
      use(): number {
        return -1
      }
    }
    const keep = (...values: readonly unknown[]): void => void given.push(...values)
    const imports = sealed({
      host: {
        Thing,
        Other,
        swap: (thing: unknown) => (given.push(thing), new Thing()),
        both: keep,
        many: (all: readonly unknown[]) => keep(...all),
      },
    })
    return instanceOf(wat, { imports, hooks })
  }
}

describe('a guest that plays with handles of the host’s resources', () => {
  it.each([
    ['one it never had', '(call $use (i32.const 1))'],
    ['zero', '(call $use (i32.const 0))'],
    ['the highest', '(call $use (i32.const -1))'],
    ['one past its own', '(drop (call $thing)) (call $use (i32.const 2))'],
    ['one it has dropped', '(local.set $a (call $thing)) (call $drop-thing (local.get $a)) (call $use (local.get $a))'],
    [
      'one it has dropped before, to be dropped',
      '(local.set $a (call $thing)) (call $drop-thing (local.get $a)) (call $drop-thing (local.get $a)) (i32.const 0)',
    ],
    ['one of another resource of the host', '(call $use (call $other))'],
    ['one of another resource, to be dropped', '(call $drop-thing (call $other)) (i32.const 0)'],
    ['one of its own resources', '(call $use (call $new (i32.const 1)))'],
    ['one of the host’s, as its own', '(call $rep (call $thing))'],
    ['one of the host’s, to be dropped as its own', '(call $drop (call $thing)) (i32.const 0)'],
    ['one and the same, lent and given', '(local.set $a (call $thing)) (call $both (local.get $a) (local.get $a)) (i32.const 0)'],
    [
      'one and the same, given twice',
      '(local.set $a (call $thing)) (i32.store (i32.const 0) (local.get $a)) (i32.store (i32.const 4) (local.get $a)) (call $many (i32.const 0) (i32.const 2)) (i32.const 0)',
    ],
  ])('reaches nobody by %s', async (_what, body) => {
    const host = new Host()
    const instance = await host.instance(playerWat(body))
    await expect(instance.call(['go'], [])).rejects.toMatchObject(handleTrap)
    expect(host.used).toEqual([])
    expect(host.given).toEqual([])
    await expect(instance.call(['sum'], [])).rejects.toMatchObject({ code: 'poisoned' })
  })

  it('finds another resource under the index of one that it has given away, never the same again', async () => {
    const host = new Host()
    const body =
      '(local.set $a (call $thing)) (drop (call $swap (local.get $a))) (drop (call $swap (local.get $a))) (drop (call $swap (local.get $a))) (i32.const 0)'
    await (await host.instance(playerWat(body))).call(['go'], [])
    expect(host.given).toHaveLength(3)
    expect(new Set(host.given).size).toBe(3)
  })

  it('disposes of each of its resources once, however it ends', async () => {
    const host = new Host()
    const instance = await host.instance(
      playerWat('(drop (call $thing)) (call $drop-thing (call $thing)) (drop (call $thing)) (unreachable)'),
    )
    await outcomeOf(instance.call(['go'], []))
    instance.end(new Error('over'))
    expect(host.gone.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
  })
})

describe('a guest whose destructor', () => {
  const twice = '(call $drop (call $new (i32.const 3))) (call $drop (call $new (i32.const 4))) (i32.const 0)'

  it('sums is called for what it made, once each', async () => {
    const instance = await new Host().instance(playerWat(twice))
    await instance.call(['go'], [])
    await expect(instance.call(['sum'], [])).resolves.toBe(7)
  })

  it('traps ends its instance', async () => {
    const instance = await new Host().instance(playerWat(twice, '(unreachable)'))
    await expect(instance.call(['go'], [])).rejects.toThrow('unreachable')
    await expect(instance.call(['sum'], [])).rejects.toMatchObject({ code: 'poisoned' })
  })

  it('never ends has the fuel of its session, and yields', async () => {
    let asked = 0
    const refill = (): 'stop' | 'yield' => (++asked <= 10 ? 'yield' : 'stop')
    const instance = await new Host().instance(playerWat(twice, '(loop $ever (br $ever))'), { refill })
    await expect(instance.call(['go'], [])).rejects.toMatchObject({ name: 'LinkTrap', code: 'over' })
    expect(asked).toBe(11)
  })
})
