import { formatAddress, inNetwork, parseAddress } from './address.ts'
import { parsed, refused, type Parsed, type Refused } from './parsed.ts'
import type { HostPattern } from './rules.ts'

/** A rule that grants or asks must be narrow; one that denies may be as wide as it likes, short of everything. */
export type RuleUse = 'grant' | 'deny'

/** A host pattern with the port that was written, if any. */
export interface HostAndPort {
  readonly host: HostPattern
  readonly port: number | undefined
}

/** The port a scheme stands for. */
export const defaultPort = (scheme: 'http' | 'https'): number => (scheme === 'https' ? 443 : 80)

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const dnsName = new RegExp(`^${label}(?:\\.${label})*$`)

/** Lower case, one trailing dot gone; `undefined` unless it is LDH labels that no resolver could take for an address. */
const normaliseName = (text: string): string | undefined => {
  const name = text.toLowerCase().replace(/\.$/, '')
  if (name.length > 253 || !dnsName.test(name)) return undefined
  // A name whose last label is a number (`127.1`, `0x7f000001`, `2130706433`) is an address to some resolvers.
  const last = name.slice(name.lastIndexOf('.') + 1)
  return /^(?:[0-9]+|0x[0-9a-f]*)$/.test(last) ? undefined : name
}

/** Under these, with a country code after them, registries sell names to anybody: `*.co.uk` is as wide as `*.com`. */
const registrySecondLevels = new Set(['ac', 'co', 'com', 'edu', 'gob', 'gov', 'go', 'ltd', 'mil', 'ne', 'net', 'nom', 'or', 'org', 'sch'])

const isTooWideSuffix = (suffix: string): boolean => {
  const labels = suffix.split('.')
  const [second = '', top = ''] = labels
  return labels.length < 2 || (labels.length === 2 && top.length === 2 && registrySecondLevels.has(second))
}

const parseSuffix = (text: string, use: RuleUse): Parsed<HostPattern> => {
  const suffix = normaliseName(text.slice(2))
  if (suffix === undefined) return refused('a suffix such as `*.example.com`', 'write `*.` once, at the start, before a full domain name')
  if (use === 'grant' && isTooWideSuffix(suffix)) {
    return refused('a narrower suffix such as `*.example.com`', 'anybody can register a name below it: name the domain that you trust')
  }
  return parsed({ kind: 'suffix', suffix })
}

/** The shortest prefixes a grant may have: one registry block of IPv4, one provider of IPv6. */
const shortestGrant = (length: number): number => (length === 4 ? 8 : 32)

const addressForm = refused(
  'an address or a network such as `10.1.0.0/16` or `fd00::/32`',
  'write IPv4 as four decimal numbers without leading zeros',
)

/** The prefix length behind an address, all bits when none is written. */
const parsePrefix = (text: string | undefined, bits: number): Parsed<number> => {
  if (text === undefined) return parsed(bits)
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return refused('a prefix length after `/`, never a path', 'write paths in `paths`')
  return Number(text) <= bits ? parsed(Number(text)) : refused(`a prefix of at most ${bits} bits`, 'shorten the prefix')
}

const parseCidr = (text: string, use: RuleUse): Parsed<HostPattern> => {
  const [address = '', prefixText, more] = text.split('/')
  const bytes = parseAddress(address)
  if (bytes === undefined || more !== undefined) return addressForm
  // An IPv4-mapped network would count its prefix in the wrong family.
  if (prefixText !== undefined && address.includes(':') !== (bytes.length === 16)) return addressForm
  const read = parsePrefix(prefixText, bytes.length * 8)
  if (!read.ok) return read
  const prefix = read.value
  const network = bytes.map((byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, prefix - index * 8)))))
  if (network.some((byte, index) => byte !== bytes[index])) {
    return refused('a network without bits after its prefix', `write \`${formatAddress(network)}/${prefix}\`, or the address alone`)
  }
  if (use === 'grant' && prefix < shortestGrant(bytes.length)) {
    return refused(`a network of /${shortestGrant(bytes.length)} or narrower`, 'name the networks that are needed')
  }
  const canonical = formatAddress(bytes)
  return parsed({ kind: 'cidr', bytes, prefix, text: prefix === bytes.length * 8 ? canonical : `${canonical}/${prefix}` })
}

const parsePort = (text: string): Parsed<number> =>
  /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535
    ? parsed(Number(text))
    : refused('a port from 1 to 65535 after `:`', 'write `host:port`, or leave the port out for the default of the scheme')

/** Splits `host`, `host:port`, `[v6]`, `[v6]:port` and bare IPv6. */
const splitPort = (text: string): { readonly host: string; readonly port: string | undefined; readonly bracketed: boolean } | undefined => {
  if (text.startsWith('[')) {
    const match = /^\[([^[\]]*)\](?::(.*))?$/s.exec(text)
    return match?.[1] === undefined ? undefined : { host: match[1], port: match[2], bracketed: true }
  }
  const first = text.indexOf(':')
  if (first < 0 || text.indexOf(':', first + 1) >= 0) return { host: text, port: undefined, bracketed: false }
  return { host: text.slice(0, first), port: text.slice(first + 1), bracketed: false }
}

/** Whether every character is printable ASCII: no control, no space, no null, nothing that looks like something else. */
const isPrintableAscii = (text: string): boolean => /^[!-~]+$/.test(text)

