import { formatAddress, parseAddress } from '#core/policy/address.ts'
import { socketError } from './sockets-error.ts'

export type AddressFamily = 'ipv4' | 'ipv6'

/** `ip-address` in jco's form. */
export interface IpAddress {
  readonly tag: AddressFamily
  /** 4 numbers of 8 bits, or 8 of 16. */
  readonly val: readonly number[]
}

/** `ip-socket-address` in jco's form. */
export type IpSocketAddress =
  | { readonly tag: 'ipv4'; readonly val: { readonly port: number; readonly address: readonly number[] } }
  | {
      readonly tag: 'ipv6'
      readonly val: { readonly port: number; readonly flowInfo: number; readonly address: readonly number[]; readonly scopeId: number }
    }

/** An address and port as the wire has them. */
export interface Place {
  readonly address: string
  readonly port: number
}

const toBytes = ({ tag, val: { address } }: IpSocketAddress): readonly number[] =>
  tag === 'ipv4' ? address : address.flatMap((group) => [group >> 8, group & 0xff])

const isUnspecified = (bytes: readonly number[]): boolean => bytes.every((byte) => byte === 0)

const isMapped = (bytes: readonly number[]): boolean =>
  bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff

/** Multicast, or IPv4's broadcast to all. */
const isGroup = (bytes: readonly number[]): boolean => {
  const [first = 0] = bytes
  if (bytes.length === 16) return first === 0xff
  return (first & 0xf0) === 0xe0 || bytes.every((byte) => byte === 0xff)
}

const isLinkLocal = (bytes: readonly number[]): boolean => bytes.length === 16 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80

/**
 * An address of the socket's family that is no IPv4-mapped one. Throws `invalid-argument` otherwise, and `not-supported` for a link-local address
 * of a certain interface: no rule can name an interface. Elsewhere scope ids and flow labels mean nothing to the host and are left out.
 */
const ofFamily = (given: IpSocketAddress, family: AddressFamily): readonly number[] => {
  const bytes = toBytes(given)
  if (given.tag !== family || isMapped(bytes)) throw socketError('invalid-argument')
  if (given.tag === 'ipv6' && given.val.scopeId !== 0 && isLinkLocal(bytes)) throw socketError('not-supported')
  return bytes
}

const placeOf = (bytes: readonly number[], { val: { port } }: IpSocketAddress): Place => ({ address: formatAddress(bytes), port })

/** The local place of a TCP socket (`tcp.wit`, `start-bind`). Throws `invalid-argument` for what is no unicast address. */
export const toTcpLocal = (given: IpSocketAddress, family: AddressFamily): Place => {
  const bytes = ofFamily(given, family)
  if (isGroup(bytes)) throw socketError('invalid-argument')
  return placeOf(bytes, given)
}

/** The local place of a UDP socket (`udp.wit`, `start-bind`). */
export const toUdpLocal = (given: IpSocketAddress, family: AddressFamily): Place => placeOf(ofFamily(given, family), given)

/** A peer of a UDP socket (`udp.wit`, `stream` and `send`). Throws `invalid-argument` without an address or port. */
export const toUdpPeer = (given: IpSocketAddress, family: AddressFamily): Place => {
  const bytes = ofFamily(given, family)
  if (isUnspecified(bytes) || given.val.port === 0) throw socketError('invalid-argument')
  return placeOf(bytes, given)
}

/** The peer of a TCP socket (`tcp.wit`, `start-connect`). */
export const toTcpPeer = (given: IpSocketAddress, family: AddressFamily): Place => {
  const place = toUdpPeer(given, family)
  if (isGroup(toBytes(given))) throw socketError('invalid-argument')
  return place
}

const groupsOf = (bytes: readonly number[]): readonly number[] =>
  Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))

/** An address literal as a guest gets it; `undefined` when it is none. IPv4-mapped ones become IPv4. */
export const toIpAddress = (text: string): IpAddress | undefined => {
  const bytes = parseAddress(text)
  if (bytes === undefined) return undefined
  return bytes.length === 4 ? { tag: 'ipv4', val: bytes } : { tag: 'ipv6', val: groupsOf(bytes) }
}

/** What the host said about a place; `unknown` is thrown for what is none. */
export const toPlace = (address: unknown, port: unknown): Place => {
  if (typeof address !== 'string' || typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw socketError('unknown')
  return { address, port }
}

/** A place as a guest gets it. Throws `unknown` when its address is none. */
export const toIpSocketAddress = ({ address, port }: Place): IpSocketAddress => {
  const ip = toIpAddress(address)
  if (ip === undefined) throw socketError('unknown')
  if (ip.tag === 'ipv4') return { tag: 'ipv4', val: { port, address: ip.val } }
  return { tag: 'ipv6', val: { port, flowInfo: 0, address: ip.val, scopeId: 0 } }
}
