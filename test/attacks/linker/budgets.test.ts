import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { compileType } from '#cell/link/abi/compile-type.ts'
import type { LiftingBudget } from '#cell/link/abi/compiled-type.ts'
import { defaultLiftingBudget } from '#cell/link/abi/lifting-meter.ts'
import type { ValueType } from '#core/component/component-plan.ts'
import type { Instance, MeterHooks, Standing } from '#cell/link/linker.ts'
import { MemoryGuest } from '../../cell/link/abi/memory-guest.ts'
import { instanceOf, sealed } from '../../cell/link/component-world.ts'

const MiB = 2 ** 20
const wide: LiftingBudget = { bytesPerCall: 2 ** 40, elementsPerCall: 2 ** 40, bytesPerSession: 2 ** 40, elementsPerSession: 2 ** 40 }
const overBudget = { name: 'LinkTrap', code: 'budget' }

/** Gives what the heap holds once garbage is collected. */
const collector = (): (() => number) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('expected the engine to collect on demand')
  return () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
}

/** Sums what is charged. */
class ChargedGuest extends MemoryGuest {
  charged = { elements: 0, bytes: 0 }
  override charge(elements: number, bytes: number): void {
    this.charged.elements += elements
    this.charged.bytes += bytes
  }
}

/** One page of memory, in which 1000 strings and lists at 32768 are the first `bytes` bytes; an allocator that gives the same room each time. */
const aliases = (bytes: number): string => `(core module $libc (memory (export "memory") 1)
  (func $fill (local $nth i32)
    (memory.fill (i32.const 0) (i32.const 97) (i32.const 32768))
    (loop $each
      (i32.store offset=32772 (i32.shl (local.get $nth) (i32.const 3)) (i32.const ${bytes}))
      (br_if $each (i32.lt_u (local.tee $nth (i32.add (local.get $nth) (i32.const 1))) (i32.const 1000)))))
  (start $fill)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (select (i32.const 40768) (i32.const 0) (i32.eq (local.get 2) (i32.const 4)))))
  (core instance $libc (instantiate $libc))`

/** A component with `take: func(x: type)`, which does nothing, and one that calls it `times` times with what lies at 32768, `length` long. */
const pairWat = (
  type: string,
  {
    bytes,
    length,
    times,
    encoding = 'utf8',
  }: { readonly bytes: number; readonly length: number; readonly times: number; readonly encoding?: string },
): string => `(component
  (component $callee ${aliases(0)}
    (core module $m (func (export "take") (param i32 i32)))
    (core instance $m (instantiate $m))
    (func (export "take") (param "x" ${type}) (canon lift (core func $m "take") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
  (component $caller
    (import "take" (func $take (param "x" ${type}))) ${aliases(bytes)}
    (core func $lowered (canon lower (func $take) (memory (core memory $libc "memory")) string-encoding=${encoding}))
    (core module $m (import "" "take" (func $take (param i32 i32)))
      (func (export "go") (local $nth i32)
        (loop $each
          (call $take (i32.const 32768) (i32.const ${length}))
          (br_if $each (i32.lt_u (local.tee $nth (i32.add (local.get $nth) (i32.const 1))) (i32.const ${times}))))))
    (core instance $m (instantiate $m (with "" (instance (export "take" (func $lowered))))))
    (func (export "go") (canon lift (core func $m "go"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "take" (func $callee "take"))))
  (export "go" (func $caller "go")))`

const pair = (type: string, shape: Parameters<typeof pairWat>[1], hooks: Partial<MeterHooks> = {}): Promise<Instance> =>
  instanceOf(pairWat(type, shape), { hooks })

