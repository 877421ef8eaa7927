import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Imports, Instance, MeterHooks } from '#cell/link/linker.ts'
import { instanceOf, linkedOf, outcomeOf, sealed, unlimited } from '../../cell/link/component-world.ts'

/** Host functions that wait: without a result, with one through memory, and as the method of a resource. */
const hostText = `
  (import "host" (instance $host
    (export "thing" (type $t (sub resource)))
    (export "make" (func (result (own $t))))
    (export "[method]thing.wait" (func (param "self" (borrow $t))))
    (export "wait" (func))
    (export "wait-text" (func (result string)))))
  (alias export $host "thing" (type $thing))
  (core module $libc (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $make (canon lower (func $host "make")))
  (core func $block (canon lower (func $host "[method]thing.wait")))
  (core func $wait (canon lower (func $host "wait")))
  (core func $text (canon lower (func $host "wait-text") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core instance $given (export "make" (func $make)) (export "block" (func $block)) (export "wait" (func $wait)) (export "text" (func $text)))`

const importsOfCore = `
  (import "host" "make" (func $make (result i32)))
  (import "host" "block" (func $block (param i32)))
  (import "host" "wait" (func $wait))
  (import "host" "text" (func $text (param i32)))`

/** A guest that does `body`. */
const waiterWat = (body: string): string => `(component ${hostText}
  (core module $m ${importsOfCore} (func (export "go") ${body}))
  (core instance $m (instantiate $m (with "host" (instance $given))))
  (func (export "go") (canon lift (core func $m "go"))))`

/** The same, where what waits is the destructor of a resource, called from a component inside another. */
const nestedWat = `(component ${hostText}
  (core module $d (import "host" "wait" (func $wait)) (func (export "end") (param i32) (call $wait)))
  (core instance $d (instantiate $d (with "host" (instance $given))))
  (type $r (resource (rep i32) (dtor (core func $d "end"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "r" "new" (func $new (param i32) (result i32)))
    (import "r" "drop" (func $drop (param i32)))
    (func (export "go") (call $drop (call $new (i32.const 1)))))
  (core instance $m (instantiate $m (with "r" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func $inner (canon lift (core func $m "go")))
  (component $outer
    (import "inner" (func $inner))
    (core func $lowered (canon lower (func $inner)))
    (core module $m (import "" "inner" (func $inner)) (func (export "go") (call $inner)))
    (core instance $m (instantiate $m (with "" (instance (export "inner" (func $lowered))))))
    (func (export "go") (canon lift (core func $m "go"))))
  (instance $outer (instantiate $outer (with "inner" (func $inner))))
  (export "go" (func $outer "go")))`

const waits: readonly (readonly [string, string])[] = [
  ['a function', waiterWat('(call $wait)')],
  ['a function whose result goes through memory', waiterWat('(call $text (i32.const 64))')],
  ['a method, with the handle lent', waiterWat('(call $block (call $make))')],
  ['a destructor, inside a call between components', nestedWat],
]

const isAsync = (_interfaceId: string, member: string): boolean => member.includes('wait')
const never = (): Promise<never> => new Promise(() => undefined)

/** Whose functions that wait give what `answer` gives. */
const hostThat = (answer: () => unknown): Imports => {
  class Thing {
    wait(): unknown {
      return answer()
    }
  }
  return sealed({ host: { Thing, make: () => new Thing(), wait: answer, waitText: answer } })
}

const killed = new Error('killed')
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

