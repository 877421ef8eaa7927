import { describe, expect, it } from 'vitest'
import { WitError } from '#cell/adapters/wit-error.ts'
import { GuestEnd } from '#cell/adapters/world.ts'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import { DeclaredError, LinkTrap, type Imports, type MeterHooks } from '#cell/link/linker.ts'
import { agentWat, clockArguments, clockImports, clockImportsOfCore, glueArtifactOf, sleeperWat } from '../component-of.ts'
import { agentPath, gate, instanceOf, linkedOf, outcomeOf, sealed, unlimited } from './component-world.ts'

class Pollable {
  readonly #wait: () => Promise<void>
  constructor(wait: () => Promise<void>) {
    this.#wait = wait
  }
  ready(): boolean {
    return this.#wait === undefined
  }
  block(): Promise<void> {
    return this.#wait()
  }
}

const clock = (wait: () => Promise<void>, now: () => bigint = () => 0n): Imports =>
  sealed({
    'wasi:io/poll': { Pollable },
    'wasi:clocks/monotonic-clock': { Pollable, now, subscribeDuration: () => new Pollable(wait) },
  })

const run = (core: string): string => `(func (export "run") (param i32 i32) (result i32) ${core})`
const sleeping = sleeperWat(run('(call $sleep (i64.const 1)) (call $done)'))

describe('the component linker', () => {
  it('lets a guest wait in a host function', async () => {
    const instance = await instanceOf(sleeping, { imports: clock(() => new Promise((r) => setTimeout(r, 10))) })
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
  })

  it('takes a value from a host function that may wait', async () => {
    const instance = await instanceOf(sleeping, { imports: clock(() => undefined as never) })
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
  })

  it('links no artifact with glue', async () => {
    const artifact = await glueArtifactOf(agentWat({ core: run('(call $done)') }))
    await expect(new ComponentLinker().link(artifact)).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
  })

  it('links no component that ingest has not rewritten', async () => {
    const { parse } = await import('@bytecodealliance/jco-transpile/wasm-tools')
    const component = await parse(agentWat({ core: run('(call $done)') }))
    await expect(new ComponentLinker().linkComponent(component)).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
    const linked = await new ComponentLinker({ metered: false }).linkComponent(component)
    const instance = await linked.instantiate(sealed({}), unlimited)
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
    expect(instance.reset()).toBe(false)
  })

  it('rejects when a host function rejects, also where its type has no error', async () => {
    const instance = await instanceOf(sleeping, { imports: clock(() => Promise.reject(new Error('host is gone'))) })
    await expect(instance.call(agentPath, [''])).rejects.toThrow('host is gone')
  })

  it('takes no declared error of another component for its guest’s own', async () => {
    const error = new DeclaredError('of another component')
    const instance = await instanceOf(sleeping, { imports: clock(() => Promise.reject(error)) })
    await expect(instance.call(agentPath, [''])).rejects.toBe(error)
    await expect(instance.call(agentPath, [''])).rejects.toMatchObject({ code: 'poisoned' })
  })

  it('runs no further call after a trap', async () => {
    const instance = await instanceOf(agentWat({ core: run('unreachable') }))
    await expect(instance.call(agentPath, [''])).rejects.toThrow('unreachable')
    await expect(instance.call(agentPath, [''])).rejects.toMatchObject({ code: 'poisoned' })
  })

  it('ends an instance whose guest overflows its stack', async () => {
    const instance = await instanceOf(
      agentWat({
        core:
          run('(call $deep (local.get 0))') + '(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))',
      }),
    )
    await expect(instance.call(agentPath, [''])).rejects.toThrow(RangeError)
    await expect(instance.call(agentPath, [''])).rejects.toMatchObject({ code: 'poisoned' })
  })

  it('calls only what the component exports', async () => {
    const instance = await instanceOf(agentWat({ core: run('(call $done)') }))
    for (const wrong of [
      ['toString'],
      ['__proto__', 'toString'],
      ['constructor'],
      ['cordon:agent/run@0.1.0', 'hasOwnProperty'],
      [],
      [...agentPath, 'call'],
    ]) {
      await expect(instance.call(wrong, [])).rejects.toThrow('expected an exported function')
    }
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
  })

  it.each([
    ['at the root', '(export "f" (func $host "f"))'],
    ['in an instance', '(instance $out (export "f" (func $host "f"))) (export "a:b/guest" (instance $out))'],
  ])('links no component that exports a function of the host as it is, %s, should ingest have let it in', async (_where, exported) => {
    const { parse } = await import('@bytecodealliance/jco-transpile/wasm-tools')
    const component = await parse(`(component (import "a:b/host" (instance $host (export "f" (func (param "x" u8))))) ${exported})`)
    await expect(new ComponentLinker().linkComponent(component)).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
  })

  it('asks for the memories and tables it starts with', async () => {
    const asked: number[] = []
    const hooks = { growMemory: (pages: number) => asked.push(pages) > 0 }
    const instance = await instanceOf(agentWat({ core: run('(drop (memory.grow (i32.const 3))) (call $done)') }), { hooks })
    expect(asked).toEqual([2])
    await instance.call(agentPath, [''])
    expect(asked).toEqual([2, 3])
    expect(instance.memory()).toEqual({ bytes: 5 * 65_536, peakBytes: 5 * 65_536 })
    await expect(instanceOf(agentWat({ core: run('(call $done)') }), { hooks: { growMemory: () => false } })).rejects.toMatchObject({
      code: 'budget',
    })
  })

  it('lets a guest that loops over a slow host function yield and stop', async () => {
    let calls = 0
    let yields = 0
    const hooks: Partial<MeterHooks> = {
      standing: () => (++calls > 1000 ? 'stopped' : calls % 10 === 0 ? 'over' : 'running'),
      refill: (canSuspend) => (canSuspend && calls % 10 === 0 && yields < calls / 10 ? 'yield' : 1_000_000),
      yield: async () => void yields++,
    }
    const wat = sleeperWat(run('(loop $again (drop (call $now)) (br $again)) unreachable'))
    const instance = await instanceOf(wat, { imports: clock(() => Promise.resolve()), hooks })
    await expect(instance.call(agentPath, [''])).rejects.toMatchObject({ code: 'over', message: 'the session is over' })
    expect(yields).toBeGreaterThan(50)
  })

  it('lets a guest go on after a wait in a turn of its own only', async () => {
    const turn = gate()
    let standing: 'over' | 'running' = 'running'
    const hooks: Partial<MeterHooks> = { standing: () => standing, yield: () => turn.promise.then(() => undefined) }
    const wait = gate()
    const instance = await instanceOf(sleeping, { imports: clock(() => wait.promise.then(() => undefined)), hooks })
    let done = false
    const call = instance.call(agentPath, ['']).then(() => (done = true))
    standing = 'over'
    wait.open()
    await new Promise((r) => setTimeout(r, 20))
    expect(done).toBe(false)
    standing = 'running'
    turn.open()
    await call
  })
})

