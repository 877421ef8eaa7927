import { Socket, type BoundSocket } from 'node:net'
import type { OpenHandle, ProviderSession } from '#host/broker/provider.ts'
import { causeOf, faultOf, socketFault } from './errors.ts'
import { endsOf, TcpConnection, type Ends } from './tcp-connection.ts'
import { systemAddress } from './sockets-world.ts'

/** Where to connect: decided, never looked up again. */
interface Dialling {
  readonly address: string
  readonly port: number
  /** The local end that the guest chose before. */
  readonly bound: BoundSocket | undefined
  readonly timeoutMs: number
}

/** A connection that the guest asked for, from the first packet to the last. */
export class TcpClient implements OpenHandle {
  readonly connection: TcpConnection
  readonly #socket: Socket
  readonly #target: Dialling
  readonly #connected = Promise.withResolvers<Ends>()
  readonly #closed = Promise.withResolvers<void>()
  readonly #timer: NodeJS.Timeout

  /** Begins to connect. `freed` is called once, when the descriptor is free again. */
  constructor(target: Dialling, session: ProviderSession, freed: () => void) {
    this.#target = target
    const { address, port, bound, timeoutMs } = target
    const socket = new Socket({ allowHalfOpen: true, noDelay: true, ...(bound !== undefined && { handle: bound }) })
    this.#socket = socket
    this.#connected.promise.catch(() => undefined)
    this.connection = new TcpConnection(socket, session, () => {
      clearTimeout(this.#timer)
      this.#connected.reject(socketFault('connection-aborted', 'closed'))
      this.#closed.resolve()
      freed()
    })
    this.#timer = setTimeout(() => this.#fail(socketFault('timeout', `no answer in ${timeoutMs} ms`)), timeoutMs)
    socket.once('error', (error) => this.#connected.reject(connectFault(error)))
    socket.once('connect', () => this.#settle())
    socket.connect({ host: address, port, family: address.includes(':') ? 6 : 4, autoSelectFamily: false })
  }

  /** Both ends, once connected. Throws GuestFault. */
  connected(): Promise<Ends> {
    return this.#connected.promise
  }

  async close(): Promise<void> {
    this.connection.close()
    await this.#closed.promise
  }

  summary(): Readonly<Record<string, string | number | boolean>> {
    const { address, port } = this.#target
    return { address, port, sentBytes: this.connection.sentBytes, receivedBytes: this.connection.receivedBytes }
  }

  #settle(): void {
    clearTimeout(this.#timer)
    if (systemAddress(this.#socket.remoteAddress) === this.#target.address) this.#connected.resolve(endsOf(this.#socket))
    else this.#fail(socketFault('access-denied', 'connected to another address than the one that was decided'))
  }

  #fail(fault: Error): void {
    this.#connected.reject(fault)
    this.#socket.destroy()
  }
}

/** On the way out a local address that is not available means that no port is left (`tcp.wit`, `start-connect`). */
const connectFault = (error: unknown): Error =>
  causeOf(error) === 'EADDRNOTAVAIL' ? socketFault('address-in-use', 'EADDRNOTAVAIL') : faultOf(error)
