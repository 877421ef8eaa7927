/** Addresses that a session may have learned and not forgotten. */
const maxAddresses = 1024
/** Names that one address may have; a capability has room for more. */
const maxNames = 16

/**
 * Which names, all of them granted, gave this session which addresses: what lets a rule with a name cover an address. What is forgotten
 * (the oldest first) only takes authority away.
 */
export class ResolvedNames {
  readonly #names = new Map<string, Set<string>>()

  /** Remembers that `name` gave `address`, both in their normal forms. */
  remember(name: string, address: string): void {
    const names = this.#names.get(address) ?? new Set()
    if (names.size < maxNames) names.add(name)
    this.#names.delete(address)
    this.#names.set(address, names)
    if (this.#names.size <= maxAddresses) return
    const [oldest] = this.#names.keys()
    if (oldest !== undefined) this.#names.delete(oldest)
  }

  /** The names that gave `address` to this session. */
  namesOf(address: string): readonly string[] {
    return [...(this.#names.get(address) ?? [])]
  }
}
