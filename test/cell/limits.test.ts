import { beforeAll, describe, expect, it } from 'vitest'
import { agentWat, artifactOf, type TestArtifact } from './component-of.ts'
import { TestCell } from './test-cell.ts'

const bodyOfRun = (core: string) => agentWat({ core: `(func (export "run") (param i32 i32) (result i32) ${core})` })
/** Counts down from `times`, some ten units of fuel each. */
const counting = (times: number) =>
  bodyOfRun(`(local $i i32)
  (local.set $i (i32.const ${times}))
  (loop $again (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $again (local.get $i)))
  (call $done)`)

describe('the limits of a session', () => {
  let endless: TestArtifact
  beforeAll(async () => {
    endless = await artifactOf(bodyOfRun('(loop $again (br $again)) unreachable'))
  })

  it('ends a hot loop when its fuel is used up, at exactly the limit', async () => {
    await using cell = new TestCell()
    await cell.load(endless)
    const { outcome, usage } = await cell.run({ fuel: 5_000_000 })
    expect(outcome).toEqual({ kind: 'limit', limit: 'fuel' })
    expect(usage.fuel).toBe(5_000_000)
  })

  it('counts the same fuel whatever the size of a slice', async () => {
    const artifact = await artifactOf(counting(100_000))
    const counts = new Set<number>()
    for (const sliceFuel of [100, 1000, 77_777, 2_000_000]) {
      await using cell = new TestCell(undefined, { slicing: { sliceFuel } })
      await cell.load(artifact)
      const { outcome, usage } = await cell.run()
      expect(outcome.kind).toBe('returned')
      counts.add(usage.fuel)
    }
    expect([...counts]).toHaveLength(1)
    expect([...counts][0]).toBeGreaterThan(100_000)
  })

  it('lets a guest finish on exactly the fuel it needs, and not on one unit less, for every slice size', async () => {
    const artifact = await artifactOf(counting(50_000))
    for (const sliceFuel of [999, 2_000_000]) {
      await using cell = new TestCell(undefined, { slicing: { sliceFuel } })
      await cell.load(artifact)
      const needed = (await cell.run()).usage.fuel
      expect((await cell.run({ fuel: needed })).outcome.kind).toBe('returned')
      expect((await cell.run({ fuel: needed - 10 })).outcome).toEqual({ kind: 'limit', limit: 'fuel' })
    }
  })

  it('ends a hot loop when its time on the CPU is used up', async () => {
    await using cell = new TestCell()
    await cell.load(endless)
    const { outcome, usage } = await cell.run({ cpuTimeMs: 60 })
    expect(outcome).toEqual({ kind: 'limit', limit: 'cpu' })
    expect(usage.cpuUs).toBeGreaterThanOrEqual(60_000)
    expect(usage.cpuUs).toBeLessThan(200_000)
  })

  it('refuses memory inside the guest, which sees -1 and goes on', async () => {
    await using cell = new TestCell()
    const core = `(if (result i32) (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then (call $bad)) (else (call $done)))`
    await cell.load(await artifactOf(bodyOfRun(core)))
    const refused = await cell.run({ memoryBytes: 50 * 65_536 })
    expect(refused.outcome).toEqual({ kind: 'error', error: '"bad"' })
    expect(refused.usage.memoryPeakBytes).toBe(2 * 65_536)
    const admitted = await cell.run({ memoryBytes: 102 * 65_536 })
    expect(admitted.outcome).toEqual({ kind: 'returned', result: '"done"' })
    expect(admitted.usage.memoryPeakBytes).toBe(102 * 65_536)
  })

  it('refuses segments that would be copied for long before anyone is asked for fuel', async () => {
    const segments = `(elem (i32.const 0) func ${'$f '.repeat(9000)})`.repeat(60)
    const around = `(core module $big (table 9000 funcref) (func $f) ${segments}) ${'(core instance (instantiate $big))'.repeat(100)}`
    await using cell = new TestCell()
    await cell.load(await artifactOf(agentWat({ around, core: '(func (export "run") (param i32 i32) (result i32) (call $done))' })))
    const before = process.cpuUsage()
    const { outcome } = await cell.run({ tableElements: 1_000_000 })
    const { user, system } = process.cpuUsage(before)
    expect(outcome).toEqual({ kind: 'trap', message: 'the element and data segments are too large for one instance' })
    expect((user + system) / 1000).toBeLessThan(500)
  })

  it('names the memory limit when the guest gives up after a refusal', async () => {
    await using cell = new TestCell()
    await cell.load(
      await artifactOf(bodyOfRun('(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable')),
    )
    const { outcome, usage } = await cell.run({ memoryBytes: 10 * 1024 * 1024 })
    expect(outcome).toEqual({ kind: 'limit', limit: 'memory' })
    expect(usage.memoryPeakBytes).toBeLessThanOrEqual(10 * 1024 * 1024)
  })

  it('refuses an instance whose memories or tables start too large, together, before it runs', async () => {
    await using cell = new TestCell()
    const wat = agentWat({ core: '(func (export "run") (param i32 i32) (result i32) (call $done))' })
    const two = wat.replace('(core module $m', '(core module $extra (memory 30)) (core instance (instantiate $extra)) (core module $m')
    await cell.load(await artifactOf(two))
    expect((await cell.run({ memoryBytes: 31 * 65_536 })).outcome).toEqual({ kind: 'limit', limit: 'memory' })
    expect((await cell.run({ memoryBytes: 32 * 65_536 })).outcome.kind).toBe('returned')
    await cell.load(
      await artifactOf(agentWat({ core: '(table 500 funcref) (func (export "run") (param i32 i32) (result i32) (call $done))' })),
      'b',
    )
    expect((await cell.run({ artifact: 'b', tableElements: 499 })).outcome).toEqual({ kind: 'limit', limit: 'memory' })
    expect((await cell.run({ artifact: 'b', tableElements: 500 })).outcome.kind).toBe('returned')
  })

  it('ends an endless start function', async () => {
    await using cell = new TestCell()
    const core = '(func $spin (loop $again (br $again))) (start $spin) (func (export "run") (param i32 i32) (result i32) (call $done))'
    await cell.load(await artifactOf(agentWat({ core })))
    expect((await cell.run({ fuel: 1_000_000 })).outcome).toEqual({ kind: 'limit', limit: 'fuel' })
    const began = performance.now()
    const { outcome } = await cell.run()
    expect(outcome).toEqual({ kind: 'trap', message: expect.stringContaining('start function') })
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('ends an endless cabi_realloc', async () => {
    await using cell = new TestCell()
    const libc =
      '(memory (export "memory") 2) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) unreachable)'
    await cell.load(await artifactOf(agentWat({ libc, core: '(func (export "run") (param i32 i32) (result i32) (call $done))' })))
    const began = performance.now()
    const { outcome } = await cell.run()
    expect(outcome).toEqual({ kind: 'trap', message: expect.stringContaining('cabi_realloc') })
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('ends endless recursion', async () => {
    await using cell = new TestCell()
    await cell.load(
      await artifactOf(
        agentWat({
          core: '(func $f (export "run") (param i32 i32) (result i32) (i32.add (i32.const 1) (call $f (local.get 0) (local.get 1))))',
        }),
      ),
    )
    expect((await cell.run()).outcome).toEqual({ kind: 'trap', message: 'call stack exhausted' })
  })
})
