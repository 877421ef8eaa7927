import type { NetCapability } from '#core/capability/capability.ts'
import type { NetRule } from '#core/policy/rules.ts'
import { isLoopbackPattern } from '#core/policy/host-pattern.ts'
import { GuestFault } from '#host/broker/provider.ts'
import type { SecretVault } from '#host/providers/secrets/secret-vault.ts'
import { httpFault } from './errors.ts'
import { foldFieldName, type Headers, type StartArgs } from './request-head.ts'

/**
 * Refuses a request that carries a placeholder anywhere but in the header where the rule's own secret goes: it would be sent as it
 * stands, to a server it is not for, and whoever wrote the agent would not notice. Throws GuestFault.
 */
export const refuseStrayPlaceholders = (request: StartArgs, rule: NetRule, vault: SecretVault): void => {
  const bound = rule.secret === undefined ? undefined : vault.headerOf(rule.secret)
  refuseIn(`${request.method} ${request.authority}${request.pathWithQuery}`, 'the target', vault)
  for (const [name, value] of request.headers) {
    const isBound = bound !== undefined && foldFieldName(name) === foldFieldName(bound)
    const stray = vault.placeholdersIn(`${name}\n${value}`).find((secret) => !isBound || secret !== rule.secret)
    if (stray !== undefined) throw strayFault(stray, `header \`${name}\``)
  }
}

/** Refuses a placeholder behind the body, and the field of the rule's secret there: servers may merge trailers into headers. Throws GuestFault. */
export const refuseStrayTrailers = (trailers: Headers, rule: NetRule, vault: SecretVault): void => {
  const bound = rule.secret === undefined ? undefined : vault.headerOf(rule.secret)
  for (const [name, value] of trailers) {
    refuseIn(`${name}\n${value}`, `trailer \`${name}\``, vault)
    if (bound !== undefined && foldFieldName(name) === foldFieldName(bound)) {
      throw httpFault('HTTP-request-denied', `trailer \`${name}\` is the secret's`)
    }
  }
}

/** Refuses a placeholder in text that is sent as it stands. */
const refuseIn = (text: string, where: string, vault: SecretVault): void => {
  const [stray] = vault.placeholdersIn(text)
  if (stray !== undefined) throw strayFault(stray, where)
}

const strayFault = (secret: string, where: string): GuestFault =>
  httpFault('HTTP-request-denied', `the placeholder of secret \`${secret}\` stands in ${where}`)

/** Whether a secret may travel: over TLS, or in the clear to a loopback address that the rule names. */
const mayTravel = ({ scheme }: NetCapability, rule: NetRule): boolean =>
  scheme === 'https' || (rule.scheme === 'http' && isLoopbackPattern(rule.host))

/** Fields with which a guest could have a secret that a server echoes come back in a form that masking does not know. */
const reshaping = new Set(['accept-encoding', 'range', 'if-range', 'te'])

/** The headers to send: with the rule's secret in its place, over whatever the guest put there. Throws GuestFault. */
export const withSecret = async (headers: Headers, target: NetCapability, rule: NetRule, vault: SecretVault): Promise<Headers> => {
  if (rule.secret === undefined) return headers
  if (!mayTravel(target, rule)) throw httpFault('HTTP-request-denied', `secret \`${rule.secret}\` is not sent without TLS`)
  const { header, value } = await injectionOf(rule.secret, vault)
  const own = foldFieldName(header)
  const kept = headers.filter(([name]) => foldFieldName(name) !== own && !reshaping.has(foldFieldName(name)))
  return [...kept, ['accept-encoding', 'identity'], [header, value]]
}

const injectionOf = async (name: string, vault: SecretVault): ReturnType<SecretVault['injection']> => {
  try {
    return await vault.injection(name)
  } catch (error) {
    // The operator's mistake, not the guest's.
    if (error instanceof GuestFault) throw httpFault('configuration-error', error.detail ?? `secret \`${name}\`: ${error.code}`)
    throw error
  }
}
