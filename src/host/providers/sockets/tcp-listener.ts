import { createServer, type BoundSocket, type Server, type Socket } from 'node:net'
import type { OpenHandle, ProviderSession } from '#host/broker/provider.ts'
import { faultOf, socketFault } from './errors.ts'
import type { SocketBudget } from './socket-budget.ts'
import { endsOf, TcpConnection, type Ends } from './tcp-connection.ts'

/** Connections that wait to be accepted, at most; what comes beyond is reset. */
const maxQueued = 32
/** Peers that the record names one by one. */
const maxNamedPeers = 32

/** One accepted connection and its number in its listener. */
type Accepted = { readonly connection: number } & Ends

/** A connection that the guest may use, and when its descriptor is free. */
interface Held {
  readonly connection: TcpConnection
  readonly closed: Promise<void>
}

/** A listening socket and every connection that was accepted through it: one handle, whose record names who came. */
export class TcpListener implements OpenHandle {
  readonly #server: Server
  readonly #session: ProviderSession
  readonly #budget: SocketBudget
  readonly #place: { readonly address: string; readonly port: number }
  readonly #queue: Accepted[] = []
  readonly #connections = new Map<number, Held>()
  readonly #peers: string[] = []
  #waiting: (() => void)[] = []
  #accepted = 0
  #dropped = 0
  #closed: Promise<void> | undefined

  private constructor(server: Server, place: { address: string; port: number }, { session, budget }: ListenerParts) {
    this.#server = server
    this.#place = place
    this.#session = session
    this.#budget = budget
    server.on('error', () => this.#wakeAll())
    server.on('connection', (socket) => this.#arrived(socket))
  }

  /** Listens on a socket that is bound already, and takes its place in the budget over. Throws GuestFault. */
  static async listen(bound: BoundSocket, parts: ListenerParts): Promise<TcpListener> {
    const { address, port } = bound.address()
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
    const listener = new TcpListener(server, { address, port }, parts)
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(faultOf(error)))
      server.listen(bound, Math.min(parts.backlog, maxQueued), resolve)
    })
    return listener
  }

  /** The next connection, waiting for one. Throws GuestFault `connection-aborted` when the listener closes. */
  async accept(): Promise<Accepted> {
    while (this.#closed === undefined) {
      const next = this.#queue.shift()
      if (next !== undefined) return this.#taken(next)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    throw socketFault('connection-aborted', 'the listener is closed')
  }

  /** An accepted connection. Throws GuestFault `invalid-state`. */
  connection(number: number): TcpConnection {
    const held = this.#connections.get(number)
    if (held === undefined) throw socketFault('invalid-state', 'no such connection')
    return held.connection
  }

  /**
   * Closes one connection; true when the listener is closed too and this was the last. Only now its place is free, also where the peer went long ago: a guest and its
   * peer could leave one behind with every packet.
   */
  closeConnection(number: number): boolean {
    const held = this.#connections.get(number)
    if (this.#connections.delete(number)) void held?.closed.then(() => this.#budget.give())
    held?.connection.close()
    return this.#closed !== undefined && this.#connections.size === 0
  }

  /** Listens no more; true when no connection is left. */
  stop(): boolean {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#budget.give()
    })
    for (const { connection } of this.#queue.splice(0)) this.closeConnection(connection)
    this.#wakeAll()
    return this.#connections.size === 0
  }

  async close(): Promise<void> {
    this.stop()
    for (const number of this.#connections.keys()) this.closeConnection(number)
    await this.#closed
  }

  summary(): Readonly<Record<string, string | number | boolean>> {
    const { address, port } = this.#place
    return { address, port, accepted: this.#accepted, dropped: this.#dropped, peers: this.#peers.join(', ') }
  }

  #arrived(socket: Socket): void {
    if (this.#closed !== undefined || this.#queue.length >= maxQueued || !this.#budget.tryTake()) {
      this.#dropped += 1
      socket.on('error', () => undefined)
      socket.resetAndDestroy()
      return
    }
    this.#accepted += 1
    const connection = this.#accepted
    const closed = Promise.withResolvers<void>()
    this.#connections.set(connection, { connection: new TcpConnection(socket, this.#session, closed.resolve), closed: closed.promise })
    this.#queue.push({ connection, ...endsOf(socket) })
    this.#wakeAll()
  }

  #taken(next: Accepted): Accepted {
    const { remoteAddress, remotePort } = next
    if (this.#peers.length < maxNamedPeers) this.#peers.push(`${remoteAddress} ${remotePort}`)
    return next
  }

  #wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

interface ListenerParts {
  readonly session: ProviderSession
  readonly budget: SocketBudget
  /** What the guest asked for; fewer may wait. */
  readonly backlog: number
}
