import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { transpileBytes } from '@bytecodealliance/jco-transpile'
import { beforeAll, describe, expect, test } from 'vitest'

import { parseExternName, uniquenessKey } from '#core/component/component-names.ts'
import { lowerCamel, upperCamel } from '#core/component/js-names.ts'

describe('JavaScript names', () => {
  const labels =
    'get-a a1 x509 a-1b x-2-3 a2b-c3d get-2nd-item to-string x1y2z3-q get-IP-address IP HTTP2-server B a-B aa-BB-CC get-ABC1-x2 A1B2 ABC2DEF-g get-URL'.split(
      ' ',
    )
  let words = new Set<string>()

  beforeAll(async () => {
    const each = (make: (label: string, nth: number) => string): string => labels.map(make).join(' ')
    const bytes = await parse(`(component
      (import "a:b/functions" (instance $f ${each((label) => `(export "${label}" (func))`)}))
      (import "a:b/resources" (instance $r ${each((label, nth) => `(export "${label}" (type $t${nth} (sub resource))) (export "[constructor]${label}" (func (result (own $t${nth}))))`)}))
      (core module $m ${each((_, nth) => `(import "" "f${nth}" (func)) (import "" "r${nth}" (func (result i32)))`)} (func (export "run")))
      ${each((label, nth) => `(core func $f${nth} (canon lower (func $f "${label}"))) (core func $r${nth} (canon lower (func $r "[constructor]${label}")))`)}
      (core instance $i (instantiate $m (with "" (instance ${each((_, nth) => `(export "f${nth}" (func $f${nth})) (export "r${nth}" (func $r${nth}))`)}))))
      (func $run (canon lift (core func $i "run"))) (export "run" (func $run)))`)
    const { files } = await transpileBytes(bytes, { name: 'named', instantiation: 'async' })
    const glue = Object.entries(files).find(([name]) => name.endsWith('.js'))?.[1]
    words = new Set(new TextDecoder().decode(glue).match(/[\w$]+/g))
  })

  test.each(labels)('of `%s` are those that jco writes', (label) => {
    expect(words).toContain(lowerCamel(label))
    expect(words).toContain(upperCamel(label))
  })
})

describe('names of imports and exports', () => {
  test('are taken apart', () => {
    expect(parseExternName('run', 0)).toEqual({ kind: 'label', text: 'run' })
    expect(parseExternName('wasi:io/streams@0.2.12', 0)).toEqual({ kind: 'interface', text: 'wasi:io/streams@0.2.12' })
    expect(parseExternName('[method]output-stream.check-write', 0)).toMatchObject({
      kind: 'method',
      resource: 'output-stream',
      member: 'check-write',
    })
    expect(parseExternName('[static]fields.from-list', 0)).toMatchObject({ kind: 'static', resource: 'fields', member: 'from-list' })
    expect(parseExternName('[constructor]fields', 0)).toMatchObject({ kind: 'constructor', resource: 'fields' })
  })

  const same: readonly (readonly [string, string])[] = [
    ['foo', 'FOO'],
    ['foo-bar', 'foo-BAR'],
    ['[constructor]foo', '[constructor]FOO'],
    ['[method]foo.bar', '[static]FOO.bar'],
    ['[method]foo.foo', 'foo'],
    ['foo:bar/baz', 'foo:bar/BAZ'],
  ]
  test.each(same)('`%s` and `%s` are as good as equal', (one, other) => {
    expect(uniquenessKey(parseExternName(one, 0))).toBe(uniquenessKey(parseExternName(other, 0)))
  })

  test('others are strongly unique', () => {
    const names = [
      'foo',
      'foo-bar',
      '[constructor]foo',
      '[method]foo.bar',
      '[static]foo.baz',
      '[method]bar.foo',
      'foo:bar/baz',
      'foo:bar/baz@1.0.0',
    ]
    expect(new Set(names.map((each) => uniquenessKey(parseExternName(each, 0)))).size).toBe(names.length)
  })

  const malformed = [
    '',
    '-',
    'a-',
    'a--b',
    '1a',
    'aB',
    'Ab',
    'a_b',
    'a.b',
    'a b',
    'é',
    'a:b',
    'a:b/',
    ':b/c',
    'a:/c',
    'A:b/c',
    'a:B/c',
    'a:b/c@',
    'a:b/c@1',
    'a:b/c@1.0',
    'a:b/c@01.0.0',
    'a:b/c@1.0.0-',
    'a:b/c@1.0.0-01',
    'a:b/c@1.0.0+',
    'a:b/c/d',
    'a:b:c/d',
    '[method]a',
    '[method].a',
    '[method]a.',
    '[method]a.b.c',
    '[constructor]',
    '[constructor]a.b',
    'then\n',
    '__proto__',
  ]
  test.each(malformed)('%j is none', (text) => {
    expect(() => parseExternName(text, 7)).toThrow(expect.objectContaining({ name: 'WasmError', code: 'malformed', offset: 7 }))
  })

  test('are read in a time in proportion to their length, however they end', () => {
    for (const hostile of [
      `a${'-1'.repeat(500)}_`,
      `a:b/c@1.0.0-${'a-'.repeat(500)}!`,
      `a:b/c@1.0.0-${'0.'.repeat(500)}!`,
      `a:b/${'c-1'.repeat(300)}-`,
    ]) {
      const start = performance.now()
      expect(() => parseExternName(hostile, 0)).toThrow(/expected/)
      expect(performance.now() - start).toBeLessThan(1000)
    }
  })
})
