import type { SecretRule } from '#core/policy/rules.ts'
import { GuestFault, type ProviderSession } from '#host/broker/provider.ts'
import { renderingsOf } from './encodings.ts'
import { newPlaceholder, PlaceholderScanner, placeholdersInText } from './placeholder.ts'
import { type Redaction, redactionOf } from './redaction.ts'

/** Where and how a secret goes into a request. Holds the value: never log it. */
export interface SecretInjection {
  /** Lower case. */
  readonly header: string
  readonly value: string
}

/** Finds placeholders in a stream, split ones too. */
export interface PlaceholderScan {
  /** Names of the secrets whose placeholder has ended in this chunk, raw, percent-encoded or base64. */
  push(chunk: Uint8Array): readonly string[]
}

/**
 * The secrets of one session: the only place that holds their values. Guests get placeholders; a value goes only into the
 * header that its binding names. Nothing here turns a value into text for people.
 */
export interface SecretVault {
  /** The placeholder of a secret. Throws GuestFault `unknown`. */
  placeholder(name: string): string
  /** Names of the secrets whose placeholder stands in `text`, raw, percent-encoded or base64; `?` for one of no known secret. */
  placeholdersIn(text: string): readonly string[]
  scan(): PlaceholderScan
  /** The header, lower case, that the binding of a secret names; undefined when it has none. */
  headerOf(name: string): string | undefined
  /** Reads the value (once) and renders it for its header. Throws GuestFault `unknown` or `failed`. */
  injection(name: string): Promise<SecretInjection>
  /** Masks every value read so far, in its common encodings. */
  redaction(): Redaction
  /** {@link redaction} for one text of latin-1 characters. */
  redactText(text: string): string
}

/** Shorter values would be masked all over every response. */
const minSecretLength = 6
const maxSecretLength = 8192
/** What a header value may hold (RFC 9110 section 5.5). */
const headerValue = /^[\t\x20-\x7e\x80-\xff]+$/
const mark = '{secret}'

class SessionVault implements SecretVault {
  readonly #rules: ReadonlyMap<string, SecretRule>
  readonly #read: (source: string) => Promise<string>
  readonly #names = new Map<string, string>()
  readonly #values = new Map<string, Promise<string>>()
  #patterns: readonly Uint8Array[] = []

  constructor(rules: readonly SecretRule[], read: (source: string) => Promise<string>) {
    this.#rules = new Map(rules.map((rule) => [rule.name, rule]))
    this.#read = read
    for (const rule of rules) this.#names.set(newPlaceholder(), rule.name)
  }

  placeholder(name: string): string {
    for (const [placeholder, named] of this.#names) if (named === name) return placeholder
    throw new GuestFault('unknown')
  }

  placeholdersIn(text: string): readonly string[] {
    return this.#namesOf(placeholdersInText(text, this.#names.keys()))
  }

  scan(): PlaceholderScan {
    const scanner = new PlaceholderScanner(this.#names.keys())
    return { push: (chunk) => this.#namesOf(scanner.push(chunk)) }
  }

  headerOf(name: string): string | undefined {
    return this.#rules.get(name)?.inject?.header.toLowerCase()
  }

  async injection(name: string): Promise<SecretInjection> {
    const rule = this.#rules.get(name)
    if (rule === undefined) throw new GuestFault('unknown')
    if (rule.inject === undefined || !rule.inject.format.includes(mark))
      throw new GuestFault('failed', `secret \`${name}\` has no usable \`inject\``)
    const { header, format } = rule.inject
    const value = await this.#valueOf(rule)
    // A function, since `$&` in a value would mean something to `replaceAll`.
    return { header: header.toLowerCase(), value: format.replaceAll(mark, () => value) }
  }

  redaction(): Redaction {
    return redactionOf(this.#patterns)
  }

  redactText(text: string): string {
    const redaction = this.redaction()
    const shown = redaction.push(Buffer.from(text, 'latin1'))
    return Buffer.concat([shown, redaction.end()]).toString('latin1')
  }

  #namesOf(placeholders: ReadonlySet<string>): readonly string[] {
    return [...placeholders].map((placeholder) => this.#names.get(placeholder) ?? '?')
  }

  /** One read at a time and, when it failed, another try with the next request. */
  #valueOf(rule: SecretRule): Promise<string> {
    const reading = this.#values.get(rule.name)
    if (reading !== undefined) return reading
    const fresh = this.#fetch(rule)
    this.#values.set(rule.name, fresh)
    fresh.catch(() => this.#values.delete(rule.name))
    return fresh
  }

  async #fetch({ name, source }: SecretRule): Promise<string> {
    if (source === undefined) throw new GuestFault('failed', `secret \`${name}\` has no source`)
    let value: string
    try {
      value = (await this.#read(source)).replace(/\r?\n$/, '')
    } catch {
      // The reason may quote what was read.
      throw new GuestFault('failed', `secret \`${name}\` cannot be read`)
    }
    if (value.length < minSecretLength || value.length > maxSecretLength || !headerValue.test(value)) {
      throw new GuestFault(
        'failed',
        `secret \`${name}\`: expected ${minSecretLength} to ${maxSecretLength} characters that a header may hold`,
      )
    }
    this.#patterns = [...this.#patterns, ...renderingsOf(value)]
    return value
  }
}

/** Makes the vault of one session from the rules that grant it secrets; `read` fetches a value from `source` when it is first used. */
export const createSecretVault = (
  _session: ProviderSession,
  rules: readonly SecretRule[],
  read: (source: string) => Promise<string>,
): SecretVault => new SessionVault(rules, read)
