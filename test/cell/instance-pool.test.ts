import { describe, expect, it } from 'vitest'
import { generous, replied, TestCell, type Answer, type Ended } from './test-cell.ts'
import { Failure, ScriptedLinker, type Program } from './scripted-linker.ts'

const MiB = 1024 * 1024

const programs: Record<string, Program> = {
  keep: ({ kept }, word) => kept.push(String(word)),
  work: ({ work, grow }) => {
    work(12_345)
    return grow(3)
  },
  fail: () => {
    throw new Failure('declared')
  },
  trap: () => {
    throw new Error('trapped')
  },
  exit: ({ imports }) => imports['wasi:cli/exit'].exitWithCode(3),
  burn: ({ work }) => {
    for (;;) work(1_000_000)
  },
  wait: ({ imports }) => imports['wasi:clocks/monotonic-clock'].subscribeDuration(10n ** 12n).block(),
  nap: ({ imports }) => imports['wasi:clocks/monotonic-clock'].subscribeDuration(30_000_000n).block(),
  environment: ({ imports }) => imports['wasi:cli/environment'].getEnvironment(),
  ask: ({ imports }) => imports['cordon:agent/secrets'].use('key'),
}

const cellOf = async (linker: ScriptedLinker, answer?: Answer): Promise<TestCell> => {
  const cell = new TestCell(answer, { linker })
  await cell.load(linker.artifact)
  return cell
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('an instance whose session ended normally', () => {
  it('serves the next session, which finds nothing of the one before', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    for (const word of ['first', 'second', 'third']) {
      expect((await cell.run({ call: 'keep', input: `"${word}"` })).outcome).toEqual({ kind: 'returned', result: '1' })
    }
    expect(linker.instances).toHaveLength(1)
    expect((await cell.run({ call: 'environment', input: '', env: [['A', 'b']] })).outcome).toMatchObject({ result: '[["A","b"]]' })
    expect((await cell.run({ call: 'environment', input: '' })).outcome).toMatchObject({ result: '[]' })
    expect(linker.instances).toHaveLength(1)
  })

  it('costs a session the same fuel and memory as a new one', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    const usages = []
    for (let run = 0; run < 3; run++) usages.push((await cell.run({ call: 'work', input: '' })).usage)
    expect(linker.instances).toHaveLength(1)
    const [first, ...others] = usages.map(({ fuel, memoryPeakBytes }) => ({ fuel, memoryPeakBytes }))
    expect(first).toEqual({ fuel: 12_445, memoryPeakBytes: 5 * 65_536 })
    expect(others).toEqual([first, first])
  })

  it('holds a session to the same limits as a new one', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    const tight = [{ memoryBytes: 65_536 }, { fuel: 99 }]
    const fresh: Ended[] = []
    for (const limits of tight) fresh.push(await cell.run({ call: 'keep', input: '1', ...limits }))
    await cell.run({ call: 'keep', input: '1' })
    const reused: Ended[] = []
    for (const limits of tight) {
      reused.push(await cell.run({ call: 'keep', input: '1', ...limits }))
      await cell.run({ call: 'keep', input: '1' })
    }
    expect(fresh.map(({ outcome }) => outcome)).toEqual([
      { kind: 'limit', limit: 'memory' },
      { kind: 'limit', limit: 'fuel' },
    ])
    const told = ({ outcome, usage: { fuel, memoryPeakBytes } }: Ended) => ({ outcome, fuel, memoryPeakBytes })
    expect(reused.map(told)).toEqual(fresh.map(told))
    // One was made each time that the one before could not even begin.
    expect(linker.ended).toEqual([true, true, false])
  })

  it('serves on after a declared error', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    for (let run = 0; run < 3; run++) {
      expect((await cell.run({ call: 'fail', input: '' })).outcome).toEqual({ kind: 'error', error: '"declared"' })
    }
    expect(linker.ended).toEqual([false])
  })

  it('is reset at once, and not only when it is wanted again', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    await cell.run({ call: 'keep', input: '"secret"' })
    expect(linker.instances.map(({ resets }) => resets)).toEqual([1])
  })

  it('is ended when it cannot be reset', async () => {
    const linker = new ScriptedLinker(programs)
    linker.resets = false
    await using cell = await cellOf(linker)
    for (let run = 0; run < 3; run++) await cell.run({ call: 'keep', input: '1' })
    expect(linker.ended).toEqual([true, true, true])
  })
})

