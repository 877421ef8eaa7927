import { isIP } from 'node:net'
import { parseAddress } from '#core/policy/address.ts'
import { normaliseHost } from '#core/policy/host-pattern.ts'
import type { RuleSet, SocketRule } from '#core/policy/rules.ts'
import type { ProviderSession } from '#host/broker/provider.ts'
import type { OwnAddresses } from '#host/providers/host-addresses.ts'
import { socketFault } from './errors.ts'
import type { ResolvedNames } from './resolved-names.ts'
import type { SocketBudget } from './socket-budget.ts'

/** What the providers of one session's sockets share. */
export interface SocketsWorld {
  readonly session: ProviderSession
  readonly grants: Pick<RuleSet, 'tcp' | 'udp'>
  /** Asked again where a grant covers peers that it does not name. */
  readonly denies: RuleSet
  readonly budget: SocketBudget
  readonly resolved: ResolvedNames
  readonly ownAddresses: OwnAddresses
}

/** The canonical form of an address literal that a cell gave. Throws GuestFault `invalid-argument` for anything else. */
export const canonicalAddress = (text: string): string => {
  const address = isIP(text) === 0 ? undefined : normaliseHost(text)
  if (address === undefined) throw socketFault('invalid-argument', 'no address')
  return address
}

/** The canonical form of an address that the system gave, its zone left out. */
export const systemAddress = (text: string | undefined): string => normaliseHost((text ?? '').replace(/%.*$/s, '')) ?? ''

/** Whether it is the address that stands for any. */
export const isUnspecified = (address: string): boolean => parseAddress(address)?.every((byte) => byte === 0) === true

/**
 * Refuses an address of this host that only a name led to: it reaches what a firewall hides from everybody else. No address at all (`0.0.0.0`) leads to this host too, under
 * a name that rules about it do not know.
 * Throws GuestFault `access-denied`.
 */
export const refuseOwnAddress = (address: string, rule: SocketRule, ownAddresses: OwnAddresses): void => {
  if (isUnspecified(address)) throw socketFault('access-denied', 'no address in particular')
  if (rule.host.kind !== 'cidr' && ownAddresses().some((own) => normaliseHost(own) === address))
    throw socketFault('access-denied', 'an address of this host, which no rule names')
}
