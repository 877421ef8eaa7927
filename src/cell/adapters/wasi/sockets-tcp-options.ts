import { socketError } from './sockets-error.ts'

/** What a socket option may be set to; the WIT lets hosts clamp. */
interface Bounds {
  readonly least: number
  readonly most: number
}

const second = 1_000_000_000n
/** What Linux takes for TCP_KEEPIDLE and TCP_KEEPINTVL, in whole seconds. */
const mostKeepAliveSeconds = 32_767n
const keepAliveCounts: Bounds = { least: 1, most: 127 }
/** Buffers of the host's kernel: no guest sizes them beyond these. */
const bufferBounds: Bounds = { least: 2048, most: 1024 * 1024 }

const clamped = (value: bigint, { least, most }: Bounds): number => {
  if (value === 0n) throw socketError('invalid-argument')
  return value > BigInt(most) ? most : Math.max(least, Number(value))
}

/** The size of a buffer as a guest wants it. Throws `invalid-argument` for 0. */
export const toBufferBytes = (value: bigint): number => clamped(value, bufferBounds)

/** The number of hops as a guest wants it. Throws `invalid-argument` for 0. */
export const toHopLimit = (value: number): number => {
  if (value === 0) throw socketError('invalid-argument')
  return value
}

/** How long a buffer is and how far a packet may go unless a guest says otherwise. */
export const defaultBufferBytes = 64 * 1024
export const defaultHopLimit = 64

/**
 * The options of one TCP socket, remembered as its guest set them and inherited by what it accepts. Keep-alive is applied to the host's socket;
 * the hop limit and the sizes of buffers are not, because Node has no way to set them on TCP.
 */
export class TcpOptions {
  keepAliveEnabled = false
  hopLimit = defaultHopLimit
  receiveBufferBytes = defaultBufferBytes
  sendBufferBytes = defaultBufferBytes
  backlog = 128
  #idleSeconds = 7200n
  #intervalSeconds = 75n
  #count = 9

  /** Takes over what an accepted socket inherits: a copy, so that what is set on the listener later is not for those it accepted before. */
  inherit(from: TcpOptions): void {
    this.keepAliveEnabled = from.keepAliveEnabled
    this.hopLimit = from.hopLimit
    this.receiveBufferBytes = from.receiveBufferBytes
    this.sendBufferBytes = from.sendBufferBytes
    this.#idleSeconds = from.#idleSeconds
    this.#intervalSeconds = from.#intervalSeconds
    this.#count = from.#count
  }

  get idleNs(): bigint {
    return this.#idleSeconds * second
  }

  set idleNs(value: bigint) {
    this.#idleSeconds = wholeSeconds(value)
  }

  get intervalNs(): bigint {
    return this.#intervalSeconds * second
  }

  set intervalNs(value: bigint) {
    this.#intervalSeconds = wholeSeconds(value)
  }

  get count(): number {
    return this.#count
  }

  set count(value: number) {
    this.#count = clamped(BigInt(value), keepAliveCounts)
  }

  set backlogSize(value: bigint) {
    this.backlog = clamped(value, { least: 1, most: 0x7fff_ffff })
  }

  /** As `tcp.keep-alive` takes them. */
  get keepAlive(): { readonly enabled: boolean; readonly idleMs: number; readonly intervalMs: number; readonly count: number } {
    return {
      enabled: this.keepAliveEnabled,
      idleMs: Number(this.#idleSeconds) * 1000,
      intervalMs: Number(this.#intervalSeconds) * 1000,
      count: this.#count,
    }
  }
}

const wholeSeconds = (ns: bigint): bigint => {
  if (ns === 0n) throw socketError('invalid-argument')
  const seconds = (ns + second - 1n) / second
  return seconds > mostKeepAliveSeconds ? mostKeepAliveSeconds : seconds
}
