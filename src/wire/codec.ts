import { maxBodyBytes } from './call-bodies.ts'
import { callOps, isCall, type Call } from './calls.ts'
import { frameOverheadBytes, WireViolation, writeFrame, type Frame } from './frame.ts'
import type { FromCell, ToCell } from './messages.ts'
import { answeredHead, endedHead, outputHead, readyHead, loadedHead, loadFailedHead, toCellHeads } from './heads.ts'

export { FrameReader, letGo, newBody, WireViolation, type Frame } from './frame.ts'

/** The longest frame a cell takes from its host: the largest core module, and some. */
export const maxFrameBytesToCell = 257 * 1024 * 1024

const typeNumbers = {
  hello: 1,
  load: 2,
  'load-core': 3,
  unload: 4,
  start: 5,
  reply: 6,
  kill: 7,
  shutdown: 8,
  credit: 9,
  invoke: 10,
  finish: 11,
  ready: 65,
  loaded: 66,
  'load-failed': 67,
  call: 68,
  output: 69,
  ended: 70,
  answered: 71,
} as const satisfies Record<ToCell['type'] | FromCell['type'], number>

const nothing = new Uint8Array()
const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Layout {
  readonly session?: number
  readonly id?: number
  readonly head: object
  readonly body?: Uint8Array
}

const replyLayout = ({ session, id, reply }: Extract<ToCell, { type: 'reply' }>): Layout =>
  reply.ok
    ? { session, id, head: { ok: true, value: reply.value }, body: reply.body }
    : { session, id, head: { ok: false, code: reply.code } }

const layoutOf = (message: ToCell | FromCell): Layout => {
  if (message.type === 'reply') return replyLayout(message)
  if (message.type === 'call') {
    const { op, args, body } = message.call
    return { session: message.session, id: message.id, head: { op, args }, body }
  }
  return {
    ...('session' in message && { session: message.session }),
    ...('id' in message && { id: message.id }),
    ...('body' in message && { body: message.body }),
    // JSON leaves out what is undefined.
    head: { ...message, type: undefined, session: undefined, id: undefined, body: undefined },
  }
}

/** One frame of bytes for one message; the reader on the other side gives an equal message. Its memory is its own, and that of a body from {@link newBody}. */
export const encode = (message: ToCell | FromCell): Uint8Array<ArrayBuffer> => {
  const { session = 0, id = 0, head, body = nothing } = layoutOf(message)
  return writeFrame({ type: typeNumbers[message.type], session, id, head: utf8.encode(JSON.stringify(head)), body })
}

/** What a frame takes of the credit its cell was given: all of it for a `call` and an `output`, nothing for the rest. */
export const creditOf = (frame: Pick<Frame, 'type' | 'head' | 'body'>): number =>
  frame.type === typeNumbers.call || frame.type === typeNumbers.output ? frameOverheadBytes + frame.head.length + frame.body.length : 0

/** {@link creditOf} for a message and the bytes {@link encode} made of it. */
export const creditOfEncoded = (message: FromCell, frame: Uint8Array): number =>
  message.type === 'call' || message.type === 'output' ? frame.length : 0

const parseHead = (head: Uint8Array): unknown => {
  try {
    return JSON.parse(strictUtf8.decode(head))
  } catch {
    throw new WireViolation('expected a head of JSON in UTF-8')
  }
}

/** Fails frames that fill a field their type does not use: no second spelling of one message, no hidden room. */
const only = (frame: Frame, ...used: readonly ('session' | 'id' | 'body')[]): void => {
  if (frame.session !== 0 && !used.includes('session')) throw new WireViolation('expected no session in this message')
  if (frame.id !== 0 && !used.includes('id')) throw new WireViolation('expected no call id in this message')
  if (frame.body.length > 0 && !used.includes('body')) throw new WireViolation('expected no body in this message')
}

const wrongFields = (type: string): WireViolation => new WireViolation(`expected the fields of \`${type}\`, each of its type and no other`)

const decodeCall = (frame: Frame): FromCell => {
  const head = parseHead(frame.head)
  if (typeof head !== 'object' || head === null || Object.keys(head).length !== 2) throw wrongFields('call')
  const { op, args } = head as { readonly op?: unknown; readonly args?: unknown }
  const known = callOps.find((name) => name === op)
  if (known === undefined || !isCall(known, args)) throw wrongFields('call')
  if (frame.body.length > maxBodyBytes(known)) throw new WireViolation(`expected a shorter body for \`${known}\``)
  return { type: 'call', session: frame.session, id: frame.id, call: { op: known, args, body: frame.body } as Call }
}

