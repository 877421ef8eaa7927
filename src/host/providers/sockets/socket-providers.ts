import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { Provider, ProviderSession } from '#host/broker/provider.ts'
import { interfaceAddresses, systemResolver, type OwnAddresses, type ResolveName } from '#host/providers/host-addresses.ts'
import { createLookupProvider } from './lookup-provider.ts'
import { ResolvedNames } from './resolved-names.ts'
import { SocketBudget } from './socket-budget.ts'
import type { SocketsWorld } from './sockets-world.ts'
import { createTcpProvider } from './tcp-provider.ts'
import { createUdpProvider } from './udp-provider.ts'

export interface SocketOptions {
  readonly policy: Pick<EffectivePolicy, 'grants' | 'denies'>
  /** Default: the system's resolver. */
  readonly resolve?: ResolveName
  /** Addresses of this host; default: those of its interfaces. */
  readonly ownAddresses?: OwnAddresses
}

/** The providers of wasi:sockets for one session: name lookups, TCP and UDP, which share what they may open and what names led to. */
export const createSocketProviders = (session: ProviderSession, options: SocketOptions): readonly Provider[] => {
  const { policy, resolve = systemResolver, ownAddresses = interfaceAddresses } = options
  const { grants, denies } = policy
  const world: SocketsWorld = { session, grants, denies, ownAddresses, budget: new SocketBudget(), resolved: new ResolvedNames() }
  return [createLookupProvider(world, resolve), createTcpProvider(world), createUdpProvider(world)]
}
