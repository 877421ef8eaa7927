import type { SecretRule } from '#core/policy/rules.ts'
import type { ProviderSession } from '#host/broker/provider.ts'

/** Where and how a secret goes into a request. Holds the value: never log it. */
export interface SecretInjection {
  /** Lower case. */
  readonly header: string
  readonly value: string
}

/** Finds placeholders in a stream, split ones too. */
export interface PlaceholderScan {
  /** Names of the secrets whose placeholder has ended in this chunk, in any of the known encodings. */
  push(chunk: Uint8Array): readonly string[]
}

/** Masks secret values in a stream with as many `*`, so that lengths stay true. */
export interface Redaction {
  /** The bytes that are safe to show; may hold some back that could begin a secret. */
  push(chunk: Uint8Array): Uint8Array
  /** What was held back, at the end of the stream. */
  end(): Uint8Array
}

/**
 * The secrets of one session: the only place that holds their values. Guests get placeholders; values go only into the header
 * that the binding names.
 */
export interface SecretVault {
  /** The placeholder of a secret. Throws GuestFault `unknown`. */
  placeholder(name: string): string
  /** Names of the secrets whose placeholder stands in `text`, raw, percent-encoded or base64. */
  placeholdersIn(text: string): readonly string[]
  scan(): PlaceholderScan
  /** Reads the value (once) and renders it for its header. Throws GuestFault `unknown` or `failed`. */
  injection(name: string): Promise<SecretInjection>
  /** Masks every value read so far, in its common encodings. */
  redaction(): Redaction
  /** {@link redaction} for one text of latin-1 characters. */
  redactText(text: string): string
}

/** Makes the vault of one session from the rules that grant it secrets; `read` fetches a value from `source` when it is first used. */
export const createSecretVault = (
  _session: ProviderSession,
  _rules: readonly SecretRule[],
  _read: (source: string) => Promise<string>,
): SecretVault => {
  throw new TypeError('not built yet')
}
