import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { Pollable } from './poll.ts'
import { toIpSocketAddress, toUdpLocal, toUdpPeer, type AddressFamily, type IpSocketAddress } from './sockets-address.ts'
import { socketError } from './sockets-error.ts'
import { requireNetwork, type Network } from './sockets-network.ts'
import { Pending } from './sockets-pending.ts'
import { defaultBufferBytes, defaultHopLimit, toBufferBytes, toHopLimit } from './sockets-tcp-options.ts'
import { UdpChannel } from './sockets-udp-channel.ts'
import { IncomingDatagramStream, OutgoingDatagramStream, type Association } from './sockets-udp-streams.ts'

type State =
  | { readonly kind: 'unbound' }
  | { readonly kind: 'binding'; readonly pending: Pending<UdpChannel> }
  | { readonly kind: 'bound'; readonly channel: UdpChannel }

/** Options as the guest set them; `null` while it has not, and the host's own stay. */
interface UdpOptions {
  hopLimit: number | null
  receiveBufferBytes: number | null
  sendBufferBytes: number | null
}

/** `wasi:sockets/udp` `udp-socket`. */
export class UdpSocket {
  readonly #scope: SessionScope
  readonly #family: AddressFamily
  readonly #held: HeldResource
  readonly #options: UdpOptions = { hopLimit: null, receiveBufferBytes: null, sendBufferBytes: null }
  #state: State = { kind: 'unbound' }

  readonly #awaited: Waitable = {
    ready: () => this.#state.kind !== 'binding' || this.#state.pending.ready(),
    wait: (wake) => (this.#state.kind === 'binding' ? this.#state.pending.wait(wake) : () => undefined),
  }

  constructor(scope: SessionScope, family: AddressFamily) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#family = family
  }

  startBind(network: Network, localAddress: IpSocketAddress): void {
    const scope = this.#scope
    requireNetwork(network, scope)
    if (this.#state.kind === 'binding') throw socketError('concurrency-conflict')
    if (this.#state.kind === 'bound') throw socketError('invalid-state')
    const asked = toUdpLocal(localAddress, this.#family)
    const opening = UdpChannel.open(scope, asked).finally(this.#held.work())
    this.#state = { kind: 'binding', pending: new Pending(scope, opening) }
  }

  finishBind(): void {
    const state = this.#state
    if (state.kind !== 'binding') throw socketError('not-in-progress')
    try {
      const channel = state.pending.take()
      this.#state = { kind: 'bound', channel }
      channel.keepFor(this.#held)
      if (Object.values(this.#options).some((each) => each !== null)) channel.configure(this.#options)
    } catch (error) {
      if (state.pending.ready() && error instanceof WitError) this.#state = { kind: 'unbound' }
      throw error
    }
  }

  /** Streams of an earlier call no longer work. Sends nothing: whether the peer is granted is decided with the first datagram. */
  stream(remoteAddress: IpSocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] {
    const channel = this.#bound()
    const peer = remoteAddress === undefined ? undefined : toUdpPeer(remoteAddress, this.#family)
    const association: Association = { scope: this.#scope, channel, family: this.#family, number: channel.associate(peer) }
    return [new IncomingDatagramStream(association), new OutgoingDatagramStream(association)]
  }

  localAddress(): IpSocketAddress {
    return toIpSocketAddress(this.#bound().local)
  }

  remoteAddress(): IpSocketAddress {
    const { peer } = this.#bound()
    if (peer === undefined) throw socketError('invalid-state')
    return toIpSocketAddress(peer)
  }

  addressFamily(): AddressFamily {
    return this.#family
  }

  unicastHopLimit(): number {
    return this.#options.hopLimit ?? defaultHopLimit
  }

  setUnicastHopLimit(value: number): void {
    this.#options.hopLimit = toHopLimit(value)
    this.#apply({ hopLimit: value })
  }

  receiveBufferSize(): bigint {
    return BigInt(this.#options.receiveBufferBytes ?? defaultBufferBytes)
  }

  setReceiveBufferSize(value: bigint): void {
    const receiveBufferBytes = toBufferBytes(value)
    this.#options.receiveBufferBytes = receiveBufferBytes
    this.#apply({ receiveBufferBytes })
  }

  sendBufferSize(): bigint {
    return BigInt(this.#options.sendBufferBytes ?? defaultBufferBytes)
  }

  setSendBufferSize(value: bigint): void {
    const sendBufferBytes = toBufferBytes(value)
    this.#options.sendBufferBytes = sendBufferBytes
    this.#apply({ sendBufferBytes })
  }

  subscribe(): Pollable {
    return new Pollable(this.#scope, this.#awaited)
  }

  [Symbol.dispose](): void {
    const held = this.#held
    const state = this.#state
    this.#state = { kind: 'unbound' }
    if (state.kind === 'binding') state.pending.abandon((channel) => void channel.close())
    if (state.kind === 'bound') state.channel.leave(held)
    held.drop()
  }

  #bound(): UdpChannel {
    if (this.#state.kind !== 'bound') throw socketError('invalid-state')
    return this.#state.channel
  }

  #apply(changed: Partial<UdpOptions>): void {
    if (this.#state.kind !== 'bound') return
    this.#state.channel.configure({ hopLimit: null, receiveBufferBytes: null, sendBufferBytes: null, ...changed })
  }
}

sealClass(UdpSocket)
