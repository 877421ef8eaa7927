import { describe, expect, test } from 'vitest'

import type { WasmErrorCode } from '#core/wasm/wasm-error.ts'
import { component, ids, name, section, types, vec } from './component-bytes.ts'
import { refusal, refusalOf } from './read.ts'

type Refused = readonly (readonly [feature: string, text: string, says: RegExp])[]

const ofWasi03: Refused = [
  ['asynchronous functions', '(component (import "f" (func async)))', /asynchronous function/],
  ['asynchronous names', '(component (import "[async]f" (func)))', /asynchronous function/],
  [
    'asynchronous lifting',
    '(component (core module $m (func (export "f") (result i32) unreachable)) (core instance $i (instantiate $m)) (func (canon lift (core func $i "f") async)))',
    /asynchronous/,
  ],
  ['asynchronous lowering', '(component (import "f" (func $f)) (core func (canon lower (func $f) async)))', /asynchronous/],
  ['streams', '(component (type (stream u8)))', /a stream/],
  ['futures', '(component (type (future u8)))', /a future/],
  ['error contexts', '(component (type error-context))', /error context/],
  ['task.return', '(component (core func (canon task.return)))', /task\.return/],
  ['context.get', '(component (core func (canon context.get i32 0)))', /context\.get/],
  ['waitable sets', '(component (core func (canon waitable-set.new)))', /waitable sets/],
  ['subtasks', '(component (core func (canon subtask.drop)))', /subtask\.drop/],
  ['yielding', '(component (core func (canon thread.yield)))', /thread\.yield/],
  ['backpressure', '(component (core func (canon backpressure.inc)))', /backpressure/],
  [
    'a callback',
    '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (canon lift (core func $i "f") (callback (core func $i "f")))))',
    /asynchronous/,
  ],
]

const ofNeither: Refused = [
  ['lists of fixed length', '(component (type (list u8 4)))', /fixed length/],
  ['maps', '(component (type (map u8 string)))', /a map/],
  ['64-bit memories', '(component (core module (memory i64 1)))', /memory64/],
  ['shared memories', '(component (core module (memory 1 2 shared)))', /shared memories/],
  ['garbage-collected core types', '(component (core module (type (struct))))', /core type of form 0x5f/],
  ['core tags', '(component (core module (tag)))', /core tag/],
  ['core tags as imports', '(component (core module (import "a" "b" (tag))))', /core tag/],
  ['tables with initialisers', '(component (core module (table 1 funcref (ref.null func))))', /typed function references/],
  ['garbage-collected core types in a component', '(component (core type (struct)))', /core type of form/],
  ['garbage-collected types in module types', '(component (core type (module (type (struct)))))', /in a module type/],
  ['core modules as imports of the root', '(component (import "m" (core module)))', /import `m` of the root/],
  ['components as imports of the root', '(component (import "c" (component)))', /import `c` of the root/],
  ['core modules as exports of the root', '(component (core module $m) (export "m" (core module $m)))', /export `m` of the root/],
  ['components as exports of the root', '(component (component $c) (export "c" (component $c)))', /export `c` of the root/],
  [
    'instances in imported instances',
    '(component (import "i" (instance (export "j" (instance)))))',
    /kind instance in the imported instance `i`/,
  ],
  [
    'modules in imported instances',
    '(component (import "i" (instance (export "m" (core module)))))',
    /kind module in the imported instance `i`/,
  ],
  ['names with attributes', '(component (import "a" (implements "a:b/c") (instance)))', /attributes/],
  ['dependencies by address', '(component (component (import "url=<https://a>" (func))))', /by address/],
]

type RefusedBytes = readonly (readonly [feature: string, bytes: Uint8Array, says: RegExp])[]

const canons = (...forms: readonly number[]): RefusedBytes =>
  forms.map((form) => [`canonical function 0x${form.toString(16)}`, component(section(ids.canon, vec([[form]]))), /canonical function of/])

const bytesOfWasi03: RefusedBytes = [
  ['a resource with an asynchronous destructor', component(types([0x3e, 0x7f, 0, 0])), /asynchronous destructor/],
  ...canons(0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x14, 0x15, 0x1b, 0x1c, 0x1e, 0x1f, 0x23, 0x24, 0x25),
]

const bytesOfNeither: RefusedBytes = [
  ['a start function', component(section(ids.start, [0, 0, 0])), /start function/],
  ['a value section', component(section(ids.value, [0])), /component-level value/],
  ['an imported value', component(section(ids.import, vec([[0, ...name('a'), 2, 1, 0x7f]]))), /component-level value/],
  ['an alias of a value', component(section(ids.alias, vec([[2, 0, 0, ...name('a')]]))), /component-level value/],
  ['an alias of a core tag', component(section(ids.alias, vec([[0, 4, 1, 0, ...name('a')]]))), /core tag/],
  [
    'a vector instruction in a constant',
    component(section(ids.module, [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 6, 8, 1, 0x7b, 0, 0xfd, 0x0d, 0, 0, 0x0b])),
    /v128\.const in a constant/,
  ],
  ['a resource of 64 bits', component(types([0x3f, 0x7e, 0])), /other than i32/],
  [
    'a name of a kind of its own',
    component(types([0x40, 0, 1, 0]), section(ids.import, vec([[0, ...name('[future]a'), 1, 0]]))),
    /annotation of its own/,
  ],
  ['another version of the format', new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0]), /header other than/],
  [
    'an option of garbage-collected functions',
    component(types([0x40, 0, 1, 0]), section(ids.import, vec([[0, ...name('f'), 1, 0]])), section(ids.canon, vec([[1, 0, 0, 1, 9]]))),
    /option of garbage-collected functions/,
  ],
  ...canons(0x26, 0x2d, 0x40, 0x42),
]

const expectRefusals = (code: WasmErrorCode, texts: Refused, binaries: RefusedBytes): void => {
  test.each(texts)('%s', async (_, text, says) => {
    const answer = await refusal(text)
    expect(answer.slice(0, answer.indexOf(':'))).toBe(code)
    expect(answer).toMatch(says)
  })
  test.each(binaries)('%s', (_, bytes, says) => {
    const error = refusalOf(bytes)
    expect(error?.code).toBe(code)
    expect(error?.message).toMatch(says)
  })
}

describe('refused by name as of WASI 0.3, so that another linker may be asked, is', () => expectRefusals('beyond', ofWasi03, bytesOfWasi03))

describe('refused by name for any linker is', () => expectRefusals('unsupported', ofNeither, bytesOfNeither))
