import { describe, expect, it } from 'vitest'
import { linkedOf, outcomeOf, sealed, unlimited } from '../../cell/link/component-world.ts'

/** A component whose `go` gives what is left of an earlier call, and leaves something; it may import what the module `other` exports. */
const leaverWat = (core: string, other?: string): string => `(component
  ${other === undefined ? '' : `(core module $other ${other}) (core instance $other (instantiate $other))`}
  (core module $m ${core})
  (core instance $m (instantiate $m ${other === undefined ? '' : '(with "other" (instance $other))'}))
  (func (export "go") (result u32) (canon lift (core func $m "go"))))`

const go = (body: string): string => `(func (export "go") (result i32) (local $left i32) ${body} (local.get $left))`

interface Leaver {
  readonly where: string
  readonly wat: string
  /** Whether the instance can be put back at all. */
  readonly resets: boolean
}

const leavers: readonly Leaver[] = [
  {
    where: 'memory',
    wat: leaverWat(`(memory 1) ${go('(local.set $left (i32.load (i32.const 65532))) (i32.store (i32.const 65532) (i32.const 7))')}`),
    resets: true,
  },
  {
    where: 'memory that it grew',
    wat: leaverWat(
      `(memory 1) ${go('(drop (memory.grow (i32.const 1))) (local.set $left (i32.load (i32.const 70000))) (i32.store (i32.const 70000) (i32.const 7))')}`,
    ),
    resets: true,
  },
  { where: 'the size of a memory', wat: leaverWat(`(memory 1) ${go('(local.set $left (memory.grow (i32.const 1)))')}`), resets: true },
  {
    where: 'the memory of a module without code',
    wat: leaverWat(
      `(import "other" "memory" (memory 1)) ${go('(local.set $left (i32.load (i32.const 8))) (i32.store (i32.const 8) (i32.const 7))')}`,
      '(memory (export "memory") 1)',
    ),
    resets: true,
  },
  {
    where: 'a global that nobody exports',
    wat: leaverWat(`(global $g (mut i32) (i32.const 0)) ${go('(local.set $left (global.get $g)) (global.set $g (i32.const 7))')}`),
    resets: true,
  },
  {
    where: 'a global of a module without code',
    wat: leaverWat(
      `(import "other" "g" (global $g (mut i32))) ${go('(local.set $left (global.get $g)) (global.set $g (i32.const 7))')}`,
      '(global (export "g") (mut i32) (i32.const 0))',
    ),
    resets: true,
  },
  {
    where: 'the bits of a NaN',
    wat: leaverWat(
      `(global $g (mut f64) (f64.const 0)) ${go(
        '(local.set $left (i32.wrap_i64 (i64.reinterpret_f64 (global.get $g)))) (global.set $g (f64.reinterpret_i64 (i64.const 0x7ff4000000000123)))',
      )}`,
    ),
    resets: true,
  },
  {
    where: 'the sign of zero',
    wat: leaverWat(
      `(global $g (mut f32) (f32.const -0)) ${go('(local.set $left (i32.ne (i32.const 0x80000000) (i32.reinterpret_f32 (global.get $g)))) (global.set $g (f32.const 0))')}`,
    ),
    resets: true,
  },
  {
    where: 'a reference to a function',
    wat: leaverWat(
      `(global $g (mut funcref) (ref.null func)) (elem declare func $f) (func $f) ${go('(local.set $left (i32.eqz (ref.is_null (global.get $g)))) (global.set $g (ref.func $f))')}`,
    ),
    resets: true,
  },
  {
    where: 'a table',
    wat: leaverWat(
      `(table 1 funcref) (elem declare func $f) (func $f) ${go('(local.set $left (i32.eqz (ref.is_null (table.get (i32.const 0))))) (table.set (i32.const 0) (ref.func $f))')}`,
    ),
    resets: false,
  },
  {
    where: 'the table of a module without code',
    wat: leaverWat(
      `(import "other" "table" (table 1 funcref)) (elem declare func $f) (func $f) ${go('(local.set $left (i32.eqz (ref.is_null (table.get (i32.const 0))))) (table.set (i32.const 0) (ref.func $f))')}`,
      '(table (export "table") 1 funcref)',
    ),
    resets: false,
  },
  {
    where: 'a table that only another module changes',
    wat: leaverWat(
      `(import "other" "table" (table 1 funcref)) (import "other" "set" (func $set)) ${go('(local.set $left (i32.eqz (ref.is_null (table.get (i32.const 0))))) (call $set)')}`,
      '(table $t (export "table") 1 funcref) (elem declare func $f) (func $f) (func (export "set") (table.set $t (i32.const 0) (ref.func $f)))',
    ),
    resets: false,
  },
  {
    where: 'the size of a table',
    wat: leaverWat(`(table 1 funcref) ${go('(local.set $left (i32.sub (table.grow (ref.null func) (i32.const 1)) (i32.const 1)))')}`),
    resets: false,
  },
  {
    where: 'a segment that is dropped',
    wat: leaverWat(`(memory 1) (data $d "abcd") ${go('(data.drop $d)')}`),
    resets: false,
  },
]

