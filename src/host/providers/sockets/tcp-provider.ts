import { BoundSocket } from 'node:net'
import type { SocketCapability } from '#core/capability/capability.ts'
import { classifyAddress } from '#core/policy/address.ts'
import type { Granted } from '#core/policy/grant.ts'
import { GuestFault, type Performed, type Plan, type Provider } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'
import { faultOf, socketFault } from './errors.ts'
import { canonicalAddress, isUnspecified, refuseOwnAddress, type SocketsWorld } from './sockets-world.ts'
import { TcpClient } from './tcp-client.ts'
import type { TcpConnection } from './tcp-connection.ts'
import { TcpListener } from './tcp-listener.ts'

const ops = [
  'tcp.bind',
  'tcp.unbind',
  'tcp.connect',
  'tcp.connected',
  'tcp.listen',
  'tcp.accept',
  'tcp.read',
  'tcp.write',
  'tcp.shutdown',
  'tcp.keep-alive',
  'tcp.close',
] as const

type TcpCall = Extract<Call, { readonly op: (typeof ops)[number] }>
type Of<O extends TcpCall['op']> = Extract<TcpCall, { readonly op: O }>

const isTcpCall = (call: Call): call is TcpCall => ops.some((op) => op === call.op)

/** How long a connection may take to come about. */
const connectTimeoutMs = 30_000

/** A local address that a guest took, and how it asked for it. */
interface Reservation {
  readonly bound: BoundSocket
  readonly address: string
  readonly port: number
}

/** At no place in particular, or where nobody else can see it: says nothing about this host's addresses. */
const isUnremarkable = (address: string): boolean => classifyAddress(address) === 'loopback' || isUnspecified(address)

/** The TCP of one session. */
class TcpSockets implements Provider {
  readonly ops = ops
  readonly #world: SocketsWorld
  readonly #reservations = new Map<number, Reservation>()
  readonly #open = new Set<TcpClient | TcpListener>()
  #nextReservation = 0

