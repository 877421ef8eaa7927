import { expect, onTestFinished, test } from 'vitest'
import type { Cell, CellLauncher, IsolationLevel } from '#host/launch/cell-port.ts'
import { createLauncher } from '#host/launch/launcher.ts'
import type { FromCell, SessionStart } from '#wire/messages.ts'
import { scriptedProgram } from '../../fixtures/cells/program.ts'

export const MiB = 1024 * 1024

/** What a cell said, and a way to wait for more of it. */
export class Ear {
  readonly heard: FromCell[] = []
  diagnostics = ''
  answer: (message: FromCell) => void = () => {}
  readonly #waiters: (() => void)[] = []

  message(message: FromCell): void {
    this.heard.push(message)
    this.answer(message)
    for (const wake of this.#waiters) wake()
  }

  diagnostic(text: string): void {
    this.diagnostics += text
  }

  async until<T>(find: (heard: readonly FromCell[]) => T | undefined): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>()
    const look = (): void => {
      const found = find(this.heard)
      if (found !== undefined) resolve(found)
    }
    this.#waiters.push(look)
    look()
    return promise
  }

  ended(session: number): Promise<Extract<FromCell, { type: 'ended' }>> {
    return this.until((heard) => heard.find((message) => message.type === 'ended' && message.session === session)) as Promise<
      Extract<FromCell, { type: 'ended' }>
    >
  }
}

export const sessionStart = (call: string, input: unknown = null): SessionStart => ({
  artifact: 'a',
  call,
  input: JSON.stringify(input),
  args: [],
  env: [],
  preopens: [],
  fuel: 1,
  cpuTimeMs: 1,
  memoryBytes: 1,
  tableElements: 1,
  handles: 1,
  stdinIsTerminal: false,
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
})

/** A launcher of the scripted cell that is disposed with the test. */
export const scriptedLauncher = (level: IsolationLevel, program = scriptedProgram): CellLauncher => {
  const launcher = createLauncher(level, { program })
  onTestFinished(() => launcher[Symbol.asyncDispose]())
  return launcher
}

/** One scripted cell and its ear. */
export const launchScripted = async (
  level: IsolationLevel,
  memoryBytes = 512 * MiB,
  launcher = scriptedLauncher(level),
): Promise<{ cell: Cell; ear: Ear }> => {
  const ear = new Ear()
  return { ear, cell: await launcher.launch({ memoryBytes, listener: ear }) }
}

/** Answers tool calls with their own body. */
const echoCalls = (cell: Cell, ear: Ear): void => {
  ear.answer = (message) => {
    if (message.type !== 'call') return
    const { session, id, call } = message
    cell.send({ type: 'reply', session, id, reply: { ok: true, value: {}, body: call.body } })
  }
}

const startsAndTalks = (level: IsolationLevel): void => {
  test('a cell is ready, loads an artifact and runs a session', async () => {
    const { cell, ear } = await launchScripted(level)
    expect(cell.posture.level).toBe(level)
    cell.send({ type: 'load', linking: 'glue', artifact: 'a', exports: [], cores: 2, body: new Uint8Array(10) })
    cell.send({ type: 'load-core', artifact: 'a', name: 'one', body: new Uint8Array(20 * MiB) })
    cell.send({ type: 'load-core', artifact: 'a', name: 'two', body: new Uint8Array(1) })
    await ear.until((heard) => heard.find((message) => message.type === 'loaded'))
    cell.send({ type: 'start', session: 1, ...sessionStart('echo', { day: 'today' }) })
    expect((await ear.ended(1)).outcome).toEqual({ kind: 'returned', result: '{"day":"today"}' })
  })

  test('calls and their replies keep their order and bytes', async () => {
    const { cell, ear } = await launchScripted(level)
    echoCalls(cell, ear)
    cell.send({ type: 'start', session: 7, ...sessionStart('calls', { count: 200, bytes: 1000 }) })
    const { outcome } = await ear.ended(7)
    const order = Array.from({ length: 200 }, (_, index) => index)
    expect(outcome).toEqual({ kind: 'returned', result: JSON.stringify({ order, received: 200_000 }) })
    expect(ear.heard.filter((message) => message.type === 'call').map((message) => message.id)).toEqual(order)
  })

  test('bodies far past the credit of a cell pass in turns', async () => {
    const { cell, ear } = await launchScripted(level)
    echoCalls(cell, ear)
    cell.send({ type: 'start', session: 1, ...sessionStart('calls', { count: 100, bytes: 512 * 1024 }) })
    const { outcome } = await ear.ended(1)
    expect(outcome.kind === 'returned' && JSON.parse(outcome.result)).toMatchObject({ received: 100 * 512 * 1024 })
  })

  test('a session whose calls are not answered waits for credit, and other sessions of its cell go on', async () => {
    const { cell, ear } = await launchScripted(level)
    const calls = () => ear.heard.filter((message) => message.type === 'call')
    cell.send({ type: 'start', session: 1, ...sessionStart('calls', { count: 20, bytes: 512 * 1024 }) })
    await ear.until(() => (calls().length === 3 ? true : undefined))
    cell.send({ type: 'start', session: 2, ...sessionStart('echo') })
    await ear.ended(2)
    cell.send({ type: 'start', session: 3, ...sessionStart('calls', { count: 1, bytes: 512 * 1024 }) })
    await ear.until(() => calls().find(({ session }) => session === 3))
    expect(calls()).toHaveLength(4)
    cell.send({ type: 'kill', session: 1 })
    cell.send({ type: 'start', session: 4, ...sessionStart('outputs', { count: 4, bytes: 512 * 1024 }) })
    await ear.ended(4)
  })

  test('output keeps its order and arrives whole', async () => {
    const { cell, ear } = await launchScripted(level)
    cell.send({ type: 'start', session: 1, ...sessionStart('outputs', { count: 200, bytes: 100_000 }) })
    await ear.ended(1)
    const bodies = ear.heard.filter((message) => message.type === 'output').map(({ body }) => body)
    expect(bodies.map((body) => body[0])).toEqual(Array.from({ length: 200 }, (_, index) => index))
    expect(bodies.every((body) => body.length === 100_000)).toBe(true)
  })

  test('a result too long for the wire is told as a trap', async () => {
    const { cell, ear } = await launchScripted(level)
    cell.send({ type: 'start', session: 1, ...sessionStart('talks too long') })
    expect((await ear.ended(1)).outcome).toMatchObject({ kind: 'trap' })
  })

  test('what the cell writes to stderr is heard as printable text', async () => {
    const { cell, ear } = await launchScripted(level)
    cell.send({ type: 'start', session: 1, ...sessionStart('writes to stderr') })
    await ear.ended(1)
    await expect.poll(() => ear.diagnostics).toBe('red \u{FFFD}[31malert\u{FFFD}\n')
  })
}

