import { expect, test } from 'vitest'
import { Conversation } from '#host/launch/conversation.ts'
import { encode, FrameReader, WireViolation } from '#wire/codec.ts'
import { maxFrameBytes, wireVersion, type FromCell } from '#wire/messages.ts'
import { sessionStart } from './contract.ts'

const hear = (conversation: Conversation, message: FromCell): void => {
  const reader = new FrameReader(maxFrameBytes)
  reader.push(encode(message))
  const frame = reader.next()
  if (frame === undefined) throw new Error('expected a frame')
  conversation.received(message, frame)
}

const call = (id: number, bytes = 0): FromCell => ({
  type: 'call',
  session: 1,
  id,
  call: { op: 'tool.call', args: { name: 'x' }, body: new Uint8Array(bytes) },
})
const reply = (id: number) => ({ type: 'reply', session: 1, id, reply: { ok: false, code: 'denied' } }) as const

const talking = (): Conversation => {
  const conversation = new Conversation()
  conversation.sending({ type: 'hello', version: wireVersion })
  hear(conversation, { type: 'ready', version: wireVersion })
  conversation.sending({ type: 'start', session: 1, ...sessionStart('x') })
  return conversation
}

test('nothing is heard before ready, and ready once', () => {
  expect(() => hear(new Conversation(), call(0))).toThrow(WireViolation)
  expect(() => hear(talking(), { type: 'ready', version: wireVersion })).toThrow(WireViolation)
})

test('another version of the wire is a violation', () => {
  expect(() => hear(new Conversation(), { type: 'ready', version: wireVersion + 1 })).toThrow(WireViolation)
})

test('a call holds its credit until it is answered', () => {
  const conversation = talking()
  for (let id = 0; id < 4; id += 1) hear(conversation, call(id, 900_000))
  expect(conversation.takeCredit()).toBe(0)
  expect(conversation.sending(reply(2))).toBe(true)
  expect(conversation.takeCredit()).toBeGreaterThan(900_000)
  hear(conversation, call(4, 900_000))
  expect(() => hear(conversation, call(5, 900_000))).toThrow(WireViolation)
})

test('an answer to a call that is not waiting is not sent', () => {
  const conversation = talking()
  hear(conversation, call(3))
  expect(conversation.sending(reply(4))).toBe(false)
  expect(conversation.sending(reply(3))).toBe(true)
  expect(conversation.sending(reply(3))).toBe(false)
})

test('killing a session gives back the credit of its calls, those that still come too', () => {
  const conversation = talking()
  for (let id = 0; id < 4; id += 1) hear(conversation, call(id, 900_000))
  conversation.sending({ type: 'kill', session: 1 })
  const first = conversation.takeCredit()
  expect(first).toBeGreaterThan(4 * 900_000)
  hear(conversation, call(4, 900_000))
  expect(conversation.takeCredit()).toBeGreaterThan(900_000)
  for (let id = 0; id < 5; id += 1) conversation.sending(reply(id))
  expect(conversation.takeCredit()).toBe(0)
})

test('the end of a session gives back what its unanswered calls held', () => {
  const conversation = talking()
  hear(conversation, call(0, 900_000))
  hear(conversation, { type: 'ended', session: 1, outcome: { kind: 'killed' }, usage: { fuel: 0, cpuUs: 0, memoryPeakBytes: 0 } })
  expect(conversation.takeCredit()).toBeGreaterThan(900_000)
  expect(conversation.sending({ type: 'kill', session: 1 })).toBe(false)
  expect(() => hear(conversation, call(1))).toThrow(WireViolation)
})
