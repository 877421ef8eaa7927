import type { Capability, FsCapability, KeyValueCapability, NetCapability } from '#core/capability/capability.ts'
import { embeddedIpv4, inNetwork, parseAddress } from './address.ts'
import { hostMatches } from './host-pattern.ts'
import { isWithin, pathMatches } from './path.ts'
import type { FsRule, KeyValueRule, NetRule } from './rules.ts'

/** Whether a rule that asks or grants names exactly this request. */
const netRuleMatches = (rule: NetRule, { scheme, method, host, port, path }: NetCapability): boolean =>
  (rule.scheme === undefined || rule.scheme === scheme) &&
  (rule.port === undefined || rule.port === port) &&
  hostMatches(rule.host, host) &&
  (rule.methods === undefined || rule.methods.includes(method)) &&
  (rule.paths === undefined || rule.paths.some((pattern) => pathMatches(pattern, path)))

/** The spellings of a path that a server may take for it: deny rules are compared with each. */
const spellings = (path: string): readonly string[] => {
  const collapsed = path.replace(/\/{2,}/g, '/')
  const withoutParameters = path.replace(/;[^/]*/g, '').replace(/\/{2,}/g, '/')
  return [path, collapsed, withoutParameters, withoutParameters.replace(/(?<=.)\/$/, '')]
}

/** Whether a deny rule covers the host: by name, or by an address that the host is or leads to. */
const hostDenied = (rule: NetRule, host: string): boolean => {
  if (hostMatches(rule.host, host)) return true
  const { host: pattern } = rule
  const address = pattern.kind === 'cidr' ? parseAddress(host) : undefined
  return (
    pattern.kind === 'cidr' && address !== undefined && embeddedIpv4(address).some((quad) => inNetwork(quad, pattern.bytes, pattern.prefix))
  )
}

/**
 * Whether a deny rule covers the request. Wider than {@link netRuleMatches} on purpose: paths are compared without case and
 * as a sloppy server may read them, addresses also by the IPv4 address inside them.
 */
export const netRuleDenies = (rule: NetRule, { scheme, method, host, port, path }: NetCapability): boolean =>
  (rule.scheme === undefined || rule.scheme === scheme) &&
  (rule.port === undefined || rule.port === port) &&
  hostDenied(rule, host) &&
  (rule.methods === undefined || rule.methods.includes(method)) &&
  (rule.paths === undefined ||
    rule.paths.some((pattern) => spellings(path).some((spelling) => pathMatches(pattern.toLowerCase(), spelling.toLowerCase()))))

/** Whether a rule's mode covers the action. */
const modeCovers = (rule: FsRule, action: FsCapability['action']): boolean => action === 'fs:read' || rule.mode === 'rw'

/** The rule of the mount that a guest path belongs to: the longest guest path wins, the first of equals. */
export const mountFor = <R extends FsRule>(rules: readonly R[], path: string): R | undefined => {
  let best: R | undefined
  for (const rule of rules) {
    if (isWithin(rule.guestPath, path) && (best === undefined || rule.guestPath.length > best.guestPath.length)) best = rule
  }
  return best
}

/** The rule that lets the path be read or written, if the mount it belongs to does. */
export const fsRuleFor = (rules: readonly FsRule[], { action, path }: FsCapability): FsRule | undefined => {
  const rule = mountFor(rules, path)
  return rule !== undefined && modeCovers(rule, action) ? rule : undefined
}

/** Whether a deny rule covers the act: `rw` denies all access at and below its path, `ro` leaves reading. Case does not matter. */
export const fsRuleDenies = (rule: FsRule, { action, path }: FsCapability): boolean =>
  (rule.mode === 'rw' || action === 'fs:write') && isWithin(fold(rule.guestPath), fold(path))

/** One form for names that some file systems take for the same file. */
const fold = (path: string): string => path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC')

const kindWeight = { name: 1_000_000, cidr: 500_000, suffix: 0 } as const

/** How narrow a rule is; higher is narrower: host first, then path, then methods. */
const specificity = ({ host, paths, methods }: NetRule, path: string): number => {
  const width = host.kind === 'cidr' ? host.prefix * 256 : host.kind === 'suffix' ? host.suffix.length * 256 : 0
  const matched = paths?.filter((pattern) => pathMatches(pattern, path)) ?? []
  const longest = Math.max(-1, ...matched.map((pattern) => pattern.length * 2 + (pattern.endsWith('*') ? 0 : 1)))
  return (kindWeight[host.kind] + width) * 100_000 + (longest + 1) * 2 + (methods === undefined ? 0 : 1)
}

/**
 * The grant that decides about a request: among those that match, rules that bind a secret come first, then the narrowest,
 * then the first written. So a secret is used wherever the operator bound it, and the choice is always the same.
 */
export const netRuleFor = (rules: readonly NetRule[], capability: NetCapability): NetRule | undefined => {
  const matching = rules.filter((rule) => netRuleMatches(rule, capability))
  const bound = matching.filter((rule) => rule.secret !== undefined)
  const [best] = (bound.length > 0 ? bound : matching)
    .map((rule) => ({ rule, weight: specificity(rule, capability.path) }))
    .sort((a, b) => b.weight - a.weight)
  return best?.rule
}

/** The rule that lets the store be read or written. */
export const storeRuleFor = (rules: readonly KeyValueRule[], { action, store }: KeyValueCapability): KeyValueRule | undefined =>
  rules.find((rule) => rule.store === store && (action === 'kv:read' || rule.mode === 'rw'))

/** Whether a deny rule covers the act: `rw` denies all access to the store, `ro` leaves reading. */
export const storeRuleDenies = (rule: KeyValueRule, { action, store }: KeyValueCapability): boolean =>
  rule.store === store && (rule.mode === 'rw' || action === 'kv:write')

/** Whether a rule of secrets, environment, tools or configuration names what the capability names. */
export const nameMatches = (rule: { readonly name: string }, { name }: Extract<Capability, { name: string }>): boolean => rule.name === name

/** The deny rule that covers a resolved address of a request, if one does: to be asked for the address that is about to be dialled. */
export const addressDeniedBy = (denies: readonly NetRule[], capability: NetCapability, ip: string): NetRule | undefined =>
  denies.find((rule) => rule.host.kind === 'cidr' && netRuleDenies(rule, { ...capability, host: ip }))
