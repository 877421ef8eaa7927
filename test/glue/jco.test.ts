import { describe, expect, it } from 'vitest'
import { WitError } from '#cell/adapters/wit-error.ts'
import { GuestEnd } from '#cell/adapters/world.ts'
import { JcoLinker } from '#glue/jco.ts'
import { LinkTrap, type Imports, type Instance, type MeterHooks } from '#cell/link/linker.ts'
import { agentWat, glueArtifactOf, clockArguments, clockImports, clockImportsOfCore, sleeperWat } from '../cell/component-of.ts'

const path = ['cordon:agent/run@0.1.0', 'run']
const unlimited: MeterHooks = {
  refill: () => 1_000_000,
  yield: () => Promise.resolve(),
  standing: () => 'running',
  growMemory: () => true,
  growTable: () => true,
}

/** Imports as adapters make them: null-prototype, frozen. */
const sealed = (interfaces: Record<string, Record<string, unknown>>): Imports => {
  const bare = (value: object): object => Object.freeze(Object.assign(Object.create(null), value))
  return bare(Object.fromEntries(Object.entries(interfaces).map(([name, members]) => [name, bare(members)]))) as Imports
}

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

const instantiate = async (wat: string, imports: Imports, hooks: Partial<MeterHooks> = {}): Promise<Instance> => {
  const linked = await new JcoLinker().link(await glueArtifactOf(wat))
  return linked.instantiate(imports, { ...unlimited, ...hooks })
}

const run = (core: string) => `(func (export "run") (param i32 i32) (result i32) ${core})`