describe('what a host function throws', () => {
  const probeWat = agentWat({
    around: `(import "wasi:cli/stdout@0.2.12" (instance $out))
      (import "wasi:io/streams@0.2.12" (instance $streams
        (export "output-stream" (type $stream (sub resource)))
        (export "probe" (func (result (result))))))
      (core func $probe (canon lower (func $streams "probe") (memory (core memory $libc "memory"))))`,
    with: '(with "s" (instance (export "probe" (func $probe))))',
    imports: '(import "s" "probe" (func $probe (result i32)))',
    core: run('(if (result i32) (call $probe) (then (call $bad)) (else (call $done)))'),
  })

  it.each(['sync', 'async'] as const)('is no error to the guest but the one that it declares (%s)', async (kind) => {
    const probing = async (error: unknown): Promise<unknown> => {
      const probe = (): unknown => {
        // oxlint-disable-next-line typescript/only-throw-error, typescript/prefer-promise-reject-errors -- adapters may throw anything
        if (kind === 'async') return Promise.reject(error)
        // oxlint-disable-next-line typescript/only-throw-error -- likewise
        throw error
      }
      const imports = sealed({ 'wasi:cli/stdout': {}, 'wasi:io/streams': { OutputStream: Pollable, probe } })
      const instance = await instanceOf(probeWat, { imports, isAsync: () => kind === 'async' })
      return outcomeOf(instance.call(agentPath, ['']))
    }
    expect(await probing(new WitError())).toMatchObject({ name: 'DeclaredError', payload: 'bad' })
    const inherited: unknown = Object.create({ payload: 'bad' })
    for (const error of [
      new GuestEnd({ kind: 'exit', code: 3 }),
      new TypeError('forged'),
      new LinkTrap('over'),
      inherited,
      'words',
      undefined,
    ]) {
      expect(await probing(error)).toBe(error)
    }
  })
})

