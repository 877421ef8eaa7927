import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { Instance, MeterHooks } from '#cell/link/linker.ts'
import { agentWat, sleeperWat } from '../component-of.ts'
import { agentPath, gate, instanceOf, linkedOf, outcomeOf, sealed, unlimited } from './component-world.ts'

/** A component that calls another one: `inner` is the inside of the callee's module, which may call `$wait`, and has to export `f`. */
const composedWat = (inner: string, outer = '(func (export "run") (param i32) (result i32) (call $f (local.get 0)))'): string => `(component
  (import "a:b/host" (instance $host (export "wait" (func (param "x" u32) (result u32)))))
  (component $Callee
    (import "host" (instance $host (export "wait" (func (param "x" u32) (result u32)))))
    (core func $wait (canon lower (func $host "wait")))
    (core module $m (import "host" "wait" (func $wait (param i32) (result i32))) ${inner})
    (core instance $m (instantiate $m (with "host" (instance (export "wait" (func $wait))))))
    (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f"))))
  (component $Caller
    (import "f" (func $f (param "x" u32) (result u32)))
    (core func $f (canon lower (func $f)))
    (core module $m (import "callee" "f" (func $f (param i32) (result i32))) ${outer})
    (core instance $m (instantiate $m (with "callee" (instance (export "f" (func $f))))))
    (func (export "run") (param "x" u32) (result u32) (canon lift (core func $m "run"))))
  (instance $callee (instantiate $Callee (with "host" (instance $host))))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "run" (func $caller "run")))`

const waiting = '(func (export "f") (param i32) (result i32) (i32.add (call $wait (local.get 0)) (i32.const 1)))'
const isAsync = (): boolean => true

describe('a call from component to component', () => {
  it('may wait for the host in the callee', async () => {
    const wait = gate()
    const instance = await instanceOf(composedWat(waiting), { imports: sealed({ 'a:b/host': { wait: () => wait.promise } }), isAsync })
    const call = instance.call(['run'], [1])
    wait.open(41)
    await expect(call).resolves.toBe(42)
    await expect(instance.call(['run'], [1])).resolves.toBe(42)
  })

  it('may yield in the callee', async () => {
    let yields = 0
    const hooks: Partial<MeterHooks> = {
      refill: (canSuspend, used) => (canSuspend && yields < used / 1000 ? 'yield' : 1000),
      yield: async () => void yields++,
    }
    const loop =
      '(func (export "f") (param i32) (result i32) (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0))) (i32.const 9))'
    const instance = await instanceOf(composedWat(loop), { imports: sealed({ 'a:b/host': { wait: (x: number) => x } }), hooks })
    await expect(instance.call(['run'], [10_000])).resolves.toBe(9)
    expect(yields).toBeGreaterThan(20)
  })

  it('ends both when the callee traps or what it waits for rejects', async () => {
    const wait = (): Promise<never> => Promise.reject(new Error('the host is gone'))
    const failing = await instanceOf(composedWat(waiting), { imports: sealed({ 'a:b/host': { wait } }), isAsync })
    await expect(failing.call(['run'], [1])).rejects.toThrow('the host is gone')
    await expect(failing.call(['run'], [1])).rejects.toMatchObject({ code: 'poisoned' })
    const trapping = await instanceOf(composedWat('(func (export "f") (param i32) (result i32) unreachable)'), {
      imports: sealed({ 'a:b/host': { wait } }),
    })
    await expect(trapping.call(['run'], [1])).rejects.toThrow('unreachable')
  })

  it('may come from a start function, where nothing can wait', async () => {
    const outer =
      '(global $g (mut i32) (i32.const 0)) (func $start (global.set $g (call $f (i32.const 4)))) (start $start) (func (export "run") (param i32) (result i32) (i32.add (global.get $g) (call $f (local.get 0))))'
    const plain = '(func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 10)))'
    const imports = sealed({ 'a:b/host': { wait: (x: number) => Promise.resolve(x) } })
    const instance = await instanceOf(composedWat(plain, outer), { imports, isAsync })
    await expect(instance.call(['run'], [2])).resolves.toBe(60)
    await expect(instanceOf(composedWat(waiting, outer), { imports, isAsync })).rejects.toMatchObject({
      name: 'LinkTrap',
      code: 'reentrance',
    })
  })

  it('transcodes text between their encodings', async () => {
    const memory = (realloc: string): string => `(core module $libc (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const ${realloc})))
      (core instance $libc (instantiate $libc))`
    const wat = `(component
      (component $Callee ${memory('512')}
        (core module $m (import "libc" "memory" (memory 1)) (func (export "f") (param i32 i32) (result i32)
          (i32.add (i32.load16_u offset=2 (local.get 0)) (i32.shl (local.get 1) (i32.const 16)))))
        (core instance $m (instantiate $m (with "libc" (instance $libc))))
        (func (export "f") (param "s" string) (result u32) (canon lift (core func $m "f") string-encoding=utf16 (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
      (component $Caller ${memory('512')}
        (import "f" (func $f (param "s" string) (result u32)))
        (core func $f (canon lower (func $f) string-encoding=utf8 (memory (core memory $libc "memory"))))
        (core module $m (import "libc" "memory" (memory 1)) (import "callee" "f" (func $f (param i32 i32) (result i32)))
          (data (i32.const 16) "a\\c3\\a9") (func (export "run") (result i32) (call $f (i32.const 16) (i32.const 3))))
        (core instance $m (instantiate $m (with "libc" (instance $libc)) (with "callee" (instance (export "f" (func $f))))))
        (func (export "run") (result u32) (canon lift (core func $m "run"))))
      (instance $callee (instantiate $Callee))
      (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
      (export "run" (func $caller "run")))`
    const instance = await instanceOf(wat)
    await expect(instance.call(['run'], [])).resolves.toBe(0xe9 + 2 * 65_536)
  })
})

