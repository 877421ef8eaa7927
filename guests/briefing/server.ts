/** The HTTP service that the demo agent reads from: real, local, and strict about its key. */
import { createServer } from 'node:http'
import { once } from 'node:events'

import { CordonError } from '#core/errors.ts'

/** A running service. */
export interface ItemsServer extends AsyncDisposable {
  readonly url: string
}

const items = [
  { title: 'Send the list of boats', due: '2026-11-20' },
  { title: 'Meet the carrier at the tower', due: '2026-11-26' },
  { title: 'Buy lamp oil', due: '2026-11-28' },
]

/**
 * Starts the service on 127.0.0.1. It answers `GET /v1/items` to whoever sends `authorization: Bearer <key>`.
 *
 * @param options.port - 8787 when left out, which is what `agent.yaml` and `policy.yaml` name; 0 takes a free one
 * @throws CordonError `port.in-use`
 */
export const startItemsServer = async ({ key, port = 8787 }: { readonly key: string; readonly port?: number }): Promise<ItemsServer> => {
  const server = createServer((request, response) => {
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.headers.authorization !== `Bearer ${key}`) return reply(401, { error: 'expected a bearer key' })
    if (request.method === 'GET' && request.url === '/v1/items') return reply(200, { items })
    return reply(404, { error: 'no such thing' })
  })
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || cause.code !== 'EADDRINUSE') throw cause
    const hint = 'end the program that listens there; the demo policy names this port'
    throw new CordonError('port.in-use', `expected port \`${port}\` on 127.0.0.1 to be free, found it in use`, { cause, hint })
  }
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://127.0.0.1:${bound}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

if (import.meta.main) {
  const { BRIEFING_KEY: key = 'demo-key', BRIEFING_PORT: port } = process.env
  const server = await startItemsServer({ key, ...(port !== undefined && { port: Number(port) }) })
  console.log(`serving items on ${server.url}/v1/items`)
}
