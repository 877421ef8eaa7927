import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Endpoint, Server } from './expectation.ts'

type StaticResponse = Extract<Endpoint, { readonly mode: 'static' }>['response']

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))

/** `[name, value]` for each header of a message as it came over the wire. */
const pairs = (raw: readonly string[]): readonly (readonly [string, string])[] =>
  Array.from({ length: raw.length / 2 }, (_, at) => [raw[at * 2]?.toLowerCase() ?? '', raw[at * 2 + 1] ?? ''])

/** One connection a request: the next one is to dial again. */
const lastOfConnection = ['connection', 'close'] as const

const sendStatic = (response: ServerResponse, { status, headers, body, chunks, trailers }: StaticResponse): void => {
  const own = chunks === undefined ? [['content-length', `${Buffer.byteLength(body)}`] as const] : []
  const announced = Object.keys(trailers).length === 0 ? [] : [['trailer', Object.keys(trailers).join(', ')] as const]
  response.writeHead(status, [...Object.entries(headers), ...own, ...announced, lastOfConnection].flat())
  for (const chunk of chunks ?? [body]) response.write(chunk)
  if (announced.length > 0) response.addTrailers(Object.entries(trailers))
  response.end()
}

const sendHeadersBack = (response: ServerResponse, request: IncomingMessage): void => {
  const echoed = [
    ['x-request-method', request.method ?? ''],
    ['x-request-path', request.url ?? ''],
    ...pairs(request.rawHeaders).map(([name, value]) => [`x-echo-${name}`, value]),
    ...pairs(request.rawTrailers).map(([name, value]) => [`x-trailer-${name}`, value]),
  ]
  response.writeHead(200, [...echoed, ['content-length', '0'], lastOfConnection].flat())
  response.end()
}

const answer = async (endpoints: readonly Endpoint[], request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await bodyOf(request)
  const endpoint = endpoints.find(({ method, path }) => method === request.method && path === request.url)
  if (endpoint === undefined) {
    sendStatic(response, { status: 404, headers: {}, body: '', chunks: undefined, trailers: {} })
  } else if ('response' in endpoint) {
    sendStatic(response, endpoint.response)
  } else if (endpoint.mode === 'echo-body') {
    response.writeHead(200, ['content-length', `${body.length}`, ...lastOfConnection]).end(body)
  } else {
    sendHeadersBack(response, request)
  }
}

const listening = async (server: HttpServer): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  return `${address}:${port}`
}

const closed = async (server: HttpServer): Promise<void> => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

/** The servers that a program is to be given. */
export interface EndpointServers extends AsyncDisposable {
  /** `HTTP_SERVER_<NAME>` → `address:port`, as the program finds them in its environment. */
  readonly addresses: Readonly<Record<string, string>>
}

/** Starts `servers`; the address of one that is `closed` was free a moment ago, and nobody listens there. */
export const startServers = async (servers: readonly Server[]): Promise<EndpointServers> => {
  const addresses: Record<string, string> = {}
  const open: HttpServer[] = []
  for (const each of servers) {
    const endpoints = each.kind === 'closed' ? [] : each.endpoints
    const server = createServer((request, response) => {
      answer(endpoints, request, response).catch(() => response.destroy())
    })
    addresses[`HTTP_SERVER_${each.name.toUpperCase()}`] = await listening(server)
    if (each.kind === 'closed') await closed(server)
    else open.push(server)
  }
  return {
    addresses,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(open.map(closed))
    },
  }
}