describe('the linker over glue of jco', () => {
  it('lets a guest wait in a host function', async () => {
    const instance = await instantiate(
      sleeperWat(run('(call $sleep (i64.const 1)) (call $done)')),
      clock(() => new Promise((r) => setTimeout(r, 10))),
    )
    await expect(instance.call(path, [''])).resolves.toBe('"done"')
  })

  it('hands no error to the guest but one that its host function declares', async () => {
    const wat = agentWat({
      around: `(import "wasi:cli/stdout@0.2.12" (instance $out))
        (import "wasi:io/streams@0.2.12" (instance $streams
          (export "output-stream" (type $stream (sub resource)))
          (export "probe" (func (result (result))))))
        (core func $probe (canon lower (func $streams "probe") (memory (core memory $libc "memory"))))`,
      with: '(with "s" (instance (export "probe" (func $probe))))',
      imports: '(import "s" "probe" (func $probe (result i32)))',
      core: run('(if (result i32) (call $probe) (then (call $bad)) (else (call $done)))'),
    })
    const probing = async (error: unknown): Promise<unknown> => {
      const probe = (): void => {
        throw error
      }
      const instance = await instantiate(wat, sealed({ 'wasi:cli/stdout': {}, 'wasi:io/streams': { OutputStream: Pollable, probe } }))
      return instance.call(path, ['']).catch((thrown: unknown) => thrown)
    }
    expect(await probing(new WitError())).toMatchObject({ name: 'DeclaredError', payload: 'bad' })
    for (const error of [new GuestEnd({ kind: 'exit', code: 3 }), new TypeError('forged'), new LinkTrap('over'), 'words', undefined]) {
      expect(await probing(error)).toBe(error)
    }
  })

  it('rejects when a host function rejects, also where its type has no error', async () => {
    const instance = await instantiate(
      sleeperWat(run('(call $sleep (i64.const 1)) (call $done)')),
      clock(() => Promise.reject(new Error('host is gone'))),
    )
    await expect(instance.call(path, [''])).rejects.toThrow('host is gone')
  })

  it('runs no further call after a trap', async () => {
    const instance = await instantiate(agentWat({ core: run('unreachable') }), sealed({}))
    await expect(instance.call(path, [''])).rejects.toThrow('unreachable')
    await expect(instance.call(path, [''])).rejects.toThrow('trapped before')
  })

  it('calls only what the artifact exports', async () => {
    const instance = await instantiate(agentWat({ core: run('(call $done)') }), sealed({}))
    for (const wrong of [['toString'], ['__proto__', 'toString'], ['constructor'], ['cordon:agent/run@0.1.0', 'hasOwnProperty'], []]) {
      await expect(instance.call(wrong, [])).rejects.toThrow('expected an exported function')
    }
  })

  it('traps on handles that were forged, dropped or used twice', async () => {
    let blocked = 0
    const imports = clock(async () => void blocked++)
    for (const handle of [0, 1, 7, 0x7fff_ffff, -1]) {
      const instance = await instantiate(sleeperWat(run(`(call $block (i32.const ${handle})) (call $done)`)), imports)
      await expect(instance.call(path, [''])).rejects.toThrow()
    }
    const dropped = `(local $p i32) (local.set $p (call $subscribe (i64.const 1))) (call $drop (local.get $p)) (call $block (local.get $p)) (call $done)`
    await expect((await instantiate(sleeperWat(run(dropped)), imports)).call(path, [''])).rejects.toThrow()
    const twice = `(local $p i32) (local.set $p (call $subscribe (i64.const 1))) (call $drop (local.get $p)) (call $drop (local.get $p)) (call $done)`
    await expect((await instantiate(sleeperWat(run(twice)), imports)).call(path, [''])).rejects.toThrow()
    expect(blocked).toBe(0)
  })

  it('lets no guest call the host from its own cabi_realloc', async () => {
    let asked = 0
    const imports = clock(
      () => Promise.resolve(),
      () => BigInt(++asked),
    )
    // The allocator calls through a table that the agent's module filled with the lowered host function.
    const libc = `(memory (export "memory") 2) (table (export "table") 1 funcref) (type $now (func (result i64)))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (drop (call_indirect (type $now) (i32.const 0))) (i32.const 1024))`
    const wat = agentWat({
      around: clockImports,
      libc,
      imports: `${clockImportsOfCore} (import "libc" "table" (table 1 funcref))`,
      with: clockArguments,
      core: `(elem (i32.const 0) func $now) ${run('(call $done)')}`,
    })
    const instance = await instantiate(wat, imports)
    await expect(instance.call(path, ['input'])).rejects.toThrow('cabi_realloc')
    expect(asked).toBe(0)
  })

  it('links no import to what every object has', async () => {
    for (const name of ['to-string', 'has-own-property', 'value-of']) {
      const around = `(import "wasi:random/random@0.2.12" (instance $i (export "${name}" (func (result u32))))) (core func $f (canon lower (func $i "${name}")))`
      const wat = agentWat({
        around,
        imports: '(import "i" "f" (func $f (result i32)))',
        with: '(with "i" (instance (export "f" (func $f))))',
        core: run('(drop (call $f)) (call $done)'),
      })
      const outcomeWith = (members: object): Promise<string> =>
        instantiate(wat, { 'wasi:random/random': members as Imports[string] })
          .then((instance) => instance.call(path, ['']))
          .then(
            () => 'linked',
            () => 'refused',
          )
      expect(await outcomeWith(Object.freeze(Object.create(null)))).toBe('refused')
      expect(await outcomeWith({ toString: () => 1, hasOwnProperty: () => 1, valueOf: () => 1 })).toBe('linked')
    }
  })

  it('asks for the memories and tables it starts with', async () => {
    const asked: number[] = []
    const hooks = { growMemory: (pages: number) => asked.push(pages) > 0 }
    const instance = await instantiate(agentWat({ core: run('(drop (memory.grow (i32.const 3))) (call $done)') }), sealed({}), hooks)
    expect(asked).toEqual([2])
    await instance.call(path, [''])
    expect(asked).toEqual([2, 3])
    expect(instance.memory()).toEqual({ bytes: 5 * 65_536, peakBytes: 5 * 65_536 })
  })

  it('lets a guest that loops over a slow host function yield and stop', async () => {
    const imports = clock(() => Promise.resolve())
    let calls = 0
    let yields = 0
    const hooks: Partial<MeterHooks> = {
      standing: () => (++calls > 1000 ? 'stopped' : calls % 10 === 0 ? 'over' : 'running'),
      refill: (canSuspend) => (canSuspend && calls % 10 === 0 && yields < calls / 10 ? 'yield' : 1_000_000),
      yield: async () => void yields++,
    }
    const instance = await instantiate(sleeperWat(run('(loop $again (drop (call $now)) (br $again)) unreachable')), imports, hooks)
    await expect(instance.call(path, [''])).rejects.toThrow('the session is over')
    expect(yields).toBeGreaterThan(50)
  })
})
