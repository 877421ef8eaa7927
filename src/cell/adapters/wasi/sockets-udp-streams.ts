import { clampLength } from '#cell/adapters/guest-number.ts'
import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'
import { maxDatagramBytes } from '#wire/socket-calls.ts'
import { Pollable } from './poll.ts'
import { toIpSocketAddress, toUdpPeer, type AddressFamily, type IpSocketAddress, type Place } from './sockets-address.ts'
import { socketError } from './sockets-error.ts'
import { isSamePlace, type UdpChannel } from './sockets-udp-channel.ts'

/** Datagrams that one `receive` gives at most: as many as the host hands over at once. */
const mostReceived = 64
/** Datagrams that one `check-send` permits: each costs a way to the host and back. */
const sendPermit = 16
/** The longest datagram over IPv4; IPv6's is longer (RFC 768, RFC 8200). */
const maxIpv4DatagramBytes = 65_507

/** What both streams of a pair share. */
export interface Association {
  readonly scope: SessionScope
  readonly channel: UdpChannel
  readonly family: AddressFamily
  /** Its number: a socket has one pair of streams that works, the last one. */
  readonly number: number
}

const isCurrent = ({ channel, number }: Association): boolean => channel.association === number

/** Throws `invalid-state` for the streams of an earlier association. */
const requireCurrent = (association: Association): UdpChannel => {
  association.scope.throwIfOver()
  if (!isCurrent(association)) throw socketError('invalid-state')
  return association.channel
}

/** `wasi:sockets/udp` `incoming-datagram`. */
interface IncomingDatagram {
  readonly data: Uint8Array
  readonly remoteAddress: IpSocketAddress
}

/** `wasi:sockets/udp` `outgoing-datagram`. */
interface OutgoingDatagram {
  readonly data: Uint8Array
  readonly remoteAddress: IpSocketAddress | undefined
}

/** `wasi:sockets/udp` `incoming-datagram-stream`. */
export class IncomingDatagramStream {
  readonly #association: Association
  readonly #held: HeldResource

  constructor(association: Association) {
    this.#held = new HeldResource(association.scope)
    this.#association = association
    association.channel.keepFor(this.#held)
  }

  receive(maxResults: bigint): IncomingDatagram[] {
    const received = requireCurrent(this.#association).receive(clampLength(maxResults, mostReceived))
    return received.map(({ from, bytes }) => ({ data: bytes, remoteAddress: toIpSocketAddress(from) }))
  }

  subscribe(): Pollable {
    const association = this.#association
    const { channel } = association
    const arrival: Waitable = {
      ready: () => channel.ready() || !isCurrent(association),
      wait: (wake) => channel.wait(wake),
    }
    return new Pollable(association.scope, arrival)
  }

  [Symbol.dispose](): void {
    const held = this.#held
    this.#association.channel.leave(held)
    held.drop()
  }
}

/** `wasi:sockets/udp` `outgoing-datagram-stream`. */
export class OutgoingDatagramStream {
  readonly #association: Association
  readonly #held: HeldResource
  #permit = 0

  constructor(association: Association) {
    this.#held = new HeldResource(association.scope)
    this.#association = association
    association.channel.keepFor(this.#held)
  }

  checkSend(): bigint {
    requireCurrent(this.#association)
    this.#permit = sendPermit
    return BigInt(sendPermit)
  }

  /**
   * Sends one after the other until one fails; gives how many were sent, or the failure of the first. It waits for the host's decision, so
   * that a peer that is not granted is refused here and not later; the network is not waited for.
   */
  async send(datagrams: readonly OutgoingDatagram[]): Promise<bigint> {
    const { scope } = this.#association
    if (datagrams.length > this.#permit)
      throw scope.trap(`send of ${datagrams.length} datagrams, expected at most the ${this.#permit} that check-send permitted`)
    this.#permit -= datagrams.length
    const done = this.#held.work()
    let sent = 0n
    try {
      for (const datagram of datagrams) {
        await this.#send(datagram)
        sent++
      }
    } catch (error) {
      if (sent === 0n || !(error instanceof Error && Object.hasOwn(error, 'payload'))) throw error
    } finally {
      done()
    }
    return sent
  }

  /** The way out never fills up: what the system cannot take is lost, as datagrams are. */
  subscribe(): Pollable {
    return new Pollable(this.#association.scope, { ready: () => true, wait: () => () => undefined })
  }

  [Symbol.dispose](): void {
    const held = this.#held
    this.#association.channel.leave(held)
    held.drop()
  }

  async #send({ data, remoteAddress }: OutgoingDatagram): Promise<void> {
    const { family } = this.#association
    const channel = requireCurrent(this.#association)
    const peer = this.#peer(channel, remoteAddress)
    if (data.byteLength > (family === 'ipv4' ? maxIpv4DatagramBytes : maxDatagramBytes)) throw socketError('datagram-too-large')
    await channel.send(peer, data)
  }

  #peer(channel: UdpChannel, remoteAddress: IpSocketAddress | undefined): Place {
    const connected = channel.peer
    const given = remoteAddress === undefined ? undefined : toUdpPeer(remoteAddress, this.#association.family)
    const peer = given ?? connected
    if (peer === undefined || (connected !== undefined && !isSamePlace(peer, connected))) throw socketError('invalid-argument')
    return peer
  }
}

sealClass(IncomingDatagramStream)
sealClass(OutgoingDatagramStream)
