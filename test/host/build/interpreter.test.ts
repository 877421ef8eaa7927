import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { interpreterComponent, type InterpreterInput, type InterpreterOutput } from '#host/build/interpreter.ts'
import { instantiateStock } from './stock-jco.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 })

let cacheDir = ''
let run: (input: string) => unknown = () => undefined

const tools = {
  call: (name: string, input: string): string => {
    // eslint-disable-next-line no-throw-literal, typescript/only-throw-error -- jco's convention for a WIT `err`
    if (name === 'forbidden') throw 'denied'
    return JSON.stringify({ name, input: JSON.parse(input) as unknown })
  },
  list: () => '[]',
}

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'cordon-interpreter-test-'))
  const instance = await instantiateStock(await interpreterComponent(cacheDir), { imports: { 'cordon:agent/tools': tools } })
  run = instance['cordon:agent/run@0.1.0']?.['run'] ?? run
})

afterAll(() => rm(cacheDir, { recursive: true }))

const evaluate = async (code: string, given: Partial<InterpreterInput> = {}): Promise<InterpreterOutput> => {
  const task: InterpreterInput = { code, input: null, tools: ['search', 'forbidden'], ...given }
  return JSON.parse(String(await run(JSON.stringify(task)))) as InterpreterOutput
}

describe('a snippet gives its result', () => {
  test.each([
    ['an expression', 'input.a + 1', 42],
    ['the last expression', 'let sum = 0\nfor (const n of [1, 2, 3]) sum += n\nsum', 6],
    ['a return', 'if (input.a > 40) return "large"\nreturn "small"', 'large'],
    ['an object', '{ a: 1, b: [2] }', { a: 1, b: [2] }],
    ['nothing', 'const unused = 1', null],
    ['a date as JSON has it', 'new Date(0)', '1970-01-01T00:00:00.000Z'],
    ['an awaited value', 'await Promise.all([1, 2].map(async (n) => { await null; return n * 2 }))', [2, 4]],
    ['a promise', 'Promise.resolve(7)', 7],
    ['an async generator', 'async function* g() { yield 1; yield 2 }\nconst out = []\nfor await (const n of g()) out.push(n)\nout', [1, 2]],
  ])('%s', async (_, code, result) => {
    expect(await evaluate(code, { input: { a: 41 } })).toEqual({ result })
  })

  test('after timers, the earliest first', async () => {
    const code =
      'const order = []\nconst wait = (ms) => new Promise((done) => setTimeout(() => { order.push(ms); done() }, ms))\nawait Promise.all([wait(40), wait(5), wait(20)])\norder'
    const started = performance.now()
    expect(await evaluate(code)).toEqual({ result: [5, 20, 40] })
    expect(performance.now() - started).toBeGreaterThan(38)
  })
})

describe('the embedder’s tools', () => {
  test('are called by name and awaited', async () => {
    expect(await evaluate('const { input } = await tools.search({ q: "x" })\ninput.q')).toEqual({ result: 'x' })
    expect(await evaluate('Object.keys(tools)')).toEqual({ result: ['search', 'forbidden'] })
  })

  test('that are not granted throw what can be caught', async () => {
    expect(await evaluate('try { await tools.forbidden() } catch (error) { return [error.name, error.code] }')).toEqual({
      result: ['ToolError', 'denied'],
    })
    expect(await evaluate('\nawait tools.forbidden()')).toMatchObject({ error: { name: 'ToolError', message: 'denied: tool `forbidden`' } })
  })

  test('that were not named are not there', async () => {
    expect(await evaluate('typeof tools.other + typeof tools.constructor')).toEqual({ result: 'undefinedundefined' })
  })
})

describe('an error comes with the snippet’s own line and column', () => {
  test.each([
    ['throw new TypeError("bad")', { name: 'TypeError', message: 'bad', line: 1, column: 11 }],
    ['\n\n  nowhere.x', { name: 'ReferenceError', message: 'nowhere is not defined', line: 3, column: 3 }],
    ['const a = await 1; const b = await 2; throw new Error("far right")', { message: 'far right', line: 1, column: 49 }],
    ['const f = async () => {\n  await null\n  throw new Error("deep")\n}\nawait f()', { message: 'deep', line: 3, column: 13 }],
    ['let a = 1;\nlet a = 2', { name: 'SyntaxError', line: 2, column: 5 }],
    ['const a = ;', { name: 'SyntaxError', message: 'Unexpected token', line: 1, column: 11 }],
    ['1\nimport("fs")', { name: 'SyntaxError', message: '`import` is not supported here', line: 2, column: 1 }],
    ['throw "text"', { name: 'Error', message: 'text', line: null }],
    ['await new Promise(() => undefined)', { name: 'StalledError', message: 'waits for a promise that nothing will ever settle' }],
    ['const c = {}; c.c = c; c', { name: 'TypeError' }],
    ['await import.meta.x', { name: 'SyntaxError' }],
  ])('%s', async (code, error) => {
    expect(await evaluate(code)).toMatchObject({ error })
  })

  test('with the frames of the snippet and no others', async () => {
    const output = await evaluate('function f() {\n  return g()\n}\nfunction g() { throw new RangeError("in g") }\nf()')
    expect(output).toMatchObject({ error: { stack: '    at g (4:26)\n    at f (2:10)\n    at <anonymous> (5:1)' } })
  })

  test('and leaves the interpreter whole for the next snippet', async () => {
    await evaluate('setInterval(() => undefined, 1); throw new Error("x")')
    expect(await evaluate('1 + 1')).toEqual({ result: 2 })
  })
})
