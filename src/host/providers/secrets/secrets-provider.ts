import type { Granted } from '#core/policy/grant.ts'
import type { Performed, Plan, Provider, ProviderSession } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'
import type { SecretVault } from './secret-vault.ts'

/** Performs `secret.use`: gives the guest a placeholder, never the secret. */
export const createSecretsProvider = (_session: ProviderSession, vault: SecretVault): Provider => ({
  ops: ['secret.use'],
  plan: (call: Call): Plan => {
    if (call.op !== 'secret.use') throw new TypeError(`expected secret.use, got ${call.op}`)
    return { kind: 'capability', capability: { action: 'secret:use', name: call.args.name }, effect: 'read' }
  },
  perform: async (granted: Granted): Promise<Performed> => {
    const target = granted.consume()
    if (target.action !== 'secret:use') throw new TypeError('expected a grant for a secret')
    const placeholder = vault.placeholder(target.name)
    return { value: { placeholder }, ingressBytes: placeholder.length }
  },
  continue: async (call: Call): Promise<Performed> => {
    throw new TypeError(`expected a capability call, got ${call.op}`)
  },
  [Symbol.asyncDispose]: async () => {},
})
