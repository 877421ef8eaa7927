import { describe, expect, it } from 'vitest'
import { LinkTrap, type Imports, type Instance, type MeterHooks } from '#cell/link/linker.ts'
import { JcoLinker } from '#glue/jco.ts'
import { glueArtifactOf, clockArguments, clockImports, clockImportsOfCore } from '../cell/component-of.ts'

const unlimited: MeterHooks = {
  refill: () => 1_000_000,
  yield: () => Promise.resolve(),
  standing: () => 'running',
  growMemory: () => true,
  growTable: () => true,
}

class Pollable {
  readonly #wait: () => Promise<void>
  constructor(wait: () => Promise<void>) {
    this.#wait = wait
  }
  block(): Promise<void> {
    return this.#wait()
  }
}
const clock = (wait: () => Promise<void>): Imports => ({
  'wasi:io/poll': { Pollable },
  'wasi:clocks/monotonic-clock': { Pollable, now: () => 0n, subscribeDuration: () => new Pollable(wait) },
})

/** A component with one async export; `core` has `$return: (i32)`, the functions of a clock, and exports `run` and `cb`. */
const asyncWat = (core: string): string => `(component $top
  ${clockImports}
  (core module $m
    ${clockImportsOfCore}
    (import "" "task.return" (func $return (param i32)))
    (import "" "waitable-set.new" (func $set (result i32)))
    ${core})
  (core func $return (canon task.return (result u32)))
  (core func $set (canon waitable-set.new))
  (core instance $i (instantiate $m ${clockArguments}
    (with "" (instance (export "task.return" (func $return)) (export "waitable-set.new" (func $set))))))
  (func (export "add-one") async (param "x" u32) (result u32)
    (canon lift (core func $i "run") async (callback (core func $i "cb")))))`

const instantiate = async (core: string, imports: Imports, hooks: Partial<MeterHooks> = {}): Promise<Instance> => {
  const linked = await new JcoLinker().link(await glueArtifactOf(asyncWat(core)))
  return await linked.instantiate(imports, { ...unlimited, ...hooks })
}

const exit = '(i32.const 0)'
const yieldOnce = '(i32.const 1)'
const addOne = '(call $return (i32.add (local.get 0) (i32.const 1)))'
const noCallback = '(func (export "cb") (param i32 i32 i32) (result i32) unreachable)'
const calm = clock(() => Promise.resolve())

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('an async export of WASI 0.3, linked by glue', () => {
  it('returns before it is done', async () => {
    const instance = await instantiate(`(func (export "run") (param i32) (result i32) ${addOne} ${exit}) ${noCallback}`, calm)
    expect(await instance.call(['addOne'], [41])).toBe(42)
  })

  it('waits in its callback for a host function', async () => {
    let waits = 0
    const imports = clock(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      waits++
    })
    const core = `(global $x (mut i32) (i32.const 0))
      (func (export "run") (param i32) (result i32) (global.set $x (local.get 0)) ${yieldOnce})
      (func (export "cb") (param i32 i32 i32) (result i32)
        (call $block (call $subscribe (i64.const 1))) (call $return (global.get $x)) ${exit})`
    const instance = await instantiate(core, imports)
    expect(await instance.call(['addOne'], [7])).toBe(7)
    expect(waits).toBe(1)
  })

  it('yields where it is metered, in its callback too', async () => {
    let yields = 0
    const spin = `(local $n i32) (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (i32.lt_u (local.get $n) (i32.const 3000000))))`
    const core = `(func (export "run") (param i32) (result i32) ${yieldOnce})
      (func (export "cb") (param i32 i32 i32) (result i32) ${spin} (call $return (i32.const 5)) ${exit})`
    let asked = 0
    const hooks: Partial<MeterHooks> = {
      refill: (canSuspend) => (canSuspend && ++asked % 2 === 0 ? 'yield' : 1_000_000),
      yield: () => {
        yields++
        return Promise.resolve()
      },
    }
    const instance = await instantiate(core, calm, hooks)
    expect(await instance.call(['addOne'], [1])).toBe(5)
    expect(yields).toBeGreaterThan(2)
  })

  it.each([
    ['in its first step', `(func (export "run") (param i32) (result i32) unreachable) ${noCallback}`],
    ['in its callback', `(func (export "run") (param i32) (result i32) ${yieldOnce}) ${noCallback}`],
  ])('that traps %s rejects, and is called no more', async (_where, core) => {
    const instance = await instantiate(core, calm)
    await expect(instance.call(['addOne'], [1])).rejects.toThrow('unreachable')
    await expect(instance.call(['addOne'], [1])).rejects.toBeInstanceOf(LinkTrap)
  })

  it('that waits for nothing rejects when it is ended', async () => {
    const waitForNothing = '(i32.or (i32.const 2) (i32.shl (call $set) (i32.const 4)))'
    const instance = await instantiate(`(func (export "run") (param i32) (result i32) ${waitForNothing}) ${noCallback}`, calm)
    const refused = expect(instance.call(['addOne'], [1])).rejects.toThrow(/the session is over|deadlock/)
    await pause(30)
    instance.end(new Error('the session is over'))
    await refused
  })

  it('that yields for ever is ended, and runs no more', async () => {
    let calls = 0
    const counting = { ...calm, 'wasi:clocks/monotonic-clock': { ...calm['wasi:clocks/monotonic-clock'], now: () => BigInt(++calls) } }
    const again = `(drop (call $now)) ${yieldOnce}`
    const core = `(func (export "run") (param i32) (result i32) ${again}) (func (export "cb") (param i32 i32 i32) (result i32) ${again})`
    const instance = await instantiate(core, counting)
    const refused = expect(instance.call(['addOne'], [1])).rejects.toThrow('the session is over')
    await expect.poll(() => calls).toBeGreaterThan(3)
    instance.end(new Error('the session is over'))
    await refused
    const before = calls
    await pause(50)
    expect(calls).toBe(before)
  })
})
