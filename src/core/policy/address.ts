import type { NetRule } from './rules.ts'

/**
 * IP addresses as rules and dialled connections name them. One strict spelling of each address family is read;
 * octal, hexadecimal, short and decimal IPv4 (`0177.1`, `0x7f.1`, `127.1`, `2130706433`) and zone ids are not
 * addresses here, because resolvers and parsers disagree about them and that difference is how guards are passed.
 */

/** What an address is, as far as a rule is concerned. Only `public` ones are reached by a rule that gives a name. */
export type AddressClass = 'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'multicast' | 'reserved'

/** Reads a strict dotted-quad IPv4 address into 4 bytes. */
const parseIpv4 = (text: string): number[] | undefined => {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/.test(text)) return undefined
  const bytes = text.split('.').map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : undefined
}

/** Reads the 16-bit groups of one side of `::`; a trailing dotted quad stands for two groups. */
const parseGroups = (text: string, mayEndInIpv4: boolean): number[] | undefined => {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [index, group] of groups.entries()) {
    if (mayEndInIpv4 && index === groups.length - 1 && group.includes('.')) {
      const quad = parseIpv4(group)
      if (quad === undefined) return undefined
      bytes.push(...quad)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}

/** Reads an IPv6 address (RFC 4291 section 2.2) into 16 bytes. */
const parseIpv6 = (text: string): number[] | undefined => {
  const halves = text.split('::')
  const [left = '', right] = halves
  if (halves.length > 2) return undefined
  const head = parseGroups(left, right === undefined)
  const tail = right === undefined ? [] : parseGroups(right, true)
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (right === undefined ? missing !== 0 : missing < 2) return undefined
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail]
}

/**
 * Reads an address literal without brackets: 4 bytes for IPv4, 16 for IPv6; `undefined` when it is not one.
 * An IPv4-mapped IPv6 address gives the 4 bytes of the IPv4 address, since that is where it leads.
 */
export const parseAddress = (text: string): readonly number[] | undefined => {
  if (text.length > 45) return undefined
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
  return bytes !== undefined && isMapped(bytes) ? bytes.slice(12) : bytes
}

const startsWith = (bytes: readonly number[], prefix: readonly number[]): boolean => prefix.every((byte, index) => bytes[index] === byte)
const isMapped = (bytes: readonly number[]): boolean => bytes.length === 16 && startsWith(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])

/** The longest run (of two or more) of zero groups: what `::` replaces (RFC 5952 section 4.2). */
const longestZeroRun = (groups: readonly number[]): { readonly start: number; readonly length: number } => {
  let best = { start: -1, length: 1 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** The canonical text of an address: dotted quad, or IPv6 as RFC 5952 section 4 has it. Without brackets. */
export const formatAddress = (bytes: readonly number[]): string => {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  const run = longestZeroRun(groups)
  const hex = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':')
  return run.start < 0 ? hex(groups) : `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

/** Whether the first `prefix` bits of both are equal; addresses of different families never are. */
export const inNetwork = (bytes: readonly number[], network: readonly number[], prefix: number): boolean => {
  if (bytes.length !== network.length) return false
  return network.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8))
    const mask = (0xff << (8 - bits)) & 0xff
    return ((bytes[index] ?? 0) & mask) === (byte & mask)
  })
}

type Range = readonly [network: readonly number[], prefix: number, kind: AddressClass]

const range = (text: string, kind: AddressClass): Range => {
  const [address = '', prefix = ''] = text.split('/')
  const bytes = parseAddress(address)
  if (bytes === undefined) throw new TypeError(`expected a network, got \`${text}\``)
  return [bytes, Number(prefix), kind]
}

