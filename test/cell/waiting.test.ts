import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CallReply } from '#wire/calls.ts'
import { agentWat, artifactOf, sleeperWat, type TestArtifact } from './component-of.ts'
import { replied, TestCell, timeToKill } from './test-cell.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: unknown = runInNewContext('gc')

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const run = (core: string) => `(func (export "run") (param i32 i32) (result i32) ${core})`
const sleeping = (ms: number) => sleeperWat(run(`(call $sleep (i64.const ${ms * 1_000_000})) (call $done)`))

/** An agent that asks for the placeholder of secret `done` and returns what it gets, or `bad`. */
const asking = agentWat({
  around: `(import "cordon:agent/secrets@0.1.0" (instance $secrets
      (type $e (enum "denied" "unknown" "unavailable"))
      (export "secret-error" (type $error (eq $e)))
      (export "use" (func (param "name" string) (result (result string (error $error)))))))
    (core func $use (canon lower (func $secrets "use") (memory (core memory $libc "memory")) (realloc (core func $libc "cabi_realloc"))))`,
  imports: '(import "secrets" "use" (func $use (param i32 i32 i32)))',
  with: '(with "secrets" (instance (export "use" (func $use))))',
  core: run(`(call $use (i32.const 65) (i32.const 4) (i32.const 128))
    (if (result i32) (i32.load8_u (i32.const 128))
      (then (call $bad))
      (else (call $answer (i32.const 0) (i32.load (i32.const 132)) (i32.load (i32.const 136)))))`),
})

/** Resolves when the session waits for the host. */
const hasCalled = (cell: TestCell, session: number): Promise<void> =>
  expect.poll(() => cell.heard.some((message) => message.type === 'call' && message.session === session), { timeout: 10_000 }).toBe(true)

describe('sessions that wait', () => {
  let endless: TestArtifact
  let asker: TestArtifact
  beforeAll(async () => {
    endless = await artifactOf(agentWat({ core: run('(loop $again (br $again)) unreachable') }))
    asker = await artifactOf(asking)
  })

  it('wait together: 200 sessions of a second each take little more than a second', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(sleeping(1000)))
    const began = performance.now()
    const ends = await Promise.all(Array.from({ length: 200 }, () => cell.run()))
    const took = performance.now() - began
    expect(ends.every(({ outcome }) => outcome.kind === 'returned')).toBe(true)
    expect(took).toBeGreaterThan(1000)
    // One after the other they would take 200 s; the room above 1 s is for a busy machine.
    expect(took).toBeLessThan(10_000)
  })

  it('finish beside a hot loop, which is killed alone', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(sleeping(100)))
    await cell.load(endless, 'endless')
    const hot = cell.start({ artifact: 'endless' })
    const waiting = Array.from({ length: 20 }, () => cell.run())
    await sleep(50)
    expect(await timeToKill(hot)).toBeLessThan(50)
    expect((await Promise.all(waiting)).every(({ outcome }) => outcome.kind === 'returned')).toBe(true)
  })

  it('get the answers of the host', async () => {
    await using cell = new TestCell((call) => (call.op === 'secret.use' ? replied({ placeholder: `"${call.args.name}?"` }) : undefined))
    await cell.load(asker)
    expect((await cell.run()).outcome).toEqual({ kind: 'returned', result: '"done?"' })
  })

  it('see refusals in-band', async () => {
    await using cell = new TestCell(() => ({ ok: false, code: 'denied' }))
    await cell.load(asker)
    expect((await cell.run()).outcome).toEqual({ kind: 'error', error: '"bad"' })
  })

  it('end at once when they are killed while the host is busy', async () => {
    await using cell = new TestCell()
    await cell.load(asker)
    const waiting = cell.start()
    await hasCalled(cell, waiting.id)
    expect(await timeToKill(waiting)).toBeLessThan(50)
  })

  it('never get an answer meant for a session that has ended', async () => {
    const late: CallReply = replied({ placeholder: '"of another"' })
    await using cell = new TestCell()
    await cell.load(asker)
    const first = cell.start()
    await hasCalled(cell, first.id)
    first.kill()
    await first.ended
    const second = cell.start()
    await hasCalled(cell, second.id)
    cell.send({ type: 'reply', session: first.id, id: 0, reply: late })
    cell.send({ type: 'reply', session: second.id, id: 99, reply: late })
    await sleep(20)
    cell.send({ type: 'reply', session: second.id, id: 0, reply: replied({ placeholder: '"mine"' }) })
    expect((await second.ended).outcome).toEqual({ kind: 'returned', result: '"mine"' })
    expect(cell.heard.filter(({ type }) => type === 'ended')).toHaveLength(2)
  })

  it('leave nothing behind when they are killed', async () => {
    await using cell = new TestCell()
    await cell.load(asker)
    await cell.load(endless, 'endless')
    const killSome = async (count: number): Promise<void> => {
      const runs = Array.from({ length: count }, (_, index) => cell.start(index % 5 === 0 ? { artifact: 'endless' } : {}))
      await sleep(20)
      for (const each of runs) each.kill()
      for (const each of runs) expect((await each.ended).outcome).toEqual({ kind: 'killed' })
      await sleep(120)
    }
    const heapKilobytes = async (): Promise<number> => {
      if (typeof collectGarbage === 'function') for (let n = 0; n < 3; n++) await sleep(5).then(() => collectGarbage() as void)
      return process.memoryUsage().heapUsed / 1024
    }
    await killSome(100)
    const before = await heapKilobytes()
    for (let round = 0; round < 10; round++) await killSome(100)
    const grown = (await heapKilobytes()) - before
    // One suspended stack alone holds 50 kB and more; a thousand that leak would show as 50 MB.
    expect(grown).toBeLessThan(3000)
  })
})
