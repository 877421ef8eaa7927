import type { Capability, NetCapability, SocketCapability } from '#core/capability/capability.ts'
import type { Decision, DenialReason } from './decision.ts'
import { defaultPort, hostPatternText } from './host-pattern.ts'
import { neutralise } from './neutralise.ts'
import type { NetRule } from './rules.ts'

/** A host for an authority: IPv6 in brackets. */
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

const netText = ({ method, scheme, host, port, path }: NetCapability): string =>
  `net:request ${method} ${scheme}://${bracketed(host)}:${port}${path}`

const plainText = (capability: Capability): string => {
  if (capability.action === 'net:request') return netText(capability)
  return `${capability.action} ${targetText(capability)}`
}

const targetText = (capability: Exclude<Capability, NetCapability>): string => {
  if ('path' in capability) return capability.path
  if ('address' in capability) return socketText(capability)
  if ('store' in capability) return capability.key === '' ? capability.store : `${capability.store}/${capability.key}`
  return capability.name
}

const socketText = ({ address, port, names }: SocketCapability): string =>
  `${bracketed(address)}:${port}${names.length === 0 ? '' : ` (${names.join(', ')})`}`

/** One line that says what a call asks for, e.g. `net:request GET https://x.com:443/`. Safe to show whatever a guest put into it. */
export const describeCapability = (capability: Capability): string => neutralise(plainText(capability), 300)

const reasonTexts: Readonly<Record<DenialReason, string>> = {
  'not-requested': 'not requested',
  'not-granted': 'not granted',
  denied: 'denied by a rule',
  limit: 'over a limit',
  address: 'address not allowed',
  expired: 'expired',
  conflict: 'not taken over',
  error: 'could not be decided',
}

type Denial = Extract<Decision, { effect: 'deny' }>

/**
 * One line that says what was denied, why, and the way out when there is one:
 * `denied net:request GET https://x.com:443/ (not granted) · allow with: --allow-net=x.com`.
 */
export const describeDenial = ({ capability, reason, hint, origin }: Denial): string => {
  const by = origin === undefined ? reasonTexts[reason] : `denied by ${neutralise(origin)}`
  return `denied ${describeCapability(capability)} (${by})${hint === undefined ? '' : ` · ${neutralise(hint)}`}`
}

/** The value of `--allow-net` that stands for a host, port and scheme. */
export const netFlagValue = (host: string, port: number, scheme: 'http' | 'https'): string =>
  `${scheme === 'http' ? 'http://' : ''}${bracketed(host)}${port === defaultPort(scheme) ? '' : `:${port}`}`

/** A rule about hosts in one line, for tables: `GET https://*.example.com:443 /v1/*`. */
export const describeNetRule = ({ methods, scheme, host, port, paths }: NetRule): string =>
  neutralise(
    `${methods?.join(',') ?? 'any method'} ${scheme ?? 'any'}://${hostPatternText(host)}:${port ?? 'any'} ${paths?.join(' ') ?? 'any path'}`,
    300,
  )
