import type { SocketCapability } from '#core/capability/capability.ts'
import type { Granted } from '#core/policy/grant.ts'
import { socketDeniedBy } from '#core/policy/match-sockets.ts'
import { GuestFault, type Performed, type Plan, type Provider } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'
import { type Admission, type Datagram, DatagramSocket } from './datagram-socket.ts'
import { socketFault } from './errors.ts'
import { canonicalAddress, refuseOwnAddress, type SocketsWorld } from './sockets-world.ts'

const ops = ['udp.open', 'udp.receive', 'udp.send', 'udp.options', 'udp.close'] as const

type UdpCall = Extract<Call, { readonly op: (typeof ops)[number] }>
type Of<O extends UdpCall['op']> = Extract<UdpCall, { readonly op: O }>

const isUdpCall = (call: Call): call is UdpCall => ops.some((op) => op === call.op)

/** Several datagrams as one reply. */
const replyWith = (datagrams: readonly Datagram[]): Performed => {
  const body = new Uint8Array(datagrams.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let at = 0
  for (const { bytes } of datagrams) {
    body.set(bytes, at)
    at += bytes.length
  }
  return {
    value: { datagrams: datagrams.map(({ address, port, bytes }) => [address, port, bytes.length]) },
    body,
    ingressBytes: body.length,
  }
}

/** The UDP of one session. */
class UdpSockets implements Provider {
  readonly ops = ops
  readonly #world: SocketsWorld
  readonly #open = new Set<DatagramSocket>()

  constructor(world: SocketsWorld) {
    this.#world = world
    world.session.signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true })
  }

  plan(call: Call): Plan {
    if (!isUdpCall(call)) throw new TypeError(`expected a call of udp, got ${call.op}`)
    if (call.op === 'udp.open') {
      const address = canonicalAddress(call.args.address)
      return { kind: 'capability', capability: { action: 'udp:bind', address, port: call.args.port, names: [] }, effect: 'external' }
    }
    if (call.op !== 'udp.send') return { kind: 'continuation', handle: call.args.handle, egressBytes: 0 }
    const peer = this.#peer(call.args.address, call.args.port)
    const isDecided = this.#socket(call.args.handle).knows(peer.address, peer.port)
    return isDecided
      ? { kind: 'continuation', handle: call.args.handle, egressBytes: call.body.length }
      : { kind: 'capability', capability: peer, effect: 'external', egressBytes: call.body.length }
  }

  async perform(granted: Granted, call: Call): Promise<Performed> {
    const target = granted.consume()
    const { rule } = granted
    if (rule.kind !== 'udp') throw new TypeError('expected a grant for a datagram socket')
    if (call.op === 'udp.open' && target.action === 'udp:bind') {
      const isServer = rule.direction === 'listen'
      return this.#bind(target, { mayAnswer: isServer, admits: isServer ? this.#anyoneBut() : this.#peersOf(granted) })
    }
    if (call.op === 'udp.send' && target.action === 'udp:send') {
      refuseOwnAddress(target.address, rule, this.#world.ownAddresses)
      return this.#sendFirst(target, call)
    }
    throw new TypeError('expected a grant for what the call does')
  }

  async continue(call: Call): Promise<Performed> {
    if (!isUdpCall(call) || call.op === 'udp.open') throw new TypeError(`expected a call on a datagram socket, got ${call.op}`)
    const socket = this.#socket(call.args.handle)
    switch (call.op) {
      case 'udp.receive':
        return replyWith(await socket.receive())
      case 'udp.send':
        await socket.sendOn({ address: canonicalAddress(call.args.address), port: call.args.port, bytes: call.body })
        return { value: {}, egressBytes: call.body.length }
      case 'udp.options':
        socket.configure(call.args)
        return { value: {} }
      case 'udp.close':
        this.#open.delete(socket)
        return { value: {}, closed: true }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open].map((socket) => socket.close()))
    this.#open.clear()
  }

  #peer(text: string, port: number): SocketCapability {
    const address = canonicalAddress(text)
    if (port === 0) throw socketFault('invalid-argument', 'port 0')
    return { action: 'udp:send', address, port, names: this.#world.resolved.namesOf(address) }
  }

  /** The client's rule: whoever the session may send to may answer. */
  #peersOf(granted: Granted): Admission {
    const { resolved } = this.#world
    return (address, port) => port !== 0 && granted.alsoAllows({ action: 'udp:send', address, port, names: resolved.namesOf(address) })
  }

  /** The server's rule: whoever comes, and is answered, save for those that a deny rule names. A server that may not answer would be none. */
  #anyoneBut(): Admission {
    const { denies, resolved } = this.#world
    return (address, port) =>
      port !== 0 && socketDeniedBy(denies, { action: 'udp:send', address, port, names: resolved.namesOf(address) }) === undefined
  }

  async #bind({ address, port }: SocketCapability, openTo: { admits: Admission; mayAnswer: boolean }): Promise<Performed> {
    const { session, budget } = this.#world
    if (session.signal.aborted) throw socketFault('invalid-state', 'the session is over')
    budget.take()
    const socket = await DatagramSocket.open(address, port, { session, ...openTo, freed: () => budget.give() })
    this.#open.add(socket)
    if (session.signal.aborted) await socket.close()
    return { value: { ...(session.signal.aborted ? { address, port } : socket.place) }, opened: socket }
  }

  async #sendFirst({ address, port }: SocketCapability, { args, body }: Of<'udp.send'>): Promise<Performed> {
    const socket = this.#socket(args.handle)
    await socket.send({ address, port, bytes: body })
    socket.decided(address, port)
    return { value: {}, egressBytes: body.length }
  }

  #socket(number: number): DatagramSocket {
    const handle = this.#world.session.handle(number)
    if (!(handle instanceof DatagramSocket)) throw new GuestFault('invalid-state')
    return handle
  }
}

/** Performs UDP for wasi:sockets: each peer of each socket is decided on before the first datagram goes to it. */
export const createUdpProvider = (world: SocketsWorld): Provider => new UdpSockets(world)
