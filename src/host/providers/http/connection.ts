import type { Socket } from 'node:net'
import { httpFault } from './errors.ts'

/** Who speaks over a connection at the moment. */
export interface ConnectionUser {
  readonly onBytes: (bytes: Buffer) => void
  /** The server sends no more. */
  readonly onEnd: () => void
  /** The connection is gone, for this reason if there is one. */
  readonly onClosed: (error: Error | undefined) => void
}

/** A connection and the address it really goes to. Whoever uses it hears of it; while nobody does, whatever comes ends it. */
export class Connection {
  readonly socket: Socket
  readonly address: string
  #user: ConnectionUser | undefined
  #error: Error | undefined

  constructor(socket: Socket, address: string) {
    this.socket = socket
    this.address = address
    socket.on('data', (bytes: Buffer) => {
      // Bytes that nobody asked for would be taken for the answer to the next request.
      if (this.#user === undefined) socket.destroy()
      else this.#user.onBytes(bytes)
    })
    socket.on('end', () => {
      if (this.#user === undefined) socket.destroy()
      else this.#user.onEnd()
    })
    socket.on('error', (error) => (this.#error = error))
    socket.on('close', () => this.#user?.onClosed(this.#error))
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.readable && this.socket.writable
  }

  /** Hands it to somebody. */
  use(user: ConnectionUser): void {
    this.#user = user
  }

  /** Takes it away again; it stays open. */
  release(): void {
    this.#user = undefined
    this.socket.resume()
  }

  destroy(): void {
    this.#user = undefined
    this.socket.destroy()
  }

  /** Resolves when the socket takes more. Rejects when it is gone. */
  untilDrained(): Promise<void> {
    const { socket } = this
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        socket.off('drain', settle).off('close', settle)
        if (socket.destroyed) reject(this.#error ?? httpFault('connection-terminated'))
        else resolve()
      }
      if (socket.destroyed) settle()
      else socket.on('drain', settle).on('close', settle)
    })
  }
}
