import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import type { Instance, Linkable, Linked, Linker } from '#cell/link/linker.ts'
import { agentWat, artifactOf, clockArguments, clockImports, clockImportsOfCore, sleeperWat, type TestArtifact } from './component-of.ts'
import { TestCell, type Ended } from './test-cell.ts'

/** Links components, and remembers which instances it made of them. */
class CountingLinker implements Linker {
  readonly instances: Instance[] = []

  async link(artifact: Linkable): Promise<Linked> {
    const linked = await new ComponentLinker().link(artifact)
    return {
      instantiate: async (imports, hooks) => {
        const instance = await linked.instantiate(imports, hooks)
        this.instances.push(instance)
        return instance
      },
    }
  }
}

const cellOf = async (artifact: TestArtifact): Promise<{ cell: TestCell; linker: CountingLinker }> => {
  const linker = new CountingLinker()
  const cell = new TestCell(undefined, { linker })
  await cell.load(artifact)
  return { cell, linker }
}

const run = (core: string) => `(func (export "run") (param i32 i32) (result i32) ${core})`

/** Says `done` when its globals, memory, memory size and table are as they began, `bad` otherwise; changes all of them. */
const changing = agentWat({
  core: `(global $count (mut i64) (i64.const 7))
    (func $isNew (result i32)
      (i32.and
        (i32.and (i64.eq (global.get $count) (i64.const 7)) (i32.eqz (i32.load (i32.const 70000))))
        (i32.eq (memory.size) (i32.const 2))))
    ${run(`(local $fresh i32)
      (local.set $fresh (call $isNew))
      (global.set $count (i64.add (global.get $count) (i64.const 1)))
      (i32.store (i32.const 70000) (i32.const 1))
      (drop (memory.grow (i32.const 3)))
      (i32.store (i32.const 300000) (i32.const 1))
      (if (result i32) (local.get $fresh) (then (call $done)) (else (call $bad)))`)}`,
})

const told = ({ outcome, usage: { fuel, memoryPeakBytes } }: Ended) => ({ outcome, fuel, memoryPeakBytes })

describe('a session in an instance that was reset', () => {
  it('finds it as it was made, and is told to have used the same', async () => {
    const { cell, linker } = await cellOf(await artifactOf(changing))
    await using _ = cell
    const sessions: ReturnType<typeof told>[] = []
    for (let session = 0; session < 5; session++) sessions.push(told(await cell.run()))
    expect(linker.instances).toHaveLength(1)
    expect(sessions[0]).toMatchObject({ outcome: { kind: 'returned', result: '"done"' }, memoryPeakBytes: 5 * 65_536 })
    expect(new Set(sessions.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  it('is held to the same limits', async () => {
    const artifact = await artifactOf(changing)
    const { cell, linker } = await cellOf(artifact)
    await using _ = cell
    const { usage } = await cell.run()
    for (const limits of [{ fuel: usage.fuel - 1 }, { memoryBytes: 65_536 }, { memoryBytes: 5 * 65_536 }, { fuel: usage.fuel }]) {
      const { cell: fresh } = await cellOf(artifact)
      const expected = told(await fresh.run(limits))
      await fresh[Symbol.asyncDispose]()
      await cell.run()
      const made = linker.instances.length
      expect(told(await cell.run(limits))).toEqual(expected)
      expect(linker.instances).toHaveLength(made)
    }
  })

  it('takes the way that a new instance takes within its limits, where another one is made', async () => {
    const start = '(func $start (drop (memory.grow (i32.const 100)))) (start $start)'
    const artifact = await artifactOf(
      agentWat({
        core: `${start} ${run('(if (result i32) (i32.gt_u (memory.size) (i32.const 50)) (then (call $done)) (else (call $bad)))')}`,
      }),
    )
    const { cell, linker } = await cellOf(artifact)
    await using _ = cell
    const outcomes: unknown[] = []
    for (const limits of [{ memoryBytes: 5 * 65_536 }, { memoryBytes: 65_536 }, { fuel: 2 }, { tableElements: 0 }]) {
      const { cell: fresh } = await cellOf(artifact)
      const expected = told(await fresh.run(limits))
      await fresh[Symbol.asyncDispose]()
      expect((await cell.run()).outcome).toMatchObject({ kind: 'returned' })
      expect(told(await cell.run(limits))).toEqual(expected)
      outcomes.push(expected.outcome)
    }
    expect(outcomes).toMatchObject([{ kind: 'error', error: '"bad"' }, { limit: 'memory' }, { limit: 'fuel' }, { kind: 'returned' }])
    expect(linker.instances.length).toBeGreaterThan(3)
  })

  it('has none of the handles that the one before kept, and all of their places', async () => {
    const keeping = agentWat({
      around: clockImports,
      imports: clockImportsOfCore,
      with: clockArguments,
      core: run(`(local $i i32)
        (loop $more
          (if (i32.ne (call $subscribe (i64.const 3600000000000)) (i32.add (local.get $i) (i32.const 1))) (then unreachable))
          (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20))))
        (call $done)`),
    })
    const { cell, linker } = await cellOf(await artifactOf(keeping))
    await using _ = cell
    for (let session = 0; session < 4; session++) expect((await cell.run({ handles: 20 })).outcome.kind).toBe('returned')
    expect(linker.instances).toHaveLength(1)
  })

  it('gets another one where the one before trapped, was killed or waited', async () => {
    const { cell, linker } = await cellOf(
      await artifactOf(
        sleeperWat(
          run(`(if (i32.eq (i32.load8_u (local.get 0)) (i32.const 0x74)) (then unreachable))
            (if (i32.eq (i32.load8_u (local.get 0)) (i32.const 0x77)) (then (call $sleep (i64.const 3600000000000))))
            (call $done)`),
        ),
      ),
    )
    await using _ = cell
    expect((await cell.run({ input: 'x' })).outcome.kind).toBe('returned')
    expect((await cell.run({ input: 'trap' })).outcome.kind).toBe('trap')
    expect((await cell.run({ input: 'x' })).outcome.kind).toBe('returned')
    expect(linker.instances).toHaveLength(2)
    const waiting = cell.start({ input: 'wait' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    waiting.kill()
    expect((await waiting.ended).outcome.kind).toBe('killed')
    expect((await cell.run({ input: 'x' })).outcome.kind).toBe('returned')
    expect(linker.instances).toHaveLength(3)
  })

  it('keeps nothing in memory of the one before', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const { cell, linker } = await cellOf(await artifactOf(sleeperWat(run('(call $sleep (i64.const 20000000)) (call $done)'))))
    await using _ = cell
    const size = 4 * 1024 * 1024
    const heap = async (): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      collect()
      return process.memoryUsage().heapUsed
    }
    await Promise.all(Array.from({ length: 12 }, () => cell.run()))
    const before = await heap()
    await Promise.all(Array.from({ length: 12 }, (__, nth) => cell.run({ env: [['KEY', `${nth}`.repeat(size)]] })))
    expect(linker.instances).toHaveLength(12)
    expect((await heap()) - before).toBeLessThan(size)
  })
})
