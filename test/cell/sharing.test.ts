import { beforeAll, describe, expect, it } from 'vitest'
import { agentWat, artifactOf, type TestArtifact } from './component-of.ts'
import { TestCell, timeToKill } from './test-cell.ts'

const bodyOfRun = (core: string) => agentWat({ core: `(func (export "run") (param i32 i32) (result i32) ${core})` })
const counting = (times: number) =>
  bodyOfRun(`(local $i i32)
  (local.set $i (i32.const ${times}))
  (loop $again (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $again (local.get $i)))
  (call $done)`)

describe('sessions that share a thread', () => {
  let endless: TestArtifact
  let long: TestArtifact
  beforeAll(async () => {
    endless = await artifactOf(bodyOfRun('(loop $again (br $again)) unreachable'))
    long = await artifactOf(counting(30_000_000))
  })

  it('ends a hot loop soon after it is killed', async () => {
    await using cell = new TestCell()
    await cell.load(endless)
    const hot = cell.start()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await timeToKill(hot)).toBeLessThan(50)
  })

  it('interleaves two hot guests', async () => {
    await using cell = new TestCell()
    await cell.load(long)
    const began = performance.now()
    await cell.run()
    const alone = performance.now() - began
    const ends = await Promise.all([cell.run(), cell.run()].map(async (run) => (await run, performance.now())))
    // One after the other they would end a whole run apart.
    expect(Math.abs((ends[0] ?? 0) - (ends[1] ?? 0))).toBeLessThan(alone / 2)
  })

  it('lets a short guest finish beside endless ones', async () => {
    await using cell = new TestCell()
    await cell.load(endless)
    await cell.load(await artifactOf(counting(1000)), 'short')
    const hot = [cell.start(), cell.start(), cell.start()]
    await new Promise((resolve) => setTimeout(resolve, 20))
    const began = performance.now()
    expect((await cell.run({ artifact: 'short' })).outcome.kind).toBe('returned')
    expect(performance.now() - began).toBeLessThan(500)
    for (const each of hot) each.kill()
    for (const each of hot) expect((await each.ended).outcome).toEqual({ kind: 'killed' })
  })

  it('says once that a session has ended', async () => {
    await using cell = new TestCell()
    await cell.load(endless)
    const hot = cell.start()
    hot.kill()
    hot.kill()
    await hot.ended
    hot.kill()
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(cell.heard.filter(({ type }) => type === 'ended')).toHaveLength(1)
  })
})
