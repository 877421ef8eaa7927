import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { GuestAnswer } from '#wire/messages.ts'
import { agentWat, artifactOf, sleeperWat, type TestArtifact } from './component-of.ts'
import { Failure, ScriptedLinker, type Program } from './scripted-linker.ts'
import { generous, replied, TestCell, type Answer } from './test-cell.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Exports with a state: `next` counts; `spin` runs for a while, `grow` grows the memory by pages and gives -1 or the size before. */
const countingWat = `(component
  (core module $m
    (memory (export "memory") 1)
    (global $count (mut i32) (i32.const 0))
    (func (export "next") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
    (func (export "spin") (param $times i32) (loop $again (local.set $times (i32.sub (local.get $times) (i32.const 1))) (br_if $again (local.get $times))))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "forever") (loop $again (br $again)))
    (func (export "trap") unreachable)
    (func (export "command") (result i32) (i32.const 0)))
  (core instance $m (instantiate $m))
  (func (export "next") (result u32) (canon lift (core func $m "next")))
  (func (export "spin") (param "times" u32) (canon lift (core func $m "spin")))
  (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $m "grow")))
  (func (export "forever") (canon lift (core func $m "forever")))
  (func (export "trap") (canon lift (core func $m "trap")))
  (func $run (result (result)) (canon lift (core func $m "command")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.12" (instance $exported)))`

const returned = (result: string): GuestAnswer => ({ kind: 'returned', result })
const ending = (result: string) => ({ kind: 'returned', result })

