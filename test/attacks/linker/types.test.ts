import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { describe, expect, it } from 'vitest'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import { readComponent } from '#core/component/read-component.ts'
import { rewriteComponent } from '#host/ingest/rewrite-component.ts'
import { instanceOf, sealed, unlimited } from '../../cell/link/component-world.ts'

/** A component that makes resources of its own, and one that uses what it is told is one type. */
const makers = `
  (component $maker
    (type $r (resource (rep i32)))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core module $m (import "r" "rep" (func $rep (param i32) (result i32))) (func (export "use") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $m (with "r" (instance (export "rep" (func $rep))))))
    (export $s "r" (type $r))
    (func (export "make") (param "x" u32) (result (own $s)) (canon lift (core func $new)))
    (func (export "use") (param "x" (borrow $s)) (result u32) (canon lift (core func $m "use"))))
  (component $user
    (import "a" (instance $a (export "r" (type (sub resource)))))
    (alias export $a "r" (type $r))
    (import "make" (func $make (param "x" u32) (result (own $r))))
    (import "use" (func $use (param "x" (borrow $r)) (result u32)))
    (core func $make (canon lower (func $make)))
    (core func $use (canon lower (func $use)))
    (core module $m
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "use" (func $use (param i32) (result i32)))
      (func (export "go") (result i32) (call $use (call $make (i32.const 5)))))
    (core instance $m (instantiate $m (with "" (instance (export "make" (func $make)) (export "use" (func $use))))))
    (func (export "go") (result u32) (canon lift (core func $m "go"))))
  (instance $one (instantiate $maker))
  (instance $two (instantiate $maker))`

const tiedWat = (type: string, make: string, use: string): string =>
  `(component ${makers} (instance $u (instantiate $user (with "a" (instance ${type})) (with "make" (func ${make} "make")) (with "use" (func ${use} "use")))) (export "go" (func $u "go")))`

/** Makes a core function of `type` into the component's `f`, with memory and realloc at hand. */
const liftedWat = (core: string, type: string, options = ''): string => `(component
  (core module $m (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) ${core})
  (core instance $m (instantiate $m))
  (func (export "f") ${type} (canon lift (core func $m "f") ${options})))`

const memory = '(memory (core memory $m "memory"))'
const realloc = '(realloc (core func $m "realloc"))'

const refused: readonly (readonly [string, string])[] = [
  ['a resource of one instance used by the functions of another of the same component', tiedWat('$one', '$one', '$two')],
  ['a resource type that is not the one its functions are about', tiedWat('$two', '$one', '$one')],
  ['what a child’s resource stands for', `(component ${makers} (alias export $one "r" (type $r)) (core func (canon resource.rep $r)))`],
  ['the making of a child’s resource', `(component ${makers} (alias export $one "r" (type $r)) (core func (canon resource.new $r)))`],
  ['what a host’s resource stands for', '(component (import "r" (type $r (sub resource))) (core func (canon resource.rep $r)))'],
  [
    'what a host’s resource stands for, under another name',
    '(component (import "r" (type $r (sub resource))) (import "s" (type $s (eq $r))) (core func (canon resource.rep $s)))',
  ],
  [
    'its own resource exported as another',
    '(component (type $r (resource (rep i32))) (type $s (resource (rep i32))) (export "r" (type $r) (type (eq $s))))',
  ],
  [
    'a resource type of the component around it',
    '(component $o (type $r (resource (rep i32))) (component (alias outer $o $r (type $x)) (core func (canon resource.drop $x))))',
  ],
  [
    'a function type with such a resource',
    '(component $o (type $r (resource (rep i32))) (type $f (func (param "x" (own $r)))) (component (alias outer $o $f (type $x)) (import "f" (func (type $x)))))',
  ],
  ['a core function of other parameters', liftedWat('(func (export "f") (param i64))', '(param "x" u32)')],
  ['a core function that returns what nobody takes', liftedWat('(func (export "f") (result i32) (i32.const 0))', '')],
  ['a string without an allocator', liftedWat('(func (export "f") (param i32 i32))', '(param "x" string)', memory)],
  ['a string without a memory', liftedWat('(func (export "f") (param i32 i32))', '(param "x" string)')],
  [
    'an allocator of another type',
    liftedWat(
      '(func (export "g") (param i32) (result i32) (i32.const 0)) (func (export "f") (param i32 i32))',
      '(param "x" string)',
      `${memory} (realloc (core func $m "g"))`,
    ),
  ],
  [
    'a post-return that takes something else',
    liftedWat(
      '(func (export "g") (param i64)) (func (export "f") (result i32) (i32.const 0))',
      '(result u32)',
      '(post-return (core func $m "g"))',
    ),
  ],
  [
    'a post-return that returns something',
    liftedWat(
      '(func (export "g") (param i32) (result i32) (i32.const 0)) (func (export "f") (result i32) (i32.const 0))',
      '(result u32)',
      '(post-return (core func $m "g"))',
    ),
  ],
  [
    'a table as a memory',
    `(component (core module $m (table (export "memory") 1 funcref) (func (export "f") (param i32 i32)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $m (instantiate $m)) (func (export "f") (param "x" string) (canon lift (core func $m "f") ${memory} ${realloc})))`,
  ],
  [
    'a destructor of another type',
    '(component (core module $m (func (export "f") (param i64))) (core instance $m (instantiate $m)) (type $r (resource (rep i32) (dtor (core func $m "f")))))',
  ],
  [
    'a result that is lent',
    '(component (type $r (resource (rep i32))) (core module $m (func (export "f") (result i32) (i32.const 0))) (core instance $m (instantiate $m)) (func (result (borrow $r)) (canon lift (core func $m "f"))))',
  ],
  ['the meter, imported', '(component (core module $m (import "cordon:meter" "refill" (func (result i32)))))'],
  [
    'a meter of its own',
    '(component (core module $a) (core instance $a (instantiate $a)) (core module $m) (core instance (instantiate $m (with "cordon:meter" (instance $a)))))',
  ],
  [
    'the slice of a module, by alias',
    '(component (core module $a) (core instance $a (instantiate $a)) (alias core export $a "cordon:meter/slice" (core global $g)))',
  ],
  ['a slice of its own', '(component (core module $a (global (export "cordon:meter/slice") (mut i32) (i32.const 0))))'],
  [
    'a slice of its own, bundled',
    '(component (core module $a (func (export "x"))) (core instance $a (instantiate $a)) (core instance (export "cordon:meter/slice" (func $a "x"))))',
  ],
]

