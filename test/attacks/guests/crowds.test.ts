import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CordonError, createRuntime, type Runtime } from '#index.ts'
import { buildWat } from '../../fixtures/build-wat.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())

const codeOf = (error: unknown): string => (error instanceof CordonError ? error.code : String(error))
/** What this process holds open, by kind. */
const resources = (): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Until the log has synced and timers that were set aside have run out. */
const quiet = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 500))

describe.each(['thread', 'process'] as const)('a thousand sessions of one cell at level %s', (isolation) => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime({ audit: home.nextAudit(), cacheDir: testCache, keysDir: home.keysDir, pool: { isolation, max: 1 } })
  })
  afterAll(() => runtime[Symbol.asyncDispose]())

  const startedAndKilled = async (guest: string, count: number, afterMs: number): Promise<string[]> => {
    const agent = await runtime.loadComponent(await buildWat(guest), { name: 'crowd' })
    const sessions = Array.from({ length: count }, () => agent.start(null, { limits: { memoryBytes: 1024 * 1024 } }))
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    for (const session of sessions) session.kill('enough')
    return await Promise.all(sessions.map(({ result }) => result.then(() => 'done', codeOf)))
  }

  test('are started and killed at once, whenever the kill comes, and leave nothing behind', async () => {
    await startedAndKilled('waits-forever', 50, 100)
    await quiet()
    const before = resources()
    for (const afterMs of [0, 30, 300]) {
      expect(new Set(await startedAndKilled('waits-forever', 333, afterMs))).toEqual(new Set(['session.killed']))
    }
    await quiet()
    expect(resources()).toEqual(before)
  })

  test('and the cell is as good as new', async () => {
    const agent = await runtime.loadComponent(await buildWat('echoes-input'), { name: 'crowd' })
    expect((await agent.run({ a: 1 })).result).toEqual({ a: 1 })
  })
})
