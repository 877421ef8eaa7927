import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ExportedFunction } from '#core/artifact.ts'
import { readComponent } from '#core/component/read-component.ts'
import { CordonError } from '#core/errors.ts'
import { readInterfaceSignatures } from '#host/build/interface-signatures.ts'
import { loadToolset } from '#host/ingest/bindgen.ts'
import { readImportSignatures } from '#host/ingest/import-types.ts'
import { makeGlue } from '#host/ingest/make-glue.ts'
import { readExports } from '#host/ingest/plan-exports.ts'
import { checkImports } from '#host/ingest/plan-imports.ts'
import { SignatureTexts } from '#host/ingest/signature-text.ts'
import { loadSignatures } from '#host/ingest/signatures.ts'
import { component } from './wat.ts'

const reference = await loadSignatures()
const planOf = async (wat: string): Promise<ReturnType<typeof readComponent>> => readComponent(await component(wat))
const importing = async (wat: string): Promise<readonly string[]> => checkImports(await planOf(wat), reference)

describe('the signatures of what a component imports', () => {
  test('are spelled as those of the interfaces that this host has', async () => {
    expect(await readInterfaceSignatures()).toEqual(reference)
  })

  test('are spelled as the reader of the glue route spells them', async () => {
    const interpreter = new Uint8Array(readFileSync(new URL('../../../dist/vendor/interpreter.wasm', import.meta.url)))
    const plan = readComponent(interpreter)
    const texts = new SignatureTexts(plan)
    const byPlan = plan.imports.map(({ name, functions }) => [name, functions.map((each) => [each.name, texts.of(each.type)])])
    expect(byPlan.length).toBeGreaterThan(15)
    expect(byPlan).toEqual(readImportSignatures(interpreter).map(([name, functions]) => [name, [...functions]]))
  })

  test('stay short however often types are shared', async () => {
    const doubling = Array.from({ length: 13 }, (_, nth) => `(type $t${nth + 1} (tuple $t${nth} $t${nth}))`).join(' ')
    const wat = `(import "wasi:random/random@0.2.3" (instance (type $t0 (tuple u8 u8)) ${doubling} (export "get-random-u64" (func (param "x" $t13)))))`
    await expect(importing(wat)).rejects.toThrow(/\(x:tuple<[tuple<>?,]{0,200}>\)->_/)
  })
})

describe('imports', () => {
  const poll = '(import "wasi:io/poll@0.2.3" (instance $poll (export "pollable" (type (sub resource)))))'

  test('of a resource that this host has are let in, with or without a function', async () => {
    expect(await importing(poll)).toEqual(['wasi:io/poll@0.2.3'])
  })

  test.each([
    [
      'a resource that the interface does not have',
      '(import "wasi:io/poll@0.2.3" (instance (export "gate" (type (sub resource)))))',
      '`gate`',
    ],
    [
      'a resource under an interface that does not own it',
      '(import "wasi:clocks/monotonic-clock@0.2.3" (instance (export "pollable" (type (sub resource)))))',
      '`pollable`',
    ],
    ['a resource of the world', '(import "thing" (type (sub resource)))', '`thing`'],
    ['an interface without a version', '(import "wasi:io/poll" (instance))', 'without a version'],
    ['a function of the world', '(import "do-it" (func))', '`do-it`'],
  ])('of %s are refused by name', async (_what, wat, said) => {
    const error: unknown = await importing(wat).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(CordonError)
    expect(error).toMatchObject({ code: 'component.import-unknown', message: expect.stringContaining(said) })
  })

  test('of types that are only named need nothing', async () => {
    expect(await importing('(type $t u32) (import "size" (type (eq $t)))')).toEqual([])
  })
})

const profile = { maxMemoryPages: 1024, maxTableElements: 16_384 }
const byCall = (a: ExportedFunction, b: ExportedFunction): number => a.call.localeCompare(b.call)