/** A resource whose destructor runs `body`, which may call `$wait`, `$new` and `$drop`; `run` makes one and drops it, `times` over. */
const destroyingWat = (body: string, times = 1): string => `(component
  (import "a:b/host" (instance $host (export "wait" (func (param "x" u32) (result u32)))))
  (core func $wait (canon lower (func $host "wait")))
  (core module $table (table (export "table") 2 funcref) (type $drop (func (param i32)))
    (func (export "dtor") (param i32) (call_indirect (type $drop) (local.get 0) (i32.const 0))))
  (core instance $table (instantiate $table))
  (type $r (resource (rep i32) (dtor (core func $table "dtor"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "table" "table" (table 2 funcref))
    (import "r" "new" (func $new (param i32) (result i32)))
    (import "r" "drop" (func $drop (param i32)))
    (import "r" "wait" (func $wait (param i32) (result i32)))
    (global $ended (mut i32) (i32.const 0))
    (func $dtor (param i32) ${body})
    (elem (i32.const 0) $dtor)
    (func (export "run") (result i32) (local $nth i32)
      (loop $again
        (call $drop (call $new (i32.const 3)))
        (br_if $again (i32.lt_u (local.tee $nth (i32.add (local.get $nth) (i32.const 1))) (i32.const ${times}))))
      (global.get $ended)))
  (core instance $m (instantiate $m (with "table" (instance $table))
    (with "r" (instance (export "new" (func $new)) (export "drop" (func $drop)) (export "wait" (func $wait))))))
  (func (export "run") (result u32) (canon lift (core func $m "run"))))`

describe('a destructor', () => {
  it('may wait', async () => {
    const instance = await instanceOf(destroyingWat('(global.set $ended (call $wait (local.get 0)))'), {
      imports: sealed({ 'a:b/host': { wait: async (x: number) => x * 2 } }),
      isAsync,
    })
    await expect(instance.call(['run'], [])).resolves.toBe(6)
  })

  // Each has a stack of its own, of up to 1 MB, that counts as nobody's memory.
  it('cannot drop resources more than 32 deep inside one another', async () => {
    let begun = 0
    const imports = sealed({ 'a:b/host': { wait: async () => ++begun } })
    const body = '(drop (call $wait (local.get 0))) (call $drop (call $new (local.get 0)))'
    const instance = await instanceOf(destroyingWat(body), { imports, isAsync })
    await expect(instance.call(['run'], [])).rejects.toMatchObject({ name: 'LinkTrap', code: 'budget' })
    expect(begun).toBe(32)
  })

  it('costs its turn the time that it takes: a loop of drops stops when its session is stopped', async () => {
    let asked = 0
    const hooks: Partial<MeterHooks> = { refill: () => 1_000_000_000, standing: () => (++asked < 20 ? 'running' : 'stopped') }
    const imports = sealed({ 'a:b/host': { wait: () => 0 } })
    const instance = await instanceOf(destroyingWat('', 1000), { imports, hooks })
    await expect(instance.call(['run'], [])).rejects.toMatchObject({ name: 'LinkTrap', code: 'over' })
    expect(asked).toBe(20)
  })
})

