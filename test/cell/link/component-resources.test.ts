import { describe, expect, it } from 'vitest'
import type { Instance } from '#cell/link/linker.ts'
import { sleeperWat } from '../component-of.ts'
import { agentPath, instanceOf, sealed, unlimited } from './component-world.ts'

const handleTrap = { name: 'LinkTrap', code: 'handle' }
const run = (core: string): string => `(func (export "run") (param i32 i32) (result i32) ${core})`

/** A component that uses a host's resource through `core`, which may call `$new`, `$use`, `$take`, `$both`, `$drop`. */
const userWat = (core: string): string => `(component
  (import "a:b/things" (instance $i
    (export "thing" (type $t (sub resource)))
    (export "[constructor]thing" (func (result (own $t))))
    (export "[method]thing.use" (func (param "self" (borrow $t)) (result u32)))
    (export "take" (func (param "t" (own $t))))
    (export "both" (func (param "a" (borrow $t)) (param "b" (own $t))))))
  (alias export $i "thing" (type $thing))
  (core func $new (canon lower (func $i "[constructor]thing")))
  (core func $use (canon lower (func $i "[method]thing.use")))
  (core func $take (canon lower (func $i "take")))
  (core func $both (canon lower (func $i "both")))
  (core func $drop (canon resource.drop $thing))
  (core module $m
    (import "i" "new" (func $new (result i32)))
    (import "i" "use" (func $use (param i32) (result i32)))
    (import "i" "take" (func $take (param i32)))
    (import "i" "both" (func $both (param i32 i32)))
    (import "i" "drop" (func $drop (param i32)))
    ${core})
  (core instance $m (instantiate $m (with "i" (instance (export "new" (func $new)) (export "use" (func $use))
    (export "take" (func $take)) (export "both" (func $both)) (export "drop" (func $drop))))))
  (func (export "run") (result u32) (canon lift (core func $m "run")))
  (func (export "lent") (param "t" (borrow $thing)) (result u32) (canon lift (core func $m "lent")))
  (func (export "given") (param "t" (own $thing)) (result u32) (canon lift (core func $m "given"))))`

const nothing =
  '(func (export "run") (result i32) (i32.const 0)) (func (export "lent") (param i32) (result i32) (i32.const 0)) (func (export "given") (param i32) (result i32) (i32.const 0))'
const only = (name: 'run' | 'lent' | 'given', body: string): string =>
  nothing.replace(
    new RegExp(String.raw`\(func \(export "${name}"\)([^$]*?)\(result i32\) \(i32.const 0\)\)`),
    `(func (export "${name}")$1(result i32) ${body})`,
  )

class World {
  readonly log: string[] = []
  readonly taken: unknown[] = []
  next = 0
  readonly Thing
  constructor() {
    // oxlint-disable-next-line typescript/no-this-alias, unicorn/no-this-assignment -- what each thing tells of itself
    const world = this
    this.Thing = class Thing {
      readonly #number = ++world.next
      use(): number {
        world.log.push(`use ${this.#number}`)
        return this.#number
      }
      [Symbol.dispose](): void {
        world.log.push(`dispose ${this.#number}`)
      }
    }
  }
  instance(wat: string): Promise<Instance> {
    const take = (thing: unknown): void => void this.taken.push(thing)
    const both = (_borrowed: unknown, thing: unknown): void => void this.taken.push(thing)
    return instanceOf(wat, { imports: sealed({ 'a:b/things': { Thing: this.Thing, take, both } }) })
  }
}

/** Imports `thing` and, as `again`, the same type once more; uses neither. */
const unusedWat = `(component
  (import "a:b/things" (instance $i (export "thing" (type $t (sub resource))) (export "again" (type (eq $t)))))
  (alias export $i "thing" (type $thing))
  (import "a:b/users" (instance (export "thing" (type (eq $thing))))))`

