import { expect, onTestFinished, test, vi } from 'vitest'
import type { Artifact } from '#core/artifact.ts'
import type { Cell, CellEnd, CellLauncher, CellListener, CellOptions } from '#host/launch/cell-port.ts'
import { CellPool } from '#host/pool/cell-pool.ts'
import { HostedCell, type SessionSink } from '#host/pool/hosted-cell.ts'
import type { FromCell, Linking, SessionStart, ToCell } from '#wire/messages.ts'

/** A cell in memory whose every word the test chooses. As with real ones, a throw of the listener ends it. */
class PuppetCell implements Cell {
  readonly id = 'puppet'
  readonly posture = { level: 'thread', noNewPrivileges: false, seccomp: false, namespaces: [], openDescriptors: 0 } as const
  readonly sent: ToCell[] = []
  readonly #listener: CellListener
  readonly #ended = Promise.withResolvers<CellEnd>()
  readonly ended = this.#ended.promise

  constructor({ listener }: CellOptions) {
    this.#listener = listener
  }
  send(message: ToCell): void {
    this.sent.push(message)
    if (message.type === 'load-core') this.says({ type: 'loaded', artifact: message.artifact })
  }
  says(message: FromCell): void {
    try {
      this.#listener.message(message)
    } catch (error) {
      this.#ended.resolve({ kind: 'violation', message: error instanceof Error ? error.message : '' })
    }
  }
  cpuUs(): number {
    return 0
  }
  residentBytes(): number {
    return 0
  }
  kill(reason: string): void {
    this.#ended.resolve({ kind: 'killed', reason })
  }
}

