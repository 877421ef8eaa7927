import type { IncomingMessage } from 'node:http'

/** What is read and thrown away of a body that nobody wants, and how long that may take. */
const discardBytes = 256 * 1024
const discardMs = 1000

/**
 * Throws away what still comes of a request. A connection that is closed while bytes wait on it is reset, and its client may never see the answer; so a
 * little is taken, and no more. Gives `read` when that was all of it.
 */
export const discardRest = (request: IncomingMessage): Promise<'read' | 'unread'> => {
  if (request.readableEnded) return Promise.resolve('read')
  if (request.destroyed) return Promise.resolve('unread')
  const { promise, resolve } = Promise.withResolvers<'read' | 'unread'>()
  let left = discardBytes
  const late = setTimeout(() => resolve('unread'), discardMs)
  request.on('end', () => resolve('read'))
  request.on('close', () => resolve('unread'))
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) resolve('unread')
  })
  request.removeAllListeners('readable')
  request.resume()
  return promise.finally(() => clearTimeout(late))
}