describe('imports', () => {
  it('are never what every object has', async () => {
    for (const name of ['to-string', 'has-own-property', 'value-of']) {
      const around = `(import "wasi:random/random@0.2.12" (instance $i (export "${name}" (func (result u32))))) (core func $f (canon lower (func $i "${name}")))`
      const linked = await linkedOf(
        agentWat({
          around,
          imports: '(import "i" "f" (func $f (result i32)))',
          with: '(with "i" (instance (export "f" (func $f))))',
          core: run('(drop (call $f)) (call $done)'),
        }),
      )
      const withMembers = (members: object): Promise<unknown> =>
        linked
          .instantiate({ 'wasi:random/random': members as Imports[string] }, unlimited)
          .then((instance) => instance.call(agentPath, ['']))
      await expect(withMembers(Object.freeze(Object.create(null)))).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
      await expect(withMembers({})).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
      await expect(withMembers({ toString: () => 1, hasOwnProperty: () => 1, valueOf: () => 1 })).resolves.toBe('"done"')
    }
  })

  it.each([
    ['[method]thing.to-string', 'methods'],
    ['[method]thing.constructor', 'the class itself'],
    ['[static]thing.bind', 'what functions have'],
    ['[static]thing.name', 'what is no function'],
    ['[static]thing.missing', 'what is missing'],
  ])('have no member %s in a class without it: %s', async (name) => {
    const self = name.startsWith('[method]') ? '(param "self" (borrow $t))' : ''
    const core = name.startsWith('[method]') ? '(param i32)' : ''
    const wat = `(component
      (import "a:b/things" (instance $i (export "thing" (type $t (sub resource))) (export "${name}" (func ${self}))))
      (core func $f (canon lower (func $i "${name}")))
      (core module $m (import "i" "f" (func ${core})))
      (core instance (instantiate $m (with "i" (instance (export "f" (func $f)))))))`
    class Thing {
      readonly held = 1
    }
    await expect(instanceOf(wat, { imports: sealed({ 'a:b/things': { Thing } }) })).rejects.toMatchObject({
      name: 'LinkTrap',
      code: 'link',
    })
    await expect(instanceOf(wat)).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
  })

  it('are called by the documented convention: functions, constructors, methods, statics, and functions of the root', async () => {
    const wat = `(component
      (import "plain-one" (func $plain (param "x" u32) (result u32)))
      (import "plain-two" (func $other (param "x" u32) (result u32)))
      (import "a:b/things@1.2.3" (instance $i
        (export "tall-thing" (type $t (sub resource)))
        (export "[constructor]tall-thing" (func (param "x" u32) (result (own $t))))
        (export "[method]tall-thing.add-up" (func (param "self" (borrow $t)) (param "x" u32) (result u32)))
        (export "[static]tall-thing.half-of" (func (param "x" u32) (result u32)))))
      (core func $plain (canon lower (func $plain)))
      (core func $other (canon lower (func $other)))
      (core func $new (canon lower (func $i "[constructor]tall-thing")))
      (core func $add (canon lower (func $i "[method]tall-thing.add-up")))
      (core func $half (canon lower (func $i "[static]tall-thing.half-of")))
      (core module $m
        (import "i" "plain" (func $plain (param i32) (result i32)))
        (import "i" "other" (func $other (param i32) (result i32)))
        (import "i" "new" (func $new (param i32) (result i32)))
        (import "i" "add" (func $add (param i32 i32) (result i32)))
        (import "i" "half" (func $half (param i32) (result i32)))
        (func (export "run-all") (result i32)
          (call $add (call $new (call $plain (i32.const 1))) (call $half (call $other (i32.const 10))))))
      (core instance $m (instantiate $m (with "i" (instance (export "plain" (func $plain)) (export "other" (func $other))
        (export "new" (func $new)) (export "add" (func $add)) (export "half" (func $half))))))
      (func (export "run-all") (result u32) (canon lift (core func $m "run-all"))))`
    class TallThing {
      readonly #x: number
      constructor(x: number) {
        this.#x = x
      }
      static halfOf(x: number): number {
        return this === TallThing ? x / 2 : -1
      }
      addUp(x: number): number {
        return this.#x + x
      }
    }
    const imports = { 'plain-one': (x: number) => x + 100, 'plain-two': { default: (x: number) => x * 2 }, 'a:b/things': { TallThing } }
    const instance = await instanceOf(wat, { imports: imports as unknown as Imports })
    await expect(instance.call(['runAll'], [])).resolves.toBe(111)
  })

  it('are not called from cabi_realloc or from a post-return', async () => {
    let asked = 0
    const imports = clock(
      () => Promise.resolve(void asked++),
      () => BigInt(++asked),
    )
    for (const called of ['$now', '$block']) {
      const call =
        called === '$now' ? '(drop (call_indirect (type $now) (i32.const 0)))' : '(call_indirect (type $block) (i32.const 1) (i32.const 0))'
      // The allocator calls through a table that the agent's module filled with the lowered host function.
      const libc = `(memory (export "memory") 2) (table (export "table") 1 funcref) (type $now (func (result i64))) (type $block (func (param i32)))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${call} (i32.const 1024))`
      const instance = await instanceOf(
        agentWat({
          around: clockImports,
          libc,
          imports: `${clockImportsOfCore} (import "libc" "table" (table 1 funcref))`,
          with: clockArguments,
          core: `(elem (i32.const 0) func ${called}) ${run('(call $done)')}`,
        }),
        { imports },
      )
      await expect(instance.call(agentPath, ['input'])).rejects.toMatchObject({ name: 'LinkTrap', code: 'reentrance' })
    }
    const instance = await instanceOf(
      `(component
        (import "wasi:random/random@0.2.12" (instance $i (export "f" (func))))
        (core func $f (canon lower (func $i "f")))
        (core module $m (import "i" "f" (func $f)) (func (export "run") (result i32) (i32.const 7)) (func (export "after") (param i32) (call $f)))
        (core instance $m (instantiate $m (with "i" (instance (export "f" (func $f))))))
        (func (export "run") (result u32) (canon lift (core func $m "run") (post-return (core func $m "after")))))`,
      { imports: sealed({ 'wasi:random/random': { f: () => void asked++ } }) },
    )
    await expect(instance.call(['run'], [])).rejects.toMatchObject({ name: 'LinkTrap', code: 'reentrance' })
    expect(asked).toBe(0)
  })
})
