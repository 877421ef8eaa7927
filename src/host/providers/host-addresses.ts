import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { FairTurns } from '#host/providers/turns.ts'

/** Gives all addresses of a name as IP literals. Rejects like `dns.lookup`. */
export type ResolveName = (name: string) => Promise<readonly string[]>

/**
 * The system's resolver keeps a thread of the process's small pool busy, which files and the audit log need too: guests must not
 * take all of them with names that nobody answers, so this bound is the process's own and not a session's. One agent has one of them at most: whose name servers never
 * answer holds up its own lookups.
 */
const lookups = new FairTurns<string>(2)

/** What is being looked up or waits to be, by owner and name: who asks for it meanwhile gets the same answer. */
const underWay = new Map<string, Promise<readonly string[]>>()

/** The system's resolver, hosts file included, in turns with all other owners. */
export const resolverFor =
  (owner: string): ResolveName =>
  (name) => {
    const key = `${owner}\0${name}`
    const known = underWay.get(key)
    if (known !== undefined) return known
    const answer = lookups
      .take(owner, async () => (await lookup(name, { all: true })).map(({ address }) => address))
      .finally(() => underWay.delete(key))
    underWay.set(key, answer)
    return answer
  }

/** The system's resolver for whoever has no owner. */
export const systemResolver: ResolveName = resolverFor('')

/** Gives the addresses of this host itself, loopback aside. */
export type OwnAddresses = () => readonly string[]

/** The addresses of this host's interfaces now. */
export const interfaceAddresses: OwnAddresses = () =>
  Object.values(networkInterfaces()).flatMap((each = []) => each.filter(({ internal }) => !internal).map(({ address }) => address))
