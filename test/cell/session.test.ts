import { describe, expect, it } from 'vitest'
import { agentWat, artifactOf } from './component-of.ts'
import { TestCell } from './test-cell.ts'

const agent = (core: string) => artifactOf(agentWat({ core }))

describe('a session', () => {
  it('returns what its agent returns', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(func (export "run") (param i32 i32) (result i32) (call $done))'))
    const { outcome, usage } = await cell.run()
    expect(outcome).toEqual({ kind: 'returned', result: '"done"' })
    expect(usage.fuel).toBeGreaterThan(0)
    expect(usage.memoryPeakBytes).toBe(2 * 65_536)
  })

  it('reports the declared error of its agent', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(func (export "run") (param i32 i32) (result i32) (call $bad))'))
    expect((await cell.run()).outcome).toEqual({ kind: 'error', error: '"bad"' })
  })

  it('hands the input to its agent', async () => {
    await using cell = new TestCell()
    await cell.load(
      await agent(
        '(func (export "run") (param $p i32) (param $n i32) (result i32) (call $answer (i32.const 0) (local.get $p) (local.get $n)))',
      ),
    )
    expect((await cell.run({ input: '{"day":"today"}' })).outcome).toEqual({ kind: 'returned', result: '{"day":"today"}' })
  })

  it('traps where its agent does', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(func (export "run") (param i32 i32) (result i32) unreachable)'))
    expect((await cell.run()).outcome).toEqual({ kind: 'trap', message: 'wasm trap: wasm `unreachable` instruction executed' })
  })
})
