import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { CordonError } from '#core/errors.ts'
import { GatheredMessage } from './gathered-message.ts'
import { closeSoon, rawStatus, sendStatus } from './send-status.ts'
import type { ServeLimits } from './serve-limits.ts'

/** Where a server listens. */
export interface ListenAddress {
  /** An address, or a name of this machine. */
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
}

/** A request whose head Node could read, the only one of its connection that is not answered. */
export interface Arrived {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Number of its connection. */
  readonly connection: number
  /** The client waits to be told to send the body. */
  readonly expectsContinue: boolean
}

interface ListenerOptions {
  readonly limits: ServeLimits
  readonly arrived: (arrived: Arrived) => void
  /** Told of each request that was refused before anybody looked at it. */
  readonly refused: (status: number) => void
}

interface Connection {
  readonly number: number
  /** The request that is not answered yet. */
  current: ServerResponse | undefined
  /** Requests that came before that was answered. */
  surplus: number
}

/** How often Node looks for connections that are too slow. */
const checkMs = 500
/** More requests than this before an answer are no impatience: Node keeps what it has read of them until then, all that one read brings. */
const maxSurplus = 16
/** A client that speaks for so long opens a new connection sometimes. */
const maxRequestsPerConnection = 10_000

const listenError = (error: unknown, { host, port }: ListenAddress): CordonError => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE')
    return new CordonError('port.in-use', `expected port ${port} of \`${host}\` to be free, it is in use`, {
      cause: error,
      hint: 'name another with --listen, or port 0 for any',
    })
  return new CordonError('input.invalid', `expected an address of this machine to listen on, got \`${host}:${port}\` (${String(code)})`, {
    cause: error,
  })
}

/**
 * Node's HTTP server at its strictest. One request at a time on each connection: what a client sends before it has its answer is never parsed as a
 * request of somebody, and ends the connection after that answer.
 */
export class HttpListener {
  readonly #server: Server
  readonly #options: ListenerOptions
  readonly #connections = new Map<Socket, Connection>()
  #opened = 0
  #stopping = false

  constructor(options: ListenerOptions) {
    this.#options = options
    const { limits } = options
    this.#server = createServer({
      IncomingMessage: GatheredMessage,
      insecureHTTPParser: false,
      requireHostHeader: true,
      joinDuplicateHeaders: false,
      maxHeaderSize: limits.headerBytes + limits.targetBytes,
      headersTimeout: limits.headerMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: checkMs,
      rejectNonStandardBodyWrites: true,
      noDelay: true,
    })
    // Node drops fields past a count of its own and says nothing: ours refuses the request.
    this.#server.maxHeadersCount = 0
    this.#server.maxConnections = limits.connections
    this.#server.maxRequestsPerSocket = maxRequestsPerConnection
    this.#listenTo(this.#server)
  }

  /** Begins to take connections; gives the address. Throws CordonError `port.in-use` or `input.invalid`. */
  async listen(address: ListenAddress): Promise<ListenAddress> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ host: address.host, port: address.port }, resolve)
    await promise.catch((error: unknown) => {
      throw listenError(error, address)
    })
    this.#server.off('error', reject)
    // Without a descriptor for one more connection a server goes on with those it has.
    this.#server.on('error', () => undefined)
    const bound = this.#server.address()
    if (bound === null || typeof bound === 'string') throw new CordonError('internal', 'the server has no address')
    return { host: bound.address, port: bound.port }
  }

  /** Whether no further request is taken. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size
  }

  /** Takes no connection and no request any more; those without a request are closed. */
  stop(): void {
    this.#stopping = true
    this.#server.close()
    for (const [socket, { current }] of this.#connections) if (current === undefined) socket.destroy()
  }

  /** Closes whatever is still open. */
  cut(): void {
    this.stop()
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  #listenTo(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#opened += 1
      this.#connections.set(socket, { number: this.#opened, current: undefined, surplus: 0 })
      socket.on('close', () => this.#connections.delete(socket))
    })
    server.on('request', (request, response) => this.#arrived(request, response, 'nothing'))
    server.on('checkContinue', (request, response) => this.#arrived(request, response, 'continue'))
    server.on('checkExpectation', (request, response) => this.#arrived(request, response, 'unknown'))
    server.on('connect', (_request, socket: Socket) => this.#refuseRaw(socket, 405))
    server.on('clientError', (error: Error & { code?: string }, socket: Socket) => this.#refuseRaw(socket, statusOf(error.code)))
  }

  #arrived(request: IncomingMessage, response: ServerResponse, expects: 'nothing' | 'continue' | 'unknown'): void {
    const { socket } = request
    const connection = this.#connections.get(socket)
    // Not to be answered in the place of what came before it, and not to be worked on while that may still change: it gets no answer.
    if (connection === undefined || connection.current !== undefined) return this.#endAfter(socket, connection)
    connection.current = response
    response.on('close', () => {
      connection.current = undefined
      if (this.#stopping) socket.destroySoon()
    })
    if (this.#stopping) return void this.#refuse(request, response, 503)
    if (expects === 'unknown') return void this.#refuse(request, response, 417)
    this.#options.arrived({ request, response, connection: connection.number, expectsContinue: expects === 'continue' })
  }

  #endAfter(socket: Socket, connection: Connection | undefined): void {
    this.#options.refused(0)
    const answer = connection?.current
    const surplus = connection === undefined ? maxSurplus : (connection.surplus += 1)
    if (answer === undefined || answer.writableEnded || surplus > maxSurplus) socket.destroy()
    else if (surplus === 1) answer.on('close', () => socket.destroy())
    // Nothing more is read meanwhile: a client could send requests for as long as the answer takes.
    socket.pause()
  }

  async #refuse(request: IncomingMessage, response: ServerResponse, status: number): Promise<void> {
    this.#options.refused(status)
    await sendStatus(request, response, status)
  }

  #refuseRaw(socket: Socket, status: number): void {
    this.#options.refused(status)
    // In the middle of an answer it would pass for a part of that.
    const isBusy = this.#connections.get(socket)?.current !== undefined
    if (isBusy || !socket.writable) socket.destroy()
    else {
      closeSoon(socket)
      socket.end(rawStatus(status), () => socket.destroy())
    }
  }
}

const statusOf = (code: string | undefined): number => {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
}
