import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { componentize } from 'componentize-qjs'
import { afterAll, describe, expect, test } from 'vitest'
import { createRuntime } from '#index.ts'
import { levelsToTest } from '../../fixtures/levels.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'
import { clockArguments, clockImports, clockImportsOfCore } from '../../cell/component-of.ts'
import { component } from './wat.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())

/** An agent whose `run` is an async function of WASI 0.3: it yields, waits for 20 ms in its callback, and answers with its input; or does what `inCallback` says. */
const asyncAgent = (
  inCallback = `(call $block (call $subscribe (i64.const 20000000)))
    (call $return (i32.const 0) (global.get $at) (global.get $length)) (i32.const 0)`,
): Promise<Uint8Array> =>
  component(`$top ${clockImports}
    (core module $m
      ${clockImportsOfCore}
      (import "" "task.return" (func $return (param i32 i32 i32)))
      (import "libc" "memory" (memory 1))
      (global $at (mut i32) (i32.const 0))
      (global $length (mut i32) (i32.const 0))
      (func (export "run") (param i32 i32) (result i32)
        (global.set $at (local.get 0)) (global.set $length (local.get 1)) (i32.const 1))
      (func (export "callback") (param i32 i32 i32) (result i32) ${inCallback}))
    (core module $libc
      (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $libc (instantiate $libc))
    (core func $return (canon task.return (result (result string (error string))) (memory (core memory $libc "memory"))))
    (core instance $m (instantiate $m ${clockArguments} (with "libc" (instance $libc))
      (with "" (instance (export "task.return" (func $return))))))
    (func $run async (param "input" string) (result (result string (error string)))
      (canon lift (core func $m "run") async (memory (core memory $libc "memory")) (realloc (core func $libc "cabi_realloc"))
        (callback (core func $m "callback"))))
    (instance $exported (export "run" (func $run)))
    (export "cordon:agent/run@0.1.0" (instance $exported))`)

const spinning = '(loop $again (br $again)) unreachable'
const yielding = '(i32.const 1)'

test('an agent of QuickJS whose `run` is an async function is linked by glue, and runs', async () => {
  const wit = join(home.folder, 'async.wit')
  await writeFile(
    wit,
    `package cordon:agent@0.1.0;
    interface run { run: async func(input: string) -> result<string, string>; }
    world guest { export run; }`,
  )
  const jsSource = `export const run = { run: async (input) => {
    const { fail } = JSON.parse(await Promise.resolve(input))
    if (fail) throw 'as it was told'
    return JSON.stringify({ waited: true })
  } }`
  const { component: built } = await componentize({ jsSource, witPath: wit, world: 'guest' })
  await using runtime = await createRuntime({
    cacheDir: testCache,
    keysDir: home.keysDir,
    audit: home.nextAudit(),
    pool: { isolation: 'thread', max: 1 },
  })
  const agent = await runtime.loadComponent(new Uint8Array(built), { name: 'async-js' })
  expect((await agent.run({})).result).toEqual({ waited: true })
  await expect(agent.run({ fail: true })).rejects.toMatchObject({ code: 'agent.error' })
})

for (const { level, skipped } of levelsToTest) {
  describe.skipIf(skipped !== undefined)(
    `an agent with async functions of WASI 0.3, at the level ${level}${skipped === undefined ? '' : `: ${skipped}`}`,
    () => {
      const runtimeAt = () =>
        createRuntime({
          cacheDir: testCache,
          keysDir: home.keysDir,
          audit: home.nextAudit(),
          pool: { isolation: level, max: 2 },
        })

      test('runs, again and again, beside one of WASI 0.2', async () => {
        await using runtime = await runtimeAt()
        const agent = await runtime.loadComponent(await asyncAgent(), { name: 'async' })
        expect((await agent.run({ x: 1 })).result).toEqual({ x: 1 })
        const both = await Promise.all([agent.run([2]), agent.run([3])])
        expect(both.map(({ result }) => result)).toEqual([[2], [3]])
        expect(await runtime.evaluate({ code: '1 + 1' })).toMatchObject({ result: 2 })
      })

      test.each([
        ['loops without end', spinning],
        ['yields without end', yielding],
      ])('is ended on time when it %s', async (_what, inCallback) => {
        await using runtime = await runtimeAt()
        const agent = await runtime.loadComponent(await asyncAgent(inCallback), { name: 'endless' })
        await expect(agent.run(null, { signal: AbortSignal.timeout(300) })).rejects.toMatchObject({ code: 'session.interrupted' })
        const calm = await runtime.loadComponent(await asyncAgent(), { name: 'async' })
        expect((await calm.run('still here')).result).toBe('still here')
      })
    },
  )
}