describe('calls on one instance', () => {
  const clock = (wait: () => unknown): ReturnType<typeof sealed> => {
    class Pollable {
      block(): unknown {
        return wait()
      }
    }
    return sealed({
      'wasi:io/poll': { Pollable },
      'wasi:clocks/monotonic-clock': { now: () => 0n, subscribeDuration: () => new Pollable() },
    })
  }
  const sleeping = sleeperWat('(func (export "run") (param i32 i32) (result i32) (call $sleep (i64.const 1)) (call $done))')

  it('take their turns in order', async () => {
    const gates = [gate(), gate(), gate()]
    let begun = 0
    const instance = await instanceOf(sleeping, { imports: clock(() => gates[begun++]?.promise) })
    const ended: number[] = []
    const calls = gates.map((_, nth) => instance.call(agentPath, ['']).then(() => ended.push(nth)))
    gates[2]?.open()
    gates[1]?.open()
    await new Promise((r) => setTimeout(r, 10))
    expect([begun, ended]).toEqual([1, []])
    gates[0]?.open()
    await Promise.all(calls)
    expect([begun, ended]).toEqual([3, [0, 1, 2]])
  })

  it('go on after one that returned its declared error', async () => {
    const instance = await instanceOf(
      agentWat({
        core: '(func (export "run") (param i32 i32) (result i32) (if (result i32) (local.get 1) (then (call $bad)) (else (call $done))))',
      }),
    )
    const calls = [instance.call(agentPath, ['x']), instance.call(agentPath, [''])]
    const [first, second] = await Promise.all(calls.map((call) => outcomeOf(call)))
    expect(first).toMatchObject({ name: 'DeclaredError', payload: 'bad' })
    expect(second).toBe('"done"')
  })

  it('all reject when the running one traps', async () => {
    const wait = gate()
    const instance = await instanceOf(sleeping, { imports: clock(() => wait.promise) })
    const calls = [1, 2, 3].map(() => outcomeOf(instance.call(agentPath, [''])))
    const error = new Error('the host is gone')
    wait.fail(error)
    const [first, ...rest] = await Promise.all(calls)
    expect(first).toBe(error)
    for (const each of rest) expect(each).toMatchObject({ name: 'LinkTrap', code: 'poisoned' })
    expect(await outcomeOf(instance.call(agentPath, ['']))).toMatchObject({ code: 'poisoned' })
  })

  it('all reject with the reason when the instance is ended, though the host never answers', async () => {
    const instance = await instanceOf(sleeping, { imports: clock(() => new Promise(() => undefined)) })
    const calls = [1, 2, 3].map(() => outcomeOf(instance.call(agentPath, [''])))
    const reason = new Error('killed')
    instance.end(reason)
    instance.end(new Error('again'))
    expect(await Promise.all(calls)).toEqual([reason, reason, reason])
    expect(await outcomeOf(instance.call(agentPath, ['']))).toMatchObject({ code: 'poisoned' })
  })

  it('run no guest code after the instance was ended from inside a host function', async () => {
    const calls: string[] = []
    const wat = sleeperWat('(func (export "run") (param i32 i32) (result i32) (drop (call $now)) (drop (call $now)) (call $done))')
    const reason = new Error('killed')
    const imports = sealed({
      'wasi:io/poll': {
        Pollable: class {
          block(): void {}
        },
      },
      'wasi:clocks/monotonic-clock': {
        now: () => {
          calls.push('now')
          instance.end(reason)
          return 0n
        },
        subscribeDuration: () => undefined,
      },
    })
    const instance = await instanceOf(wat, { imports })
    expect(await outcomeOf(instance.call(agentPath, ['']))).toBe(reason)
    expect(calls).toEqual(['now'])
  })

  it('reject when the guest waits for its turn as the instance is ended', async () => {
    const hooks: Partial<MeterHooks> = { refill: (canSuspend) => (canSuspend ? 'yield' : 1000), yield: () => new Promise(() => undefined) }
    const instance = await instanceOf(agentWat({ core: '(func (export "run") (param i32 i32) (result i32) (call $done))' }), { hooks })
    const call = outcomeOf(instance.call(agentPath, ['']))
    const reason = new Error('killed')
    instance.end(reason)
    expect(await call).toBe(reason)
  })

  // V8 never frees a stack that waits, nor what is on it.
  it.each(['the host', 'its turn'] as const)('leave nothing behind when the instance is ended that waits for %s', async (awaited) => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const never = new Promise<never>(() => undefined)
    const hooks: Partial<MeterHooks> =
      awaited === 'the host' ? {} : { refill: (canSuspend) => (canSuspend ? 'yield' : 1000), yield: () => never }
    const linked = await linkedOf(sleeping)
    const begun: WeakRef<Instance>[] = []
    const endOne = async (): Promise<void> => {
      const instance = await linked.instantiate(
        clock(() => never),
        { ...unlimited, ...hooks },
      )
      begun.push(new WeakRef(instance))
      const call = outcomeOf(instance.call(agentPath, ['']))
      await new Promise((r) => setTimeout(r, 1))
      instance.end(new Error('killed'))
      await call
    }
    for (let nth = 0; nth < 5; nth++) await endOne()
    for (let nth = 0; nth < 5; nth++) {
      await new Promise((r) => setTimeout(r, 10))
      collect()
    }
    expect(begun.filter((each) => each.deref() !== undefined)).toHaveLength(0)
  })
})
