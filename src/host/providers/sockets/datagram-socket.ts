import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { OpenHandle, ProviderSession } from '#host/broker/provider.ts'
import { faultOf, socketFault } from './errors.ts'
import { systemAddress } from './sockets-world.ts'

/** Datagrams and bytes that wait for a guest that does not receive; what comes beyond is lost, as datagrams are. */
const maxQueued = 64
const maxQueuedBytes = 256 * 1024
/** Peers of one socket that are remembered as decided or as having written first. */
const maxPeers = 1024
/**
 * Bytes that a server may answer for each datagram that came, small answers counted as more, and how much of that a peer can save up. Whoever writes can
 * put any address as its own: without a bound one datagram would open that address to the guest, and let it be flooded.
 */
const answerBytes = 64 * 1024
const leastAnswerBytes = 4 * 1024
const maxSavedBytes = 1024 * 1024
/** Peers that the record of a server names as answered. */
const maxNamedPeers = 32

/** One datagram that came. */
export interface Datagram {
  readonly address: string
  readonly port: number
  readonly bytes: Uint8Array
}

/** Whose datagrams a socket passes on. */
export type Admission = (address: string, port: number) => boolean

/** The options of a datagram socket that Node can set; `null` leaves one as it is. */
interface DatagramOptions {
  readonly hopLimit: number | null
  readonly receiveBufferBytes: number | null
  readonly sendBufferBytes: number | null
}

const peerKey = (address: string, port: number): string => `${address} ${port}`

/** Peers with what may still be sent to each, the oldest forgotten. */
class Peers {
  readonly #known = new Map<string, number>()

  bytesTo(address: string, port: number): number {
    return this.#known.get(peerKey(address, port)) ?? 0
  }

  set(address: string, port: number, bytes: number): void {
    const key = peerKey(address, port)
    this.#known.delete(key)
    this.#known.set(key, bytes)
    if (this.#known.size <= maxPeers) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

/** One bound datagram socket. */
export class DatagramSocket implements OpenHandle {
  readonly #socket: Socket
  readonly #session: ProviderSession
  readonly #admits: Admission
  readonly #mayAnswer: boolean
  readonly #peers = new Peers()
  readonly #answered = new Set<string>()
  readonly #queue: Datagram[] = []
  readonly #counts = { sent: 0, received: 0, strangers: 0, lost: 0 }
  #queuedBytes = 0
  #waiting: (() => void)[] = []
  #closed: Promise<void> | undefined
  #freed: () => void

  private constructor(socket: Socket, { session, admits, mayAnswer, freed }: DatagramParts) {
    this.#socket = socket
    this.#session = session
    this.#admits = admits
    this.#mayAnswer = mayAnswer
    this.#freed = freed
    // Errors of single datagrams are told to those who sent them; one that comes by itself must not end the host.
    socket.on('error', () => undefined)
    socket.on('message', (bytes, from) => this.#arrived(bytes, from))
  }

  /** Binds to exactly `address` and `port`. Throws GuestFault. */
  static async open(address: string, port: number, parts: DatagramParts): Promise<DatagramSocket> {
    const isIpv6 = address.includes(':')
    const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', ipv6Only: isIpv6 })
    const opened = new DatagramSocket(socket, parts)
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.bind({ address, port, exclusive: true }, resolve)
      })
      return opened
    } catch (error) {
      await opened.close()
      throw faultOf(error)
    }
  }

  /** Where it is bound. */
  get place(): { readonly address: string; readonly port: number } {
    const { address, port } = this.#socket.address()
    return { address: systemAddress(address), port }
  }

  /** Whether this peer may be sent to without a decision: there was one before, or it wrote and has not been answered enough. */
  knows(address: string, port: number): boolean {
    return this.#peers.bytesTo(address, port) > 0
  }

  /** Remembers that sending to this peer was decided. */
  decided(address: string, port: number): void {
    this.#peers.set(address, port, Number.POSITIVE_INFINITY)
  }

  /** Sends one datagram to a peer that may be sent to without a decision. Throws GuestFault. */
  async sendOn({ address, port, bytes }: Datagram): Promise<void> {
    const left = this.#peers.bytesTo(address, port)
    if (left <= 0) throw socketFault('access-denied', 'no answer is left for this peer')
    if (left !== Number.POSITIVE_INFINITY) {
      this.#peers.set(address, port, left - Math.max(leastAnswerBytes, bytes.length))
      if (this.#answered.size < maxNamedPeers) this.#answered.add(peerKey(address, port))
    }
    await this.send({ address, port, bytes })
  }

  /** Sends one datagram; resolves when the system has taken it. Throws GuestFault. */
  async send({ address, port, bytes }: Datagram): Promise<void> {
    if (this.#closed !== undefined) throw socketFault('invalid-state', 'closed')
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(bytes, port, address, (error) => (error === null ? resolve() : reject(faultOf(error))))
    })
    this.#counts.sent += 1
  }

  /** All datagrams that are there, waiting for one. Throws GuestFault when the socket closes. */
  async receive(): Promise<readonly Datagram[]> {
    while (this.#closed === undefined) {
      if (this.#queue.length > 0) return this.#taken()
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    throw socketFault('invalid-state', 'closed')
  }

  /** Sets what Node can set. What the system refuses stays as it is: WASI lets hosts clamp. */
  configure({ hopLimit, receiveBufferBytes, sendBufferBytes }: DatagramOptions): void {
    if (this.#closed !== undefined) return
    try {
      if (hopLimit !== null) this.#socket.setTTL(hopLimit)
      if (receiveBufferBytes !== null) this.#socket.setRecvBufferSize(receiveBufferBytes)
      if (sendBufferBytes !== null) this.#socket.setSendBufferSize(sendBufferBytes)
    } catch {
      // Nothing of it changes what may be sent where.
    }
  }

  async close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#socket.close(() => {
        this.#freed()
        resolve()
      })
    })
    this.#wakeAll()
    await this.#closed
  }

  summary(): Readonly<Record<string, string | number | boolean>> {
    return { ...this.#counts, ...(this.#answered.size > 0 && { answered: [...this.#answered].join(', ') }) }
  }

  #arrived(bytes: Uint8Array, from: RemoteInfo): void {
    const address = systemAddress(from.address)
    if (!this.#admits(address, from.port)) {
      this.#counts.strangers += 1
      return
    }
    if (this.#queue.length >= maxQueued || this.#queuedBytes + bytes.length > Math.min(maxQueuedBytes, this.#session.ingressLeft)) {
      this.#counts.lost += 1
      return
    }
    if (this.#mayAnswer) this.#mayBeAnswered(address, from.port)
    this.#queue.push({ address, port: from.port, bytes: new Uint8Array(bytes) })
    this.#queuedBytes += bytes.length
    this.#wakeAll()
  }

  #mayBeAnswered(address: string, port: number): void {
    const left = Math.max(0, this.#peers.bytesTo(address, port))
    if (left !== Number.POSITIVE_INFINITY) this.#peers.set(address, port, Math.min(maxSavedBytes, left + answerBytes))
  }

  #taken(): readonly Datagram[] {
    this.#queuedBytes = 0
    const taken = this.#queue.splice(0)
    this.#counts.received += taken.length
    return taken
  }

  #wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

interface DatagramParts {
  readonly session: ProviderSession
  readonly admits: Admission
  /** Whether those who wrote may be answered without a decision about each. */
  readonly mayAnswer: boolean
  /** Called once, when the descriptor is free again. */
  readonly freed: () => void
}
