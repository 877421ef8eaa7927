import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import process from 'node:process'
import { decodeToCell, FrameReader, letGo, maxFrameBytesToCell } from '#wire/codec.ts'
import type { ToCell } from '#wire/messages.ts'
import { Outbox } from './outbox.ts'
import type { CellTransport } from './transport.ts'

/** A {@link CellTransport} that tells when its other end is gone. */
export interface ClosableTransport extends CellTransport {
  readonly closed: Promise<void>
}

const standardDescriptors = 4

/**
 * Closes descriptors that the host's own parent left open for all its children, as the host names them; what cannot
 * be closed the host sees when it measures the cell.
 */
export const closeInherited = (descriptors: readonly string[]): void => {
  for (const descriptor of descriptors.map(Number).filter((number) => number >= standardDescriptors)) {
    try {
      closeSync(descriptor)
    } catch {
      // It was not open here.
    }
  }
}

/** The transport of a child process: the descriptor its host left open for it, 3 unless said otherwise. */
export const createPipeTransport = (descriptor = 3): ClosableTransport => {
  const socket = new Socket({ fd: descriptor, readable: true, writable: true })
  const closed = Promise.withResolvers<void>()
  const reader = new FrameReader(maxFrameBytesToCell)
  let listener: ((message: ToCell) => void) | undefined
  const outbox = new Outbox(async (frame) => {
    if (socket.destroyed) return
    if (socket.writableCorked === 0) {
      // What is said in one turn of the event loop goes out in one system call.
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    if (!socket.write(frame, () => letGo(frame))) await Promise.race([once(socket, 'drain'), closed.promise])
  })
  const hear = (message: ToCell): void => {
    outbox.heard(message)
    if (message.type !== 'credit') listener?.(message)
  }
  socket.on('data', (chunk: Uint8Array) => {
    reader.push(chunk)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) hear(decodeToCell(frame))
  })
  socket.pause()
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    outbox.close()
    closed.resolve()
  })
  return {
    closed: closed.promise,
    send: (message) => outbox.send(message),
    onMessage: (callback) => {
      listener = callback
      socket.resume()
    },
    close: () => {
      outbox.close()
      socket.end(() => socket.destroy())
    },
  }
}
