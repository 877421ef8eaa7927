import type { Socket } from 'node:net'
import { httpFault } from './errors.ts'

/**
 * How many connections of guests may be open at one time in all sessions together: descriptors are the process's, and files, cells and the audit
 * log need them too. Sessions have limits of their own on handles; this one holds when there are many sessions.
 */
export class ConnectionPlaces {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken
  }

  /** Takes a place for the socket that `make` makes, until it closes. Throws GuestFault `connection-limit-reached`. */
  for(make: () => Socket): Socket {
    if (this.#taken >= this.#most) throw httpFault('connection-limit-reached', `${this.#most} connections are open`)
    const socket = make()
    this.#taken += 1
    socket.once('close', () => (this.#taken -= 1))
    return socket
  }
}

/** The places of this process. */
export const processPlaces = new ConnectionPlaces(4096)
