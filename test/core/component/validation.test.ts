import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { describe, expect, test } from 'vitest'

import { component, ids, name, section, types, u32, vec } from './component-bytes.ts'
import { invalidComponents } from './invalid-components.ts'
import { refusal, refusalOf } from './read.ts'

describe.each(Object.entries(invalidComponents))('of %s it is known that', (_, cases) => {
  test.each(cases)('%s', async (_rule, text, says) => {
    const answer = await refusal(text)
    expect(answer).toMatch(/^malformed: at byte \d+: expected /)
    expect(answer).toMatch(says)
  })
})

describe('accepted is', () => {
  const accepted: readonly (readonly [what: string, text: string])[] = [
    [
      'every alphabet of names',
      '(component (component (import "a" (func)) (import "B-2-c3-D" (func)) (import "a:b/c" (func)) (import "a:b/c@0.2.0" (func)) (import "ns-1:p-2/I-x@1.0.0-rc.1+build.5" (func))))',
    ],
    [
      'a constructor beside its resource',
      '(component (import "a" (type $a (sub resource))) (import "[constructor]a" (func (result (result (own $a) (error string))))) (import "[static]a.make" (func)) (import "[method]a.use" (func (param "self" (borrow $a)))))',
    ],
    [
      'an argument that nobody asked for',
      '(component (import "f" (func $f)) (component $c) (instance (instantiate $c (with "Not Kebab" (func $f)))))',
    ],
    [
      'an instance that has more than is asked for',
      '(component (import "i" (instance $i (export "f" (func)) (export "g" (func)))) (component $c (import "i" (instance (export "g" (func))))) (instance (instantiate $c (with "i" (instance $i)))))',
    ],
    [
      'a core module that imports less and exports more',
      '(component (core module $m (func (export "f")) (func (export "g"))) (component $c (import "m" (core module (import "a" "b" (func)) (export "f" (func))))) (instance (instantiate $c (with "m" (core module $m)))))',
    ],
    [
      'a component that needs less and brings more',
      '(component (component $g (type $r (resource (rep i32))) (export "r" (type $r))) (component $c (import "c" (component (import "x" (type (sub resource)))))) (instance (instantiate $c (with "c" (component $g)))))',
    ],
    [
      'a type under its own alias',
      '(component $c (type $r (record (field "x" u8))) (component (alias outer $c $r (type $s)) (export "s" (type $s))))',
    ],
    [
      'a resource type of one’s own that came back',
      '(component (type $r (resource (rep i32))) (component $c (import "x" (type $x (sub resource))) (export "y" (type $x))) (instance $c (instantiate $c (with "x" (type $r)))) (alias export $c "y" (type $s)) (core func (canon resource.rep $s)))',
    ],
    [
      'a record that is exported before the function that takes it',
      '(component (core module $m (func (export "f") (param i32))) (core instance $i (instantiate $m)) (type $r (record (field "x" u8))) (export $x "r" (type $r)) (func $f (param "r" $r) (canon lift (core func $i "f"))) (export "f" (func $f) (func (param "r" $x))))',
    ],
  ]

  test.each(accepted)('%s', async (_, text) => {
    expect(await refusal(text)).toBe('accepted')
  })
})

