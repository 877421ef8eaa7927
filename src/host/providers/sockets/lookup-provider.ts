import { isIP } from 'node:net'
import type { LookupCapability } from '#core/capability/capability.ts'
import { addressAllowed, parseAddress } from '#core/policy/address.ts'
import type { Granted } from '#core/policy/grant.ts'
import { hostMatches, normaliseHost } from '#core/policy/host-pattern.ts'
import type { LookupRule } from '#core/policy/rules.ts'
import type { Performed, Plan, Provider } from '#host/broker/provider.ts'
import type { ResolveName } from '#host/providers/host-addresses.ts'
import { Turns } from '#host/providers/turns.ts'
import type { Call } from '#wire/calls.ts'
import { causeOf, faultOf, socketFault } from './errors.ts'
import type { SocketsWorld } from './sockets-world.ts'

/** How long a guest waits for a name; the system may go on looking for it, and keeps the session's turn until it has. */
const lookupTimeoutMs = 10_000
/** Names of one session that wait for their turn: each is a name that the guest chose, on its way out of this host. */
const maxWaiting = 16
/** Addresses that one lookup gives at most. */
const maxAddresses = 32

/** The name lookups of one session: only names that were decided are sent to the resolver, one after the other. */
class NameLookups implements Provider {
  readonly ops = ['dns.lookup'] as const
  readonly #world: SocketsWorld
  readonly #resolve: ResolveName
  /** One slow name of a guest holds up its own next one, not those of others. */
  readonly #turns = new Turns(1)
  #waiting = 0

  constructor(world: SocketsWorld, resolve: ResolveName) {
    this.#world = world
    this.#resolve = resolve
  }

  plan(call: Call): Plan {
    if (call.op !== 'dns.lookup') throw new TypeError(`expected dns.lookup, got ${call.op}`)
    const name = normaliseHost(call.args.name)
    if (name === undefined || parseAddress(name) !== undefined) throw socketFault('invalid-argument', 'no name')
    return { kind: 'capability', capability: { action: 'dns:lookup', name }, effect: 'external', egressBytes: name.length }
  }

  async perform(granted: Granted): Promise<Performed> {
    const target = granted.consume()
    const { rule } = granted
    if (target.action !== 'dns:lookup' || rule.kind !== 'lookup') throw new TypeError('expected a grant for a lookup')
    const { resolved } = this.#world
    const given = await this.#inTime(target)
    const reachable = given.flatMap((address) => this.#reachable(address, rule)).slice(0, maxAddresses)
    const left = given.length - reachable.length
    if (reachable.length === 0) throw socketFault('name-unresolvable', `${left} addresses, which no rule reaches`)
    for (const address of reachable) resolved.remember(target.name, address)
    return {
      value: { addresses: reachable },
      summary: { addresses: reachable.join(', '), left },
      egressBytes: target.name.length,
      ingressBytes: reachable.reduce((sum, { length }) => sum + length, 0),
    }
  }

  async continue(call: Call): Promise<Performed> {
    throw new TypeError(`expected a capability call, got ${call.op}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #inTime({ name }: LookupCapability): Promise<readonly string[]> {
    if (this.#waiting >= maxWaiting) throw socketFault('temporary-resolver-failure', `${maxWaiting} lookups wait`)
    const { signal } = this.#world.session
    this.#waiting += 1
    const late = AbortSignal.any([signal, AbortSignal.timeout(lookupTimeoutMs)])
    const answer = this.#turns.take(async () => (late.aborted ? [] : this.#resolve(name))).finally(() => (this.#waiting -= 1))
    try {
      return await Promise.race([answer, rejectedBy(late)])
    } catch (error) {
      if (late.aborted) throw socketFault('temporary-resolver-failure', signal.aborted ? 'the session is over' : 'no answer in time')
      throw causeOf(error) === undefined ? socketFault('temporary-resolver-failure', 'the resolver failed') : faultOf(error)
    }
  }

  /**
   * An address that the guest may learn, in canonical form. A name leads to public addresses only, and to none of this host's: what it gives
   * beside them is worth something only to a session with a rule that names the address, and would tell any other how the network inside looks.
   */
  #reachable(address: string, rule: LookupRule): readonly string[] {
    const canonical = isIP(address) === 0 ? undefined : normaliseHost(address)
    if (canonical === undefined) return []
    const { grants, ownAddresses } = this.#world
    const isNamed = [...grants.tcp, ...grants.udp].some(({ direction, host }) => {
      return direction === 'connect' && host.kind === 'cidr' && hostMatches(host, canonical)
    })
    const isOwn = ownAddresses().some((own) => normaliseHost(own) === canonical)
    return isNamed || (!isOwn && addressAllowed(canonical, rule)) ? [canonical] : []
  }
}

const rejectedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const rejectNow = (): void => reject(new Error('aborted'))
    if (signal.aborted) rejectNow()
    else signal.addEventListener('abort', rejectNow, { once: true })
  })

/** Looks names up for wasi:sockets, and remembers for the session which addresses they gave. */
export const createLookupProvider = (world: SocketsWorld, resolve: ResolveName): Provider => new NameLookups(world, resolve)
