import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { bytes, errOf, text } from './memory-world.ts'
import { at, connectRule, listenRule, shown, SocketsWorld, type IncomingDatagrams, type OutgoingDatagrams } from './sockets-world.ts'

interface Peer extends AsyncDisposable {
  readonly socket: Socket
  readonly port: number
  readonly heard: string[]
}

/** A real datagram socket on 127.0.0.1, and what it heard. */
const peerAt = async (ip = '127.0.0.1'): Promise<Peer> => {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4').bind(0, ip)
  await once(socket, 'listening')
  const heard: string[] = []
  socket.on('message', (message) => heard.push(message.toString()))
  const close = async (): Promise<void> => {
    socket.close()
    await once(socket, 'close')
  }
  return { socket, port: socket.address().port, heard, [Symbol.asyncDispose]: close }
}

/** A client's socket of a guest that may exchange datagrams with `peers`, and its streams. */
const clientOf = async (world: SocketsWorld, remote?: number): Promise<[IncomingDatagrams, OutgoingDatagrams]> => {
  const socket = await world.bind(world.udp(), at('0.0.0.0', 0))
  return socket.stream(remote === undefined ? undefined : at('127.0.0.1', remote))
}

const worldOf = (...peers: readonly Peer[]): SocketsWorld =>
  new SocketsWorld({ udp: peers.map(({ port }) => connectRule('udp', '127.0.0.1', port)) })

const send = (output: OutgoingDatagrams, words: readonly string[], remote?: number): Promise<bigint> => {
  output.checkSend()
  return output.send(
    words.map((word) => ({ data: bytes(word), remoteAddress: remote === undefined ? undefined : at('127.0.0.1', remote) })),
  )
}

const receive = async (input: IncomingDatagrams): Promise<string[]> => {
  await input.subscribe().block()
  return input.receive(10n).map(({ data }) => text(data))
}