describe('bytes that no tool writes', () => {
  const cases: readonly (readonly [what: string, bytes: Uint8Array, says: RegExp])[] = [
    ['nothing', new Uint8Array(), /^at byte 0: expected a component .* got no bytes/],
    ['a core module', new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), /got a core module/],
    ['a cut header', new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d]), /got 00 61 73 6d 0d/],
    ['a section that ends after the component', component([ids.type, 5, 0]), /expected 5 bytes of section 7, got 1/],
    ['a section with bytes left over', component(section(ids.type, [1, 0x7f, 0x7f])), /end of a section of types, got 1 more bytes/],
    ['a section of no known kind', component(section(13, [])), /section id up to 12, got 13/],
    ['a custom section whose name is not UTF-8', component(section(ids.custom, [2, 0xff, 0xfe])), /UTF-8 in the name of a custom section/],
    [
      'a custom section whose name is longer than itself',
      component(section(ids.custom, [5, 0x61])),
      /expected 5 bytes of the name of a custom section, got 1/,
    ],
    ['a type of no known form', component(types([0x30])), /value type, got 0x30/],
    ['a negative type index', component(types([0x70, 0xff, 0x7f])), /got a negative number/],
    [
      'a name of no known form',
      component(types([0x40, 0, 1, 0]), section(ids.import, vec([[3, ...name('a'), 1, 0]]))),
      /name of an import \(0 to 2\), got 0x3/,
    ],
    ['an import of no known kind', component(section(ids.import, vec([[0, ...name('a'), 6, 0]]))), /kind of an import or export, got 0x06/],
    ['a bound of no known kind', component(section(ids.import, vec([[0, ...name('a'), 3, 2]]))), /bound of a type \(0 or 1\), got 0x02/],
    ['a case that refines another', component(types([0x71, ...vec([[...name('a'), 0, 1, 0]])])), /end of a case \(0\), got 0x01/],
    ['an optional type of no known form', component(types([0x6a, 2, 0])), /type or none \(1 or 0\), got 0x02/],
    ['a function with named results', component(types([0x40, 0, 1, 1, ...name('a'), 0x7f])), /without named results/],
    ['a function with a result of no known form', component(types([0x40, 0, 2, 0])), /result of a function \(0 or 1\), got 0x02/],
    [
      'an import in an instance type',
      component(types([0x42, ...vec([[3, 0, ...name('a'), 1, 0]])])),
      /declaration of an instance type, got 0x03/,
    ],
    ['a declaration of no known form', component(types([0x42, ...vec([[5]])])), /declaration of a type, got 0x05/],
    ['an alias of no known sort', component(section(ids.alias, vec([[6, 0, 0, ...name('a')]]))), /a sort, got 0x06/],
    ['an alias of no known core sort', component(section(ids.alias, vec([[0, 0x13, 1, 0, ...name('a')]]))), /a core sort, got 0x13/],
    ['an inline type that is no primitive', component(types([0x70, 0x41])), /value type, got 0x41/],
    [
      'an imported core module of another sort',
      component(section(ids.import, vec([[0, ...name('a'), 0, 0x12, 0]]))),
      /core module \(0x11\), got 0x12/,
    ],
    [
      'a core instance with an argument that is none',
      component(
        section(ids.module, [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
        section(ids.coreInstance, vec([[0, 0, ...vec([[...name('a'), 0, 0]])]])),
      ),
      /core instance \(0x12\), got 0x00/,
    ],
    [
      'a module type with an unknown declaration',
      component(section(ids.coreType, vec([[0x50, ...vec([[4]])]]))),
      /declaration of a module type, got 0x04/,
    ],
    [
      'a module type with an alias of no type',
      component(section(ids.coreType, vec([[0x50, ...vec([[2, 0x11, 1, 1, 0]])]]))),
      /outer alias of a core type in a module type/,
    ],
    [
      'a module type with an alias from too far',
      component(section(ids.coreType, vec([[0x50, ...vec([[2, 0x10, 1, 2, 0]])]]))),
      /at most 1 scopes outwards, got 2/,
    ],
    [
      'a module type with an alias of a module type',
      component(
        section(
          ids.coreType,
          vec([
            [0x50, 0],
            [0x50, ...vec([[2, 0x10, 1, 1, 0]])],
          ]),
        ),
      ),
      /got one of a module type/,
    ],
    ['an alias of no known target', component(section(ids.alias, vec([[5, 3, 0]]))), /target of an alias \(0 to 2\), got 0x03/],
    [
      'an alias of a core instance',
      component(section(ids.alias, vec([[0, 0x12, 1, 0, ...name('a')]]))),
      /core function, table, memory or global, got a core instance/,
    ],
    [
      'an outer alias of a function',
      component(types([0x40, 0, 1, 0]), section(ids.import, vec([[0, ...name('a'), 1, 0]])), section(ids.alias, vec([[1, 2, 0, 0]]))),
      /outer alias of a type, component or core module, got one of a func/,
    ],
    ['a canonical function of no known kind', component(section(ids.canon, vec([[0x55]]))), /canonical function, got 0x55/],
    ['a canonical function that is none', component(section(ids.canon, vec([[1, 1, 0, 0]]))), /expected a function \(0\), got 0x01/],
    [
      'a canonical option of no known kind',
      component(
        types([0x40, 0, 1, 0]),
        section(ids.import, vec([[0, ...name('a'), 1, 0]])),
        section(ids.canon, vec([[1, 0, 0, ...vec([[0x0f]])]])),
      ),
      /canonical option, got 0x0f/,
    ],
    ['an export of a core function', component(section(ids.export, vec([[0, ...name('a'), 0, 0, 0, 0]]))), /got a core func/],
    [
      'an export with a type of no known form',
      component(types([0x7f]), section(ids.export, vec([[0, ...name('a'), 3, 0, 2]]))),
      /type of an export or none \(1 or 0\), got 0x02/,
    ],
    ['a resource with a destructor of no known form', component(types([0x3f, 0x7f, 2])), /destructor or none \(1 or 0\), got 0x02/],
    ['a nested component that is none', component(section(ids.component, [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), /got a core module/],
    ['a core module that is none', component(section(ids.module, [1, 2, 3])), /expected a core module/],
    ['a core instance of no known form', component(section(ids.coreInstance, vec([[2]]))), /core instance \(0 or 1\), got 0x02/],
    ['an instance of no known form', component(section(ids.instance, vec([[2]]))), /instance \(0 or 1\), got 0x02/],
    ['a vector that says it is longer than any', component(section(ids.type, u32(0xffff_ffff))), /at most \d+ types, got 4294967295/],
  ]

  test.each(cases)('%s', (_, bytes, says) => {
    const error = refusalOf(bytes)
    expect(error?.message).toMatch(says)
    expect(error?.offset).toBeLessThanOrEqual(bytes.length)
  })

  const coreCases: readonly (readonly [what: string, sections: readonly number[], says: RegExp])[] = [
    ['an import of no known kind', [2, 6, 1, 1, 0x61, 1, 0x62, 9, 0], /kind of a core import or export, got 0x09/],
    ['bytes after the entries of a section', [1, 5, 1, 0x60, 0, 0, 0], /end of section 1, got 1 more bytes/],
    ['sections out of order', [3, 1, 0, 1, 1, 0], /once and in order, got section 1/],
    ['a section twice', [1, 1, 0, 1, 1, 0], /once and in order/],
    ['a section of no known kind', [14, 0], /section id up to 13/],
    ['a function of a type that is not there', [3, 2, 1, 0], /type index below 0, got 0/],
    ['an export of a function that is not there', [7, 5, 1, 1, 0x61, 0, 0], /core export index below 0/],
    ['an export of no known kind', [7, 5, 1, 1, 0x61, 5, 0], /kind of a core export, got 0x05/],
    ['more entries than bytes', [3, 5, 0xff, 0xff, 0xff, 0xff, 0x0f], /got fewer bytes/],
    ['a global with an unknown constant', [6, 6, 1, 0x7f, 0, 0x10, 0, 0x0b], /constant expression, got 0x10/],
    ['a global of unknown mutability', [6, 6, 1, 0x7f, 2, 0x41, 0, 0x0b], /mutability of a global \(0 or 1\), got 0x02/],
  ]

  test.each(coreCases)('a core module with %s', (_, sections, says) => {
    const core = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections]
    expect(refusalOf(component(section(ids.module, core)))?.message).toMatch(says)
  })

  test('a name that belongs to metering is reserved', async () => {
    const texts = [
      '(component (core module (import "cordon:meter" "refill" (func))))',
      '(component (core module (func (export "cordon:meter/slice"))))',
      '(component (core module $m) (core instance $i (instantiate $m)) (core instance (instantiate $m (with "cordon:meter" (instance $i)))))',
      '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (core instance (export "cordon:meter/slice" (func $i "f"))))',
      '(component (core module $m) (core instance $i (instantiate $m)) (alias core export $i "cordon:meter/slice" (core global)))',
      '(component (core type (module (export "cordon:meter/slice" (func)))))',
    ]
    for (const text of texts) expect(refusalOf(await parse(text))?.code).toBe('reserved')
  })
})
