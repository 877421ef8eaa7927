import type { Policy } from '#core/policy/grants.ts'

/**
 * Whose key-value stores an agent uses. A bundle says itself what it is called, so stores by name are as private as the operator's choice of what runs under
 * that name; an agent that a policy names by the digest of its component has stores of its own, which nothing else can get at.
 */
export const storeNamespace = (agent: { readonly name: string; readonly digest: string }, policies: readonly Policy[]): string =>
  policies.some(({ agents }) => agents.has(agent.digest)) ? `digest ${agent.digest}` : `name ${agent.name}`