const endsWell = (level: IsolationLevel): void => {
  test('shutdown ends a cell cleanly', async () => {
    const { cell } = await launchScripted(level)
    cell.send({ type: 'shutdown' })
    expect(await cell.ended).toEqual({ kind: 'shutdown' })
    cell.send({ type: 'start', session: 1, ...sessionStart('echo') })
  })

  test('kill ends a spinning cell at once, says why, and its neighbour goes on', async () => {
    const launcher = scriptedLauncher(level)
    const [hot, calm] = [await launchScripted(level, 512 * MiB, launcher), await launchScripted(level, 512 * MiB, launcher)]
    hot.cell.send({ type: 'start', session: 1, ...sessionStart('spins', { count: 60_000 }) })
    await expect.poll(() => hot.cell.cpuUs(), { interval: 10 }).toBeGreaterThan(50_000)
    const before = performance.now()
    hot.cell.kill('too hot')
    hot.cell.kill('a second cause')
    expect(await hot.cell.ended).toEqual({ kind: 'killed', reason: 'too hot' })
    expect(performance.now() - before).toBeLessThan(1000)
    calm.cell.send({ type: 'start', session: 1, ...sessionStart('echo') })
    await calm.ear.ended(1)
  })

  test('a cell that breaks is told as crashed', async () => {
    const { cell } = await launchScripted(level)
    cell.send({ type: 'start', session: 1, ...sessionStart('crashes') })
    expect((await cell.ended).kind).toBe('crashed')
  })

  test('a listener that throws ends the cell', async () => {
    const { cell, ear } = await launchScripted(level)
    ear.answer = () => {
      throw new Error('no more')
    }
    cell.send({ type: 'start', session: 1, ...sessionStart('echo') })
    expect((await cell.ended).kind).toBe('violation')
  })

  test('CPU time grows with work and not with waiting', async () => {
    const { cell, ear } = await launchScripted(level)
    cell.send({ type: 'start', session: 1, ...sessionStart('spins', { count: 300 }) })
    await ear.ended(1)
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
    const worked = cell.cpuUs()
    expect(worked).toBeGreaterThan(150_000)
    await new Promise((resolve) => {
      setTimeout(resolve, 300)
    })
    expect(cell.cpuUs() - worked).toBeLessThan(100_000)
  })

  test('many cells run at one time and disposing the launcher leaves none', async () => {
    const launcher = scriptedLauncher(level)
    const all = await Promise.all(Array.from({ length: 6 }, () => launchScripted(level, 512 * MiB, launcher)))
    for (const { cell } of all) cell.send({ type: 'start', session: 1, ...sessionStart('echo') })
    await Promise.all(all.map(({ ear }) => ear.ended(1)))
    expect(new Set(all.map(({ cell }) => cell.id)).size).toBe(6)
    await launcher[Symbol.asyncDispose]()
    for (const { cell } of all) expect((await cell.ended).kind).toBe('killed')
    await expect(launchScripted(level, 512 * MiB, launcher)).rejects.toMatchObject({ code: 'runtime.closed' })
  })

  test('past its number of cells a launcher refuses', async () => {
    const launcher = createLauncher(level, { program: scriptedProgram, maxCells: 1 })
    onTestFinished(() => launcher[Symbol.asyncDispose]())
    await launchScripted(level, 512 * MiB, launcher)
    await expect(launchScripted(level, 512 * MiB, launcher)).rejects.toMatchObject({ code: 'runtime.overloaded' })
  })
}

/** What every level must do: the same tests for each. */
export const cellContract = (level: IsolationLevel): void => {
  startsAndTalks(level)
  endsWell(level)
}