describe('what one component passes to another', () => {
  it.each([
    ['strings that are one and the same', '(list string)', 'utf8'],
    ['strings in UTF-16', '(list string)', 'utf16'],
    ['strings in Latin-1', '(list string)', 'latin1+utf16'],
    ['lists of bytes', '(list (list u8))', 'utf8'],
    ['lists in lists', '(list (list bool))', 'utf8'],
  ])('is charged like what it passes to the host: %s', async (_what, type, encoding) => {
    const shape = { bytes: 16_000, length: 1000, times: 1, encoding }
    await (await pair(type, shape, { lifting: wide })).call(['go'], [])
    await expect((await pair(type, shape, { lifting: { ...wide, bytesPerCall: 8 * MiB } })).call(['go'], [])).rejects.toMatchObject(
      overBudget,
    )
    await expect((await pair(type, shape, { lifting: { ...wide, bytesPerSession: 8 * MiB } })).call(['go'], [])).rejects.toMatchObject(
      overBudget,
    )
  })

  it('adds up over many small calls', async () => {
    const shape = { bytes: 10, length: 10, times: 100 }
    const lifting = { ...wide, elementsPerSession: 999 }
    await expect((await pair('(list string)', shape, { lifting })).call(['go'], [])).rejects.toMatchObject(overBudget)
    await (await pair('(list string)', shape, { lifting: { ...wide, elementsPerSession: 1000 } })).call(['go'], [])
  })

  it('counts anew for the next session only', async () => {
    const instance = await pair('(list string)', { bytes: 10, length: 10, times: 60 }, { lifting: { ...wide, elementsPerSession: 1000 } })
    await instance.call(['go'], [])
    await expect(instance.call(['go'], [])).rejects.toMatchObject(overBudget)
  })

  const hooksOf = (standing: () => Standing): Partial<MeterHooks> => ({ standing, refill: () => 1_000_000_000, lifting: wide })

  it('costs its turn the time that it takes: a loop of calls stops when its session is stopped', async () => {
    let asked = 0
    const hooks = hooksOf(() => (++asked < 20 ? 'running' : 'stopped'))
    const instance = await pair('(list string)', { bytes: 1000, length: 100, times: 1000 }, hooks)
    await expect(instance.call(['go'], [])).rejects.toMatchObject({ name: 'LinkTrap', code: 'over' })
    expect(asked).toBe(20)
  })

  it('lets others have their turns: a loop of calls yields when its turn is over', async () => {
    const asked: ('grant' | 'yield')[] = []
    const hooks: Partial<MeterHooks> = {
      lifting: wide,
      standing: () => 'over',
      refill: (canSuspend) => {
        if (!canSuspend) return 1_000_000_000
        asked.push(asked.at(-1) === 'grant' ? 'yield' : 'grant')
        return asked.at(-1) === 'yield' ? 'yield' : 1_000_000_000
      },
    }
    const instance = await pair('(list string)', { bytes: 10, length: 1, times: 50 }, hooks)
    await instance.call(['go'], [])
    expect(asked.filter((each) => each === 'yield').length).toBeGreaterThan(45)
  })
})

describe('values of many parts', () => {
  const flags = (count: number): ValueType => ({ kind: 'flags', names: names(count) })
  const record = (count: number): ValueType => ({ kind: 'record', fields: names(count).map((name) => ({ name, type: { kind: 'bool' } })) })
  const names = (count: number): string[] => Array.from({ length: count }, (_, nth) => `f${nth}`)

  /** What lifting a list of some 1.5 MiB of objects charges, and what it makes the host hold. */
  const lifted = (element: ValueType): { readonly charged: number; readonly elements: number; readonly held: number } => {
    const guest = new ChargedGuest()
    const type = compileType({ kind: 'list', element })
    const length = Math.floor(190_000 / compileType(element).size)
    const collect = collector()
    // Code is compiled and objects find their shape on the way.
    type.lift(guest, [0, Math.min(length, 1000)], 0)
    guest.charged = { elements: 0, bytes: 0 }
    const before = collect()
    const value = type.lift(guest, [0, length], 0)
    const held = collect() - before
    expect(value).toHaveLength(length)
    return { charged: guest.charged.bytes, elements: guest.charged.elements / length, held }
  }

  it.each([
    ['flags(8)', flags(8), 8],
    ['flags(32)', flags(32), 32],
    ['record(5)', record(5), 5],
    ['record(20)', record(20), 20],
    ['record(1000)', record(1000), 1000],
    ['record(2000)', record(2000), 2000],
    ['tuple(1)', { kind: 'tuple', items: [{ kind: 'bool' }] } as const, 1],
    ['list(list(u8))', { kind: 'list', element: { kind: 'u8' } } as const, 2],
    ['result', { kind: 'result', ok: undefined, error: undefined } as const, 1],
  ])('are held in what was charged for them, and each part counts: %s', (_name, element, parts) => {
    const { charged, elements, held } = lifted(element)
    expect(held).toBeLessThan(1.2 * charged + 100_000)
    expect(elements).toBe(parts)
  })
})