describe('a guest that waits', () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  beforeEach(() => void process.on('unhandledRejection', note))
  afterEach(async () => {
    await tick()
    process.off('unhandledRejection', note)
    expect(unhandled.splice(0)).toEqual([])
  })

  const expectEnded = async (instance: Instance, calls: readonly Promise<unknown>[], reason: unknown): Promise<void> => {
    for (const outcome of await Promise.all(calls.map((call) => outcomeOf(call)))) expect(outcome).toBe(reason)
    await expect(instance.call(['go'], [])).rejects.toMatchObject({ code: 'poisoned' })
    expect(instance.reset()).toBe(false)
  }

  it.each(waits)('for %s ends when it is killed, with all that wait behind it, though the host never answers', async (_what, wat) => {
    const instance = await instanceOf(wat, { isAsync, imports: hostThat(never) })
    const calls = [1, 2, 3].map(() => instance.call(['go'], []))
    await tick()
    instance.end(killed)
    await expectEnded(instance, calls, killed)
  })

  it.each(waits)('for %s ends when the host rejects', async (_what, wat) => {
    const gone = new Error('gone')
    const instance = await instanceOf(wat, { isAsync, imports: hostThat(() => Promise.reject(gone)) })
    const call = instance.call(['go'], [])
    await expectEnded(instance, [call], gone)
  })

  it.each(waits)('for %s ends when it is killed while it waits for its next turn', async (_what, wat) => {
    let standing: 'running' | 'over' = 'running'
    const hooks: Partial<MeterHooks> = { standing: () => standing, yield: never }
    const answer = async (): Promise<string> => {
      standing = 'over'
      return 'text'
    }
    const instance = await instanceOf(wat, { isAsync, imports: hostThat(answer), hooks })
    const call = instance.call(['go'], [])
    await tick()
    instance.end(killed)
    await expectEnded(instance, [call], killed)
  })

  it.each(waits)('for %s gets nothing of an answer that comes after its end', async (_what, wat) => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const instance = await instanceOf(wat, { isAsync, imports: hostThat(() => promise) })
    const call = outcomeOf(instance.call(['go'], []))
    await tick()
    instance.end(killed)
    resolve('late')
    await tick()
    await expectEnded(instance, [call], killed)
  })

  it.each(waits)('for %s is ended by the host function itself, which then never answers', async (_what, wat) => {
    const { promise, resolve } = Promise.withResolvers<Instance>()
    let instance: Instance | undefined
    const answer = (): Promise<never> => {
      instance?.end(killed)
      return never()
    }
    instance = await instanceOf(wat, { isAsync, imports: hostThat(answer) })
    resolve(instance)
    await expectEnded(await promise, [instance.call(['go'], [])], killed)
  })

  it.each(
    waits.flatMap(([what, wat]) => [
      [what, 'once they are ended', wat, false] as const,
      [what, 'when the host functions end them', wat, true] as const,
    ]),
  )('for %s leaves nothing of a thousand of it in the heap %s', async (_what, _end, wat, endsInside) => {
    setFlagsFromString('--expose-gc')
    const collect: unknown = runInNewContext('gc')
    if (typeof collect !== 'function') throw new Error('expected the engine to collect on demand')
    const linked = await linkedOf(wat, { isAsync })
    const crowd = async (size: number): Promise<number> => {
      const answers = Array.from({ length: size }, () => ({ end: (): void => undefined }))
      const hostOf = (answer: { readonly end: () => void }): Imports => hostThat(() => (answer.end(), never()))
      const instances = await Promise.all(answers.map((answer) => linked.instantiate(hostOf(answer), unlimited)))
      if (endsInside) for (const [nth, answer] of answers.entries()) answer.end = () => instances[nth]?.end(killed)
      const calls = instances.map((instance) => outcomeOf(instance.call(['go'], [])))
      await tick()
      for (const instance of instances) instance.end(killed)
      expect(new Set(await Promise.all(calls))).toEqual(new Set([killed]))
      instances.length = 0
      await tick()
      for (let round = 0; round < 3; round++) collect()
      return process.memoryUsage().heapUsed
    }
    await crowd(50)
    const before = await crowd(50)
    expect((await crowd(1000)) - before).toBeLessThan(1_000_000)
  })
})

describe('where nothing can wait', () => {
  const cannotWait = { name: 'LinkTrap', code: 'reentrance' }
  const startsWith = (module: string): string => `(component ${hostText}
    (core module $m ${module})
    (core instance (instantiate $m (with "host" (instance $given)))))`

  it.each([
    ['calls one', `${importsOfCore} (func $start (call $wait)) (start $start)`],
    ['is one', '(import "host" "wait" (func $wait)) (start $wait)'],
    ['reads text', `(import "host" "text" (func $text (param i32))) (func $start (call $text (i32.const 0))) (start $start)`],
  ])('a start function that %s that waits ends its instance', async (_what, module) => {
    const linked = await linkedOf(startsWith(module), { isAsync })
    await expect(
      linked.instantiate(
        hostThat(async () => 'text'),
        unlimited,
      ),
    ).rejects.toMatchObject(cannotWait)
  })

  it('a destructor that waits cannot be called from a start function', async () => {
    const wat = `(component ${hostText}
      (core module $d (import "host" "block" (func $block (param i32))) (export "end" (func $block)))
      (core instance $d (instantiate $d (with "host" (instance $given))))
      (type $r (resource (rep i32) (dtor (core func $d "end"))))
      (core func $new (canon resource.new $r))
      (core func $drop (canon resource.drop $r))
      (core module $m (import "host" "make" (func $make (result i32)))
        (import "r" "new" (func $new (param i32) (result i32)))
        (import "r" "drop" (func $drop (param i32)))
        (func $start (call $drop (call $new (call $make))))
        (start $start))
      (core instance (instantiate $m (with "host" (instance $given)) (with "r" (instance (export "new" (func $new)) (export "drop" (func $drop)))))))`
    const linked = await linkedOf(wat, { isAsync })
    await expect(
      linked.instantiate(
        hostThat(async () => undefined),
        unlimited,
      ),
    ).rejects.toMatchObject(cannotWait)
  })
})