describe('a guest that leaves something for the next session', () => {
  it.each(leavers)('in $where: nothing of it is found', async ({ where, wat, resets }) => {
    const linked = await linkedOf(wat)
    const instance = await linked.instantiate(sealed({}), unlimited)
    const first = await instance.call(['go'], [])
    const second = await outcomeOf(instance.call(['go'], []))
    // Otherwise this would show nothing. A segment that is dropped shows in a trap only.
    if (where !== 'a segment that is dropped') expect(second).not.toBe(first)
    expect(instance.reset()).toBe(resets)
    if (!resets) return
    instance.serve(unlimited)
    await expect(instance.call(['go'], [])).resolves.toBe(first)
  })

  it('in the order of handles: the next session finds the same as the first', async () => {
    const wat = `(component
      (type $r (resource (rep i32)))
      (core func $new (canon resource.new $r))
      (core func $drop (canon resource.drop $r))
      (core module $m
        (import "r" "new" (func $new (param i32) (result i32)))
        (import "r" "drop" (func $drop (param i32)))
        (func (export "go") (result i32) (local $a i32) (local $both i32)
          (local.set $a (call $new (i32.const 1)))
          (drop (call $new (i32.const 2)))
          (drop (call $new (i32.const 3)))
          (call $drop (i32.add (local.get $a) (i32.const 1)))
          (call $drop (local.get $a))
          (local.set $both (i32.add (i32.mul (i32.const 10) (call $new (i32.const 4))) (call $new (i32.const 5))))
          (call $drop (i32.add (local.get $a) (i32.const 2)))
          (local.get $both)))
      (core instance $m (instantiate $m (with "r" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
      (func (export "go") (result u32) (canon lift (core func $m "go"))))`
    const instance = await (await linkedOf(wat)).instantiate(sealed({}), unlimited)
    const first = await instance.call(['go'], [])
    await instance.call(['go'], [])
    expect(instance.reset()).toBe(true)
    instance.serve(unlimited)
    await expect(instance.call(['go'], [])).resolves.toBe(first)
  })

  it('as its first session: the snapshot was taken before it was called', async () => {
    const linked = await linkedOf(
      leaverWat(`(memory 1) ${go('(local.set $left (i32.load (i32.const 0))) (i32.store (i32.const 0) (i32.const 7))')}`),
    )
    const first = await linked.instantiate(sealed({}), unlimited)
    await first.call(['go'], [])
    const second = await linked.instantiate(sealed({}), unlimited)
    await expect(second.call(['go'], [])).resolves.toBe(0)
    expect(second.reset()).toBe(true)
    second.serve(unlimited)
    await expect(second.call(['go'], [])).resolves.toBe(0)
  })
})
