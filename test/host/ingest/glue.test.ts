import { describe, expect, test } from 'vitest'
import { patchGlue } from '#host/ingest/glue-patch.ts'
import { checkGlueShape } from '#host/ingest/glue-shape.ts'
import { parseJavaScript } from '#host/ingest/syntax-tree.ts'

const glue = (body: string): string =>
  `(guard) => { "use strict"; function instantiate(getCoreModule, imports, instantiateCore) { ${body} } return { instantiate }; }`

const generated = (body: string): string => `"use components";
export function instantiate(getCoreModule, imports, instantiateCore = WebAssembly.instantiate) {
const _debugLog = (...args) => { if (!globalThis?.process?.env?.JCO_DEBUG) { return; } console.debug(...args); };
const fetchCompile = url => fetch(url).then(WebAssembly.compileStreaming);
if (!getCoreModule) getCoreModule = (name) => fetchCompile(new URL(name, import.meta.url));
${body}
}
export const _util = {
  
}`

const patched = (body: string): { glue: string; modules: readonly { name: string; bytes: Uint8Array }[] } => {
  const text = generated(body)
  return patchGlue(text, parseJavaScript(text, 'module'), 3)
}

describe('the shape of glue', () => {
  test('is one function that uses what it is given', () => {
    expect(() => checkGlueShape(glue('const a = new Map(); return WebAssembly.promising(imports.f, a);'))).not.toThrow()
  })

  test.each([
    ['eval', 'eval("1")'],
    ['eval by another name', 'const e = eval; e("1")'],
    ['Function', 'new Function("return 1")()'],
    ['a function constructor', '(() => 1).constructor("return process")()'],
    ['a constructor by its string', '(() => 1)["constructor"]("return process")()'],
    ['the global object', 'globalThis.x = 1'],
    ['process', 'process.exit()'],
    ['require', 'require("fs")'],
    ['fetch', 'fetch("http://x")'],
    ['a dynamic import', 'import("fs")'],
    ['a prototype', 'const x = { __proto__: imports }'],
    ['a quoted prototype', 'const x = { "__proto__": imports }'],
    ['a prototype by member', 'imports.__proto__ = {}'],
    ['another meaning of guard', 'function guard(f) { return f }'],
    ['another meaning of WebAssembly', 'const WebAssembly = imports'],
    ['another meaning of Object behind a pattern', 'const { Object } = imports'],
    ['a debugger', 'debugger'],
    ['reflection', 'Reflect.construct(imports.f, [])'],
    ['a proxy', 'new Proxy({}, {})'],
    ['Buffer', 'Buffer.from("x")'],
  ])('has no %s', (_what, body) => {
    expect(() => checkGlueShape(glue(body))).toThrow(expect.objectContaining({ code: 'component.unsupported' }))
  })

  test.each([
    '1',
    '(a) => {}',
    'async (guard) => {}',
    '(guard) => 1',
    '(guard) => {}); evil((',
    'function f(guard) {}',
    '(guard, x) => {}',
  ])('is not %s', (text) => {
    expect(() => checkGlueShape(text)).toThrow()
  })

  test('gives an export no way to take the place of the machinery around it', () => {
    const shadowing = 'let gen = (function* _initGenerator() { function instantiateCore() {} return { instantiateCore }; })();'
    expect(() => checkGlueShape(glue(shadowing))).toThrow(/`instantiateCore` has another meaning/)
  })
})

describe('the patches', () => {
  test('leave an expression with no way out', () => {
    const { glue: text } = patched('_debugLog("x"); return 1;')
    expect(() => checkGlueShape(text)).not.toThrow()
    expect(text).not.toMatch(/_debugLog|fetch|import\.meta|export|JCO_DEBUG/)
  })

  test('make a rejected call throw', () => {
    const { glue: text } = patched(
      `async function f(task) { try { await 1; } catch (err) { _debugLog('[Instruction::CallInterface] error during async call', { err }); return task.completionPromise(); } }`,
    )
    expect(text).toContain('throw err;')
    expect(text).not.toContain('completionPromise')
  })

  test('guard every direct call into the guest', () => {
    const { glue: text } = patched('let realloc0; let postReturn12; realloc0 = imports.cabi_realloc; postReturn12 = imports["post"];')
    expect(text).toContain('realloc0 = guard(imports.cabi_realloc)')
    expect(text).toContain('postReturn12 = guard(imports["post"])')
  })

  test('make a handle trap that has no object behind it', () => {
    const { glue: text } = patched('class P {} let rsc0; if (!rsc0) { rsc0 = Object.create(P.prototype); }')
    expect(text).toContain('unknown resource handle')
    expect(text).not.toContain('Object.create')
  })

  test('turn inline modules into files that are metered like all others', () => {
    const { glue: text, modules } = patched(
      'const m = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109])); new WebAssembly.Instance(m, {});',
    )
    expect(text).toContain("const m = getCoreModule('component.core3.wasm')")
    expect(text).toContain('instantiateCore(m, {})')
    expect(modules).toEqual([{ name: 'component.core3.wasm', bytes: new Uint8Array([0, 97, 115, 109]) }])
  })

  test.each([
    ['a realloc that is never set', 'let realloc0;'],
    ['an object made up somewhere else', 'const x = Object.create(null);'],
    ['a module from somewhere else', 'new WebAssembly.Module(imports.bytes)'],
    [
      'an error that is handled in another way',
      `async function f(task) { try { await 1; } catch (err) { _debugLog('[X] error during async call'); return 1; } }`,
    ],
    ['a second default', 'const f = (instantiateCore = 1) => 1'],
  ])('fail on %s, which would mean that the generator has changed', (_what, body) => {
    expect(() => patched(body)).toThrow(expect.objectContaining({ code: 'ingest.failed' }))
  })
})
