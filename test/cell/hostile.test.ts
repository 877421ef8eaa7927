import { beforeAll, describe, expect, it } from 'vitest'
import { agentWat, artifactOf, sleeperWat, type TestArtifact } from './component-of.ts'
import { TestCell, timeToKill } from './test-cell.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const run = (core: string) => `(func (export "run") (param i32 i32) (result i32) ${core})`
const endless = (core: string) => run(`(loop $again ${core} (br $again)) unreachable`)

/** Fills its memory with random bytes through an allocator given by the test. */
const randomWat = (core: string, allocate: string) =>
  agentWat({
    around: `(import "wasi:random/random@0.2.12" (instance $random (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
      (core func $random (canon lower (func $random "get-random-bytes") (memory (core memory $libc "memory")) (realloc (core func $libc "cabi_realloc"))))`,
    libc: `(memory (export "memory") 40) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${allocate} (i32.const 65536))`,
    imports: '(import "random" "bytes" (func $random (param i64 i32)))',
    with: '(with "random" (instance (export "bytes" (func $random))))',
    core,
  })

/** Agents that never end by themselves, each burning the thread in a place of its own. */
const hogs: Readonly<Record<string, string>> = {
  'a hot loop': agentWat({ core: endless('') }),
  'a loop over a cheap host function': sleeperWat(endless('(drop (call $now))')),
  'a loop over waits that are over at once': sleeperWat(endless('(call $sleep (i64.const 0))')),
  'a loop over an expensive host function': randomWat(endless('(call $random (i64.const 1000000) (i32.const 128))'), ''),
  'a loop over calls whose allocations are slow': randomWat(
    endless('(call $random (i64.const 1) (i32.const 128))'),
    '(local $i i32) (loop $more (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300000))))',
  ),
  'mutual recursion that comes back': agentWat({
    core: `(func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))) (call $down (i32.sub (local.get 0) (i32.const 1))))))
      ${run('(call $down (i32.const 62)) (call $done)')}`,
  }),
  'bulk copies': agentWat({ core: endless('(memory.copy (i32.const 0) (i32.const 65536) (i32.const 65536))') }),
  'fills of a table': agentWat({
    core: `(table 9000 funcref) (elem declare func $f) (func $f) ${endless('(table.fill (i32.const 0) (ref.func $f) (i32.const 9000))')}`,
  }),
  'functions put into a table': agentWat({
    core: `(table 9000 funcref) (elem declare func $f) (func $f) ${endless('(table.set (i32.const 7) (ref.func $f))'.repeat(100))}`,
  }),
  'reads of memory that is in no cache': agentWat({
    libc: '(memory (export "memory") 900) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))',
    core: `(func $next (param i32) (result i32)
        (i32.and (i32.mul (i32.add (i32.load (local.get 0)) (i32.add (local.get 0) (i32.const 12345677))) (i32.const 1664525)) (i32.const 0x37ffffc)))
      (global $at (mut i32) (i32.const 0)) ${endless('(global.set $at (call $next (global.get $at)))'.repeat(100))}`,
  }),
  'growth that is refused': agentWat({ core: endless('(drop (memory.grow (i32.const 1)))') }),
}