  constructor(world: SocketsWorld) {
    this.#world = world
    const { signal } = world.session
    signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true })
  }

  plan(call: Call): Plan {
    if (!isTcpCall(call)) throw new TypeError(`expected a call of tcp, got ${call.op}`)
    // Which end of a connection a bound socket becomes is not known yet. A port that the system picks, where nobody is, is no act.
    if (call.op === 'tcp.bind') return this.#isClientBind(call) ? { kind: 'own' } : this.#listening(call.args)
    if (call.op === 'tcp.unbind') return { kind: 'own' }
    if (call.op === 'tcp.listen') return this.#listening(call.args)
    if (call.op === 'tcp.connect') return { kind: 'capability', capability: this.#capability('tcp:connect', call.args), effect: 'external' }
    return { kind: 'continuation', handle: call.args.handle, egressBytes: call.op === 'tcp.write' ? call.body.length : 0 }
  }

  async perform(granted: Granted, call: Call): Promise<Performed> {
    const target = granted.consume()
    const { rule } = granted
    if (rule.kind !== 'tcp') throw new TypeError('expected a grant for a socket')
    if (call.op === 'tcp.connect' && target.action === 'tcp:connect') {
      refuseOwnAddress(target.address, rule, this.#world.ownAddresses)
      return this.#connect(target, call)
    }
    if (call.op === 'tcp.bind' && target.action === 'tcp:listen') return this.#bind(target.address, target.port)
    if (call.op === 'tcp.listen' && target.action === 'tcp:listen') return this.#listen(target, call)
    throw new TypeError('expected a grant for what the call does')
  }

  async continue(call: Call): Promise<Performed> {
    if (!isTcpCall(call)) throw new TypeError(`expected a call of tcp, got ${call.op}`)
    if (call.op === 'tcp.bind') return this.#bind(canonicalAddress(call.args.address), 0)
    if (call.op === 'tcp.unbind') {
      this.#release(call.args.reservation)
      return { value: {} }
    }
    if (call.op === 'tcp.connected') {
      const { localAddress, localPort } = await this.#client(call.args.handle).connected()
      return { value: { address: localAddress, port: localPort } }
    }
    if (call.op === 'tcp.accept') return { value: { ...(await this.#listener(call.args.handle).accept()) } }
    if (call.op === 'tcp.connect' || call.op === 'tcp.listen') throw new TypeError(`expected a call on a socket, got ${call.op}`)
    return this.#onConnection(call)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reservation of this.#reservations.keys()) this.#release(reservation)
    await Promise.all([...this.#open].map((each) => each.close()))
    this.#open.clear()
  }

  async #onConnection(call: Of<'tcp.read' | 'tcp.write' | 'tcp.shutdown' | 'tcp.keep-alive' | 'tcp.close'>): Promise<Performed> {
    if (call.op === 'tcp.close') return this.#close(call.args)
    const connection = this.#connection(call.args)
    switch (call.op) {
      case 'tcp.read': {
        const { bytes, end, failure } = await connection.read(call.args.length)
        return { value: { end, failure }, body: bytes, ingressBytes: bytes.length }
      }
      case 'tcp.write':
        return { value: { failure: await connection.write(call.body) }, egressBytes: call.body.length }
      case 'tcp.shutdown':
        connection.shutdown(call.args.direction)
        return { value: {} }
      case 'tcp.keep-alive':
        connection.keepAlive(call.args)
        return { value: {} }
    }
  }

  #capability(action: 'tcp:connect' | 'tcp:listen', args: { readonly address: string; readonly port: number }): SocketCapability {
    const address = canonicalAddress(args.address)
    const isConnect = action === 'tcp:connect'
    if (isConnect && args.port === 0) throw socketFault('invalid-argument', 'port 0')
    return { action, address, port: args.port, names: isConnect ? this.#world.resolved.namesOf(address) : [] }
  }

  #listening(args: { readonly address: string; readonly port: number }): Plan {
    return { kind: 'capability', capability: this.#capability('tcp:listen', args), effect: 'external' }
  }

  #isClientBind({ args }: Of<'tcp.bind'>): boolean {
    return args.port === 0 && this.#world.grants.tcp.length > 0 && isUnremarkable(canonicalAddress(args.address))
  }

  #bind(address: string, port: number): Performed {
    this.#refuseWhenOver()
    this.#world.budget.take()
    try {
      const bound = new BoundSocket({ host: address, port, ipv6Only: address.includes(':') })
      const reservation = this.#nextReservation
      this.#nextReservation += 1
      this.#reservations.set(reservation, { bound, address, port })
      return { value: { reservation, port: bound.address().port }, summary: { port: bound.address().port } }
    } catch (error) {
      this.#world.budget.give()
      throw faultOf(error)
    }
  }

  #release(number: number): void {
    const reservation = this.#reservations.get(number)
    if (reservation === undefined) return
    this.#reservations.delete(number)
    reservation.bound.close()
    this.#world.budget.give()
  }

  /** Takes a reservation out, with its place in the budget. */
  #taken(number: number): Reservation {
    const reservation = this.#reservations.get(number)
    if (reservation === undefined) throw socketFault('invalid-state', 'no such reservation')
    this.#reservations.delete(number)
    return reservation
  }

  #connect(target: SocketCapability, { args }: Of<'tcp.connect'>): Performed {
    this.#refuseWhenOver()
    const { session, budget } = this.#world
    const bound = args.reservation === null ? undefined : this.#taken(args.reservation).bound
    if (bound === undefined) budget.take()
    const { address, port } = target
    const client: TcpClient = new TcpClient({ address, port, bound, timeoutMs: connectTimeoutMs }, session, () => {
      budget.give()
      this.#open.delete(client)
    })
    this.#open.add(client)
    return { value: {}, opened: client }
  }

  /** Listens on exactly the address that was decided: the reservation has to be for it. */
  async #listen(target: SocketCapability, { args }: Of<'tcp.listen'>): Promise<Performed> {
    this.#refuseWhenOver()
    const { session, budget } = this.#world
    const { bound, address, port } = this.#taken(args.reservation)
    if (address !== target.address || port !== target.port) {
      bound.close()
      budget.give()
      throw socketFault('invalid-state', 'bound to another address than the one that was decided')
    }
    try {
      const listener = await TcpListener.listen(bound, { session, budget, backlog: args.backlog })
      this.#open.add(listener)
      if (session.signal.aborted) await listener.close()
      return { value: {}, opened: listener }
    } catch (error) {
      budget.give()
      throw error
    }
  }

  #close({ handle, connection }: Of<'tcp.close'>['args']): Performed {
    const open = this.#handle(handle)
    const isLast = open instanceof TcpClient || (connection === null ? open.stop() : open.closeConnection(connection))
    if (isLast) this.#open.delete(open)
    return { value: {}, closed: isLast }
  }

  #connection({ handle, connection }: { readonly handle: number; readonly connection: number }): TcpConnection {
    const open = this.#handle(handle)
    return open instanceof TcpClient ? open.connection : open.connection(connection)
  }

  #client(number: number): TcpClient {
    const open = this.#handle(number)
    if (!(open instanceof TcpClient)) throw new GuestFault('invalid-state')
    return open
  }

  #listener(number: number): TcpListener {
    const open = this.#handle(number)
    if (!(open instanceof TcpListener)) throw new GuestFault('invalid-state')
    return open
  }

  #handle(number: number): TcpClient | TcpListener {
    const handle = this.#world.session.handle(number)
    if (!(handle instanceof TcpClient || handle instanceof TcpListener)) throw new GuestFault('invalid-state')
    return handle
  }

  /** What opened after everything was closed nobody would ever close. */
  #refuseWhenOver(): void {
    if (this.#world.session.signal.aborted) throw socketFault('connection-aborted', 'the session is over')
  }
}

/** Performs TCP for wasi:sockets: connects only to addresses that were decided, listens only where that was decided. */
export const createTcpProvider = (world: SocketsWorld): Provider => new TcpSockets(world)
