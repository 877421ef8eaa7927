import type { LookupCapability, SocketCapability } from '#core/capability/capability.ts'
import { classifyAddress, embeddedIpv4, inNetwork, parseAddress } from './address.ts'
import { hostMatches } from './host-pattern.ts'
import type { HostPattern, LookupRule, NetRule, RuleSet, SocketRule } from './rules.ts'

/** The class of addresses that a name may stand for: whoever owns a name chooses what it resolves to. */
const classOfNamed = (host: HostPattern): string => (host.kind === 'name' && host.name === 'localhost' ? 'loopback' : 'public')

/** Whether a rule names the address: by itself, or by a name that this session looked up and got it from. */
const hostNames = (host: HostPattern, { address, names }: SocketCapability): boolean =>
  host.kind === 'cidr'
    ? hostMatches(host, address)
    : classifyAddress(address) === classOfNamed(host) && names.some((name) => hostMatches(host, name))

const directionOf = ({ action }: SocketCapability): SocketRule['direction'] =>
  action === 'tcp:connect' || action === 'udp:send' ? 'connect' : 'listen'

const rulesOf = (rules: RuleSet, { action }: SocketCapability): readonly SocketRule[] =>
  action === 'tcp:connect' || action === 'tcp:listen' ? rules.tcp : rules.udp

const isUnspecified = (address: string): boolean => parseAddress(address)?.every((byte) => byte === 0) === true

/** A datagram socket has to be bound before it can send; at no place in particular it gives nobody anything to find. */
const isClientBind = ({ action, address, port }: SocketCapability): boolean => action === 'udp:bind' && port === 0 && isUnspecified(address)

/** The rule that asks for or grants what a socket is to do. */
export const socketRuleFor = (rules: RuleSet, capability: SocketCapability): SocketRule | undefined => {
  const own = rulesOf(rules, capability)
  const direction = directionOf(capability)
  const named = own.find((rule) => rule.direction === direction && rule.port === capability.port && hostNames(rule.host, capability))
  return named ?? (isClientBind(capability) ? own.find((rule) => rule.direction === 'connect') : undefined)
}

/** Whether a deny pattern covers the address, an IPv4 address inside it, or one of its names. */
const hostDenied = (host: HostPattern, { address, names }: SocketCapability): boolean => {
  if (host.kind !== 'cidr') return names.some((name) => hostMatches(host, name))
  if (hostMatches(host, address)) return true
  const bytes = parseAddress(address)
  return bytes !== undefined && embeddedIpv4(bytes).some((quad) => inNetwork(quad, host.bytes, host.prefix))
}

const portDenied = (rule: SocketRule | NetRule, { port }: SocketCapability): boolean => rule.port === undefined || rule.port === port

/**
 * The deny rule that forbids what a socket is to do. Rules about requests count too, whatever methods and paths they name: a socket
 * could carry any request.
 */
export const socketDeniedBy = (denies: RuleSet, capability: SocketCapability): SocketRule | NetRule | undefined => {
  const direction = directionOf(capability)
  const own = rulesOf(denies, capability).filter((rule) => rule.direction === direction)
  const all = direction === 'connect' ? [...own, ...denies.net] : own
  return all.find((rule) => portDenied(rule, capability) && hostDenied(rule.host, capability))
}

/** The rule that asks for or grants a lookup. */
export const lookupRuleFor = (rules: readonly LookupRule[], { name }: LookupCapability): LookupRule | undefined =>
  rules.find(({ host }) => hostMatches(host, name))

/** The deny rule that forbids a lookup: one about lookups, or one that denies the name to every request. */
export const lookupDeniedBy = (denies: RuleSet, capability: LookupCapability): LookupRule | NetRule | undefined => {
  const whole = denies.net.filter(({ port, paths, methods, scheme }) => [port, paths, methods, scheme].every((each) => each === undefined))
  return lookupRuleFor(denies.lookup, capability) ?? whole.find(({ host }) => hostMatches(host, capability.name))
}