describe('classes of the host', () => {
  const linkTrap = { name: 'LinkTrap', code: 'link' }
  const Thing = function (): void {}
  const Other = function (): void {}

  it.each([
    ['under its own name alone, which is what interfaces do that use it', { 'a:b/things': { Thing } }],
    ['under each of its names', { 'a:b/things': { Thing, Again: Thing }, 'a:b/users': { Thing } }],
  ])('stand for a resource type %s', async (_where, interfaces) => {
    await instanceOf(unusedWat, { imports: sealed(interfaces) })
  })

  it.each([
    ['missing', {}],
    ['missing where they are defined', { 'a:b/users': { Thing } }],
    ['no classes', { 'a:b/things': { Thing: {} } }],
    ['others under another name', { 'a:b/things': { Thing, Again: Other } }],
    ['others in another interface', { 'a:b/things': { Thing }, 'a:b/users': { Thing: Other } }],
  ])('are refused when they are %s, though no guest has used them', async (_what, interfaces) => {
    await expect(instanceOf(unusedWat, { imports: sealed(interfaces) })).rejects.toMatchObject(linkTrap)
  })
})

describe('handles of the host’s resources', () => {
  it('reach the object that they stand for, which is told when they are dropped', async () => {
    const world = new World()
    const body =
      '(local $a i32) (local $b i32) (local.set $a (call $new)) (local.set $b (call $new)) (drop (call $use (local.get $b))) (call $drop (local.get $b)) (call $use (local.get $a))'
    const instance = await world.instance(userWat(only('run', body)))
    await expect(instance.call(['run'], [])).resolves.toBe(1)
    expect(world.log).toEqual(['use 2', 'dispose 2', 'use 1'])
    instance.end(new Error('over'))
    expect(world.log).toEqual(['use 2', 'dispose 2', 'use 1', 'dispose 1'])
  })

  it.each([
    ['forged', '(call $use (i32.const 1))'],
    ['zero', '(call $use (i32.const 0))'],
    ['far out', '(call $use (i32.const -1))'],
    ['used after being dropped', '(call $drop (call $new)) (call $use (i32.const 1))'],
    ['dropped twice', '(call $drop (call $new)) (call $drop (i32.const 1)) (i32.const 0)'],
    ['used after being moved', '(call $take (call $new)) (call $use (i32.const 1))'],
    ['moved twice', '(call $take (call $new)) (call $take (i32.const 1)) (i32.const 0)'],
    ['moved while lent', '(call $both (call $new) (i32.const 1)) (i32.const 0)'],
  ])('trap when they are %s', async (_name, body) => {
    const world = new World()
    const instance = await world.instance(userWat(only('run', body)))
    await expect(instance.call(['run'], [])).rejects.toMatchObject(handleTrap)
    expect(world.log.filter((line) => line.startsWith('use'))).toEqual([])
    await expect(instance.call(['run'], [])).rejects.toMatchObject({ code: 'poisoned' })
  })

  it('are freed when the call is over for which they were lent', async () => {
    const world = new World()
    const body =
      '(local $a i32) (local.set $a (call $new)) (drop (call $use (local.get $a))) (call $both (local.get $a) (call $new)) (call $take (local.get $a)) (i32.const 5)'
    const instance = await world.instance(userWat(only('run', body)))
    await expect(instance.call(['run'], [])).resolves.toBe(5)
    expect(world.taken).toHaveLength(2)
  })

  it('are lent to a guest for one call, which has to give them back', async () => {
    const world = new World()
    const thing = new world.Thing()
    const giving = await world.instance(
      userWat(only('lent', '(local $n i32) (local.set $n (call $use (local.get 0))) (call $drop (local.get 0)) (local.get $n)')),
    )
    await expect(giving.call(['lent'], [thing])).resolves.toBe(1)
    await expect(giving.call(['lent'], [thing])).resolves.toBe(1)
    expect(world.log).toEqual(['use 1', 'use 1'])
    const keeping = await world.instance(userWat(only('lent', '(call $use (local.get 0))')))
    await expect(keeping.call(['lent'], [thing])).rejects.toMatchObject(handleTrap)
    const moving = await world.instance(userWat(only('lent', '(call $take (local.get 0)) (i32.const 0)')))
    await expect(moving.call(['lent'], [thing])).rejects.toMatchObject(handleTrap)
  })

  it('are made of nothing but objects of the class that the host gave', async () => {
    const world = new World()
    for (const forged of [{}, { use: () => 1 }, 1, undefined, null, 'thing', new World()]) {
      const instance = await world.instance(userWat(only('given', '(call $use (local.get 0))')))
      await expect(instance.call(['given'], [forged])).rejects.toThrow(TypeError)
    }
    const instance = await world.instance(userWat(only('given', '(call $use (local.get 0))')))
    await expect(instance.call(['given'], [new world.Thing()])).resolves.toBe(1)
  })

  it('reach a method of the class, not one that the object brings along', async () => {
    const world = new World()
    const thing = Object.assign(new world.Thing(), { use: () => 666 })
    const instance = await world.instance(userWat(only('given', '(call $use (local.get 0))')))
    await expect(instance.call(['given'], [thing])).resolves.toBe(1)
  })

  it('are bounded in number', async () => {
    class Pollable {
      block(): void {
        throw new Error('not to be called')
      }
    }
    const wat = sleeperWat(run('(loop $again (drop (call $subscribe (i64.const 1))) (br $again)) unreachable'))
    const imports = sealed({
      'wasi:io/poll': { Pollable },
      'wasi:clocks/monotonic-clock': { now: () => 0n, subscribeDuration: () => new Pollable() },
    })
    const asked = await instanceOf(wat, { imports, hooks: { maxHandles: 10 } })
    await expect(asked.call(agentPath, [''])).rejects.toMatchObject({ name: 'LinkTrap', code: 'budget' })
  })
})

