import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { componentize } from 'componentize-qjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import type { Imports, Instance, Linked, MeterHooks } from '#cell/link/linker.ts'
import { lowerCamel, upperCamel } from '#core/component/js-names.ts'
import { readComponent } from '#core/component/read-component.ts'
import { agentWat, ingested, sleeperWat } from '../component-of.ts'
import { agentPath, gate, instanceOf, linkedOf, outcomeOf, sealed, unlimited } from './component-world.ts'

/** What the engine makes while `make` runs: the core instances that lie under an instance of ours. */
const coreInstancesOf = async <T>(make: () => Promise<T>): Promise<readonly [made: T, cores: readonly Record<string, unknown>[]]> => {
  const engine = (globalThis as unknown as { WebAssembly: { Instance: new (...args: unknown[]) => { exports: Record<string, unknown> } } })
    .WebAssembly
  const { Instance } = engine
  const cores: Record<string, unknown>[] = []
  engine.Instance = function capture(...args: unknown[]) {
    const made = new Instance(...args)
    cores.push(made.exports)
    return made
  } as never
  try {
    return [await make(), cores]
  } finally {
    engine.Instance = Instance
  }
}

/** A digest of all that a guest can see of itself: memories as wide as it sees them, and what follows has to be zero; sizes; globals but the slices, which say nothing of it. */
const digestOf = (cores: readonly Record<string, unknown>[]): string => {
  const hash = createHash('sha256')
  for (const exports of cores) {
    for (const [name, value] of Object.entries(exports).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (name.startsWith('cordon:meter/global/')) hash.update(`${name}=${String((value as { value: unknown }).value)};`)
    }
    const memory = exports['cordon:meter/memory'] as { buffer: ArrayBuffer } | undefined
    if (memory === undefined) continue
    const { value: pages } = exports['cordon:meter/memory-pages'] as { value: number }
    const bytes = new Uint8Array(memory.buffer)
    hash.update(`pages=${pages};`).update(bytes.subarray(0, pages * 65_536))
    expect(bytes.subarray(pages * 65_536).every((byte) => byte === 0)).toBe(true)
  }
  return hash.digest('hex')
}

const captured = async (linked: Linked, imports: Imports): Promise<{ instance: Instance; digest: () => string }> => {
  const [instance, cores] = await coreInstancesOf(() => linked.instantiate(imports, unlimited))
  return { instance, digest: () => digestOf(cores) }
}

const run = (core: string): string => `(func (export "run") (param i32 i32) (result i32) ${core})`

/** Changes its memory, far out too, its size, and globals of all kinds; its start function has work to do. */
const changing = agentWat({
  core: `(global $a (mut i32) (i32.const 5)) (global $b (mut i64) (i64.const -5)) (global $c (mut f32) (f32.const 1.5)) (global $d (mut f64) (f64.const -0))
    (global $e (mut externref) (ref.null extern)) (global $f (mut funcref) (ref.null func)) (elem declare func $done)
    (func $start (local $i i32) (loop $l (i32.store (i32.add (i32.const 4000) (local.get $i)) (local.get $i))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 4000)))) (drop (memory.grow (i32.const 1))))
    (start $start)
    ${run(`(global.set $a (i32.add (global.get $a) (i32.const 1))) (global.set $b (i64.const 1)) (global.set $c (f32.const 2)) (global.set $d (f64.const 3))
      (global.set $f (ref.func $done))
      (i32.store (i32.const 5000) (i32.const 77)) (i32.store (i32.const 131072) (i32.const 78))
      (drop (memory.grow (i32.const 2))) (i32.store (i32.const 300000) (i32.const 79))
      (if (result i32) (i32.eq (global.get $a) (i32.const 6)) (then (call $done)) (else (call $bad)))`)}`,
})

