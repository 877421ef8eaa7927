import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { Turns } from '#host/providers/turns.ts'

/** Gives all addresses of a name as IP literals. Rejects like `dns.lookup`. */
export type ResolveName = (name: string) => Promise<readonly string[]>

/**
 * The system's resolver keeps a thread of the process's small pool busy, which files and the audit log need too: guests must not
 * take all of them with names that nobody answers, so this bound is the process's own and not a session's.
 */
const lookups = new Turns(2)

/** The system's resolver, hosts file included. */
export const systemResolver: ResolveName = (name) =>
  lookups.take(async () => (await lookup(name, { all: true })).map(({ address }) => address))

/** Gives the addresses of this host itself, loopback aside. */
export type OwnAddresses = () => readonly string[]

/** The addresses of this host's interfaces now. */
export const interfaceAddresses: OwnAddresses = () =>
  Object.values(networkInterfaces()).flatMap((each = []) => each.filter(({ internal }) => !internal).map(({ address }) => address))
