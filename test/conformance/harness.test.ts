import { describe, expect, it } from 'vitest'
import { readScript } from './directive.ts'
import { readExpressions, ScriptError } from './s-expression.ts'
import { runScript } from './run-script.ts'
import { expectedTrap } from './trap-class.ts'

const verdictsOf = async (script: string): Promise<readonly string[]> => (await runScript(script)).map(({ verdict }) => verdict)
const detailsOf = async (script: string): Promise<string> => (await runScript(script)).map(({ detail }) => detail).join('\n')

const seven = `(component
  (core module $M (memory (export "memory") 1)
    (func (export "seven") (result i32) (i32.const 7))
    (func (export "trap") (result i32) unreachable)
    (func (export "text") (result i32) (i32.store (i32.const 0) (i32.const 70000)) (i32.store (i32.const 4) (i32.const 1)) (i32.const 0)))
  (core instance $m (instantiate $M))
  (func (export "seven") (result u32) (canon lift (core func $m "seven")))
  (func (export "ok") (result (result)) (canon lift (core func $m "seven")))
  (func (export "trap") (result u32) (canon lift (core func $m "trap")))
  (func (export "text") (result string) (canon lift (core func $m "text") (memory (core memory $m "memory")))))`

describe('reading s-expressions', () => {
  it('keeps strings as bytes, with every escape', () => {
    const [list] = readExpressions('("a\\t\\n\\r\\"\\\'\\\\\\00\\fF\\u{1F_600}é")')
    const [text] = list?.kind === 'list' ? list.items : []
    expect(text?.kind === 'string' && [...text.bytes]).toEqual([
      0x61, 9, 10, 13, 0x22, 0x27, 0x5c, 0, 0xff, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xa9,
    ])
  })

  it('leaves out comments, nested ones and those that hold quotes and parentheses', () => {
    const [list] = readExpressions(';; (one\n(; ( (; " ;) ;) (a;;b\n"c;;d" (;x;))')
    expect(list?.kind === 'list' && list.items.map(({ kind }) => kind)).toEqual(['atom', 'string'])
    expect(list?.line).toBe(2)
  })

  it('counts lines in strings and comments too', () => {
    expect(readExpressions('(; \n ;)"\n"\n(a)').map(({ line }) => line)).toEqual([2, 4])
  })

  it('reads what nests far deeper than a stack', () => {
    expect(readExpressions('('.repeat(200_000) + ')'.repeat(200_000))).toHaveLength(1)
  })

  it.for(['(', ')', '(a', '"a', '(; a', '"\\q"', '"\\u{}"'])('refuses %s with its line', (text) => {
    expect(() => readExpressions(text)).toThrow(ScriptError)
  })
})

describe('splitting a script', () => {
  it('gives the text of a component as written, without the words that belong to scripts', () => {
    const [first, second] = readScript('(component definition $A (type u8)) (component $B)')
    expect(first).toMatchObject({ kind: 'component definition', name: 'A', source: { text: '(component $A (type u8))' } })
    expect(second).toMatchObject({ kind: 'component', name: 'B', source: { text: '(component $B)' } })
  })

  it('gives the bytes of a binary component and the text of a quoted one', () => {
    const [binary, quote] = readScript('(component binary "\\00asm" "\\0d") (assert_malformed (component quote "(type" " u8)") "x")')
    expect(binary).toMatchObject({ kind: 'component', source: { bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d) } })
    expect(quote).toMatchObject({ kind: 'assert_malformed', source: { text: '(component (type u8))' }, message: 'x' })
  })

  it('names the forms that it does not run, and leaves out annotations', () => {
    const forms = readScript(
      '(@note "x") (thread $t (shared (module $m))) (wait $t) (module) (assert_return (get "x")) (assert_exhaustion (invoke "f") "")',
    )
    expect(forms.map((each) => each.kind === 'other' && each.form)).toEqual([
      'thread',
      'wait',
      'module',
      'assert_return',
      'assert_exhaustion',
    ])
  })
})

