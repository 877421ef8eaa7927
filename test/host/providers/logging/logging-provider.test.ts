import { describe, expect, test } from 'vitest'
import { LineBudget } from '#host/providers/logging/line-budget.ts'
import { createLoggingProvider, type GuestLogLine } from '#host/providers/logging/logging-provider.ts'
import { GuestSession, policyOf } from '../guest-session.ts'

const generous = { burstLines: 1000, linesPerSecond: 1000, burstBytes: 1e6, bytesPerSecond: 1e6 }

/** A session that logs, and what came of it. */
class LoggingSession extends GuestSession {
  readonly lines: GuestLogLine[] = []
  readonly dropped: number[] = []
  room = Infinity

  constructor(rate = generous) {
    super(policyOf({}))
    const write = (line: GuestLogLine): boolean => {
      if (this.lines.length >= this.room) return false
      this.lines.push(line)
      return true
    }
    this.use(createLoggingProvider(this, { write, dropped: (lines) => this.dropped.push(lines) }, rate))
  }

  log(message: string | Uint8Array, { level = 'info' as const, context = 'test' } = {}) {
    return this.call('log.write', { level, context }, message)
  }
}

describe('a line of a guest', () => {
  test('comes as it was written', async () => {
    await using session = new LoggingSession()
    await session.log('grüß dich')
    expect(session.lines).toEqual([{ level: 'info', context: 'test', message: 'grüß dich' }])
  })

  test.each([
    ['a second line', 'one\nerror other: two', 'one\\u{a}error other: two'],
    ['a colour', '\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
    ['a title of the window', '\u001b]0;owned\u0007', '\\u{1b}]0;owned\\u{7}'],
    ['the way back over a line', 'ok\r\u009b2Kerror', 'ok\\u{d}\\u{9b}2Kerror'],
    ['text turned round', 'a\u202eb\u2066c', 'a\\u{202e}b\\u{2066}c'],
    ['what cannot be seen', 'a\u200bb\ufeffc\u2028d', 'a\\u{200b}b\\u{feff}c\\u{2028}d'],
    ['no text at all', new Uint8Array([0xff, 0x41, 0xc0]), '\ufffdA\ufffd'],
  ])('with %s is one line that does nothing', async (_what, message, shown) => {
    await using session = new LoggingSession()
    await session.log(message)
    const context = typeof message === 'string' ? message : 'x'
    await session.log('', { context })
    expect(session.lines[0]?.message).toBe(shown)
    if (typeof message === 'string') expect(session.lines[1]?.context).toBe(shown)
  })

  test('that is too long is cut, with a mark', async () => {
    await using session = new LoggingSession()
    await session.log('x'.repeat(8193), { context: 'y'.repeat(257) })
    await session.log('x'.repeat(8192), { context: 'y'.repeat(256) })
    expect(session.lines.map(({ context, message }) => [context.length, context.at(-1), message.length, message.at(-1)])).toEqual([
      [257, '…', 8193, '…'],
      [256, 'y', 8192, 'x'],
    ])
  })
})

describe('a guest that floods', () => {
  test('loses lines, waits for it, and is told of once a second and at the end', async () => {
    const session = new LoggingSession({ burstLines: 5, linesPerSecond: 0.001, burstBytes: 1e6, bytesPerSecond: 1 })
    const began = performance.now()
    for (let line = 0; line < 300; line++) await session.log(`${line}`)
    const tookMs = performance.now() - began
    expect(session.lines.map(({ message }) => message)).toEqual(['0', '1', '2', '3', '4'])
    // 295 pauses of 5 ms: two thousand lines a second at the very most, whatever it tries.
    expect(tookMs).toBeGreaterThan(1300)
    expect(session.dropped.length).toBeGreaterThanOrEqual(1)
    expect(session.dropped.length).toBeLessThanOrEqual(tookMs / 1000)
    await session[Symbol.asyncDispose]()
    expect(session.dropped.reduce((sum, each) => sum + each, 0)).toBe(295)
  })

  test('with long lines has as few bytes', async () => {
    await using session = new LoggingSession({ burstLines: 100, linesPerSecond: 100, burstBytes: 10_000, bytesPerSecond: 1 })
    for (let line = 0; line < 10; line++) await session.log('x'.repeat(4000))
    expect(session.lines.length).toBe(2)
  })

  test('past the output that its session may have loses the rest', async () => {
    const session = new LoggingSession()
    session.room = 3
    for (let line = 0; line < 10; line++) await session.log(`${line}`)
    await session[Symbol.asyncDispose]()
    expect([session.lines.length, session.dropped]).toEqual([3, [7]])
  })

  test('does not hold up the end of its session', async () => {
    const session = new LoggingSession({ burstLines: 0, linesPerSecond: 0, burstBytes: 0, bytesPerSecond: 0 })
    const waiting = session.log('x')
    await session[Symbol.asyncDispose]()
    expect((await waiting).ok).toBe(true)
  })
})

describe('a budget of lines', () => {
  test('fills with time, to its brim and no further, and not by a clock that goes back', () => {
    const budget = new LineBudget({ burstLines: 2, linesPerSecond: 1, burstBytes: 100, bytesPerSecond: 10 }, 0)
    expect([budget.take(1, 0), budget.take(1, 0), budget.take(1, 0)]).toEqual([true, true, false])
    expect([budget.take(1, 999), budget.take(1, 1001)]).toEqual([false, true])
    expect(budget.take(1, 500)).toBe(false)
    expect([budget.take(101, 1e6), budget.take(1, 1e6), budget.take(1, 1e6), budget.take(1, 1e6)]).toEqual([false, true, true, false])
  })
})
