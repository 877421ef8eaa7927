import type { Socket } from 'node:net'
import type { ProviderSession } from '#host/broker/provider.ts'
import type { SocketHostCode } from '#wire/socket-calls.ts'
import { causeOf, codeOf } from './errors.ts'
import { systemAddress } from './sockets-world.ts'

/** Why a stream gives or takes no more: a code, or that it is just closed. */
type StreamFailure = SocketHostCode | 'closed'

/** What one read gives. */
interface ReadBytes {
  readonly bytes: Uint8Array
  /** Whether these are the last. */
  readonly end: boolean
  readonly failure: StreamFailure | null
}

/** Both ends of a connection, in canonical form. */
export interface Ends {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
}

/** The ends of a connected socket. */
export const endsOf = ({ localAddress, localPort = 0, remoteAddress, remotePort = 0 }: Socket): Ends => ({
  localAddress: systemAddress(localAddress),
  localPort,
  remoteAddress: systemAddress(remoteAddress),
  remotePort,
})

interface KeepAlive {
  readonly enabled: boolean
  readonly idleMs: number
  readonly intervalMs: number
  readonly count: number
}

const nothing = new Uint8Array()
/** Causes that mean no more than that this end was closed before. */
const closedCauses = new Set([
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_STREAM_ALREADY_FINISHED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

const failureOf = (error: unknown): StreamFailure => (closedCauses.has(causeOf(error) ?? '') ? 'closed' : codeOf(error))

/**
 * One TCP connection. What the guest does not read stays in the system's buffers, and so does what the peer does not: bytes wait here in one
 * bounded buffer of the stream at most.
 */
export class TcpConnection {
  readonly #socket: Socket
  readonly #session: ProviderSession
  #waiting: (() => void)[] = []
  #watching = false
  #failure: StreamFailure | undefined
  #receives = true
  #sends = true
  #received = 0

  /** `socket` is connected, paused or not. `closed` is called once, when its descriptor is free again. */
  constructor(socket: Socket, session: ProviderSession, closed: () => void) {
    this.#socket = socket
    this.#session = session
    // An error that comes when nobody waits must not end the host.
    socket.on('error', (error) => {
      this.#failure ??= failureOf(error)
      this.#wakeAll()
    })
    socket.once('close', () => {
      this.#failure ??= 'closed'
      this.#wakeAll()
      closed()
    })
  }

  /** Bytes that the guest was given. */
  get receivedBytes(): number {
    return this.#received
  }

  /** Bytes that the system has taken. */
  get sentBytes(): number {
    return this.#socket.bytesWritten
  }

  /** At most `length` bytes, waiting for some, for the end or for a failure. */
  async read(length: number): Promise<ReadBytes> {
    if (length === 0) return { bytes: nothing, end: false, failure: null }
    this.#watch()
    for (;;) {
      const found = this.#readNow(length)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Resolves once the system has taken the bytes: with a failure, or `null`. */
  write(bytes: Uint8Array): Promise<StreamFailure | null> {
    if (!this.#sends || this.#failure !== undefined) return Promise.resolve(this.#failure ?? 'closed')
    return new Promise((resolve) => {
      this.#socket.write(bytes, (error) => resolve(error === null || error === undefined ? null : (this.#failure ?? failureOf(error))))
    })
  }

  /** `receive`: what has come or comes is not given any more. `send`: the peer is told that nothing follows. Idempotent. */
  shutdown(direction: 'receive' | 'send'): void {
    if (direction === 'receive') {
      this.#receives = false
      this.#wakeAll()
      return
    }
    if (!this.#sends) return
    this.#sends = false
    this.#socket.end()
  }

  keepAlive({ enabled, idleMs, intervalMs, count }: KeepAlive): void {
    this.#socket.setKeepAlive(enabled, idleMs, intervalMs, count)
  }

  /** Closes at once; whoever waits hears that it is closed. Idempotent. */
  close(): void {
    this.#socket.destroy()
  }

  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    const wake = (): void => this.#wakeAll()
    this.#socket.on('readable', wake).on('end', wake)
  }

  #readNow(length: number): ReadBytes | undefined {
    if (!this.#receives) return { bytes: nothing, end: true, failure: null }
    const socket = this.#socket
    const most = Math.min(length, socket.readableLength, this.#session.ingressLeft)
    if (most > 0) {
      const piece: unknown = socket.read(most)
      // A buffer of its own: it may be posted to a thread with all that is around it.
      if (piece instanceof Uint8Array) return this.#given(new Uint8Array(piece))
    } else if (socket.readableLength > 0) {
      socket.destroy()
      return { bytes: nothing, end: true, failure: 'access-denied' }
    } else {
      // Nothing is there: this asks the stream for more, or for its end.
      socket.read(0)
    }
    if (socket.readableEnded) return { bytes: nothing, end: true, failure: null }
    return this.#failure === undefined ? undefined : { bytes: nothing, end: true, failure: this.#failure }
  }

  #given(bytes: Uint8Array): ReadBytes {
    this.#received += bytes.length
    return { bytes, end: false, failure: null }
  }

  #wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