/** A component that makes resources: a counter with a constructor, a method, a static function and a destructor that tells the host. */
const makerWat = `(component
  (import "a:b/log" (instance $log (export "dropped" (func (param "rep" u32)))))
  (core func $dropped (canon lower (func $log "dropped")))
  (core module $d (import "log" "dropped" (func $dropped (param i32))) (func (export "drop") (param i32) (call $dropped (local.get 0))))
  (core instance $d (instantiate $d (with "log" (instance (export "dropped" (func $dropped))))))
  (type $counter (resource (rep i32) (dtor (core func $d "drop"))))
  (core func $new (canon resource.new $counter))
  (core func $drop (canon resource.drop $counter))
  (core func $rep (canon resource.rep $counter))
  (core module $m
    (import "r" "new" (func $new (param i32) (result i32)))
    (import "r" "drop" (func $drop (param i32)))
    (import "r" "rep" (func $rep (param i32) (result i32)))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "value") (param i32) (result i32) (local.get 0))
    (func (export "eat") (param i32) (result i32) (local $r i32) (local.set $r (call $rep (local.get 0))) (call $drop (local.get 0)) (local.get $r))
    (func (export "back") (param i32) (result i32) (local.get 0))
    (func (export "pair") (param i32 i32) (result i32) (i32.add (local.get 0) (call $rep (local.get 1)))))
  (core instance $m (instantiate $m (with "r" (instance (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))))
  (func $make (param "x" u32) (result (own $counter)) (canon lift (core func $m "make")))
  (func $value (param "self" (borrow $counter)) (result u32) (canon lift (core func $m "value")))
  (func $eat (param "c" (own $counter)) (result u32) (canon lift (core func $m "eat")))
  (func $back (param "c" (own $counter)) (result (own $counter)) (canon lift (core func $m "back")))
  (func $pair (param "a" (borrow $counter)) (param "b" (own $counter)) (result u32) (canon lift (core func $m "pair")))
  (component $shape
    (import "counter" (type $c (sub resource)))
    (import "make" (func $make (param "x" u32) (result (own $c))))
    (import "value" (func $value (param "self" (borrow $c)) (result u32)))
    (import "eat" (func $eat (param "c" (own $c)) (result u32)))
    (import "back" (func $back (param "c" (own $c)) (result (own $c))))
    (import "pair" (func $pair (param "a" (borrow $c)) (param "b" (own $c)) (result u32)))
    (export $e "counter" (type $c))
    (export "[constructor]counter" (func $make) (func (param "x" u32) (result (own $e))))
    (export "[method]counter.value" (func $value) (func (param "self" (borrow $e)) (result u32)))
    (export "[static]counter.eat" (func $eat) (func (param "c" (own $e)) (result u32)))
    (export "back" (func $back) (func (param "c" (own $e)) (result (own $e))))
    (export "pair" (func $pair) (func (param "a" (borrow $e)) (param "b" (own $e)) (result u32))))
  (instance $shaped (instantiate $shape (with "counter" (type $counter)) (with "make" (func $make)) (with "value" (func $value))
    (with "eat" (func $eat)) (with "back" (func $back)) (with "pair" (func $pair))))
  (export "a:b/counters@1.0.0" (instance $shaped)))`