describe('exports', () => {
  const lifted = `(core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func $f (canon lift (core func $i "f")))`

  test('take jco’s names as their paths', async () => {
    const wat = `${lifted}
      (export "do-it-twice" (func $f)) (instance $i (export "go-on" (func $f)))
      (export "my:tools/maths@1.0.0" (instance $i)) (export "wasi:cli/run@0.2.0" (instance $i)) (export "some-tools" (instance $i))`
    const found = readExports(await planOf(wat))
    expect(makeGlue(await component(wat), profile, await loadToolset()).exports.toSorted(byCall)).toEqual(found.toSorted(byCall))
    expect(found).toEqual([
      { path: ['doItTwice'], call: 'do-it-twice', kind: 'plain' },
      { path: ['my:tools/maths@1.0.0', 'goOn'], call: 'my:tools/maths#go-on', kind: 'plain' },
      { path: ['wasi:cli/run@0.2.0', 'goOn'], call: 'wasi:cli/run#go-on', kind: 'plain' },
      { path: ['someTools', 'goOn'], call: 'some-tools#go-on', kind: 'plain' },
    ])
  })

  const resource = `${lifted}
    (type $thing (resource (rep i32)))
    (core func $new (canon resource.new $thing))
    (core module $n (import "h" "new" (func $new (param i32) (result i32))) (func (export "new") (result i32) (call $new (i32.const 1)))
      (func (export "method") (param i32)))
    (core instance $n (instantiate $n (with "h" (instance (export "new" (func $new))))))
    (component $c
      (import "thing" (type $t (sub resource)))
      (import "make" (func $make (result (own $t))))
      (import "go" (func $go (param "self" (borrow $t))))
      (import "f" (func $f))
      (export $e "thing" (type $t))
      (export "[constructor]thing" (func $make) (func (result (own $e))))
      (export "[method]thing.go" (func $go) (func (param "self" (borrow $e))))
      PLAIN)
    (func $make (result (own $thing)) (canon lift (core func $n "new")))
    (func $go (param "self" (borrow $thing)) (canon lift (core func $n "method")))
    (instance $api (instantiate $c (with "thing" (type $thing)) (with "make" (func $make)) (with "go" (func $go)) (with "f" (func $f))))
    (export "my:api/things@1.0.0" (instance $api))`

  test('offer the plain functions beside a resource, and none of its own', async () => {
    expect(readExports(await planOf(resource.replace('PLAIN', '(export "count" (func $f))')))).toEqual([
      { path: ['my:api/things@1.0.0', 'count'], call: 'my:api/things#count', kind: 'plain' },
    ])
  })

  test('of nothing but a resource are refused by name', async () => {
    const plan = await planOf(resource.replace('PLAIN', ''))
    expect(() => readExports(plan)).toThrow(
      expect.objectContaining({ code: 'component.unsupported', message: expect.stringContaining('the resource `thing`') }),
    )
  })

  test('that are functions of the host handed on are refused by name', async () => {
    const imported = '(import "wasi:random/random@0.2.12" (instance $i (export "get-random-u64" (func (result u64)))))'
    for (const exported of [
      '(alias export $i "get-random-u64" (func $f)) (export "draw" (func $f))',
      '(export "my:own/random" (instance $i))',
    ]) {
      const plan = await planOf(`${imported} ${exported}`)
      expect(() => readExports(plan)).toThrow(
        expect.objectContaining({ code: 'component.unsupported', message: expect.stringContaining('a function of the host') }),
      )
    }
  })

  test('that JavaScript could not tell apart are refused', () => {
    const func = (name: string) => ({ kind: 'func' as const, name, function: 0 })
    expect(readExports({ functions: [], imports: [], resources: [], exports: [func('a-b'), func('ab')] })).toHaveLength(2)
    expect(() => readExports({ functions: [], imports: [], resources: [], exports: [func('a-1'), func('a1')] })).toThrow(
      expect.objectContaining({ code: 'component.unsupported' }),
    )
  })

  test('of more functions than anyone calls are refused', () => {
    const exports = Array.from({ length: 1001 }, (_, nth) => ({ kind: 'func' as const, name: `f${nth}`, function: nth }))
    expect(readExports({ functions: [], imports: [], resources: [], exports: exports.slice(1) })).toHaveLength(1000)
    expect(() => readExports({ functions: [], imports: [], resources: [], exports })).toThrow(
      expect.objectContaining({ code: 'component.unsupported' }),
    )
  })
})
