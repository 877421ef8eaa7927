import type { Connection } from './connection.ts'

/** Connections that one session keeps for its next request. */
const maxIdle = 8
/** Shorter than servers are known to keep theirs: a request on a connection that the server has just closed is lost. */
const defaultIdleMs = 4000
/** What a server's own word about it is shortened by, for the way. */
const marginMs = 1000

interface Idle {
  readonly key: string
  readonly connection: Connection
  readonly timer: NodeJS.Timeout
  /** Called when the connection closes by itself. */
  readonly closed: () => void
}

/**
 * Connections of one session between two requests: none is ever handed to another session. A key says for what a connection may be used again
 * (scheme, host, port, secret); the address is compared with those that the next request was checked for, so that a name which leads elsewhere
 * by now, or may no longer be reached there, takes no old way.
 */
export class IdleConnections {
  readonly #idle: Idle[] = []
  #closed = false

  /** A connection made for `key` to one of `addresses`, if there is one: the one used last, which has the longest to live. */
  take(key: string, addresses: readonly string[]): Connection | undefined {
    for (let index = this.#idle.length - 1; index >= 0; index -= 1) {
      const each = this.#idle[index]
      if (each?.key !== key || !addresses.includes(each.connection.address)) continue
      this.#idle.splice(index, 1)
      forget(each)
      if (each.connection.isOpen) return each.connection
      each.connection.destroy()
    }
    return undefined
  }

  /** Keeps a connection on which everything asked for has come. `idleMs` is what the server said about it. */
  give(key: string, connection: Connection, idleMs: number | undefined): void {
    const keptMs = Math.min(defaultIdleMs, idleMs === undefined ? defaultIdleMs : idleMs - marginMs)
    if (this.#closed || keptMs <= 0 || !connection.isOpen) {
      connection.destroy()
      return
    }
    connection.release()
    const timer = setTimeout(() => this.#remove(connection), keptMs)
    timer.unref()
    const closed = (): void => this.#remove(connection)
    connection.socket.once('close', closed)
    this.#idle.push({ key, connection, timer, closed })
    if (this.#idle.length > maxIdle) this.#idle[0]?.connection.destroy()
  }

  /** Closes them all, and whatever comes back later. */
  close(): void {
    this.#closed = true
    for (let last = this.#idle.at(-1); last !== undefined; last = this.#idle.at(-1)) this.#remove(last.connection)
  }

  #remove(connection: Connection): void {
    const index = this.#idle.findIndex((each) => each.connection === connection)
    const [removed] = index < 0 ? [] : this.#idle.splice(index, 1)
    if (removed === undefined) return
    forget(removed)
    connection.destroy()
  }
}

/** A connection may be given back a thousand times: nothing of each may stay. */
const forget = ({ connection, timer, closed }: Idle): void => {
  clearTimeout(timer)
  connection.socket.off('close', closed)
}
