import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { InboundPipe, type Chunk } from './inbound-pipe.ts'
import { OutboundPipe } from './outbound-pipe.ts'
import { PipeFailure } from './pipe-failure.ts'
import { toSocketErrorCode, type SocketErrorCode } from './sockets-error.ts'
import type { Place } from './sockets-address.ts'
import { InputStream, OutputStream } from './streams.ts'
import type { TcpOptions } from './sockets-tcp-options.ts'

/** Where the host has a connection, and its two ends. */
export interface ConnectionParts {
  readonly handle: number
  /** Its number below the handle. */
  readonly connection: number
  readonly local: Place
  readonly remote: Place
}

const failed = (code: SocketErrorCode): PipeFailure => new PipeFailure({ kind: 'network', code })

/** Why a stream gives or takes no more, as the host says it; `null` when it does. */
const failureOf = (said: unknown): PipeFailure | undefined => {
  if (said === null) return undefined
  return said === 'closed' ? new PipeFailure() : failed(typeof said === 'string' ? toSocketErrorCode(said) : 'unknown')
}

/**
 * One connection: its two streams and its end. The host's socket lives as long as the guest holds the socket or one of the streams, and until
 * what was written before has been sent.
 */
export class TcpConnection {
  readonly local: Place
  readonly remote: Place
  readonly #scope: SessionScope
  readonly #id: { readonly handle: number; readonly connection: number }
  readonly #inbound: InboundPipe
  readonly #outbound: OutboundPipe
  readonly #released: () => void
  #users = 1
  #receives = true
  #sends = true

  /** Used by one socket from the start; `released` is called when the host was told to close it. */
  constructor(scope: SessionScope, { handle, connection, local, remote }: ConnectionParts, released: () => void) {
    this.#scope = scope
    this.#id = { handle, connection }
    this.local = local
    this.remote = remote
    this.#released = released
    this.#inbound = new InboundPipe(scope, (length) => this.#read(length))
    this.#outbound = new OutboundPipe(scope, { ordered: false, write: (bytes) => this.#write(bytes) })
  }

  /** The two streams, once. */
  streams(): [InputStream, OutputStream] {
    this.#users += 2
    const input = new InputStream(this.#scope, this.#inbound, () => {
      this.shutdownReceive()
      this.release()
    })
    const output = new OutputStream(this.#scope, this.#outbound, () => {
      this.shutdownSend()
      this.release()
    })
    return [input, output]
  }

  /** The guest receives no more: what has come and was not read is gone. Idempotent. */
  shutdownReceive(): void {
    if (!this.#receives) return
    this.#receives = false
    this.#inbound.close()
    this.#tell('receive')
  }

  /** The guest sends no more; what it wrote before still is sent, and then the end. Idempotent. */
  shutdownSend(): void {
    if (!this.#sends) return
    this.#sends = false
    this.#outbound.end()
    void this.#afterWrites(() => this.#tell('send'))
  }

  /** Has the host probe an idle peer, or not. */
  setKeepAlive(options: TcpOptions): void {
    void this.#scope.call('tcp.keep-alive', { ...this.#id, ...options.keepAlive }).catch(() => undefined)
  }

  /** One user less; with the last one the connection closes. */
  release(): void {
    this.#users--
    if (this.#users > 0) return
    this.#outbound.end()
    void this.#afterWrites(() => {
      this.#scope
        .call('tcp.close', this.#id)
        .catch(() => undefined)
        .finally(this.#released)
    })
  }

  async #afterWrites(step: () => void): Promise<void> {
    try {
      await this.#outbound.untilDrained()
      step()
    } catch {
      // Only the end of the session rejects here: the host closes everything then.
    }
  }

  #tell(direction: 'receive' | 'send'): void {
    void this.#scope.call('tcp.shutdown', { ...this.#id, direction }).catch(() => undefined)
  }

  async #read(length: number): Promise<Chunk> {
    const reply = await this.#scope.call('tcp.read', { ...this.#id, length })
    if (!reply.ok) throw failed(toSocketErrorCode(reply.code))
    const failure = failureOf(reply.value['failure'])
    if (failure !== undefined) throw failure
    return { bytes: reply.body, end: reply.value['end'] === true }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const reply = await this.#scope.call('tcp.write', this.#id, bytes)
    const failure = reply.ok ? failureOf(reply.value['failure']) : failed(toSocketErrorCode(reply.code))
    if (failure !== undefined) throw failure
  }
}
