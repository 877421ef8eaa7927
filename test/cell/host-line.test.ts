import { describe, expect, it } from 'vitest'
import { HostLine } from '#cell/host-line.ts'
import { Turns, type TurnTaker } from '#cell/turns.ts'
import { Waits } from '#cell/waits.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { encode } from '#wire/codec.ts'
import { maxCallsInFlight, maxFrameBytes, type FromCell } from '#wire/messages.ts'
import { replied } from './test-cell.ts'

const taker: TurnTaker = { turnBegins: () => undefined, charge: () => undefined }

const lineOf = () => {
  const sent: FromCell[] = []
  const waits = new Waits(new Turns(), taker)
  const line = new HostLine(
    {
      session: 3,
      send: (message) => {
        sent.push(message)
        return Promise.resolve()
      },
    },
    waits,
  )
  return { line, waits, sent }
}

const opening = {
  dir: 0,
  path: 'x',
  followLinks: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: false,
  read: true,
  write: false,
  sync: 'none',
} as const

describe('the line of a session to the host', () => {
  it('numbers calls and gives each its own answer', async () => {
    const { line, sent } = lineOf()
    const first = line.call('secret.use', { name: 'a' })
    const second = line.call('secret.use', { name: 'b' })
    line.reply(1, replied({ to: 'b' }))
    line.reply(0, replied({ to: 'a' }))
    line.reply(0, replied({ to: 'nobody' }))
    expect(await first).toEqual(replied({ to: 'a' }))
    expect(await second).toEqual(replied({ to: 'b' }))
    expect(sent.map((message) => message.type === 'call' && [message.session, message.id])).toEqual([
      [3, 0],
      [3, 1],
    ])
  })

  it('keeps no more calls in flight than the wire allows, and sends the rest in order', () => {
    const { line, sent } = lineOf()
    for (let n = 0; n < maxCallsInFlight + 10; n++) void line.call('secret.use', { name: `${n}` })
    expect(sent).toHaveLength(maxCallsInFlight)
    for (let id = 0; id < 5; id++) line.reply(id, replied({}))
    expect(sent).toHaveLength(maxCallsInFlight + 5)
    expect(sent.at(-1)).toMatchObject({ id: maxCallsInFlight + 4, call: { args: { name: `${maxCallsInFlight + 4}` } } })
  })

  it('refuses what the host would end the cell for', async () => {
    const { line, sent } = lineOf()
    const refused = { ok: false, code: 'not-permitted' }
    const header = ['x', 'y'.repeat(16_384)] as const
    expect(await line.call('secret.use', { name: 'x'.repeat(257) })).toEqual(refused)
    expect(await line.call('secret.use', { name: 'x' }, new Uint8Array(1))).toEqual(refused)
    expect(await line.call('fs.write', { handle: 1, offset: 0 }, new Uint8Array(maxChunkBytes + 1))).toEqual(refused)
    expect(await line.call('http.finish', { handle: 1, trailers: Array.from({ length: 200 }, () => header) })).toEqual(refused)
    expect(await line.call('tool.call', { name: 'x' }, new Uint8Array(maxFrameBytes))).toEqual(refused)
    expect(sent).toEqual([])
  })

  it('sends nothing that is longer than a frame', () => {
    const { line, sent } = lineOf()
    for (const pairs of [1, 30, 60, 63, 64, 65]) {
      void line.call('http.finish', { handle: 1, trailers: Array.from({ length: pairs }, () => ['x', '\u00ff"'.repeat(8000)] as const) })
    }
    expect(sent.length).toBeGreaterThan(0)
    for (const message of sent) expect(encode(message).length).toBeLessThanOrEqual(maxFrameBytes)
  })

  it('finds room for closing a handle when it has none for anything else', async () => {
    const { line, sent } = lineOf()
    for (let n = 0; n < 1024 + maxCallsInFlight; n++) void line.call('secret.use', { name: `${n}` })
    expect(await line.call('fs.open', opening)).toEqual({ ok: false, code: 'not-permitted' })
    const closed = [line.call('fs.close', { handle: 7 }), line.call('http.close', { handle: 8 })]
    for (let id = 0; id < 1024 + maxCallsInFlight; id++) line.reply(id, replied({}))
    const last = sent.slice(-2).map((message) => (message.type === 'call' ? message : undefined))
    expect(last.map((message) => message?.call.op)).toEqual(['fs.close', 'http.close'])
    for (const message of last) line.reply(message?.id ?? -1, replied({ closed: message?.call.op }))
    expect(await Promise.all(closed)).toEqual([replied({ closed: 'fs.close' }), replied({ closed: 'http.close' })])
  })

  it('rejects all that waits, and all that comes, when the session is over', async () => {
    const { line, waits } = lineOf()
    const waiting = line.call('secret.use', { name: 'a' })
    waits.end(new Error('the session is over'))
    await expect(waiting).rejects.toThrow('the session is over')
    await expect(line.call('secret.use', { name: 'b' })).rejects.toThrow('the session is over')
    expect(waits.size).toBe(0)
  })
})
