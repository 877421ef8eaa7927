import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { coroutines } from '#guest/interpreter/coroutine.ts'
import { lower, runtimeName } from '#guest/interpreter/lower.ts'

const AsyncFunction = (async () => undefined).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<unknown>

/** What code gives or throws, and what it logged on the way. */
const observe = async (start: (log: (value: unknown) => void) => Promise<unknown>): Promise<unknown> => {
  const logged: unknown[] = []
  const outcome = await start((value) => logged.push(value)).then(
    (value) => ({ value }),
    (error: unknown) => ({ thrown: String(error) }),
  )
  return { outcome, logged }
}

const runNative = (code: string): Promise<unknown> =>
  observe((log) => new AsyncFunction('input', 'log', `"use strict";${code}`)({ a: 41, list: [1, 2, 3] }, log))

const runLowered = (code: string): Promise<unknown> =>
  observe((log) => {
    // eslint-disable-next-line no-eval -- what the interpreter does, too
    const body = (0, eval)(`(function* (input, log, ${runtimeName}) {"use strict";${String(lower(code))}\n})`) as (
      ...args: unknown[]
    ) => Generator
    return coroutines.drive(body({ a: 41, list: [1, 2, 3] }, log, coroutines))
  })

const programs: Readonly<Record<string, string>> = {
  'a value': 'return input.a + 1',
  'an await at the start of a line without semicolons': 'const a = input.a\nawait null\nconst b = a\nawait null\nreturn [a, b]',
  'awaits inside expressions': 'return (await 1) + (await Promise.resolve(2)) * [await 3][0]',
  'an async declaration used before it is written': 'return f(2)\nasync function f(n) { await null; return n * 2 }',
  'a named async function that calls itself': 'const f = async function fact(n) { return n < 2 ? 1 : n * await fact(n - 1) }\nreturn f(5)',
  'an async arrow with an expression body': 'const f = async (x) => x * (await 2)\nreturn f(21)',
  'an async arrow with a parenthesised object': 'const f = async x => ({ x, y: await 1 })\nreturn f(2)',
  'nested async arrows': 'const f = async () => async () => await 7\nreturn (await f())()',
  'an arrow that uses the this and arguments around it':
    'const o = { v: 3, m(n) { return (async () => this.v + arguments[0] + (await n))() } }\nreturn o.m(4)',
  'an async method and its this': 'const o = { v: 3, async get() { await null; return this.v } }\nreturn o.get()',
  'default and destructured parameters': 'const f = async ({ a, b = a + 1 } = {}, ...rest) => [a, b, rest]\nreturn f({ a: 1 }, 2, 3)',
  'an async class with fields, statics and private names':
    'class A { x = 1\n async *[Symbol.asyncIterator]() { yield* [1, 2]; yield this.x }\n static async s(a, b = 2) { return a + b }\n async #p() { return 9 }\n async q() { return this.#p() } }\nconst seen = []\nfor await (const v of new A()) seen.push(v)\nreturn [seen, await A.s(1), await new A().q()]',
  'an error thrown after an await': 'await null\nthrow new TypeError("late")',
  'an error caught': 'try { await Promise.reject(new Error("x")) } catch (error) { return error.message } finally { log("finally") }',
  'an error from a nested async function': 'const f = async () => { await null; throw new Error("deep") }\nawait f()',
  'a loop over promises':
    'outer: for await (const x of [Promise.resolve(1), 2, 3, 4]) { if (x === 2) continue outer; if (x === 4) break; log(x) }',
  'a loop into a pattern':
    'let a, b\nfor await ({ a, b = 5 } of [{ a: 1 }]) log([a, b])\nfor await (const [k, v] of Object.entries({ q: 1 })) log(k + v)',
  'a loop that ends early closes its generator':
    'async function* g() { try { yield 1; yield 2 } finally { log("closed") } }\nfor await (const x of g()) { log(x); break }\nreturn "after"',
  'a generator that awaits what it yields':
    'async function* g() { yield Promise.resolve(1); const got = yield 2; log(got) }\nconst i = g()\nreturn [await i.next(), await i.next(), await i.next("sent"), await i.next()]',
  'a generator that is thrown into':
    'async function* g() { try { yield 1 } catch (error) { yield error } }\nconst i = g()\nawait i.next()\nreturn [await i.throw("t"), await i.return("r"), await i.next()]',
  'a generator that delegates':
    'async function* a() { yield 1; return 2 }\nasync function* b() { log(yield* a()); yield 3 }\nconst seen = []\nfor await (const x of b()) seen.push(x)\nreturn seen',
  'a generator asked for all at once':
    'async function* g() { yield 1; yield 2 }\nconst i = g()\nreturn Promise.all([i.next(), i.next(), i.next()])',
  'a generator that fails':
    'async function* g() { yield 1; throw new Error("g") }\nconst i = g()\nawait i.next()\ntry { await i.next() } catch (error) { log(error.message) }\nreturn i.next()',
  combinators: 'return Promise.allSettled([1, Promise.reject(2), (async () => 3)()])',
  'a template, a spread, an optional call': 'const f = async () => [1, 2]\nreturn `${[...(await f()), await f?.()]}`',
  'plain generators stay plain': 'function* g() { const x = yield 1; log(x) }\nconst i = g()\nreturn [i.next(), i.next(5)]',
  'an await in a condition without braces': 'if (input.a) await null; else log("no")\nwhile (await false) log("never")\nreturn "done"',
}

