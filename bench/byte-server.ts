import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const piece = Buffer.alloc(65_536, 'some text that is not all the same, ')

const send = (response: ServerResponse, bytes: number): void => {
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      const part = piece.subarray(0, Math.min(left, piece.length))
      left -= part.length
      if (!response.write(part)) return void response.once('drain', more)
    }
    response.end()
  }
  response.writeHead(200, { 'content-length': bytes })
  more()
}

const count = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await once(request, 'end')
  response.end(String(bytes))
}

/** Serves in a process of its own: GET gives `bytes` bytes, POST counts what comes. */
export const startByteServer = async (bytes: number): Promise<{ readonly port: number; readonly pid: number; stop(): void }> => {
  const child = fork(new URL(import.meta.url), [String(bytes)])
  const [port] = (await once(child, 'message')) as [number]
  return { port, pid: child.pid ?? 0, stop: () => void child.kill() }
}

if (process.argv[1] === import.meta.filename) {
  const bytes = Number(process.argv[2])
  const server = createServer((request, response) => {
    if (request.method === 'POST') void count(request, response)
    else send(response, bytes)
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
}