describe('an instance that was reset', () => {
  it('is byte for byte what a new one is, and costs and answers the same', async () => {
    const linked = await linkedOf(changing)
    const fresh = await captured(linked, sealed({}))
    const untouched = fresh.digest()
    const used = await captured(linked, sealed({}))
    expect(used.digest()).toBe(untouched)
    const start = used.instance.fuelUsed()
    await expect(used.instance.call(agentPath, ['hello'])).resolves.toBe('"done"')
    const after = used.digest()
    const total = used.instance.fuelUsed()
    expect(after).not.toBe(untouched)
    for (let session = 0; session < 3; session++) {
      expect(used.instance.reset()).toBe(true)
      expect(used.digest()).toBe(untouched)
      expect(used.instance.memory().bytes).toBe(3 * 65_536)
      used.instance.serve(unlimited)
      expect(used.instance.fuelUsed()).toBe(start)
      await expect(used.instance.call(agentPath, ['hello'])).resolves.toBe('"done"')
      expect(used.digest()).toBe(after)
      expect(used.instance.fuelUsed()).toBe(total)
    }
  })

  it('keeps nothing that its guest wrote beyond the memory that it was told it has', async () => {
    const core = `(global $calls (mut i32) (i32.const 0))
      ${run(`(local $seen i32)
        (if (i32.eqz (local.get 1)) (then (drop (memory.grow (i32.const 4)))))
        (local.set $seen (i32.load (i32.const 390000)))
        (i32.store (i32.const 390000) (i32.const 99))
        (if (result i32) (local.get $seen) (then (call $bad)) (else (call $done)))`)}`
    const { instance, digest } = await captured(await linkedOf(agentWat({ core })), sealed({}))
    const untouched = digest()
    for (const input of ['', 'x', 'x']) {
      await expect(instance.call(agentPath, [input])).resolves.toBe('"done"')
      expect(instance.reset()).toBe(true)
      expect(digest()).toBe(untouched)
      instance.serve(unlimited)
    }
  })

  it('has no handles, and their resources are disposed of', async () => {
    let live = 0
    class Pollable {
      constructor() {
        live++
      }
      block(): void {}
      [Symbol.dispose](): void {
        live--
      }
    }
    const imports = sealed({
      'wasi:io/poll': { Pollable },
      'wasi:clocks/monotonic-clock': { now: () => 0n, subscribeDuration: () => new Pollable() },
    })
    const first =
      '(if (i32.ne (call $subscribe (i64.const 1)) (i32.const 1)) (then unreachable)) (drop (call $subscribe (i64.const 1))) (call $done)'
    const instance = await instanceOf(sleeperWat(run(first)), { imports })
    for (let session = 0; session < 3; session++) {
      await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
      expect(live).toBe(2)
      expect(instance.reset()).toBe(true)
      expect(live).toBe(0)
      instance.serve(unlimited)
    }
  })

  it('asks its next session for what it holds, and charges it for its start', async () => {
    const instance = await instanceOf(changing)
    const fuel = instance.fuelUsed()
    const asked: unknown[] = []
    const hooks: MeterHooks = {
      ...unlimited,
      growMemory: (pages) => asked.push(['pages', pages]) > 0,
      refill: (canSuspend, used) => (asked.push([canSuspend, used]), 1_000_000),
    }
    expect(fuel).toBeGreaterThan(1000)
    expect(instance.reset()).toBe(true)
    expect(await outcomeOf(instance.call(agentPath, ['']))).toMatchObject({ code: 'over' })
    instance.serve(hooks)
    expect(asked).toEqual([
      ['pages', 3],
      [false, fuel],
    ])
    expect(() => instance.serve(hooks)).toThrow('expected an instance that was reset')
    for (const refusing of [{ growMemory: () => false }, { refill: () => 'stop' as const }]) {
      const other = await instanceOf(changing)
      other.reset()
      expect(() => other.serve({ ...unlimited, ...refusing })).toThrow(expect.objectContaining({ name: 'LinkTrap' }))
    }
  })
})

