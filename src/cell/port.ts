import type { MessagePort } from 'node:worker_threads'
import { decodeToCell, FrameReader, maxFrameBytesToCell } from '#wire/codec.ts'
import type { ToCell } from '#wire/messages.ts'
import { Outbox } from './outbox.ts'
import type { ClosableTransport } from './pipe.ts'

/** The transport of a worker thread. It carries the same frames as the pipe, so that one set of checks guards both. */
export const createPortTransport = (port: MessagePort): ClosableTransport => {
  const closed = Promise.withResolvers<void>()
  const reader = new FrameReader(maxFrameBytesToCell)
  const outbox = new Outbox((frame) => {
    port.postMessage(frame, [frame.buffer])
    return Promise.resolve()
  })
  let listener: ((message: ToCell) => void) | undefined
  const hear = (message: ToCell): void => {
    outbox.heard(message)
    if (message.type !== 'credit') listener?.(message)
  }
  port.on('close', () => {
    outbox.close()
    closed.resolve()
  })
  return {
    closed: closed.promise,
    send: (message) => outbox.send(message),
    onMessage: (callback) => {
      const first = listener === undefined
      listener = callback
      if (!first) return
      port.on('message', (bytes: Uint8Array) => {
        reader.push(bytes, true)
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) hear(decodeToCell(frame))
      })
    },
    close: () => {
      outbox.close()
      port.close()
    },
  }
}