describe('a guest that means harm', () => {
  let neighbour: TestArtifact
  beforeAll(async () => {
    neighbour = await artifactOf(sleeperWat(run('(call $sleep (i64.const 30000000)) (call $done)')))
  })

  for (const [name, wat] of Object.entries(hogs)) {
    it(`starves no neighbour and is ended in time: ${name}`, async () => {
      await using cell = new TestCell()
      await cell.load(await artifactOf(wat))
      await cell.load(neighbour, 'neighbour')
      const hog = cell.start()
      const neighbours = Array.from({ length: 5 }, () => cell.run({ artifact: 'neighbour' }))
      await sleep(60)
      expect((await Promise.all(neighbours)).map(({ outcome }) => outcome.kind)).toEqual(Array.from({ length: 5 }, () => 'returned'))
      expect(await timeToKill(hog)).toBeLessThan(50)
    })

    it(`is ended by its time on the CPU: ${name}`, async () => {
      await using cell = new TestCell()
      await cell.load(await artifactOf(wat))
      const { outcome, usage } = await cell.run({ cpuTimeMs: 40 })
      expect(outcome).toEqual({ kind: 'limit', limit: 'cpu' })
      expect(usage.cpuUs).toBeLessThan(200_000)
    })
  }

  it.each([
    [2000, 'expected values that take at most 67108864 bytes in one call'],
    [500, 'expected a result of at most 1000000 bytes, got more'],
  ])('does not make the cell write out %d lists that alias a few kilobytes', async (lists, message) => {
    const wat = `(component
      (core module $m
        (memory (export "memory") 2)
        (func (export "run") (result i32) (local $i i32)
          (loop $more
            (i32.store (i32.add (i32.const 1024) (i32.mul (local.get $i) (i32.const 8))) (i32.const 0))
            (i32.store (i32.add (i32.const 1028) (i32.mul (local.get $i) (i32.const 8))) (i32.const 65000))
            (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${lists}))))
          (i32.store (i32.const 0) (i32.const 1024))
          (i32.store (i32.const 4) (i32.const ${lists}))
          (i32.const 0)))
      (core instance $m (instantiate $m))
      (func (export "run") (result (list (list u8))) (canon lift (core func $m "run") (memory (core memory $m "memory")))))`
    await using cell = new TestCell()
    await cell.load(await artifactOf(wat))
    const before = process.cpuUsage()
    const { outcome } = await cell.run({ call: 'run', input: '' })
    const { user, system } = process.cpuUsage(before)
    expect(outcome).toEqual({ kind: 'trap', message })
    expect((user + system) / 1000).toBeLessThan(1000)
  })

  it('gets no result out of pointers that lie', async () => {
    await using cell = new TestCell()
    for (const [pointer, length] of [
      [0, 0x7fff_ffff],
      [-1, 16],
      [0x7fff_ffff, 0x7fff_ffff],
      [131_071, 2],
    ]) {
      await cell.load(
        await artifactOf(agentWat({ core: run(`(call $answer (i32.const 0) (i32.const ${pointer}) (i32.const ${length}))`) })),
      )
      expect((await cell.run()).outcome.kind).toBe('trap')
    }
    await cell.load(await artifactOf(agentWat({ core: run('(i32.const -4)') })))
    expect((await cell.run()).outcome.kind).toBe('trap')
  })

  it('gets no allocation outside of its memory', async () => {
    await using cell = new TestCell()
    for (const pointer of [-1, 131_071, 0x7fff_0000]) {
      const libc = `(memory (export "memory") 2) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const ${pointer}))`
      await cell.load(await artifactOf(agentWat({ libc, core: run('(call $done)') })))
      expect((await cell.run({ input: '"some input"' })).outcome.kind).toBe('trap')
    }
  })

  it('has at most 32 memories and 256 core instances', async () => {
    await using cell = new TestCell()
    const many = (module: string, count: number) =>
      agentWat({ around: `(core module $x ${module}) ${'(core instance (instantiate $x)) '.repeat(count)}`, core: run('(call $done)') })
    await cell.load(await artifactOf(many('(memory 0)', 31)))
    expect((await cell.run()).outcome.kind).toBe('returned')
    await cell.load(await artifactOf(many('(memory 0)', 32)))
    expect((await cell.run()).outcome).toEqual({ kind: 'trap', message: 'expected at most 32 memories' })
    await cell.load(await artifactOf(many('', 255)))
    expect((await cell.run()).outcome).toEqual({ kind: 'trap', message: 'expected at most 256 core instances' })
  })

  it('is gone for good after a trap in its start function, however often it is started', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(agentWat({ core: `(func $f unreachable) (start $f) ${run('(call $done)')}` })))
    for (let n = 0; n < 3; n++) expect((await cell.run()).outcome.kind).toBe('trap')
  })
})
