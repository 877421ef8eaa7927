import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { NetCapability } from '#core/capability/capability.ts'
import { addressAllowed } from '#core/policy/address.ts'
import { normaliseHost } from '#core/policy/host-pattern.ts'
import { addressDeniedBy } from '#core/policy/match.ts'
import type { NetRule } from '#core/policy/rules.ts'
import type { OwnAddresses, ResolveName } from '#host/providers/host-addresses.ts'
import { Connection } from './connection.ts'
import type { ConnectionPlaces } from './connection-places.ts'
import { causeOf, httpFault } from './errors.ts'
import { tlsContext } from './tls-context.ts'

/** Addresses tried before a connection is given up. */
const maxAddresses = 4

/** What the addresses of a request are checked against. */
export interface AddressCheck {
  readonly capability: NetCapability
  /** The rule that allowed the request. */
  readonly rule: NetRule
  /** Rules that deny, whatever name led to the address. */
  readonly denies: readonly NetRule[]
  readonly ownAddresses: OwnAddresses
}

/** Why a connection must not go to an address in its canonical spelling; undefined when it may. */
const problemOf = (address: string, { capability, rule, denies, ownAddresses }: AddressCheck): string | undefined => {
  const deny = addressDeniedBy(denies, capability, address)
  if (deny !== undefined) return `denied by ${deny.origin}`
  if (!addressAllowed(address, rule)) return 'which no rule names'
  // A public address of this host reaches what its firewall hides from everybody else.
  const isOwn = rule.host.kind !== 'cidr' && ownAddresses().some((own) => normaliseHost(own) === address)
  return isOwn ? 'an address of this host, which no rule names' : undefined
}

/**
 * The addresses that a host name or IP literal stands for, every one of them checked. One bad address refuses them all: a name
 * that also points inside is a rebinding name. Throws GuestFault.
 */
export const checkedAddresses = async (check: AddressCheck, resolve: ResolveName): Promise<readonly string[]> => {
  const { host } = check.capability
  const addresses = isIP(host) === 0 ? await resolve(host) : [host]
  if (addresses.length === 0) throw httpFault('destination-not-found', 'no addresses')
  const checked = addresses.map((address) => {
    const canonical = isIP(address) === 0 ? undefined : normaliseHost(address)
    const problem = canonical === undefined ? 'which is none' : problemOf(canonical, check)
    if (problem !== undefined) throw httpFault('destination-IP-prohibited', `\`${host}\` leads to ${address.slice(0, 64)}, ${problem}`)
    return canonical ?? ''
  })
  return checked.slice(0, maxAddresses)
}

/** Where and how to connect. */
export interface Destination {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** Checked; tried in order. */
  readonly addresses: readonly string[]
  /** PEM certificates to trust besides the built-in ones. */
  readonly extraCertificates: readonly string[]
}

/** After these another address of the same name may still answer. */
const worthAnotherAddress = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])

/** Dials the first checked address that answers. No proxy, no lookup: the address is a literal. Rejects with GuestFault or what Node says. */
export const dial = async (destination: Destination, places: ConnectionPlaces, signal: AbortSignal): Promise<Connection> => {
  let failure: unknown = httpFault('destination-not-found')
  for (const address of destination.addresses) {
    try {
      const plain = places.for(() => connectTcp({ host: address, port: destination.port, noDelay: true }))
      const socket = await connected(plain, 'connect', signal)
      if (normaliseHost(socket.remoteAddress ?? '') !== address) {
        socket.destroy()
        throw httpFault('destination-IP-prohibited', 'connected to another address than the one that was checked')
      }
      return new Connection(destination.scheme === 'https' ? await secured(socket, destination, signal) : socket, address)
    } catch (error) {
      failure = error
      if (!worthAnotherAddress.has(causeOf(error) ?? '')) break
    }
  }
  throw failure
}

/** TLS over a connection, the certificate verified for the host that was asked for, whatever the environment says. */
const secured = async (socket: Socket, { host, extraCertificates }: Destination, signal: AbortSignal): Promise<Socket> => {
  const secure = connectTls({
    socket,
    host,
    // An address is no server name (RFC 6066 section 3); it is verified against the certificate all the same.
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
    secureContext: tlsContext(extraCertificates),
  })
  return await connected(secure, 'secureConnect', signal)
}

/** The signal counts until then: a connection outlives the exchange that made it. */
const connected = <S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<S> =>
  new Promise((resolve, reject) => {
    const abort = (): void => void socket.destroy(new Error('aborted'))
    const failed = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    const closed = (): void => {
      signal.removeEventListener('abort', abort)
      reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    }
    // An error that comes when nobody listens any more, or a second one, must not end the host.
    socket.on('error', () => undefined)
    socket.once('error', failed).once('close', closed)
    socket.once(event, () => {
      socket.off('error', failed).off('close', closed)
      signal.removeEventListener('abort', abort)
      resolve(socket)
    })
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
