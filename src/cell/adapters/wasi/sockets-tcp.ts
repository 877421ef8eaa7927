import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'
import { Pollable } from './poll.ts'
import { toIpSocketAddress, toTcpLocal, toTcpPeer, type AddressFamily, type IpSocketAddress } from './sockets-address.ts'
import { socketError } from './sockets-error.ts'
import { requireNetwork, type Network } from './sockets-network.ts'
import { TcpLife } from './sockets-tcp-life.ts'
import { toBufferBytes, toHopLimit, TcpOptions } from './sockets-tcp-options.ts'
import type { InputStream, OutputStream } from './streams.ts'

/** `wasi:sockets/tcp` `tcp-socket`. The states are in {@link TcpLife}. */
export class TcpSocket {
  readonly #scope: SessionScope
  readonly #family: AddressFamily
  readonly #options: TcpOptions
  readonly #life: TcpLife
  readonly #held: HeldResource

  constructor(scope: SessionScope, family: AddressFamily) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#family = family
    this.#options = new TcpOptions()
    this.#life = new TcpLife(scope, this.#options, this.#held)
  }

  startBind(network: Network, localAddress: IpSocketAddress): void {
    const life = this.#life
    requireNetwork(network, this.#scope)
    life.requireStartable('bind')
    life.startBind(toTcpLocal(localAddress, this.#family))
  }

  finishBind(): void {
    this.#life.finishBind()
  }

  /**
   * A wrong argument leaves the socket as it is; only an attempt that failed closes it (`tcp.wit`: "After a failed connection attempt …").
   */
  startConnect(network: Network, remoteAddress: IpSocketAddress): void {
    const life = this.#life
    requireNetwork(network, this.#scope)
    life.requireStartable('connect')
    life.startConnect(toTcpPeer(remoteAddress, this.#family))
  }

  finishConnect(): [InputStream, OutputStream] {
    return this.#life.finishConnect().streams()
  }

  startListen(): void {
    this.#life.requireStartable('listen')
    this.#life.startListen()
  }

  finishListen(): void {
    this.#life.finishListen()
  }

  accept(): [TcpSocket, InputStream, OutputStream] {
    const parts = this.#life.listener.accept()
    const socket = new TcpSocket(this.#scope, this.#family)
    const connection = socket.#life.become(parts, this.#options)
    return [socket, ...connection.streams()]
  }

  localAddress(): IpSocketAddress {
    return toIpSocketAddress(this.#life.local)
  }

  remoteAddress(): IpSocketAddress {
    return toIpSocketAddress(this.#life.connection.remote)
  }

  isListening(): boolean {
    return this.#life.isListening
  }

  addressFamily(): AddressFamily {
    return this.#family
  }

  /** Applied when the socket begins to listen; Node cannot change it after that. */
  setListenBacklogSize(value: bigint): void {
    const life = this.#life
    if (value === 0n) throw socketError('invalid-argument')
    life.requireNoConnection()
    if (life.isListening) throw socketError('not-supported')
    this.#options.backlogSize = value
  }

  keepAliveEnabled(): boolean {
    return this.#options.keepAliveEnabled
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#options.keepAliveEnabled = value
    this.#life.applyKeepAlive()
  }

  keepAliveIdleTime(): bigint {
    return this.#options.idleNs
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#options.idleNs = value
    this.#life.applyKeepAlive()
  }

  keepAliveInterval(): bigint {
    return this.#options.intervalNs
  }

  setKeepAliveInterval(value: bigint): void {
    this.#options.intervalNs = value
    this.#life.applyKeepAlive()
  }

  keepAliveCount(): number {
    return this.#options.count
  }

  setKeepAliveCount(value: number): void {
    this.#options.count = value
    this.#life.applyKeepAlive()
  }

  hopLimit(): number {
    return this.#options.hopLimit
  }

  setHopLimit(value: number): void {
    this.#options.hopLimit = toHopLimit(value)
  }

  receiveBufferSize(): bigint {
    return BigInt(this.#options.receiveBufferBytes)
  }

  setReceiveBufferSize(value: bigint): void {
    this.#options.receiveBufferBytes = toBufferBytes(value)
  }

  sendBufferSize(): bigint {
    return BigInt(this.#options.sendBufferBytes)
  }

  setSendBufferSize(value: bigint): void {
    this.#options.sendBufferBytes = toBufferBytes(value)
  }

  subscribe(): Pollable {
    const life: Waitable = this.#life
    return new Pollable(this.#scope, life)
  }

  shutdown(kind: 'receive' | 'send' | 'both'): void {
    const { connection } = this.#life
    if (kind !== 'send') connection.shutdownReceive()
    if (kind !== 'receive') connection.shutdownSend()
  }

  /** The streams of a connection outlive their socket. */
  [Symbol.dispose](): void {
    const held = this.#held
    this.#life.end()
    held.drop()
  }
}

sealClass(TcpSocket)