describe('lowered code does what native async code does', () => {
  test.each(Object.entries(programs))('%s', async (_, code) => {
    expect(await runLowered(code)).toEqual(await runNative(code))
  })

  test('for chains of awaits, throws and catches made up at random', async () => {
    const expression = fc.letrec<{ value: string }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer({ min: 0, max: 9 }).map(String),
        tie('value').map((inner) => `await ${inner}`),
        tie('value').map((inner) => `(await (async () => ${inner})())`),
        tie('value').map((inner) => `(await Promise.all([${inner}, 1]))[0]`),
        fc.tuple(tie('value'), tie('value')).map(([a, b]) => `(${a} + ${b})`),
        tie('value').map((inner) => `(await (async (x = 2) => { try { if (x > ${inner}) throw x; return x } catch (e) { return -e } })())`),
      ),
    })).value
    await fc.assert(
      fc.asyncProperty(fc.array(expression, { minLength: 1, maxLength: 4 }), async (values) => {
        const code = `${values.map((value, index) => `const v${index} = ${value}\nlog(v${index})`).join('\n')}\nreturn v0`
        expect(await runLowered(code)).toEqual(await runNative(code))
      }),
      { numRuns: 100 },
    )
  })
})

describe('the result of code without a return', () => {
  test.each([
    ['1 + 1', 2],
    ['const x = 2\nx * 3;', 6],
    ['{ a: 1 }', { a: 1 }],
    ['await 5', 5],
    ['if (true) 1', undefined],
    ['', undefined],
  ])('%s', async (code, value) => {
    expect(await runLowered(code)).toEqual({ outcome: { value }, logged: [] })
  })
})

describe('what snippets cannot have is refused with its place', () => {
  test.each([
    ['1\nimport("x")', '`import` is not supported here', 2],
    ['export const a = 1', '`export` is not supported here', 0],
    ['class A extends B { async m() { return super.m() } }', '`super` in an async method is not supported here', 27],
    ['await using x = y', '`await using` is not supported here', 0],
  ])('%s', (code, message, start) => {
    expect(() => lower(code)).toThrow(expect.objectContaining({ name: 'SyntaxError', message, start }))
  })
})

test('lines stay where they were', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(programs)), (code) => {
      expect(String(lower(code)).split('\n')).toHaveLength(code.split('\n').length)
    }),
  )
})
