import type { Provider, ProviderSession } from '#host/broker/provider.ts'
import type { SecretVault } from './secret-vault.ts'

/** Performs `secret.use`: gives the guest a placeholder, never the secret. */
export const createSecretsProvider = (_session: ProviderSession, _vault: SecretVault): Provider => {
  throw new TypeError('not built yet')
}