describe('a component that confuses types', () => {
  it.each(refused)('is refused for %s', async (_what, wat) => {
    const component = await parse(wat)
    expect(() => readComponent(component)).toThrow(expect.objectContaining({ name: 'WasmError' }))
  })

  it('is accepted when it does not, with the resources of each instance its own', async () => {
    const instance = await instanceOf(tiedWat('$one', '$one', '$one'))
    await expect(instance.call(['go'], [])).resolves.toBe(5)
  })
})

describe('names that mean something to JavaScript', () => {
  const names = [
    'then',
    'constructor',
    'to-string',
    'value-of',
    'has-own-property',
    'is-prototype-of',
    'length',
    'name',
    'prototype',
    'proto',
    'await',
  ]
  const wat = `(component
    (core module $m (memory (export "memory") 1) (data (i32.const 0) "${names.map((_, nth) => String.raw`\0` + (nth + 1).toString(16)).join('')}")
      (func (export "f") (result i32) (i32.const 0)) (func (export "g") (result i32) (i32.const 0x2aa)))
    (core instance $m (instantiate $m))
    (type $r' (record ${names.map((name) => `(field "${name}" u8)`).join(' ')}))
    (type $f' (flags ${names.map((name) => `"${name}"`).join(' ')}))
    (export $r "r" (type $r'))
    (export $f "f" (type $f'))
    ${names.map((name) => `(func (export "${name}") (result $r) (canon lift (core func $m "f") ${memory}))`).join('\n')}
    (func (export "flags") (result $f) (canon lift (core func $m "g"))))`
  const js = [
    'then',
    'constructor',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    'length',
    'name',
    'prototype',
    'proto',
    'await',
  ]

  it.each(js)('are fields and exports like any other: %s', async (name) => {
    // Ingest refuses such exports, for the sake of the other linker: this one would not need it to.
    const { bytes } = rewriteComponent(await parse(wat), { maxMemoryPages: 16, maxTableElements: 16 })
    const instance = await (await new ComponentLinker().linkComponent(bytes)).instantiate(sealed({}), unlimited)
    const value = await instance.call([name], [])
    expect(Object.entries(value as object)).toEqual(js.map((each, nth) => [each, nth + 1]))
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    await expect(instance.call(['flags'], [])).resolves.toSatisfy((flags: object) =>
      Object.entries(flags).every(([each, value]) => value === (js.indexOf(each) % 2 === 1 && js.indexOf(each) < 10)),
    )
  })

  it.each([['toString'], ['__proto__'], ['hasOwnProperty'], ['flags', 'call'], ['then', 'constructor']])(
    'are no exports that the component does not have: %s',
    async (...path) => {
      const instance = await instanceOf(
        '(component (core module $m (func (export "f"))) (core instance $m (instantiate $m)) (func (export "flags") (canon lift (core func $m "f"))))',
      )
      await expect(instance.call(path, [])).rejects.toMatchObject({ name: 'LinkTrap', code: 'link' })
    },
  )
})