const counters = 'a:b/counters@1.0.0'
const maker = async (log: number[] = []): Promise<Instance> =>
  instanceOf(makerWat, { imports: sealed({ 'a:b/log': { dropped: (rep: number) => void log.push(rep) } }) })

describe('resources that a guest makes', () => {
  it('are made, used and passed back by the names of their class', async () => {
    const log: number[] = []
    const instance = await maker(log)
    const counter = await instance.call([counters, 'Counter', 'new'], [7])
    expect(Object.keys(counter as object)).toEqual([])
    await expect(instance.call([counters, 'Counter', 'value'], [counter])).resolves.toBe(7)
    await expect(instance.call([counters, 'Counter', 'value'], [counter])).resolves.toBe(7)
    const again = await instance.call([counters, 'back'], [counter])
    await expect(instance.call([counters, 'Counter', 'eat'], [again])).resolves.toBe(7)
    expect(log).toEqual([7])
  })

  it('end when the host disposes of them, in the instance’s turn, once', async () => {
    const log: number[] = []
    const instance = await maker(log)
    const counter = (await instance.call([counters, 'Counter', 'new'], [9])) as Disposable
    const value = instance.call([counters, 'Counter', 'value'], [counter])
    counter[Symbol.dispose]()
    counter[Symbol.dispose]()
    await expect(value).resolves.toBe(9)
    await instance.call([counters, 'Counter', 'new'], [1])
    expect(log).toEqual([9])
  })

  it.each([
    ['moved', async (instance: Instance, counter: unknown) => void (await instance.call([counters, 'Counter', 'eat'], [counter]))],
    ['disposed of', async (_: Instance, counter: unknown) => (counter as Disposable)[Symbol.dispose]()],
  ])('trap when they are used after having been %s', async (_name, end) => {
    const instance = await maker()
    const counter = await instance.call([counters, 'Counter', 'new'], [7])
    await end(instance, counter)
    await expect(instance.call([counters, 'Counter', 'value'], [counter])).rejects.toMatchObject(handleTrap)
  })

  it('trap in another instance, as another type, and moved while lent', async () => {
    const one = await maker()
    const other = await maker()
    const counter = await one.call([counters, 'Counter', 'new'], [7])
    await expect(other.call([counters, 'Counter', 'value'], [counter])).rejects.toMatchObject(handleTrap)
    await expect(one.call([counters, 'pair'], [counter, counter])).rejects.toMatchObject(handleTrap)
    for (const forged of [{}, 7, undefined, Object.create(counter as object)]) {
      const instance = await maker()
      await expect(instance.call([counters, 'Counter', 'value'], [forged])).rejects.toThrow()
    }
  })

  it('are no use to a host after the session that they are of', async () => {
    const log: number[] = []
    const imports = sealed({ 'a:b/log': { dropped: (rep: number) => void log.push(rep) } })
    const instance = await instanceOf(makerWat, { imports })
    const counter = (await instance.call([counters, 'Counter', 'new'], [7])) as Disposable
    expect(instance.reset()).toBe(true)
    instance.serve(unlimited)
    counter[Symbol.dispose]()
    await instance.call([counters, 'Counter', 'new'], [8])
    expect(log).toEqual([])
    await expect(instance.call([counters, 'Counter', 'value'], [counter])).rejects.toMatchObject(handleTrap)
  })
})
