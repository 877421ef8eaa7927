import type { Provider, ProviderSession } from '#host/broker/provider.ts'
import type { SecretVault } from '#host/providers/secrets/secret-vault.ts'

/** Gives all addresses of a name, canonical IP literals. Rejects like `dns.lookup`. */
export type ResolveName = (name: string) => Promise<readonly string[]>

export interface HttpOptions {
  readonly secrets: SecretVault
  /** Default: the system's resolver. */
  readonly resolve?: ResolveName
  /** PEM certificates to trust besides the built-in ones. */
  readonly extraCertificates?: readonly string[]
  /** Used when the guest sets none, and the most it may set; default 30,000. */
  readonly maxTimeoutMs?: number
}

/** Performs wasi:http outgoing requests over undici. Follows no redirect, honours no proxy, dials only addresses it checked. */
export const createHttpProvider = (_session: ProviderSession, _options: HttpOptions): Provider => {
  throw new TypeError('not built yet')
}