/** What is wrong with the characters of a host before its parts are looked at. */
const refuseCharacters = (text: string): Refused | undefined => {
  if (text === '') return refused('a host', 'write `name[:port]`, `*.suffix[:port]`, an address or a network')
  if (text.length > 300) return refused('a host of at most 300 characters', 'shorten it')
  if (/[\u0080-\uffff]/.test(text)) return refused('a host in ASCII', 'write an international name in its punycode form, `xn--…`')
  if (!isPrintableAscii(text)) return refused('a host without spaces or control characters', 'remove them')
  if (text.includes('://')) return refused('a host without `scheme://`', 'write the host alone, and `scheme: http` when it is not https')
  if (text.includes('@')) return refused('a host without user information', 'remove what is before `@`; credentials are granted as secrets')
  if (/[?#\\%]/.test(text)) return refused('a host', 'write `name[:port]`, `*.suffix[:port]`, an address or a network')
  return undefined
}

const wideness = refused('a host that is named', '`*` alone would open every host: name the hosts, or `*.example.com` for all below one')

const parseHostAlone = (host: string, bracketed: boolean, use: RuleUse): Parsed<HostPattern> => {
  if (host === '*' || host === '*.') return wideness
  if (bracketed && !host.includes(':')) return refused('an IPv6 address in brackets', 'write names and IPv4 addresses without brackets')
  if (host.includes(':') || /^[0-9.]+(?:\/.*)?$/.test(host)) return parseCidr(host, use)
  if (host.includes('/')) return refused('a host without a path', 'write paths in `paths`')
  if (host.startsWith('*.')) return parseSuffix(host, use)
  if (host.includes('*')) return refused('`*` only as the first label', 'write `*.example.com`, or the full name')
  const name = normaliseName(host)
  return name === undefined
    ? refused('a host name of letters, digits and hyphens', 'write `name[:port]`, `*.suffix[:port]`, an address or a network')
    : parsed({ kind: 'name', name })
}

/**
 * Reads a host as rules name it: `name[:port]`, `*.suffix[:port]`, an address or a network, IPv6 in brackets when a
 * port follows. Case and one trailing dot do not matter. Refuses `*`, suffixes that a registry sells names under, paths, user
 * information, control and non-ASCII characters, and spellings of addresses that parsers disagree on.
 */
export const parseHostPattern = (text: string, use: RuleUse): Parsed<HostAndPort> => {
  const wrong = refuseCharacters(text)
  if (wrong !== undefined) return wrong
  const split = splitPort(text)
  if (split === undefined) return refused('`]` after an IPv6 address', 'write `[address]:port`')
  const host = parseHostAlone(split.host, split.bracketed, use)
  if (!host.ok) return host
  if (split.port === undefined) return parsed({ host: host.value, port: undefined })
  const port = parsePort(split.port)
  return port.ok ? parsed({ host: host.value, port: port.value }) : port
}

/**
 * Brings the authority of a request (`host[:port]` as the guest wrote it) into the form that rules are compared with and
 * that is dialled: lower-case name without trailing dot, or canonical address without brackets (an IPv4-mapped IPv6 address
 * becomes the IPv4 one). `undefined` for anything else: user information, odd spellings of addresses, zone ids, non-ASCII.
 */
export const normaliseAuthority = (
  authority: string,
  scheme: 'http' | 'https',
): { readonly host: string; readonly port: number } | undefined => {
  if (refuseCharacters(authority) !== undefined) return undefined
  const split = splitPort(authority)
  if (split === undefined) return undefined
  const port = split.port === undefined ? parsed(defaultPort(scheme)) : parsePort(split.port)
  // Only brackets make an IPv6 literal in a request (RFC 3986 section 3.2.2).
  const host = split.bracketed === split.host.includes(':') ? normaliseHost(split.host) : undefined
  return port.ok && host !== undefined ? { host, port: port.value } : undefined
}

/** The canonical form of a DNS name or address literal (without brackets); `undefined` when it is neither. */
export const normaliseHost = (host: string): string | undefined => {
  const address = parseAddress(host)
  return address === undefined ? normaliseName(host) : formatAddress(address)
}

/** Whether a normalised host (see {@link normaliseAuthority}) is one that the pattern names. */
export const hostMatches = (pattern: HostPattern, host: string): boolean => {
  if (pattern.kind === 'name') return pattern.name === host
  const address = parseAddress(host)
  if (pattern.kind === 'cidr') return address !== undefined && inNetwork(address, pattern.bytes, pattern.prefix)
  return address === undefined && host.length > pattern.suffix.length + 1 && host.endsWith(`.${pattern.suffix}`)
}

/** The text of a pattern as people write it, IPv6 in brackets. */
export const hostPatternText = (pattern: HostPattern): string => {
  if (pattern.kind === 'name') return pattern.name
  if (pattern.kind === 'suffix') return `*.${pattern.suffix}`
  return pattern.bytes.length === 16 ? `[${pattern.text}]` : pattern.text
}

/** Whether the pattern names nothing but this machine itself. */
export const isLoopbackPattern = (pattern: HostPattern): boolean => {
  if (pattern.kind === 'name') return pattern.name === 'localhost'
  if (pattern.kind === 'suffix') return false
  const [first] = pattern.bytes
  return pattern.bytes.length === 4 ? first === 127 && pattern.prefix >= 8 : pattern.text === '::1'
}