describe('calls inside calls', () => {
  /** A chain of components, each of which lifts some 30 MiB and passes them on; the innermost calls the host. */
  const chainWat = (length: number): string => {
    const innermost = `(component $innermost ${aliases(0)}
      (import "probe" (func $probe))
      (core func $lowered (canon lower (func $probe)))
      (core module $m (import "" "probe" (func $probe)) (func (export "take") (param i32 i32) (call $probe)))
      (core instance $m (instantiate $m (with "" (instance (export "probe" (func $lowered))))))
      (func (export "take") (param "x" (list string)) (canon lift (core func $m "take") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))`
    const link = `(component $link ${aliases(30_000)}
      (import "take" (func $take (param "x" (list string))))
      (core func $lowered (canon lower (func $take) (memory (core memory $libc "memory"))))
      (core module $m (import "" "take" (func $take (param i32 i32)))
        (func $pass (call $take (i32.const 32768) (i32.const 500)))
        (func (export "take") (param i32 i32) (call $pass))
        (func (export "go") (call $pass)))
      (core instance $m (instantiate $m (with "" (instance (export "take" (func $lowered))))))
      (func (export "go") (canon lift (core func $m "go")))
      (func (export "take") (param "x" (list string)) (canon lift (core func $m "take") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))`
    const links = Array.from({ length }, (_, nth) => `(instance $i${nth + 1} (instantiate $link (with "take" (func $i${nth} "take"))))`)
    return `(component (import "host" (instance $host (export "probe" (func)))) (alias export $host "probe" (func $probe))
      ${innermost} ${link} (instance $i0 (instantiate $innermost (with "probe" (func $probe)))) ${links.join(' ')} (export "go" (func $i${length} "go")))`
  }

  it('hold no more of what they passed than one of them', async () => {
    const used = collector()
    let held = 0
    const before = used()
    const imports = sealed({ host: { probe: () => void (held = used() - before) } })
    const instance = await instanceOf(chainWat(12), { imports })
    await instance.call(['go'], [])
    expect(held).toBeLessThan(defaultLiftingBudget.bytesPerCall)
  })
})

describe('calls inside calls of one component', () => {
  /** A component that calls itself by way of its own export, `depth` times, and then answers. */
  const selfWat = (depth: number): string => `(component
    (core module $m
      (type $nothing (func))
      (global $deep (mut i32) (i32.const 0))
      (table (export "table") 1 funcref)
      (func (export "go")
        (global.set $deep (i32.add (global.get $deep) (i32.const 1)))
        (if (i32.lt_u (global.get $deep) (i32.const ${depth})) (then (call_indirect (type $nothing) (i32.const 0))))))
    (core instance $m (instantiate $m))
    (func $go (canon lift (core func $m "go")))
    (core func $again (canon lower (func $go)))
    (core module $tie (import "" "again" (func $again)) (import "" "table" (table 1 funcref)) (elem (i32.const 0) $again))
    (core instance (instantiate $tie (with "" (instance (export "again" (func $again)) (export "table" (table $m "table"))))))
    (export "go" (func $go)))`

  it('end where their stacks would take more memory than any guest may', async () => {
    await (await instanceOf(selfWat(33))).call(['go'], [])
    await expect((await instanceOf(selfWat(34))).call(['go'], [])).rejects.toMatchObject(overBudget)
  })
})
