import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, getCACertificates } from 'node:tls'
import { addressAllowed } from '#core/policy/address.ts'
import { normaliseHost } from '#core/policy/host-pattern.ts'
import type { NetRule } from '#core/policy/rules.ts'
import { causeOf, httpFault } from './errors.ts'

/** Gives all addresses of a name as IP literals. Rejects like `dns.lookup`. */
export type ResolveName = (name: string) => Promise<readonly string[]>

/** The system's resolver, hosts file included. */
export const systemResolver: ResolveName = async (name) => (await lookup(name, { all: true })).map(({ address }) => address)

/** Addresses tried before a connection is given up. */
const maxAddresses = 4

/**
 * The addresses that a host name or IP literal stands for, every one of them checked against the rule that allowed the
 * request. One bad address refuses them all: a name that also points inside is a rebinding name. Throws GuestFault.
 */
export const checkedAddresses = async (host: string, rule: NetRule, resolve: ResolveName): Promise<readonly string[]> => {
  const addresses = isIP(host) === 0 ? await resolve(host) : [host]
  if (addresses.length === 0) throw httpFault('DNS-error', 'no addresses')
  const canonical = addresses.map((address) => (isIP(address) === 0 ? undefined : normaliseHost(address)))
  const checked = canonical.filter((address) => address !== undefined && addressAllowed(address, rule))
  if (checked.length < addresses.length) {
    const bad = addresses.find((_, index) => canonical[index] === undefined || !addressAllowed(canonical[index], rule))
    throw httpFault('destination-IP-prohibited', `\`${host}\` leads to ${bad?.slice(0, 64)}, which no rule names`)
  }
  return checked.filter((address) => address !== undefined).slice(0, maxAddresses)
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

/** A connection and the address it really goes to. */
export interface Connection {
  readonly socket: Socket
  readonly address: string
}

/** After these another address of the same name may still answer. */
const worthAnotherAddress = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])

/** Dials the first checked address that answers. No proxy, no lookup: the address is a literal. */
export const dial = async (destination: Destination, signal: AbortSignal): Promise<Connection> => {
  let failure: unknown = httpFault('destination-not-found')
  for (const address of destination.addresses) {
    try {
      const socket = await connected(connectTcp({ host: address, port: destination.port, noDelay: true, signal }), 'connect')
      if (normaliseHost(socket.remoteAddress ?? '') !== address) {
        socket.destroy()
        throw httpFault('destination-IP-prohibited', 'connected to another address than the one that was checked')
      }
      return { socket: destination.scheme === 'https' ? await secured(socket, destination, signal) : socket, address }
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
    minVersion: 'TLSv1.2',
    ...(extraCertificates.length > 0 && { ca: [...getCACertificates('default'), ...extraCertificates] }),
  })
  const abort = (): void => void secure.destroy(new Error('aborted'))
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await connected(secure, 'secureConnect')
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

const connected = <S extends Socket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> =>
  new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    const closed = (): void => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    // An error that comes when nobody listens any more, or a second one, must not end the host.
    socket.on('error', () => undefined)
    socket.once('error', failed).once('close', closed)
    socket.once(event, () => {
      socket.off('error', failed).off('close', closed)
      resolve(socket)
    })
  })