describe('judging', () => {
  it('passes what holds', async () => {
    const script = `${seven} (assert_return (invoke "seven") (u32.const 7)) (assert_trap (invoke "text") "string pointer/length out of bounds of memory")`
    expect(await verdictsOf(script)).toEqual(['pass', 'pass', 'pass'])
  })

  it.for([
    ['another value', '(assert_return (invoke "seven") (u32.const 8))', 'expected 8, got 7'],
    ['a value of another type', '(assert_return (invoke "seven") (s32.const 7))', 'where the type is u32'],
    ['a result where none is expected', '(assert_return (invoke "seven"))', 'expected no result'],
    ['arguments that the function does not have', '(invoke "seven" (u32.const 1))', 'expected 0 arguments'],
    ['a function that is not exported', '(invoke "eight")', 'expected an export eight'],
    ['no trap', '(assert_trap (invoke "seven") "unreachable")', 'expected a trap'],
    ['a trap of another class', '(assert_trap (invoke "trap") "unknown handle index 1")', 'other trap: expected handle'],
    ['a trap in place of a value', '(assert_return (invoke "trap") (u32.const 1))', 'expected it to return'],
    ['a trap that says something else', '(assert_trap (invoke "trap") "engine: divide by zero")', 'expected words'],
    ['a message that the table does not know', '(assert_trap (invoke "trap") "qqq")', 'does not know'],
    ['an invalid component that is accepted', '(assert_invalid (component) "invalid")', 'it was accepted'],
    ['a refusal that says something else', '(assert_invalid (component binary "\\00asm") "invalid: a kind of sheep")', 'not as'],
    ['a component that can be linked', '(assert_unlinkable (component) "x")', 'it was instantiated'],
    ['a component that cannot be read', '(component binary "\\00asm\\0d\\00\\01\\00\\ff")', 'refused as invalid'],
    ['a definition that there is none of', '(component instance $i $none)', 'no such definition'],
    ['an instance that there is none of', '(register "x" $none)', 'no such instance'],
  ] as const)('fails %s', async ([, directive, words]) => {
    expect((await verdictsOf(`${seven} ${directive}`)).at(-1)).toBe('fail')
    expect(await detailsOf(`${seven} ${directive}`)).toContain(words)
  })

  it('takes a declared error for what it is', async () => {
    expect(await verdictsOf(`${seven} (assert_trap (invoke "ok") "invalid variant discriminant")`)).toEqual(['pass', 'pass'])
    const result = seven.replace('(i32.const 7)', '(i32.const 1)')
    expect(await verdictsOf(`${result} (assert_return (invoke "ok") (result.err)) (assert_return (invoke "ok") (result.ok))`)).toEqual([
      'pass',
      'pass',
      'fail',
    ])
  })

  it('calls nothing when the latest component has no instance', async () => {
    const script = `${seven} (component (import "nobody" (func))) (assert_return (invoke "seven") (u32.const 7))`
    expect(await verdictsOf(script)).toEqual(['pass', 'unsupported', 'unsupported'])
  })

  it('puts what the text parser refuses in a class of its own', async () => {
    expect(await verdictsOf('(assert_invalid (component (type $t nope)) "unknown type") (component (type $t nope))')).toEqual([
      'text',
      'unsupported',
    ])
  })

  it('names features past WASI 0.2', async () => {
    const script = '(component (type (stream u8))) (assert_invalid (component (type (stream u8))) "unknown type")'
    expect(await verdictsOf(script)).toEqual(['unsupported', 'unsupported'])
    expect(await verdictsOf('(assert_invalid (component (type (stream u8))) "requires the component model async feature")')).toEqual([
      'pass',
    ])
  })

  it('stops what never ends', async () => {
    const endless = `(component (core module $M (func (export "f") (loop $l (br $l)))) (core instance $m (instantiate $M))
      (func (export "f") (canon lift (core func $m "f")))) (assert_return (invoke "f"))`
    expect(await verdictsOf(endless)).toEqual(['pass', 'fail'])
  })

  it('knows the messages of the reference by code', () => {
    expect(expectedTrap('unknown handle index 1')?.classes).toEqual(['handle'])
    expect(expectedTrap('realloc return: result not aligned')?.classes).toEqual(['realloc'])
    expect(expectedTrap('cannot leave component instance')?.classes).toEqual(['reentrance'])
    expect(expectedTrap('wasm trap: wasm `unreachable` instruction executed')?.classes).toEqual(['engine'])
    expect(expectedTrap('out of bounds memory access')?.classes).toEqual(['engine'])
    expect(expectedTrap('nothing of the kind')).toBeUndefined()
  })
})
