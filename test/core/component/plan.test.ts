import { describe, expect, test } from 'vitest'

import type { ComponentPlan, FunctionPlan } from '#core/component/component-plan.ts'
import { planOf } from './read.ts'

const liftOf = (plan: ComponentPlan, name: string): Extract<FunctionPlan, { from: 'lift' }> => {
  const found = plan.exports.find((entry) => entry.name === name)
  const lifted = found?.kind === 'func' ? plan.functions[found.function] : undefined
  if (lifted?.from !== 'lift') throw new Error(`expected export ${name} to be a lifted function`)
  return lifted
}

const libc = `(core module $libc (memory (export "mem") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "take") (param i32 i32)) (func (export "give") (result i32) unreachable) (func (export "after") (param i32)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "mem" (core memory $mem))
  (alias core export $libc "realloc" (core func $realloc))`

describe('a component without others inside', () => {
  test('becomes steps, canonical functions and exports with every reference resolved', async () => {
    const plan = await planOf(`(component
      (import "log" (func $log (param "text" string)))
      ${libc}
      (core func $lower (canon lower (func $log) (memory $mem) string-encoding=utf16))
      (core module $main (import "host" "log" (func (param i32 i32))) (import "libc" "mem" (memory 1)) (func (export "run")))
      (core instance $main (instantiate $main
        (with "libc" (instance $libc)) (with "host" (instance (export "log" (func $lower))))))
      (func $take (param "text" string) (canon lift (core func $libc "take") (memory $mem) (realloc $realloc)))
      (func $give (result string) (canon lift (core func $libc "give") (memory $mem) (post-return (core func $libc "after")) string-encoding=latin1+utf16))
      (func $run (canon lift (core func $main "run")))
      (export "take" (func $take)) (export "give" (func $give)) (export "run" (func $run)))`)

    expect(plan.instances).toEqual([-1])
    expect(plan.resources).toEqual([])
    expect(plan.modules).toHaveLength(2)
    expect(plan.imports).toEqual([
      {
        name: 'log',
        kind: 'func',
        functions: [{ name: '', type: { params: [{ name: 'text', type: { kind: 'string' } }], result: undefined } }],
        resources: [],
        aliases: [],
      },
    ])
    const mem = { from: 'step', step: 0, name: 'mem' }
    expect(plan.steps).toEqual([
      { module: 0, imports: [] },
      {
        module: 1,
        imports: [
          { module: 'host', name: 'log', given: { from: 'canon', canon: 0 } },
          { module: 'libc', name: 'mem', given: mem },
        ],
      },
    ])
    expect(plan.canons).toEqual([
      { kind: 'lower', instance: 0, function: 0, options: { encoding: 'utf16', memory: mem, realloc: undefined, postReturn: undefined } },
    ])
    expect(plan.functions[0]).toMatchObject({ from: 'import', import: 0, name: undefined })
    expect(liftOf(plan, 'take')).toMatchObject({
      instance: 0,
      core: { from: 'step', step: 0, name: 'take' },
      options: { encoding: 'utf8', memory: mem, realloc: { from: 'step', step: 0, name: 'realloc' }, postReturn: undefined },
    })
    expect(liftOf(plan, 'give').options).toMatchObject({ encoding: 'latin1+utf16', postReturn: { from: 'step', step: 0, name: 'after' } })
    expect(plan.exports.map(({ name, kind }) => [name, kind])).toEqual([
      ['take', 'func'],
      ['give', 'func'],
      ['run', 'func'],
    ])
  })

  test('has one object for each type, however often it is written', async () => {
    const plan = await planOf(`(component
      (core module $m (memory (export "mem") 1) (func (export "f") (param i32 i32 i32 i32))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
      (core instance $i (instantiate $m))
      (type $a (list (tuple u8 string))) (type $b (list (tuple u8 string)))
      (func $f (param "a" $a) (param "b" $b) (canon lift (core func $i "f") (memory (core memory $i "mem")) (realloc (core func $i "realloc"))))
      (export "f" (func $f)))`)
    const [a, b] = liftOf(plan, 'f').type.params
    expect(a?.type).toEqual({ kind: 'list', element: { kind: 'tuple', items: [{ kind: 'u8' }, { kind: 'string' }] } })
    expect(a?.type).toBe(b?.type)
  })

  test('keeps every kind of value type', async () => {
    const plan = await planOf(`(component
      (type $r (record (field "a" s8) (field "b" char))) (export $re "r" (type $r))
      (type $v (variant (case "x") (case "y" f64))) (export $ve "v" (type $v))
      (type $e (enum "p" "q")) (export $ee "e" (type $e))
      (type $f (flags "read" "write")) (export $fe "f" (type $f))
      (core module $m (memory (export "mem") 1) (func (export "f") (param i32)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
      (core instance $i (instantiate $m))
      (func $all (param "r" $re) (param "v" $ve) (param "e" $ee) (param "f" $fe) (param "o" (option u64)) (param "ok" (result u16 (error s64)))
        (param "empty" (result)) (param "t" (tuple bool f32 s16 s32 u32 u8)) (param "l" (list string))
        (canon lift (core func $i "f") (memory (core memory $i "mem")) (realloc (core func $i "realloc"))))
      (export "all" (func $all)))`)
    expect(liftOf(plan, 'all').type.params.map(({ type }) => type)).toEqual([
      {
        kind: 'record',
        fields: [
          { name: 'a', type: { kind: 's8' } },
          { name: 'b', type: { kind: 'char' } },
        ],
      },
      {
        kind: 'variant',
        cases: [
          { name: 'x', type: undefined },
          { name: 'y', type: { kind: 'f64' } },
        ],
      },
      { kind: 'enum', names: ['p', 'q'] },
      { kind: 'flags', names: ['read', 'write'] },
      { kind: 'option', some: { kind: 'u64' } },
      { kind: 'result', ok: { kind: 'u16' }, error: { kind: 's64' } },
      { kind: 'result', ok: undefined, error: undefined },
      { kind: 'tuple', items: ['bool', 'f32', 's16', 's32', 'u32', 'u8'].map((kind) => ({ kind })) },
      { kind: 'list', element: { kind: 'string' } },
    ])
    expect(plan.exports.slice(0, 4)).toEqual(['r', 'v', 'e', 'f'].map((name) => ({ kind: 'type', name })))
  })

  test('gives an imported resource type one index, whatever it is called', async () => {
    const plan = await planOf(`(component
      (import "wasi:io/poll@0.2.12" (instance $poll (export "pollable" (type $p (sub resource))) (export "[method]pollable.block" (func (param "self" (borrow $p))))))
      (alias export $poll "pollable" (type $pollable))
      (import "wasi:clocks/clock" (instance $clock (export "pollable" (type $p (eq $pollable))) (export "subscribe" (func (result (own $p))))))
      (import "mine" (type $mine (eq $pollable)))
      (import "other" (type $other (sub resource)))
      (core func $drop (canon resource.drop $mine))
      (core func $drop-other (canon resource.drop $other))
      (func $block-it (param "p" (own $mine)) (canon lift (core func $drop)))
      (export "block-it" (func $block-it)))`)
    expect(plan.resources).toEqual([
      { from: 'import', import: 0, name: 'pollable' },
      { from: 'import', import: 3, name: 'other' },
    ])
    expect(plan.imports.map(({ name, kind, resources, aliases }) => [name, kind, resources, aliases])).toEqual([
      ['wasi:io/poll@0.2.12', 'instance', [{ name: 'pollable', resource: 0 }], []],
      ['wasi:clocks/clock', 'instance', [], [{ name: 'pollable', resource: 0 }]],
      ['mine', 'type', [], [{ name: 'mine', resource: 0 }]],
      ['other', 'type', [{ name: 'other', resource: 1 }], []],
    ])
    expect(plan.imports[1]?.functions).toEqual([{ name: 'subscribe', type: { params: [], result: { kind: 'own', resource: 0 } } }])
    expect(plan.canons).toEqual([
      { kind: 'resource.drop', instance: 0, resource: 0 },
      { kind: 'resource.drop', instance: 0, resource: 1 },
    ])
    expect(liftOf(plan, 'block-it').type.params[0]?.type).toEqual({ kind: 'own', resource: 0 })
  })

  test('names its own resource types with their destructors', async () => {
    const plan = await planOf(`(component
      (core module $m (func (export "end") (param i32)))
      (core instance $i (instantiate $m))
      (type $r (resource (rep i32) (dtor (core func $i "end"))))
      (core func (canon resource.new $r)) (core func (canon resource.rep $r))
      (export $named "thing" (type $r)))`)
    expect(plan.resources).toEqual([{ from: 'component', instance: 0, destructor: { from: 'step', step: 0, name: 'end' } }])
    expect(plan.canons).toEqual([
      { kind: 'resource.new', instance: 0, resource: 0 },
      { kind: 'resource.rep', instance: 0, resource: 0 },
    ])
    expect(plan.exports).toEqual([{ kind: 'resource', name: 'thing', resource: 0 }])
  })

  test('exports what it imports', async () => {
    const plan = await planOf(`(component
      (import "a:b/c" (instance $i (export "r" (type $r (sub resource))) (export "f" (func (param "r" (borrow $r)))) (export "unused" (func))))
      (export "a:b/c" (instance $i))
      (alias export $i "f" (func $f))
      (export "again" (instance $i)))`)
    expect(plan.functions).toEqual([
      { from: 'import', import: 0, name: 'f', type: { params: [{ name: 'r', type: { kind: 'borrow', resource: 0 } }], result: undefined } },
      { from: 'import', import: 0, name: 'unused', type: { params: [], result: undefined } },
    ])
    const members = [
      { kind: 'resource', name: 'r', resource: 0 },
      { kind: 'func', name: 'f', function: 0 },
      { kind: 'func', name: 'unused', function: 1 },
    ]
    expect(plan.exports).toEqual([
      { kind: 'instance', name: 'a:b/c', exports: members },
      { kind: 'instance', name: 'again', exports: members },
    ])
  })

  test('passes over custom sections, whatever they say', async () => {
    const plan = await planOf('(component (@custom "component-name" "\\ff\\fe\\01") (@custom "name" "\\99"))')
    expect(plan).toEqual({ modules: [], imports: [], instances: [-1], resources: [], functions: [], canons: [], steps: [], exports: [] })
  })
})