class PuppetLauncher implements CellLauncher {
  readonly level = 'thread'
  readonly cells: PuppetCell[] = []
  readonly launched: CellOptions['linking'][] = []
  launch(options: CellOptions): Promise<Cell> {
    const cell = new PuppetCell(options)
    this.cells.push(cell)
    this.launched.push(options.linking)
    return Promise.resolve(cell)
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

const start: SessionStart = {
  artifact: 'k',
  call: 'run',
  input: 'null',
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
}
const usage = { fuel: 0, cpuUs: 0, memoryPeakBytes: 0 }
const artifact: Artifact = {
  key: 'k',
  componentDigest: '',
  linking: 'glue',
  glue: '',
  cores: [{ name: 'c', bytes: new Uint8Array() }],
  imports: [],
  exports: [],
}

interface Heard {
  readonly sink: SessionSink
  readonly events: string[]
}
const hearing = (): Heard => {
  const events: string[] = []
  return {
    events,
    sink: {
      call: (id) => events.push(`call ${id}`),
      output: (_stream, bytes) => events.push(`output ${bytes.length}`),
      answered: (answer) => events.push(`answered ${answer.kind}`),
      ended: (outcome) => events.push(`ended ${outcome.kind}`),
      lost: (end) => events.push(`lost ${end.kind}`),
    },
  }
}

const hosted = async (): Promise<{ cell: HostedCell; puppet: PuppetCell }> => {
  const launcher = new PuppetLauncher()
  const cell = await HostedCell.launch(launcher, { segment: 's', memoryBytes: 1, linking: 'glue' })
  const [puppet] = launcher.cells
  if (puppet === undefined) throw new Error('no cell')
  return { cell, puppet }
}
const call = (session: number, id: number): FromCell => ({
  type: 'call',
  session,
  id,
  call: { op: 'tool.list', args: {}, body: new Uint8Array() },
})

test.each<[string, FromCell[], string]>([
  ['a session that is not placed there', [call(9, 1)], 'session 9 is not placed here'],
  [
    'output of a session that is not placed there',
    [{ type: 'output', session: 9, stream: 'stdout', body: new Uint8Array() }],
    'session 9 is not placed here',
  ],
  [
    'the end of a session that is not placed there',
    [{ type: 'ended', session: 9, outcome: { kind: 'killed' }, usage }],
    'session 9 is not placed here',
  ],
  [
    'a session that has ended',
    [{ type: 'ended', session: 1, outcome: { kind: 'killed' }, usage }, call(1, 1)],
    'session 1 is not placed here',
  ],
  ['a call id that was used', [call(1, 5), call(1, 5)], 'call id 5 came twice or out of order'],
  ['a call id from the past', [call(1, 5), call(1, 4)], 'call id 4 came twice or out of order'],
  ['too many calls in flight', Array.from({ length: 257 }, (_, id) => call(1, id)), 'more than 256 calls in flight'],
  ['an artifact that was never sent', [{ type: 'loaded', artifact: 'x' }], 'an answer about an artifact that was never sent'],
  ['ready twice', [{ type: 'ready', version: 1 }], 'ready twice'],
])('a cell that speaks of %s is ended', async (_name, messages, violation) => {
  const { cell, puppet } = await hosted()
  cell.start(1, start, hearing().sink)
  for (const message of messages) puppet.says(message)
  expect(await cell.ended).toEqual({ kind: 'violation', message: violation })
})

const answer = (id: number): FromCell => ({ type: 'answered', session: 1, id, answer: { kind: 'returned', result: 'null' } })

test.each<[string, number[], FromCell[]]>([
  ['to nothing', [], [answer(0)]],
  ['twice', [0, 1], [answer(0), answer(0)]],
  ['out of order', [0, 1], [answer(1)]],
  ['to what nobody asked', [0], [answer(7)]],
  ['after the end', [0], [{ type: 'ended', session: 1, outcome: { kind: 'killed' }, usage }, answer(0)]],
])('a cell that answers %s is ended', async (_name, asked, messages) => {
  const { cell, puppet } = await hosted()
  cell.start(1, { ...start, call: null, input: '' }, hearing().sink)
  for (const id of asked) cell.invoke(1, { id, call: 'run', input: 'null' })
  for (const message of messages) puppet.says(message)
  expect((await cell.ended).kind).toBe('violation')
})

test('an open session hears its answers, and is asked nothing once it has ended', async () => {
  const { cell, puppet } = await hosted()
  const heard = hearing()
  cell.start(1, { ...start, call: null, input: '' }, heard.sink)
  for (const id of [0, 1]) cell.invoke(1, { id, call: 'run', input: `${id}` })
  for (const id of [0, 1]) puppet.says(answer(id))
  cell.finish(1)
  puppet.says({ type: 'ended', session: 1, outcome: { kind: 'returned', result: 'null' }, usage })
  cell.invoke(1, { id: 2, call: 'run', input: '2' })
  cell.finish(1)
  expect(heard.events).toEqual(['answered returned', 'answered returned', 'ended returned'])
  expect(puppet.sent.map(({ type }) => type)).toEqual(['start', 'invoke', 'invoke', 'finish'])
})

test('every session of a cell that ends hears of it once', async () => {
  const { cell, puppet } = await hosted()
  const [one, two] = [hearing(), hearing()]
  cell.start(1, start, one.sink)
  cell.start(2, start, two.sink)
  puppet.says({ type: 'ended', session: 1, outcome: { kind: 'returned', result: 'null' }, usage })
  puppet.kill('test')
  await cell.ended
  await turn()
  expect(one.events).toEqual(['ended returned'])
  expect(two.events).toEqual(['lost killed'])
})

test('a reply goes only to a call that waits', async () => {
  const { cell, puppet } = await hosted()
  cell.start(1, start, hearing().sink)
  puppet.says(call(1, 3))
  cell.reply(1, 4, { ok: false, code: 'x' })
  cell.reply(2, 3, { ok: false, code: 'x' })
  expect(puppet.sent.filter(({ type }) => type === 'reply')).toEqual([])
  cell.reply(1, 3, { ok: false, code: 'x' })
  cell.reply(1, 3, { ok: false, code: 'x' })
  expect(puppet.sent.filter(({ type }) => type === 'reply')).toHaveLength(1)
})

test('an artifact is handed over once, and a cell that ends meanwhile says so', async () => {
  const { cell, puppet } = await hosted()
  await Promise.all([cell.load(artifact), cell.load(artifact)])
  expect(puppet.sent.filter(({ type }) => type === 'load')).toHaveLength(1)
  const loading = cell.load({ ...artifact, key: 'other', cores: [] })
  puppet.kill('test')
  await expect(loading).rejects.toMatchObject({ code: 'session.killed' })
})

const poolOf = (options: Partial<ConstructorParameters<typeof CellPool>[0]> = {}): { pool: CellPool; launcher: PuppetLauncher } => {
  const launcher = new PuppetLauncher()
  return {
    launcher,
    pool: new CellPool({ launcher, maxCells: 2, maxSessionsPerCell: 2, maxWaiting: 1, cellMemoryBytes: 2 ** 30, ...options }),
  }
}
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
const never = new AbortController().signal
const wanted = (segment: string, linking: Linking = 'component'): { segment: string; memoryBytes: number; linking: Linking } => ({
  segment,
  memoryBytes: 1,
  linking,
})

test('two segments never share a cell, not even one after the other', async () => {
  const { pool, launcher } = poolOf({ maxCells: 1 })
  const first = await pool.acquire(wanted('a'), never)
  first.release()
  const second = await pool.acquire(wanted('b'), never)
  expect(second.cell).not.toBe(first.cell)
  expect(await first.cell.ended).toMatchObject({ kind: 'killed' })
  expect(launcher.cells).toHaveLength(2)
})

test('one segment uses its cell again, and shares it when no other may be started', async () => {
  const { pool } = poolOf({ maxCells: 1 })
  const first = await pool.acquire(wanted('a'), never)
  const beside = await pool.acquire(wanted('a'), never)
  expect(beside.cell).toBe(first.cell)
  first.release()
  beside.release()
  expect((await pool.acquire(wanted('a'), never)).cell).toBe(first.cell)
})

test('past all places sessions wait, past that they are refused, and a place given back is handed on', async () => {
  const { pool } = poolOf({ maxCells: 1, maxSessionsPerCell: 1 })
  const first = await pool.acquire(wanted('a'), never)
  const waiting = pool.acquire(wanted('a'), never)
  await turn()
  await expect(pool.acquire(wanted('a'), AbortSignal.timeout(2000))).rejects.toMatchObject({ code: 'runtime.overloaded' })
  first.release()
  expect((await waiting).cell).toBe(first.cell)
})

test('who waits may give up', async () => {
  const { pool } = poolOf({ maxCells: 1, maxSessionsPerCell: 1 })
  await pool.acquire(wanted('a'), never)
  const giveUp = new AbortController()
  const waiting = pool.acquire(wanted('a'), giveUp.signal)
  giveUp.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})

test('a place that comes free while another looks for one is not missed', async () => {
  const { pool } = poolOf({ maxCells: 1, maxSessionsPerCell: 1 })
  for (let microtasks = 0; microtasks < 8; microtasks++) {
    const first = await pool.acquire(wanted('a'), never)
    const waiting = pool.acquire(wanted('a'), AbortSignal.timeout(2000))
    for (let nth = 0; nth < microtasks; nth++) await Promise.resolve()
    first.release()
    const second = await waiting
    second.release()
  }
})

test('the place of one who gave up while a cell was started for it is free again', async () => {
  const { pool, launcher } = poolOf({ maxCells: 1, maxSessionsPerCell: 1 })
  const launch = launcher.launch.bind(launcher)
  const first = await pool.acquire(wanted('a'), never)
  const giveUp = new AbortController()
  const waiting = pool.acquire(wanted('b'), giveUp.signal)
  await turn()
  const slow = Promise.withResolvers<void>()
  launcher.launch = (options) => slow.promise.then(() => launch(options))
  first.release()
  await turn()
  giveUp.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  slow.resolve()
  const next = await pool.acquire(wanted('b'), AbortSignal.timeout(2000))
  expect(next.cell.segment).toBe('b')
  expect(launcher.cells).toHaveLength(2)
})

test('a cell that is still starting when the pool is closed is ended', async () => {
  const { pool, launcher } = poolOf({ maxCells: 1, maxSessionsPerCell: 1 })
  const launch = launcher.launch.bind(launcher)
  const first = await pool.acquire(wanted('a'), never)
  const waiting = pool.acquire(wanted('b'), never)
  await turn()
  const slow = Promise.withResolvers<void>()
  launcher.launch = (options) => slow.promise.then(() => launch(options))
  first.release()
  await turn()
  const closed = pool[Symbol.asyncDispose]()
  slow.resolve()
  await closed
  const late = await waiting
  expect(await late.cell.ended).toEqual({ kind: 'killed', reason: 'the runtime was closed' })
  expect(launcher.cells).toHaveLength(2)
})

test('glue and components never share a cell, and the spare cell is for components alone', async () => {
  const { pool, launcher } = poolOf({ maxCells: 3 })
  await pool.prewarm()
  const glue = await pool.acquire(wanted('a', 'glue'), never)
  glue.release()
  const component = await pool.acquire(wanted('a'), never)
  expect(launcher.launched).toEqual(['component', 'glue'])
  expect(component.cell).not.toBe(glue.cell)
  expect((await pool.acquire(wanted('a', 'glue'), never)).cell).toBe(glue.cell)
})

test('a spare cell that will not do makes room when the pool is full', async () => {
  const { pool, launcher } = poolOf({ maxCells: 1 })
  await pool.prewarm()
  await pool.acquire(wanted('a', 'glue'), never)
  expect(launcher.launched).toEqual(['component', 'glue'])
  await expect(launcher.cells[0]?.ended).resolves.toMatchObject({ kind: 'killed' })
})

test('a cell that ended is replaced', async () => {
  const { pool, launcher } = poolOf({ maxCells: 1 })
  const first = await pool.acquire(wanted('a'), never)
  launcher.cells[0]?.kill('crash')
  await first.cell.ended
  await new Promise((resolve) => setImmediate(resolve))
  expect((await pool.acquire(wanted('a'), never)).cell).not.toBe(first.cell)
})

test('a closed pool gives no place, and those who wait hear of it', async () => {
  const { pool } = poolOf({ maxCells: 1, maxSessionsPerCell: 1 })
  await pool.acquire(wanted('a'), never)
  const waiting = pool.acquire(wanted('a'), never)
  waiting.catch(() => undefined)
  await turn()
  await pool[Symbol.asyncDispose]()
  await expect(waiting).rejects.toMatchObject({ code: 'runtime.closed' })
  await expect(pool.acquire(wanted('a'), never)).rejects.toMatchObject({ code: 'runtime.closed' })
})

test('a cell that never says whether it loaded a component is ended', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { cell } = await hosted()
  const loading = cell.load({ ...artifact, key: 'other', cores: [] })
  const refused = expect(loading).rejects.toMatchObject({
    code: 'session.killed',
    message: expect.stringContaining('did not load') as string,
  })
  vi.advanceTimersByTime(60_000)
  await refused
})

test('a session hears whether it was alone in its cell all its time', async () => {
  const { cell, puppet } = await hosted()
  const alone: boolean[] = []
  const sink = (): SessionSink => ({ ...hearing().sink, ended: (_outcome, _usage, was) => alone.push(was) })
  const end = (session: number): void => puppet.says({ type: 'ended', session, outcome: { kind: 'killed' }, usage })
  cell.start(1, start, sink())
  end(1)
  cell.start(2, start, sink())
  cell.start(3, start, sink())
  end(2)
  end(3)
  expect(alone).toEqual([true, false, false])
})

test('a cell that makes room counts until it is gone, so that launchers are never asked for too many', async () => {
  const { pool, launcher } = poolOf({ maxCells: 2, maxWaiting: 2 })
  const first = await Promise.all([pool.acquire(wanted('a'), never), pool.acquire(wanted('b'), never)])
  for (const place of first) place.release()
  const ends = vi.spyOn(PuppetCell.prototype, 'kill').mockImplementation(() => undefined)
  const waiting = [pool.acquire(wanted('c'), never), pool.acquire(wanted('d'), never)]
  await turn()
  expect([ends.mock.calls.length, launcher.cells.length]).toEqual([2, 2])
  ends.mockRestore()
  for (const cell of launcher.cells) cell.kill('now')
  await Promise.all(waiting)
  expect(launcher.cells).toHaveLength(4)
})