describe('an instance whose session ended otherwise', () => {
  it.each([
    ['trap', 'trap', {}],
    ['exit', 'exit', {}],
    ['burn', 'limit', { fuel: 5_000_000 }],
  ])('is ended and serves nobody: %s', async (call, kind, limits) => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    await cell.run({ call: 'keep', input: '1' })
    expect((await cell.run({ call, input: '', ...limits })).outcome.kind).toBe(kind)
    expect(linker.ended).toEqual([true])
    expect((await cell.run({ call: 'keep', input: '1' })).outcome).toEqual({ kind: 'returned', result: '1' })
    expect(linker.ended).toEqual([true, false])
  })

  it('is ended and serves nobody: killed while it waits', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    await cell.run({ call: 'keep', input: '1' })
    const waiting = cell.start({ call: 'wait', input: '' })
    await sleep(20)
    waiting.kill()
    expect((await waiting.ended).outcome).toEqual({ kind: 'killed' })
    expect(linker.instances.map(({ endedBy }) => endedBy?.message)).toEqual(['the session is over'])
    expect((await cell.run({ call: 'keep', input: '1' })).outcome).toEqual({ kind: 'returned', result: '1' })
    expect(linker.instances).toHaveLength(2)
  })
})

describe('what a session leaves behind in an instance that serves on', () => {
  it('reaches nobody: a call that is answered late, an alarm that rings late', async () => {
    const settled: string[] = []
    const leave: Program = ({ imports }) => {
      const left = [
        imports['cordon:agent/secrets'].use('key'),
        imports['wasi:clocks/monotonic-clock'].subscribeDuration(20_000_000n).block(),
      ]
      for (const promise of left) promise.then(() => settled.push('resolved')).catch((error: Error) => settled.push(error.message))
      return null
    }
    const linker = new ScriptedLinker({ ...programs, leave })
    const sent: number[] = []
    await using cell = await cellOf(linker, (_, session) => {
      sent.push(session)
      return session === 1 ? undefined : replied({ placeholder: `for ${session}` })
    })
    expect((await cell.run({ call: 'leave', input: '' })).outcome.kind).toBe('returned')
    const next = cell.start({ call: 'nap', input: '', handles: 1 })
    cell.send({ type: 'reply', session: 1, id: 0, reply: replied({ placeholder: 'late' }) })
    expect((await next.ended).outcome).toEqual({ kind: 'returned', result: 'null' })
    expect((await cell.run({ call: 'ask', input: '' })).outcome).toEqual({ kind: 'returned', result: '"for 3"' })
    expect(sent).toEqual([1, 3])
    expect(settled).toEqual(['the session is over', 'the session is over'])
    expect(linker.instances).toHaveLength(1)
  })
})

describe('idle instances', () => {
  const together = (cell: TestCell, count: number, call: string) =>
    Promise.all(Array.from({ length: count }, () => cell.run({ ...generous, call, input: '' })))

  it('are at most 16, whatever came before', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    await together(cell, 40, 'nap')
    expect(linker.instances).toHaveLength(40)
    expect(linker.ended.filter((ended) => !ended)).toHaveLength(16)
    await together(cell, 16, 'nap')
    expect(linker.instances).toHaveLength(40)
  })

  it('hold at most 64 MiB, counted as their memories have grown and not as they were reset', async () => {
    const linker = new ScriptedLinker({
      ...programs,
      grow: async (guest) => {
        guest.grow(10 * (MiB / 65_536) - 2)
        await programs['nap']?.(guest)
      },
    })
    await using cell = await cellOf(linker)
    await together(cell, 10, 'grow')
    expect(linker.ended.filter((ended) => !ended)).toHaveLength(6)
    // Those that served somebody small in between are still as large.
    await Promise.all([together(cell, 6, 'nap'), together(cell, 6, 'grow')])
    const living = linker.instances.filter(({ endedBy }) => endedBy === undefined)
    expect(living.reduce((sum, each) => sum + each.realBytes, 0)).toBeLessThanOrEqual(64 * MiB)
  })

  it('are ended with their artifact, and so is one that comes back later', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = await cellOf(linker)
    await together(cell, 2, 'nap')
    const late = cell.start({ call: 'nap', input: '' })
    await sleep(10)
    cell.send({ type: 'unload', artifact: 'a' })
    await late.ended
    expect(linker.ended).toEqual([true, true])
  })

  it('are ended with their cell', async () => {
    const linker = new ScriptedLinker(programs)
    {
      await using cell = await cellOf(linker)
      await cell.run({ call: 'keep', input: '1' })
      expect(linker.ended).toEqual([false])
    }
    expect(linker.ended).toEqual([true])
  })
})
