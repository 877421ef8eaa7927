import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Cell, CellEnd, IsolationLevel } from '#host/launch/cell-port.ts'
import { maxDiagnosticBytes } from '#host/launch/diagnostics.ts'
import { createLauncher } from '#host/launch/launcher.ts'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'
import { fixtureProgram, scriptedProgram } from '../../fixtures/cells/program.ts'
import { Ear, launchScripted, MiB, scriptedLauncher, sessionStart } from '../../host/launch/contract.ts'

const hostile = fixtureProgram('hostile-child.ts')
const violation: CellEnd['kind'] = 'violation'

/** Each behaviour of the hostile child, and how its cell must end. */
const ends: readonly (readonly [behaviour: string, end: CellEnd['kind']])[] = [
  ['throws garbage', violation],
  ['floods without a frame', violation],
  ['announces the longest frame there is', violation],
  ['announces an empty frame', violation],
  ['sends an unknown message', violation],
  ['sends a message of the host', violation],
  ['says ready twice', violation],
  ['speaks for a session it does not have', violation],
  ['ends a session it does not have', violation],
  ['ends a session twice', violation],
  ['answers what nobody asked', violation],
  ['writes output after the end', violation],
  ['uses a call id twice', violation],
  ['goes back in its call ids', violation],
  ['has too many calls in flight', violation],
  ['exceeds its credit', violation],
  ['says an artifact is loaded that nobody sent', violation],
  ['closes its pipe in the middle of a frame', violation],
  ['closes its pipe and stays', violation],
  ['exits in the middle of a frame', 'crashed'],
  ['exits as if it had been asked to', 'crashed'],
  ['grows in JavaScript', 'memory'],
  ['grows in wasm memory', 'memory'],
  ['grows in buffers', 'memory'],
]

const launchHostile = async (level: IsolationLevel, memoryBytes: number): Promise<{ cell: Cell; ear: Ear }> =>
  launchScripted(level, memoryBytes, scriptedLauncher(level, hostile))

const attack = (level: IsolationLevel): void => {
  const calmLauncher = createLauncher(level, { program: scriptedProgram })
  const calm = { ear: new Ear(), sessions: 0, cell: undefined as Cell | undefined }
  beforeAll(async () => {
    calm.cell = await calmLauncher.launch({ memoryBytes: 512 * MiB, listener: calm.ear })
  })
  afterAll(() => calmLauncher[Symbol.asyncDispose]())

  test.each(ends)('a cell that %s ends as %s, and its neighbour finishes', async (behaviour, end) => {
    const bad = await launchHostile(level, 200 * MiB)
    calm.sessions += 1
    const session = calm.sessions
    bad.cell.send({ type: 'start', session: 1, ...sessionStart(behaviour) })
    calm.cell?.send({ type: 'start', session, ...sessionStart('outputs', { count: 50, bytes: 10_000 }) })
    expect((await bad.cell.ended).kind).toBe(end)
    expect((await calm.ear.ended(session)).outcome.kind).toBe('returned')
    expect(bad.cell.residentBytes()).toBe(0)
  })

  test.each([
    'twice',
    'the next one first',
    'for another session',
    'by an end that nobody asked for',
    'by an end with the error of a call',
    'after the end',
    'longer than a frame',
  ])('a cell that answers a call of an open session %s ends as violation', async (how) => {
    const { cell, ear } = await launchHostile(level, 200 * MiB)
    cell.send({ type: 'start', session: 1, ...sessionStart(''), call: null, input: '' })
    cell.send({ type: 'invoke', session: 1, id: 0, call: 'as it should', input: 'null' })
    await ear.until((heard) => heard.find((message) => message.type === 'answered'))
    cell.send({ type: 'invoke', session: 1, id: 1, call: how, input: 'null' })
    expect((await cell.ended).kind).toBe(violation)
    expect(ear.heard.filter((message) => message.type === 'answered').map(({ id }) => id)).toEqual(how === 'twice' ? [0, 1] : [0])
  })

  test('a cell that grows within one turn of its loop is stopped before it has used twice its budget', async () => {
    const { cell } = await launchHostile(level, 200 * MiB)
    let peakBytes = 0
    const timer = setInterval(() => {
      peakBytes = Math.max(peakBytes, cell.residentBytes())
    }, 5)
    onTestFinished(() => clearInterval(timer))
    cell.send({ type: 'start', session: 1, ...sessionStart('grows within one turn') })
    expect(['memory', 'crashed']).toContain((await cell.ended).kind)
    expect(peakBytes).toBeLessThan(500 * MiB)
  })

  test('a cell that spins and ignores SIGTERM is gone at once when it is killed', async () => {
    const { cell } = await launchHostile(level, 200 * MiB)
    cell.send({ type: 'start', session: 1, ...sessionStart('spins for ever') })
    await expect.poll(() => cell.cpuUs(), { interval: 10, timeout: 5000 }).toBeGreaterThan(200_000)
    const asked = performance.now()
    cell.kill('deadline')
    expect(await cell.ended).toEqual({ kind: 'killed', reason: 'deadline' })
    expect(performance.now() - asked).toBeLessThan(500)
  })

  test('endless lines on stdout and stderr are cut, neutralised and do not end the cell', async () => {
    const { cell, ear } = await launchHostile(level, 400 * MiB)
    cell.send({ type: 'start', session: 1, ...sessionStart('writes endless lines') })
    expect((await ear.ended(1)).outcome.kind).toBe('returned')
    expect(ear.diagnostics.length).toBeGreaterThan(0)
    expect(ear.diagnostics.length).toBeLessThan(maxDiagnosticBytes + 1000)
    expect(ear.diagnostics).not.toContain('\u001B')
    expect(ear.diagnostics).not.toContain('\u0007')
  })

  test('a cell that asks and never reads cannot make the host hold its answers', async () => {
    const { cell, ear } = await launchHostile(level, 200 * MiB)
    let answeredBytes = 0
    ear.answer = (message) => {
      if (message.type !== 'call') return
      const body = new Uint8Array(256 * 1024)
      answeredBytes += body.length
      cell.send({ type: 'reply', session: message.session, id: message.id, reply: { ok: true, value: {}, body } })
    }
    cell.send({ type: 'start', session: 1, ...sessionStart('never reads') })
    await expect.poll(() => answeredBytes).toBeGreaterThan(0)
    await new Promise((resolve) => {
      setTimeout(resolve, 500)
    })
    expect(answeredBytes).toBeLessThan(12 * MiB)
    cell.kill('enough')
    expect(await cell.ended).toEqual({ kind: 'killed', reason: 'enough' })
  })

  test.each(['silent-child.ts', 'rude-child.ts'])(
    'a cell that is not ready in time or breaks the rules before is no cell (%s)',
    async (entry) => {
      await using launcher = createLauncher(level, { program: fixtureProgram(entry), readyTimeoutMs: 1000 })
      await expect(launcher.launch({ memoryBytes: 200 * MiB, listener: new Ear() })).rejects.toMatchObject({ code: 'cell.crashed' })
    },
  )
}

const bubblewrap = findTrustedTool('bwrap', process.env['PATH'] ?? '')

describe('a hostile child in a process cell', () => attack('process'))
describe.skipIf(bubblewrap === undefined)('a hostile child in a bwrap cell (needs bubblewrap on this machine)', () => attack('bwrap'))
