import { describe, expect, it } from 'vitest'
import { Outbox } from '#cell/outbox.ts'
import { decodeFromCell, encode, FrameReader } from '#wire/codec.ts'
import { initialCreditBytes, maxFrameBytes, type FromCell } from '#wire/messages.ts'
import { replied } from './test-cell.ts'

const KiB = 1024
const usage = { fuel: 0, cpuUs: 0, memoryPeakBytes: 0 }
const asking = (session: number, id: number, bytes: number): FromCell => ({
  type: 'call',
  session,
  id,
  call: { op: 'tool.call', args: { name: 'slow' }, body: new Uint8Array(bytes) },
})
const costOf = (session: number, id: number): number => encode(asking(session, id, ((id * 7919 + session * 104_729) % 900) * KiB)).length
const ended = (session: number): FromCell => ({ type: 'ended', session, outcome: { kind: 'killed' }, usage })

const outboxOf = () => {
  const reader = new FrameReader(maxFrameBytes)
  const sent: string[] = []
  const outbox = new Outbox((bytes) => {
    reader.push(bytes)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const message = decodeFromCell(frame)
      sent.push(message.type === 'call' ? `call ${message.session}.${message.id}` : message.type)
    }
    return Promise.resolve()
  })
  return { outbox, sent }
}

describe('the credit of a cell', () => {
  it('is never all held by the slow calls of one session', () => {
    const { outbox, sent } = outboxOf()
    for (let id = 0; id < 64; id++) void outbox.send(asking(1, id, 256 * KiB))
    expect(sent.length).toBeLessThanOrEqual(initialCreditBytes / 2 / (256 * KiB))
    void outbox.send(asking(2, 0, 256 * KiB))
    expect(sent).toContain('call 2.0')
  })

  it('leaves room for a small call however many sessions make slow ones', () => {
    const { outbox, sent } = outboxOf()
    for (let session = 1; session <= 100; session++) {
      for (const [id, bytes] of [300 * KiB, 15 * KiB, 4 * KiB, 100, 0].entries()) void outbox.send(asking(session, id, bytes))
    }
    for (let session = 101; session <= 200; session++) void outbox.send(asking(session, 0, 0))
    expect(Array.from({ length: 100 }, (_, nth) => `call ${101 + nth}.0`).filter((each) => !sent.includes(each))).toEqual([])
  })

  it('comes to a long call in its turn, though shorter ones keep coming', () => {
    const { outbox, sent } = outboxOf()
    for (let session = 1; session <= 4; session++) void outbox.send(asking(session, 0, 1000 * KiB))
    expect(sent).toHaveLength(3)
    for (let session = 5; session <= 50; session++) void outbox.send(asking(session, 0, 100 * KiB))
    expect(sent).toHaveLength(3)
    outbox.heard({ type: 'reply', session: 1, id: 0, reply: replied({}) })
    outbox.heard({ type: 'credit', bytes: 1000 * KiB })
    expect(sent[3]).toBe('call 4.0')
  })

  it('comes back with answers: every call of every session goes out in the order of its session', () => {
    const { outbox, sent } = outboxOf()
    const ids = new Map<number, number>()
    for (let id = 0; id < 40; id++) {
      for (let session = 1; session <= 5; session++) void outbox.send(asking(session, id, ((id * 7919 + session * 104_729) % 900) * KiB))
    }
    for (let at = 0; at < sent.length; at++) {
      const [session = 0, id = 0] = sent[at]?.slice(5).split('.').map(Number) ?? []
      expect(id).toBe(ids.get(session) ?? 0)
      ids.set(session, id + 1)
      outbox.heard({ type: 'reply', session, id, reply: replied({}) })
      outbox.heard({ type: 'credit', bytes: costOf(session, id) })
    }
    expect(sent).toHaveLength(200)
  })

  it('keeps the host waiting for no end: not behind calls of the session that found no credit', async () => {
    const { outbox, sent } = outboxOf()
    for (let session = 1; session <= 6; session++) void outbox.send(asking(session, 0, 1000 * KiB))
    const stuck = outbox.send(asking(9, 0, 1000 * KiB))
    void outbox.send(asking(9, 1, 10))
    await outbox.send(ended(9))
    await stuck
    expect(sent.at(-1)).toBe('ended')
    outbox.heard({ type: 'credit', bytes: initialCreditBytes })
    expect(sent.filter((each) => each.startsWith('call 9'))).toEqual([])
  })

  it('holds nothing of a session that has ended', () => {
    const { outbox, sent } = outboxOf()
    for (let id = 0; id < 8; id++) void outbox.send(asking(1, id, 250 * KiB))
    void outbox.send(ended(1))
    outbox.heard({ type: 'credit', bytes: costOf(1, 0) })
    void outbox.send(asking(1, 8, 250 * KiB))
    expect(sent.at(-1)).toBe('call 1.8')
  })
})