describe('a composition', () => {
  const counter = `(component $counter
      (import "host" (func $host))
      (core func $h (canon lower (func $host)))
      (core module $m (import "" "h" (func)) (func (export "f") (param i32)) (func (export "end") (param i32)))
      (core instance $i (instantiate $m (with "" (instance (export "h" (func $h))))))
      (type $r (resource (rep i32) (dtor (core func $i "end"))))
      (export $r-out "r" (type $r))
      (core func $new (canon resource.new $r))
      (func $f (param "r" (own $r-out)) (canon lift (core func $i "f")))
      (export "f" (func $f)))`

  test('is dissolved: each instance runs the same module, has its own resource types and is its own parent’s child', async () => {
    const plan = await planOf(`(component
      (import "host" (func $host))
      ${counter}
      (instance $one (instantiate $counter (with "host" (func $host))))
      (instance $two (instantiate $counter (with "host" (func $host))))
      (export "one" (instance $one)) (export "two" (instance $two)))`)
    expect(plan.modules).toHaveLength(1)
    expect(plan.instances).toEqual([-1, 0, 0])
    expect(plan.steps.map(({ module }) => module)).toEqual([0, 0])
    expect(plan.resources).toEqual(
      [1, 2].map((instance) => ({ from: 'component', instance, destructor: { from: 'step', step: instance - 1, name: 'end' } })),
    )
    expect(plan.canons.map(({ kind, instance }) => [kind, instance])).toEqual([
      ['lower', 1],
      ['resource.new', 1],
      ['lower', 2],
      ['resource.new', 2],
    ])
    expect(plan.functions.map((entry) => (entry.from === 'lift' ? [entry.instance, entry.type.params[0]?.type] : 'import'))).toEqual([
      'import',
      [1, { kind: 'own', resource: 0 }],
      [2, { kind: 'own', resource: 1 }],
    ])
    expect(plan.exports).toEqual([
      {
        kind: 'instance',
        name: 'one',
        exports: [
          { kind: 'resource', name: 'r', resource: 0 },
          { kind: 'func', name: 'f', function: 1 },
        ],
      },
      {
        kind: 'instance',
        name: 'two',
        exports: [
          { kind: 'resource', name: 'r', resource: 1 },
          { kind: 'func', name: 'f', function: 2 },
        ],
      },
    ])
  })

  test('calls from one component instance into another', async () => {
    const plan = await planOf(`(component
      (component $a
        (type $r (resource (rep i32))) (export $re "r" (type $r))
        (core func $drop (canon resource.drop $r))
        (func $take (param "r" (own $re)) (canon lift (core func $drop))) (export "take" (func $take)))
      (component $b
        (import "a" (instance $a (export "r" (type $r (sub resource))) (export "take" (func (param "r" (own $r))))))
        (core func $take (canon lower (func $a "take")))
        (core module $m (import "" "take" (func (param i32))) (func (export "run")))
        (core instance $i (instantiate $m (with "" (instance (export "take" (func $take))))))
        (func $run (canon lift (core func $i "run"))) (export "run" (func $run)))
      (instance $a (instantiate $a))
      (instance $b (instantiate $b (with "a" (instance $a))))
      (export "run" (func $b "run")))`)
    const lower = plan.canons.find(({ kind }) => kind === 'lower')
    expect(lower).toMatchObject({ instance: 2, function: 0 })
    expect(plan.functions[0]).toMatchObject({
      from: 'lift',
      instance: 1,
      core: { from: 'canon', canon: 0 },
      type: { params: [{ type: { kind: 'own', resource: 0 } }] },
    })
    expect(plan.exports).toEqual([{ kind: 'func', name: 'run', function: 1 }])
  })

  test('passes components and core modules as arguments and reaches those around it', async () => {
    const plan = await planOf(`(component
      (core module $shared (func (export "f")))
      (component $leaf (alias outer 1 $shared (core module $m)) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (export "f" (func $f)))
      (component $uses
        (import "m" (core module $m (export "f" (func))))
        (import "c" (component $c (export "f" (func))))
        (core instance $i (instantiate $m))
        (instance $c1 (instantiate $c)) (instance $c2 (instantiate $c))
        (func $f (canon lift (core func $i "f")))
        (export "own" (func $f)) (export "theirs" (func $c2 "f")))
      (instance $uses (instantiate $uses (with "m" (core module $shared)) (with "c" (component $leaf))))
      (export "own" (func $uses "own")) (export "theirs" (func $uses "theirs")))`)
    expect(plan.instances).toEqual([-1, 0, 1, 1])
    expect(plan.steps.map(({ module }) => module)).toEqual([0, 0, 0])
    expect(liftOf(plan, 'own')).toMatchObject({ instance: 1, core: { step: 0 } })
    expect(liftOf(plan, 'theirs')).toMatchObject({ instance: 3, core: { step: 2 } })
  })

  test('follows an abstract resource type to what it is, and hides what an export was declared not to have', async () => {
    const plan = await planOf(`(component
      (import "i" (instance $i (export "r" (type $r (sub resource))) (export "f" (func (param "r" (own $r))))))
      (component $c
        (import "x" (type $x (sub resource)))
        (import "i" (instance $i (export "f" (func (param "r" (own $x)))) (export "r" (type (eq $x)))))
        (export "i" (instance $i) (instance (export "r" (type (sub resource)))))
        (export "y" (type $x)))
      (instance $c (instantiate $c (with "x" (type $i "r")) (with "i" (instance $i))))
      (export "i" (instance $c "i")) (export "y" (type $c "y")))`)
    expect(plan.resources).toEqual([{ from: 'import', import: 0, name: 'r' }])
    expect(plan.exports).toEqual([
      { kind: 'instance', name: 'i', exports: [{ kind: 'resource', name: 'r', resource: 0 }] },
      { kind: 'resource', name: 'y', resource: 0 },
    ])
    expect(plan.functions).toEqual([])
  })
})
