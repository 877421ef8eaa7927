import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { discardRest } from './discard-rest.ts'

/** The client may try again in so many seconds. */
const retryAfterS = 1

/** How long a client may take to have a refusal. One that reads nothing would keep its connection with it for ever. */
const takenMs = 3000

/** Destroys a connection that is about to close and does not. */
export const closeSoon = (socket: Socket): void => {
  const late = setTimeout(() => socket.destroy(), takenMs)
  socket.on('close', () => clearTimeout(late))
}

/** An answer of the host's own, whole; it says no more than the status does. */
const fieldsOf = (status: number, length: number): (readonly [string, string])[] => [
  ['content-type', 'text/plain; charset=utf-8'],
  ['content-length', String(length)],
  ['cache-control', 'no-store'],
  ['connection', 'close'],
  ...(status === 503 ? [['retry-after', String(retryAfterS)] as const] : []),
  ...(status === 405 ? [['allow', 'GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH'] as const] : []),
]

const bodyOf = (status: number): string => `${status} ${STATUS_CODES[status] ?? 'Error'}\n`

/** Answers a request in the guest's place, and closes the connection. Resolves when that is done; never rejects. */
export const sendStatus = async (request: IncomingMessage, response: ServerResponse, status: number): Promise<void> => {
  const body = bodyOf(status)
  response.writeHead(status, fieldsOf(status, body.length).flat())
  if (request.method !== 'HEAD') response.write(body)
  else response.flushHeaders()
  // Ending it closes the connection: see `discardRest`.
  await discardRest(request)
  closeSoon(request.socket)
  response.end()
}

/** The same for a request that could not be read as far as having a response. */
export const rawStatus = (status: number): string => {
  const body = bodyOf(status)
  const fields = fieldsOf(status, body.length).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${fields.join('')}\r\n${body}`
}
