import { expect, test } from 'vitest'
import { Conversation } from '#host/launch/conversation.ts'
import { encode, FrameReader, WireViolation } from '#wire/codec.ts'
import { maxFrameBytes, wireVersion, type FromCell, type GuestOutcome } from '#wire/messages.ts'
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

const opened = (...asked: readonly number[]): Conversation => {
  const conversation = new Conversation()
  hear(conversation, { type: 'ready', version: wireVersion })
  conversation.sending({ type: 'start', session: 1, ...sessionStart('x'), call: null, input: '' })
  for (const id of asked) conversation.sending({ type: 'invoke', session: 1, id, call: 'run', input: 'null' })
  return conversation
}
const answer = (id: number): FromCell => ({ type: 'answered', session: 1, id, answer: { kind: 'returned', result: 'null' } })
const end = (outcome: GuestOutcome): FromCell => ({
  type: 'ended',
  session: 1,
  outcome,
  usage: { fuel: 0, cpuUs: 0, memoryPeakBytes: 0 },
})
const returned = { kind: 'returned', result: 'null' } as const

test('answers are for what was asked, in order, once', () => {
  const conversation = opened(0, 1, 2)
  hear(conversation, answer(0))
  expect(() => hear(opened(0, 1), answer(1))).toThrow(WireViolation)
  expect(() => hear(conversation, answer(0))).toThrow(WireViolation)
  expect(() => hear(opened(), answer(0))).toThrow(WireViolation)
  expect(() => hear(talking(), answer(0))).toThrow(WireViolation)
})

test('an open session returns once it is told to finish and owes no answer', () => {
  expect(() => hear(opened(), end(returned))).toThrow(WireViolation)
  const finishing = opened(0)
  expect(finishing.sending({ type: 'finish', session: 1 })).toBe(true)
  expect(() => hear(finishing, end(returned))).toThrow(WireViolation)
  const owing = opened(0)
  owing.sending({ type: 'finish', session: 1 })
  hear(owing, answer(0))
  hear(owing, end(returned))
  expect(owing.sending({ type: 'finish', session: 1 })).toBe(false)
  expect(owing.sending({ type: 'invoke', session: 1, id: 1, call: 'run', input: 'null' })).toBe(false)
})

test('an open session ends at any time by a trap, a limit, an exit or a kill, and never with the error of a call', () => {
  const abrupt: readonly GuestOutcome[] = [
    { kind: 'trap', message: 'x' },
    { kind: 'limit', limit: 'cpu' },
    { kind: 'exit', code: 0 },
    { kind: 'killed' },
  ]
  for (const outcome of abrupt) expect(() => hear(opened(0), end(outcome))).not.toThrow()
  expect(() => hear(opened(0), end({ kind: 'error', error: 'null' }))).toThrow(WireViolation)
})