/** IANA special-purpose registries (IPv4 and IPv6), and the metadata services of clouds. The first match counts. */
const ranges: readonly Range[] = [
  range('169.254.169.254/32', 'metadata'),
  range('169.254.170.2/32', 'metadata'),
  range('169.254.170.23/32', 'metadata'),
  range('100.100.100.200/32', 'metadata'),
  range('168.63.129.16/32', 'metadata'),
  range('192.0.0.192/32', 'metadata'),
  range('0.0.0.0/8', 'reserved'),
  range('10.0.0.0/8', 'private'),
  range('100.64.0.0/10', 'private'),
  range('127.0.0.0/8', 'loopback'),
  range('169.254.0.0/16', 'link-local'),
  range('172.16.0.0/12', 'private'),
  range('192.0.0.0/24', 'reserved'),
  range('192.0.2.0/24', 'reserved'),
  range('192.88.99.0/24', 'reserved'),
  range('192.168.0.0/16', 'private'),
  range('198.18.0.0/15', 'reserved'),
  range('198.51.100.0/24', 'reserved'),
  range('203.0.113.0/24', 'reserved'),
  range('224.0.0.0/4', 'multicast'),
  range('240.0.0.0/4', 'reserved'),
  range('fd00:ec2::/32', 'metadata'),
  range('fd20:ce::254/128', 'metadata'),
  range('::1/128', 'loopback'),
  range('64:ff9b:1::/48', 'private'),
  range('fc00::/7', 'private'),
  range('fec0::/10', 'private'),
  range('fe80::/10', 'link-local'),
  range('ff00::/8', 'multicast'),
  range('2001::/23', 'reserved'),
  range('2001:db8::/32', 'reserved'),
  range('2002::/16', 'reserved'),
  range('3fff::/20', 'reserved'),
  range('2000::/3', 'public'),
  range('::/0', 'reserved'),
]

/**
 * The IPv4 addresses that an IPv6 address leads to through a translator or a tunnel: NAT64 (RFC 6052, RFC 8215), 6to4
 * (RFC 3056), Teredo server and client (RFC 4380), IPv4-compatible, SIIT (RFC 7915), ISATAP (RFC 5214).
 */
export const embeddedIpv4 = (bytes: readonly number[]): readonly (readonly number[])[] => {
  if (bytes.length !== 16) return []
  const found: (readonly number[])[] = []
  const last = bytes.slice(12)
  const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0)
  if (startsWith(bytes, [0, 0x64, 0xff, 0x9b])) found.push(last)
  if (startsWith(bytes, [0x20, 0x02])) found.push(bytes.slice(2, 6))
  if (startsWith(bytes, [0x20, 0x01, 0, 0]))
    found.push(
      bytes.slice(4, 8),
      last.map((byte) => byte ^ 0xff),
    )
  if (startsWith(bytes, zeros(12)) || startsWith(bytes, [...zeros(8), 0xff, 0xff, 0, 0])) found.push(last)
  if (((bytes[8] ?? 0) & ~0x02) === 0 && startsWith(bytes.slice(9), [0, 0x5e, 0xfe])) found.push(last)
  return found
}

const classOf = (bytes: readonly number[]): AddressClass =>
  ranges.find(([network, prefix]) => inNetwork(bytes, network, prefix))?.[2] ?? (bytes.length === 4 ? 'public' : 'reserved')

const isNat64 = (bytes: readonly number[]): boolean => inNetwork(bytes, [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 96)

/**
 * What an address is. An IPv6 address that carries an IPv4 address inside is as bad as what it carries; what carries a public
 * one is public only behind NAT64's well-known prefix. Text that is no address is `reserved`.
 */
export const classifyAddress = (ip: string): AddressClass => {
  const bytes = parseAddress(ip)
  if (bytes === undefined) return 'reserved'
  const own = classOf(bytes)
  if (own !== 'public' && own !== 'reserved') return own
  const inner = embeddedIpv4(bytes).map((quad) => classOf(quad))
  const bad = inner.find((kind) => kind !== 'public')
  if (bad !== undefined) return bad
  return isNat64(bytes) ? 'public' : own
}

/**
 * Whether a connection that a rule allowed may go to this resolved address. A rule that gives a name reaches public addresses
 * only (`localhost`: loopback ones only), whatever the name resolves to; any other address is reached only by a rule
 * that names it. The address that was checked is the one to dial.
 */
export const addressAllowed = (ip: string, rule: Pick<NetRule, 'host'>): boolean => {
  const bytes = parseAddress(ip)
  if (bytes === undefined) return false
  const { host } = rule
  if (host.kind === 'cidr') return inNetwork(bytes, host.bytes, host.prefix)
  return classifyAddress(ip) === (host.kind === 'name' && host.name === 'localhost' ? 'loopback' : 'public')
}
