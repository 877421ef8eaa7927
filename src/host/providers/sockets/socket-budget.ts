import { socketFault } from './errors.ts'

/** Sockets that one session may have at the host at a time: those that wait to be accepted count too. */
const maxSockets = 100

/** Counts the sockets of one session: each costs the process a descriptor, whatever the guest's handles say. */
export class SocketBudget {
  #open = 0

  /** Takes a place; false when all are taken. */
  tryTake(): boolean {
    if (this.#open >= maxSockets) return false
    this.#open += 1
    return true
  }

  /** Takes a place. Throws GuestFault `new-socket-limit`. */
  take(): void {
    if (!this.tryTake()) throw socketFault('new-socket-limit', `${maxSockets} sockets are open`)
  }

  /** Gives a place back: to be called once for each that was taken. */
  give(): void {
    this.#open -= 1
  }
}
