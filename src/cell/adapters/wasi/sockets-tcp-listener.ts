import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'
import { toPlace, type Place } from './sockets-address.ts'
import { socketError, succeeded } from './sockets-error.ts'
import { Pending } from './sockets-pending.ts'
import type { ConnectionParts } from './sockets-tcp-connection.ts'

/** A listening socket: asks the host for one connection ahead, as soon as somebody wants one. */
export class TcpListener implements Waitable {
  readonly local: Place
  readonly #scope: SessionScope
  readonly #handle: number
  #next: Pending<ConnectionParts> | undefined

  constructor(scope: SessionScope, handle: number, local: Place) {
    this.#scope = scope
    this.#handle = handle
    this.local = local
  }

  ready(): boolean {
    return this.#next?.ready() === true
  }

  wait(wake: () => void): () => void {
    return this.#wanted().wait(wake)
  }

  /** The next connection. Throws `would-block` when none has come. */
  accept(): ConnectionParts {
    const next = this.#wanted()
    if (!next.ready()) throw socketError('would-block')
    this.#next = undefined
    return next.take()
  }

  /** Listens no more; who came and was not accepted is sent away. Resolves when the host was told. */
  async close(): Promise<void> {
    this.#next?.abandon(({ connection }) => void this.#close(connection))
    await this.#close(null)
  }

  async #close(connection: number | null): Promise<void> {
    await this.#scope.call('tcp.close', { handle: this.#handle, connection }).catch(() => undefined)
  }

  #wanted(): Pending<ConnectionParts> {
    this.#next ??= new Pending(this.#scope, this.#accept())
    return this.#next
  }

  async #accept(): Promise<ConnectionParts> {
    const { value } = succeeded(await this.#scope.call('tcp.accept', { handle: this.#handle }))
    return {
      handle: this.#handle,
      connection: Number(value['connection']),
      local: toPlace(value['localAddress'], value['localPort']),
      remote: toPlace(value['remoteAddress'], value['remotePort']),
    }
  }
}