describe('an open session', () => {
  let counting: TestArtifact
  beforeAll(async () => {
    counting = await artifactOf(countingWat)
  })
  const cellWith = async (artifact = counting, answer?: Answer): Promise<TestCell> => {
    const cell = new TestCell(answer)
    await cell.load(artifact)
    return cell
  }

  it('keeps its instance from call to call, answers in order, and ends when it is finished', async () => {
    await using cell = await cellWith()
    const session = cell.open()
    expect(await session.invoke('next', '')).toEqual(returned('1'))
    const together = [session.invoke('next', ''), session.invoke('spin', '[100000]'), session.invoke('next', '')]
    expect(await Promise.all(together)).toEqual([returned('2'), returned('null'), returned('3')])
    session.finish()
    expect((await session.ended).outcome).toEqual(ending('null'))
    expect(cell.heard.filter(({ type }) => type === 'answered').map((message) => 'id' in message && message.id)).toEqual([0, 1, 2, 3])
  })

  it('finishes what it was asked before it ends', async () => {
    await using cell = await cellWith()
    const session = cell.open()
    const answers = Promise.all([session.invoke('spin', '[3000000]'), session.invoke('next', '')])
    session.finish()
    expect(await answers).toEqual([returned('null'), returned('1')])
    expect((await session.ended).outcome).toEqual(ending('null'))
  })

  it('ends at once when it is finished without a call', async () => {
    await using cell = await cellWith()
    const session = cell.open()
    session.finish()
    expect((await session.ended).outcome).toEqual(ending('null'))
  })

  it('has a state of its own beside others of the same artifact', async () => {
    await using cell = await cellWith()
    const [one, two] = [cell.open(), cell.open()]
    expect(await one.invoke('next', '')).toEqual(returned('1'))
    expect(await one.invoke('next', '')).toEqual(returned('2'))
    expect(await two.invoke('next', '')).toEqual(returned('1'))
  })

  it('goes on after a declared error', async () => {
    const core = `(global $calls (mut i32) (i32.const 0))
      (func (export "run") (param i32 i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (result i32) (i32.eq (global.get $calls) (i32.const 1)) (then (call $bad)) (else (call $done))))`
    await using cell = await cellWith(await artifactOf(agentWat({ core })))
    const session = cell.open()
    expect(await session.invoke('cordon:agent/run', '"input"')).toEqual({ kind: 'error', error: '"bad"' })
    expect(await session.invoke('cordon:agent/run', '"input"')).toEqual(returned('"done"'))
  })

  it('ends with a trap, and nothing that waited is answered', async () => {
    await using cell = await cellWith()
    const session = cell.open()
    void session.invoke('next', '')
    void session.invoke('trap', '')
    void session.invoke('next', '')
    expect((await session.ended).outcome).toMatchObject({ kind: 'trap' })
    expect(cell.heard.filter(({ type }) => type === 'answered')).toHaveLength(1)
  })

  it.each([
    ['an export that is not there', 'toString', '', 'expected a loaded artifact that exports the call'],
    ['input that is no JSON', 'spin', '[', 'expected the input as JSON, got text that does not parse'],
  ])('ends with a trap for %s', async (_, call, input, message) => {
    await using cell = await cellWith()
    const session = cell.open()
    void session.invoke(call, input)
    expect((await session.ended).outcome).toEqual({ kind: 'trap', message })
  })

  it('runs a command once, as its first call', async () => {
    await using cell = await cellWith()
    const wrong = { kind: 'trap', message: 'expected no further call: the instance of a command ends with it' }
    for (const calls of [
      ['wasi:cli/run', 'wasi:cli/run'],
      ['wasi:cli/run', 'next'],
      ['next', 'wasi:cli/run'],
    ]) {
      const session = cell.open()
      const [first] = calls.map((call) => session.invoke(call, ''))
      expect((await first)?.kind).toBe('returned')
      expect((await session.ended).outcome).toEqual(wrong)
    }
    const session = cell.open()
    expect(await session.invoke('wasi:cli/run', '')).toEqual(returned('null'))
    session.finish()
    expect((await session.ended).outcome).toEqual(ending('null'))
  })

  it('is the only kind that can be called again', async () => {
    await using cell = await cellWith()
    for (const end of ['invoke', 'finish'] as const) {
      const session = cell.start({ call: 'forever', input: '' })
      if (end === 'invoke') void session.invoke('next', '')
      else session.finish()
      expect((await session.ended).outcome).toEqual({
        kind: 'trap',
        message: 'expected an open session, got one that was started for one call',
      })
    }
  })

  it('is killed while it idles and while it runs', async () => {
    await using cell = await cellWith()
    const idle = cell.open()
    await idle.invoke('next', '')
    idle.kill()
    expect((await idle.ended).outcome).toEqual({ kind: 'killed' })
    const busy = cell.open()
    void busy.invoke('forever', '')
    await sleep(20)
    busy.kill()
    expect((await busy.ended).outcome).toEqual({ kind: 'killed' })
  })

  it('ends when its instance cannot be made', async () => {
    await using cell = await cellWith()
    const session = cell.open({ memoryBytes: 1 })
    void session.invoke('next', '')
    expect((await session.ended).outcome).toEqual({ kind: 'limit', limit: 'memory' })
    expect((await cell.open({ artifact: 'b' }).ended).outcome.kind).toBe('trap')
  })

  it('is held to its limits for its whole life', async () => {
    await using cell = await cellWith()
    const once = await cell.run({ call: 'spin', input: '[100000]' })
    const spent = cell.open({ fuel: Math.floor(once.usage.fuel * 2.5) })
    expect(await spent.invoke('spin', '[100000]')).toEqual(returned('null'))
    expect(await spent.invoke('spin', '[100000]')).toEqual(returned('null'))
    void spent.invoke('spin', '[100000]')
    expect((await spent.ended).outcome).toEqual({ kind: 'limit', limit: 'fuel' })
    const tired = cell.open({ cpuTimeMs: 60 })
    for (let call = 0; call < 1000; call++) void tired.invoke('spin', '[1000000]')
    expect((await tired.ended).outcome).toEqual({ kind: 'limit', limit: 'cpu' })
    const large = cell.open({ memoryBytes: 10 * 65_536 })
    expect(await large.invoke('grow', '[5]')).toEqual(returned('1'))
    expect(await large.invoke('grow', '[5]')).toEqual(returned('-1'))
    expect(await large.invoke('grow', '[4]')).toEqual(returned('6'))
    large.finish()
    expect((await large.ended).usage.memoryPeakBytes).toBe(10 * 65_536)
  })

  it('does not take a memory that was refused in an earlier call for the cause of a trap', async () => {
    await using cell = await cellWith()
    const session = cell.open({ memoryBytes: 65_536 })
    expect(await session.invoke('grow', '[1]')).toEqual(returned('-1'))
    void session.invoke('trap', '')
    expect((await session.ended).outcome).toMatchObject({ kind: 'trap' })
  })

  it('costs the thread nothing while it idles', async () => {
    await using cell = await cellWith()
    const sessions = Array.from({ length: 50 }, () => cell.open())
    await Promise.all(sessions.map((session) => session.invoke('next', '')))
    await sleep(20)
    const scheduled = [vi.spyOn(globalThis, 'setImmediate'), vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')]
    const told = cell.heard.length
    await sleep(50)
    const times = scheduled.map((spy) => spy.mock.calls.length)
    for (const spy of scheduled) spy.mockRestore()
    // The one timer is the test's own.
    expect(times).toEqual([0, 1, 0])
    expect(cell.heard.length).toBe(told)
    expect(await sessions[7]?.invoke('next', '')).toEqual(returned('2'))
  })

  it('lets its neighbours run between its calls', async () => {
    await using cell = await cellWith()
    const session = cell.open()
    const order: string[] = []
    const calls = Array.from({ length: 20 }, async (_, call) => {
      await session.invoke('spin', '[200000]')
      order.push(`call ${call}`)
    })
    await cell.run({ call: 'next', input: '' })
    order.push('neighbour')
    await Promise.all(calls)
    expect(order.indexOf('neighbour')).toBeLessThan(20)
  })

  it('waits in host functions as any session, and each answer of the host reaches the call that asked', async () => {
    const core = '(func (export "run") (param i32 i32) (result i32) (call $sleep (i64.const 5000000)) (call $done))'
    await using cell = await cellWith(await artifactOf(sleeperWat(core)))
    const session = cell.open()
    for (let call = 0; call < 3; call++) expect(await session.invoke('cordon:agent/run', '')).toEqual(returned('"done"'))
  })
})

describe('an open session and the instances of its cell', () => {
  const programs: Record<string, Program> = {
    keep: ({ kept }, word) => {
      kept.push(String(word))
      return kept.length
    },
    fail: () => {
      throw new Failure('declared')
    },
    trap: () => {
      throw new Error('trapped')
    },
    print: async ({ imports }) => {
      for (const stream of [imports['wasi:cli/stdout'].getStdout(), imports['wasi:cli/stderr'].getStderr()]) {
        stream.checkWrite()
        stream.write(new TextEncoder().encode('x'.repeat(60_000)))
      }
      return 'printed'
    },
    ask: ({ imports }, name) => imports['cordon:agent/secrets'].use(String(name)),
  }

  it('begins in one that was reset, and hands on one that was reset', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = new TestCell(undefined, { linker })
    await cell.load(linker.artifact)
    await cell.run({ ...generous, call: 'keep', input: '"former"' })
    const session = cell.open()
    expect(await session.invoke('keep', '"a"')).toEqual(returned('1'))
    expect(await session.invoke('fail', '')).toEqual({ kind: 'error', error: '"declared"' })
    expect(await session.invoke('keep', '"b"')).toEqual(returned('2'))
    session.finish()
    const { usage } = await session.ended
    expect(usage.fuel).toBe(100)
    expect((await cell.run({ call: 'keep', input: '"later"' })).outcome).toEqual({ kind: 'returned', result: '1' })
    expect(linker.instances).toHaveLength(1)
  })

  it('ends the one it broke', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = new TestCell(undefined, { linker })
    await cell.load(linker.artifact)
    const session = cell.open()
    await session.invoke('keep', '"a"')
    void session.invoke('trap', '')
    await session.ended
    expect(linker.ended).toEqual([true])
  })

  it('sends the output of a call before its answer', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = new TestCell(undefined, { linker })
    await cell.load(linker.artifact)
    // More than the cell may send without leave: the last of them wait for it, and answers need none.
    const lengths = Array.from({ length: 60 }, async () => {
      const session = cell.open()
      await session.invoke('print', '')
      return session.output.join('').length
    })
    expect(new Set(await Promise.all(lengths))).toEqual(new Set([120_000]))
  })

  it('asks its host under ids that count on from call to call', async () => {
    const linker = new ScriptedLinker(programs)
    await using cell = new TestCell(({ args }) => replied({ placeholder: JSON.stringify(args) }), { linker })
    await cell.load(linker.artifact)
    const session = cell.open()
    expect(await session.invoke('ask', '"a"')).toEqual(returned('"{\\"name\\":\\"a\\"}"'))
    expect(await session.invoke('ask', '"b"')).toEqual(returned('"{\\"name\\":\\"b\\"}"'))
    expect(cell.heard.flatMap((message) => (message.type === 'call' ? [message.id] : []))).toEqual([0, 1])
  })
})