const decodeProgress = (frame: Frame): FromCell => {
  const head = parseHead(frame.head)
  only(frame)
  if (frame.type === typeNumbers.ready && readyHead(head)) return { type: 'ready', ...head }
  if (frame.type === typeNumbers.loaded && loadedHead(head)) return { type: 'loaded', ...head }
  if (frame.type === typeNumbers['load-failed'] && loadFailedHead(head)) return { type: 'load-failed', ...head }
  throw new WireViolation('expected a message that a cell may send')
}

/**
 * Reads a message of a cell, which is assumed breached. Throws {@link WireViolation} for anything but exactly one of
 * the messages, and nothing else. Order, sessions and ids are checked by `host/launch/conversation.ts`.
 */
export const decodeFromCell = (frame: Frame): FromCell => {
  const { session } = frame
  switch (frame.type) {
    case typeNumbers.call:
      return decodeCall(frame)
    case typeNumbers.output: {
      only(frame, 'session', 'body')
      const head = parseHead(frame.head)
      if (!outputHead(head) || frame.body.length === 0) throw wrongFields('output')
      return { type: 'output', session, ...head, body: frame.body }
    }
    case typeNumbers.ended: {
      only(frame, 'session')
      const head = parseHead(frame.head)
      if (!endedHead(head)) throw wrongFields('ended')
      return { type: 'ended', session, ...head }
    }
    case typeNumbers.answered: {
      only(frame, 'session', 'id')
      const head = parseHead(frame.head)
      if (!answeredHead(head)) throw wrongFields('answered')
      return { type: 'answered', session, id: frame.id, ...head }
    }
    default:
      return decodeProgress(frame)
  }
}

const decodeReply = ({ session, id, head: bytes, body }: Frame): ToCell => {
  const head = parseHead(bytes)
  if (toCellHeads.refused(head) && body.length === 0) return { type: 'reply', session, id, reply: head }
  if (!toCellHeads.replied(head)) throw wrongFields('reply')
  return { type: 'reply', session, id, reply: { ...head, body } }
}

const decodeLoad = (frame: Frame): ToCell => {
  only(frame, 'body')
  const head = parseHead(frame.head)
  if (frame.type === typeNumbers.load && toCellHeads.load(head)) return { type: 'load', ...head, body: frame.body }
  if (frame.type === typeNumbers['load-core'] && toCellHeads.loadCore(head)) return { type: 'load-core', ...head, body: frame.body }
  throw wrongFields('load')
}

const decodeSession = (frame: Frame): ToCell => {
  only(frame, 'session', ...(frame.type === typeNumbers.invoke ? (['id'] as const) : []))
  const head = parseHead(frame.head)
  const { session, id } = frame
  if (frame.type === typeNumbers.start && toCellHeads.start(head)) return { type: 'start', session, ...head }
  if (frame.type === typeNumbers.invoke && toCellHeads.invoke(head)) return { type: 'invoke', session, id, ...head }
  if (frame.type === typeNumbers.finish && toCellHeads.empty(head)) return { type: 'finish', session }
  if (frame.type === typeNumbers.kill && toCellHeads.empty(head)) return { type: 'kill', session }
  throw wrongFields('start, invoke, finish or kill')
}

const decodeControl = (frame: Frame): ToCell => {
  const head = parseHead(frame.head)
  only(frame)
  if (frame.type === typeNumbers.hello && readyHead(head)) return { type: 'hello', ...head }
  if (frame.type === typeNumbers.unload && loadedHead(head)) return { type: 'unload', ...head }
  if (frame.type === typeNumbers.shutdown && toCellHeads.empty(head)) return { type: 'shutdown' }
  if (frame.type === typeNumbers.credit && toCellHeads.credit(head)) return { type: 'credit', ...head }
  throw new WireViolation('expected a message that a host may send')
}

/** Reads a message of the host. Throws {@link WireViolation} for anything else. */
export const decodeToCell = (frame: Frame): ToCell => {
  switch (frame.type) {
    case typeNumbers.load:
    case typeNumbers['load-core']:
      return decodeLoad(frame)
    case typeNumbers.reply:
      return decodeReply(frame)
    case typeNumbers.start:
    case typeNumbers.invoke:
    case typeNumbers.finish:
    case typeNumbers.kill:
      return decodeSession(frame)
    default:
      return decodeControl(frame)
  }
}