describe('an instance cannot be reset', () => {
  const done = run('(call $done)')
  it.each([
    ['drops segments', `(data $d "x") (func (export "drop") (data.drop $d)) ${done}`],
    ['writes tables', `(table $t 1 funcref) (func (export "set") (table.set $t (i32.const 0) (ref.null func))) ${done}`],
    ['has a vector as a global', `(global (mut v128) (v128.const i64x2 1 2)) ${done}`],
    ['starts with a NaN in a global', `(global (mut f64) (f64.const nan)) ${done}`],
    ['starts with a function in a global', `(elem declare func $done) (global $f (mut funcref) (ref.func $done)) ${done}`],
  ])('when its code %s', async (_name, core) => {
    const instance = await instanceOf(agentWat({ core }))
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
    expect(instance.reset()).toBe(false)
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
  })

  it('when it started with help of the host, or with handles', async () => {
    const clock = sealed({
      'wasi:io/poll': {
        Pollable: class {
          block(): void {}
        },
      },
      'wasi:clocks/monotonic-clock': { now: () => 0n, subscribeDuration: () => undefined },
    })
    const helped = await instanceOf(sleeperWat(`(func $start (drop (call $now))) (start $start) ${done}`), { imports: clock })
    expect(helped.reset()).toBe(false)
    const wat = `(component (type $r (resource (rep i32))) (core func $new (canon resource.new $r))
      (core module $m (import "r" "new" (func $new (param i32) (result i32))) (func $start (drop (call $new (i32.const 1)))) (start $start) (func (export "run")))
      (core instance $m (instantiate $m (with "r" (instance (export "new" (func $new))))))
      (func (export "run") (canon lift (core func $m "run"))))`
    expect((await instanceOf(wat)).reset()).toBe(false)
  })

  it('when a memory was refused to grow as it started', async () => {
    const core = `(func $start (drop (memory.grow (i32.const 10)))) (start $start) ${done}`
    const linked = await linkedOf(agentWat({ core }))
    const small = await linked.instantiate(sealed({}), { ...unlimited, growMemory: (pages) => pages < 5 })
    expect(small.reset()).toBe(false)
    expect((await linked.instantiate(sealed({}), unlimited)).reset()).toBe(false)
    const other = await linkedOf(agentWat({ core }))
    expect((await other.instantiate(sealed({}), unlimited)).reset()).toBe(true)
    expect((await other.instantiate(sealed({}), { ...unlimited, growMemory: (pages) => pages < 5 })).reset()).toBe(false)
  })

  it('when it grew by more than is worth wiping', async () => {
    const instance = await instanceOf(agentWat({ core: run('(drop (memory.grow (i32.const 300))) (call $done)') }))
    expect(instance.reset()).toBe(true)
    instance.serve(unlimited)
    await expect(instance.call(agentPath, [''])).resolves.toBe('"done"')
    expect(instance.reset()).toBe(false)
  })

  it('when one of its resources ends it', async () => {
    class Pollable {
      block(): void {}
      [Symbol.dispose](): void {
        instance.end(new Error('over'))
      }
    }
    const imports = sealed({
      'wasi:io/poll': { Pollable },
      'wasi:clocks/monotonic-clock': { now: () => 0n, subscribeDuration: () => new Pollable() },
    })
    const instance = await instanceOf(sleeperWat(run('(drop (call $subscribe (i64.const 1))) (call $done)')), { imports })
    await instance.call(agentPath, [''])
    expect(instance.reset()).toBe(false)
    expect(() => instance.serve(unlimited)).toThrow('expected an instance that was reset')
  })

  it('while a call runs, after a trap, and after its end', async () => {
    const wait = gate()
    class Pollable {
      block(): unknown {
        return wait.promise
      }
    }
    const imports = sealed({
      'wasi:io/poll': { Pollable },
      'wasi:clocks/monotonic-clock': { now: () => 0n, subscribeDuration: () => new Pollable() },
    })
    const instance = await instanceOf(sleeperWat(run('(call $sleep (i64.const 1)) (call $done)')), { imports })
    const call = instance.call(agentPath, [''])
    expect(instance.reset()).toBe(false)
    wait.open()
    await expect(call).resolves.toBe('"done"')
    expect(instance.reset()).toBe(true)
    instance.end(new Error('over'))
    expect(instance.reset()).toBe(false)
    const trapped = await instanceOf(agentWat({ core: run('unreachable') }))
    await outcomeOf(trapped.call(agentPath, ['']))
    expect(trapped.reset()).toBe(false)
  })
})

/** A host that has all that a component imports, and does nothing. */
const idleHost = (component: Uint8Array): Imports => {
  const imports: Record<string, Record<string, unknown>> = {}
  for (const { name, functions, resources } of readComponent(component).imports) {
    const members = (imports[name.replace(/@.*$/, '')] ??= {})
    for (const resource of resources) members[upperCamel(resource.name)] ??= function idle() {}
    for (const each of functions) {
      const [, kind, resource = '', member = ''] = /^\[(method|static|constructor)\]([^.]+)(?:\.(.+))?$/.exec(each.name) ?? []
      const idle = (): undefined => undefined
      const owner = members[upperCamel(resource)] as { prototype: Record<string, unknown> } & Record<string, unknown>
      if (kind === undefined) members[lowerCamel(each.name)] = idle
      else if (kind !== 'constructor') (kind === 'method' ? owner.prototype : owner)[lowerCamel(member)] = idle
    }
  }
  return imports
}

describe('a guest of QuickJS that was reset', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-reset-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  let component: Uint8Array
  beforeAll(async () => {
    const witPath = join(folder, 'world.wit')
    writeFileSync(witPath, 'package a:b; world guest { export count: func(word: string) -> string; }')
    const jsSource = `let calls = 0; const seen = []
      export const count = (word) => {
        seen.push(...Array.from({ length: 20000 }, (_, n) => word + n))
        return JSON.stringify({ calls: ++calls, held: seen.length, last: seen.at(-1) })
      }`
    component = (await componentize({ jsSource, witPath, world: 'guest', sync: true })).component
  }, 60_000)

  it('is byte for byte what a new one is, though its memory grew', async () => {
    const linked = await new ComponentLinker().link(ingested(component))
    const imports = idleHost(component)
    const fresh = await captured(linked, imports)
    const untouched = fresh.digest()
    const first = await fresh.instance.call(['count'], ['word'])
    expect(JSON.parse(String(first))).toEqual({ calls: 1, held: 20_000, last: 'word19999' })
    const fuel = fresh.instance.fuelUsed()
    const after = fresh.digest()
    expect(after).not.toBe(untouched)
    for (let session = 0; session < 2; session++) {
      expect(fresh.instance.reset()).toBe(true)
      expect(fresh.digest()).toBe(untouched)
      fresh.instance.serve(unlimited)
      expect(await fresh.instance.call(['count'], ['word'])).toBe(first)
      expect(fresh.digest()).toBe(after)
      expect(fresh.instance.fuelUsed()).toBe(fuel)
    }
    const other = await captured(linked, imports)
    expect(other.digest()).toBe(untouched)
  })
})