describe('a datagram socket', () => {
  it('sends to a peer that was granted, and receives its answer', async () => {
    await using peer = await peerAt()
    peer.socket.on('message', (message, from) => peer.socket.send(`${message.toString()} heard`, from.port, from.address))
    await using world = worldOf(peer)
    const [input, output] = await clientOf(world)
    expect(input.receive(10n)).toEqual([])
    expect(await send(output, ['one', 'two'], peer.port)).toBe(2n)
    await input.subscribe().block()
    const [first] = input.receive(1n)
    expect(text(first?.data ?? bytes(''))).toBe('one heard')
    expect(first === undefined ? '' : shown(first.remoteAddress)).toBe(`127.0.0.1 ${peer.port}`)
    expect(await receive(input)).toEqual(['two heard'])
  })

  it('sends over IPv6, empty datagrams too', async () => {
    await using peer = await peerAt('::1')
    await using world = new SocketsWorld({ udp: [connectRule('udp', '::1', peer.port)] })
    const socket = await world.bind(world.udp('ipv6'), at('::', 0))
    const [, output] = socket.stream(at('::1', peer.port))
    expect(await send(output, ['', 'x'])).toBe(2n)
    await expect.poll(() => peer.heard).toEqual(['', 'x'])
  })

  it('decides once about each peer of a socket', async () => {
    await using peer = await peerAt()
    await using other = await peerAt()
    await using world = worldOf(peer)
    const [, output] = await clientOf(world)
    expect(await errOf(() => send(output, ['no'], other.port))).toBe('access-denied')
    // The first that fails ends it: what was sent before counts.
    output.checkSend()
    const mixed = [peer.port, other.port, peer.port].map((port) => ({ data: bytes('m'), remoteAddress: at('127.0.0.1', port) }))
    expect(await output.send(mixed)).toBe(1n)
    await expect.poll(() => peer.heard).toEqual(['m'])
    expect(other.heard).toEqual([])
  })

  it('of a client passes on what those say to whom it may send, and drops the rest', async () => {
    await using peer = await peerAt()
    await using stranger = await peerAt()
    await using world = worldOf(peer)
    const socket = await world.bind(world.udp(), at('0.0.0.0', 0))
    const { port } = socket.localAddress().val
    const [input] = socket.stream(undefined)
    stranger.socket.send('psst', port, '127.0.0.1')
    await sleep(50)
    peer.socket.send('hello', port, '127.0.0.1')
    expect(await receive(input)).toEqual(['hello'])
  })

  it('of a server passes on what anybody says, and may answer those who spoke', async () => {
    await using stranger = await peerAt()
    await using silent = await peerAt()
    await using world = new SocketsWorld({ udp: [listenRule('udp', '127.0.0.1', 0)] })
    const socket = await world.bind(world.udp(), at('127.0.0.1', 0))
    const [input, output] = socket.stream(undefined)
    stranger.socket.send('anybody there?', socket.localAddress().val.port, '127.0.0.1')
    expect(await receive(input)).toEqual(['anybody there?'])
    expect(await send(output, ['yes'], stranger.port)).toBe(1n)
    await expect.poll(() => stranger.heard).toEqual(['yes'])
    expect(await errOf(() => send(output, ['you too?'], silent.port))).toBe('access-denied')
  })

  it('streams with one peer when told to, and with others after that', async () => {
    await using peer = await peerAt()
    await using other = await peerAt()
    await using world = worldOf(peer, other)
    const socket = await world.bind(world.udp(), at('0.0.0.0', 0))
    const { port } = socket.localAddress().val
    expect(await errOf(() => socket.remoteAddress())).toBe('invalid-state')
    const [input, output] = socket.stream(at('127.0.0.1', peer.port))
    expect(shown(socket.remoteAddress())).toBe(`127.0.0.1 ${peer.port}`)
    other.socket.send('not for you', port, '127.0.0.1')
    peer.socket.send('for you', port, '127.0.0.1')
    expect(await receive(input)).toEqual(['for you'])
    expect(await send(output, ['a'], peer.port)).toBe(1n)
    expect(await errOf(() => send(output, ['b'], other.port))).toBe('invalid-argument')
    const [, free] = socket.stream(undefined)
    expect(await errOf(() => socket.remoteAddress())).toBe('invalid-state')
    expect(await errOf(() => send(free, ['c']))).toBe('invalid-argument')
    expect(await send(free, ['d'], other.port)).toBe(1n)
    expect(await errOf(() => send(output, ['e']))).toBe('invalid-state')
    expect(await errOf(() => input.receive(1n))).toBe('invalid-state')
    expect(input.subscribe().ready()).toBe(true)
  })

  it('refuses arguments that cannot be meant', async () => {
    await using world = new SocketsWorld({ udp: [connectRule('udp', '127.0.0.1', 9)] })
    const mapped = { tag: 'ipv6', val: { port: 9, flowInfo: 0, address: [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], scopeId: 0 } } as const
    const unbound = world.udp()
    expect(await errOf(() => unbound.stream(undefined))).toBe('invalid-state')
    expect(await errOf(() => unbound.localAddress())).toBe('invalid-state')
    expect(await errOf(() => unbound.finishBind())).toBe('not-in-progress')
    expect(await errOf(() => unbound.startBind(world.network, at('::', 0)))).toBe('invalid-argument')
    expect(await errOf(() => world.udp('ipv6').startBind(world.network, mapped))).toBe('invalid-argument')
    const socket = await world.bind(unbound, at('0.0.0.0', 0))
    expect(await errOf(() => socket.startBind(world.network, at('0.0.0.0', 0)))).toBe('invalid-state')
    expect(await errOf(() => socket.finishBind())).toBe('not-in-progress')
    for (const wrong of [at('0.0.0.0', 9), at('127.0.0.1', 0), at('::1', 9)])
      expect(await errOf(() => socket.stream(wrong))).toBe('invalid-argument')
    const [, output] = socket.stream(undefined)
    output.checkSend()
    const large = { data: new Uint8Array(65_508), remoteAddress: at('127.0.0.1', 9) }
    expect(await errOf(() => output.send([large]))).toBe('datagram-too-large')
    expect(await output.send([])).toBe(0n)
  })

  it('traps a guest that sends more than it was permitted', async () => {
    await using world = new SocketsWorld({ udp: [connectRule('udp', '127.0.0.1', 9)] })
    const [, output] = await clientOf(world, 9)
    await expect(output.send([{ data: bytes('x'), remoteAddress: undefined }])).rejects.toThrow('expected at most the 0')
    const permit = Number(output.checkSend())
    const many = Array.from({ length: permit + 1 }, () => ({ data: bytes('x'), remoteAddress: undefined }))
    await expect(output.send(many)).rejects.toThrow('expected at most')
  })

  it('finds an address in use, and may be bound again after that', async () => {
    await using busy = await peerAt()
    await using world = new SocketsWorld({ udp: [listenRule('udp', '127.0.0.1', busy.port), listenRule('udp', '127.0.0.1', 0)] })
    const socket = world.udp()
    expect(await errOf(() => world.bind(socket, at('127.0.0.1', busy.port)))).toBe('address-in-use')
    await world.bind(socket, at('127.0.0.1', 0))
  })

  it('is told access-denied where it may not be bound', async () => {
    await using world = new SocketsWorld({ udp: [connectRule('udp', '127.0.0.1', 9)] })
    expect(await errOf(() => world.bind(world.udp(), at('0.0.0.0', 5353)))).toBe('access-denied')
    await using none = new SocketsWorld({})
    expect(await errOf(() => none.bind(none.udp(), at('0.0.0.0', 0)))).toBe('access-denied')
  })

  it('remembers its options, and sets what the host can', async () => {
    await using world = new SocketsWorld({ udp: [connectRule('udp', '127.0.0.1', 9)] })
    const socket = world.udp()
    expect(socket.unicastHopLimit()).toBeGreaterThan(0)
    expect(Number(socket.receiveBufferSize())).toBeGreaterThan(0)
    for (const setIt of [() => socket.setUnicastHopLimit(0), () => socket.setReceiveBufferSize(0n), () => socket.setSendBufferSize(0n)])
      expect(await errOf(setIt)).toBe('invalid-argument')
    socket.setUnicastHopLimit(42)
    socket.setReceiveBufferSize(0x10000n)
    socket.setSendBufferSize(2n ** 64n - 1n)
    expect([socket.unicastHopLimit(), socket.receiveBufferSize(), socket.sendBufferSize()]).toEqual([42, 0x10000n, 1n << 20n])
    await world.bind(socket, at('0.0.0.0', 0))
    await expect.poll(() => world.calls).toContain('udp.options')
  })

  it('lives as long as the socket or a stream of it', async () => {
    await using peer = await peerAt()
    await using world = worldOf(peer)
    const before = world.memory.held
    const socket = await world.bind(world.udp(), at('0.0.0.0', 0))
    const [input, output] = socket.stream(at('127.0.0.1', peer.port))
    socket[Symbol.dispose]()
    input[Symbol.dispose]()
    expect(await send(output, ['still'])).toBe(1n)
    expect(world.calls).not.toContain('udp.close')
    output[Symbol.dispose]()
    await expect.poll(() => world.calls.at(-1)).toBe('udp.close')
    // The pollable of `bind` is still held.
    await expect.poll(() => world.memory.held).toBe(before + 1)
  })
})
