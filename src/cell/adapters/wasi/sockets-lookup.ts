import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { normaliseHost } from '#core/policy/host-pattern.ts'
import { maxLookupName } from '#wire/socket-calls.ts'
import { Pollable } from './poll.ts'
import { toIpAddress, type IpAddress } from './sockets-address.ts'
import { socketError, succeeded } from './sockets-error.ts'
import { requireNetwork, type Network } from './sockets-network.ts'
import { Pending } from './sockets-pending.ts'

/** `wasi:sockets/ip-name-lookup` `resolve-address-stream`. */
export class ResolveAddressStream {
  readonly #scope: SessionScope
  readonly #addresses: Pending<readonly IpAddress[]>
  readonly #held: HeldResource
  #next = 0

  constructor(scope: SessionScope, resolve: () => Promise<readonly IpAddress[]>) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    // A dropped stream keeps its place until the host has answered: looking up in a loop piles up nothing.
    this.#addresses = new Pending(scope, resolve().finally(this.#held.work()))
  }

  resolveNextAddress(): IpAddress | undefined {
    const address = this.#addresses.take()[this.#next]
    if (address !== undefined) this.#next++
    return address
  }

  subscribe(): Pollable {
    return new Pollable(this.#scope, this.#addresses)
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(ResolveAddressStream)

/** A name in the form that is looked up, or the address that it already is. Throws `invalid-argument`. */
const read = (name: string): string | IpAddress => {
  const literal = toIpAddress(name) ?? bracketed(name)
  if (literal !== undefined) return literal
  const normal = normaliseHost(toAscii(name))
  // What IDNA makes of digits of other scripts may be an address, and is no name.
  if (normal === undefined || toIpAddress(normal) !== undefined) throw socketError('invalid-argument')
  return normal
}

/** A name with its Unicode labels as A-labels (RFC 5891, the way of the URL standard); empty when that cannot be. */
const toAscii = (name: string): string => {
  if (/^[!-~]*$/.test(name)) return name
  // Only what may stand in a name: to a parser of URLs other ASCII means something.
  if (name.length > maxLookupName || !/^[A-Za-z0-9.\u0080-\uffff-]+$/.test(name)) return ''
  try {
    return new URL(`http://${name}/`).hostname
  } catch {
    return ''
  }
}

/** `[::1]`, as URLs write it. */
const bracketed = (name: string): IpAddress | undefined => {
  const address = /^\[(.*)\]$/s.exec(name)?.[1]
  return address?.includes(':') === true ? toIpAddress(address) : undefined
}

const lookUp = async (scope: SessionScope, name: string): Promise<readonly IpAddress[]> => {
  const { value } = succeeded(await scope.call('dns.lookup', { name }))
  const addresses = Array.isArray(value['addresses']) ? value['addresses'] : []
  return addresses.flatMap((each: unknown) => (typeof each === 'string' ? (toIpAddress(each) ?? []) : []))
}

/** `resolve-addresses`: address literals are answered here, names by the host. */
export const resolveAddressesIn =
  (slot: SessionSlot) =>
  (network: Network, name: string): ResolveAddressStream => {
    const { scope } = slot
    requireNetwork(network, scope)
    const wanted = read(name)
    return new ResolveAddressStream(scope, () => (typeof wanted === 'string' ? lookUp(scope, wanted) : Promise.resolve([wanted])))
  }
