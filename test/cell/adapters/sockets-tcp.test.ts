import { createServer, connect as connectTo, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { rawServer } from '../../host/providers/http/http-guest.ts'
import { bytes, errOf, text } from './memory-world.ts'
import { at, connectRule, listenRule, shown, SocketsWorld, type Family, type InputStream, type TcpSocket } from './sockets-world.ts'

const loopback = { ipv4: '127.0.0.1', ipv6: '::1' } as const
const both = ['ipv4', 'ipv6'] as const
const second = 1_000_000_000n

/** A guest that may listen on a port that the system picks. */
const localWorld = (): SocketsWorld => new SocketsWorld({ tcp: both.map((family) => listenRule('tcp', loopback[family], 0)) })

/** A port of `ip` that nobody listens on, and a guest that may listen there and connect to it. */
const selfWorld = async (ip: string): Promise<{ world: SocketsWorld; port: number }> => {
  const server = createServer().listen(0, ip)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { port, world: new SocketsWorld({ tcp: [listenRule('tcp', ip, port), connectRule('tcp', ip, port)] }) }
}

/** Reads until the stream says that it is closed. */
const readAll = async (input: InputStream): Promise<string> => {
  let whole = ''
  for (;;) {
    try {
      whole += text(await input.blockingRead(65_536n))
    } catch (error) {
      if ((error as { payload?: { tag: string } }).payload?.tag === 'closed') return whole
      throw error
    }
  }
}

/** A server on 127.0.0.1 and a guest that may connect to it. */
const guestOf = async (onSocket: (socket: Socket) => void): Promise<{ world: SocketsWorld; port: number } & AsyncDisposable> => {
  const server = await rawServer(onSocket)
  const world = new SocketsWorld({ tcp: [connectRule('tcp', '127.0.0.1', server.port)] })
  return {
    world,
    port: server.port,
    [Symbol.asyncDispose]: async () => {
      await world[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('a TCP client', () => {
  it('exchanges bytes with the peer it was granted, and closes each direction by itself', async () => {
    await using guest = await guestOf((socket) => {
      socket.on('data', (data) => socket.write(data.toString().toUpperCase()))
      socket.on('end', () => socket.end('bye'))
    })
    const [socket, input, output] = await guest.world.connect(at('127.0.0.1', guest.port))
    expect(shown(socket.remoteAddress())).toBe(`127.0.0.1 ${guest.port}`)
    expect(shown(socket.localAddress())).toMatch(/^127\.0\.0\.1 [1-9]/)
    await output.blockingWriteAndFlush(bytes('hello'))
    expect(text(await input.blockingRead(100n))).toBe('HELLO')
    socket.shutdown('send')
    expect(await readAll(input)).toBe('bye')
    expect(await errOf(() => output.checkWrite())).toEqual({ tag: 'closed' })
  })

  it('would block until the connection has come about, and says once that it has', async () => {
    await using guest = await guestOf(() => undefined)
    const { world } = guest
    const socket = world.tcp()
    socket.startConnect(world.network, at('127.0.0.1', guest.port))
    expect(await errOf(() => socket.finishConnect())).toBe('would-block')
    expect(await errOf(() => socket.startConnect(world.network, at('127.0.0.1', guest.port)))).toBe('concurrency-conflict')
    expect(await errOf(() => socket.startBind(world.network, at('127.0.0.1', 0)))).toBe('concurrency-conflict')
    expect(await errOf(() => socket.startListen())).toBe('concurrency-conflict')
    await socket.subscribe().block()
    socket.finishConnect()
    expect(await errOf(() => socket.finishConnect())).toBe('not-in-progress')
    expect(await errOf(() => socket.startConnect(world.network, at('127.0.0.1', guest.port)))).toBe('invalid-state')
    expect(await errOf(() => socket.accept())).toBe('invalid-state')
    expect(await errOf(() => socket.setListenBacklogSize(1n))).toBe('invalid-state')
  })

  it('learns that a connection was refused, and is of no use after that', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await using world = new SocketsWorld({ tcp: [connectRule('tcp', '127.0.0.1', port)] })
    const socket = world.tcp()
    expect(await errOf(() => world.connect(at('127.0.0.1', port), socket))).toBe('connection-refused')
    expect(await errOf(() => socket.finishConnect())).toBe('not-in-progress')
    expect(await errOf(() => world.connect(at('127.0.0.1', port), socket))).toBe('invalid-state')
  })

  it('is told access-denied about what it was not granted, and nothing is dialled', async () => {
    await using server = await rawServer(() => undefined)
    await using world = new SocketsWorld({ tcp: [connectRule('tcp', '127.0.0.1', server.port === 1 ? 2 : 1)] })
    expect(await errOf(() => world.connect(at('127.0.0.1', server.port)))).toBe('access-denied')
    expect(server.connections()).toBe(0)
  })

  it('may choose a local port before it connects', async () => {
    const ports: number[] = []
    await using guest = await guestOf((socket) => ports.push(socket.remotePort ?? 0))
    const socket = await guest.world.bind(guest.world.tcp(), at('0.0.0.0', 0))
    const bound = socket.localAddress().val.port
    expect(bound).toBeGreaterThan(0)
    await guest.world.connect(at('127.0.0.1', guest.port), socket)
    await expect.poll(() => ports).toEqual([bound])
  })

  it('gets what was written before a half close, whole', async () => {
    const size = 1_000_000
    let received = 0
    const done = Promise.withResolvers<number>()
    await using guest = await guestOf((socket) => {
      socket.on('data', (data) => (received += data.length)).on('end', () => done.resolve(received))
    })
    const [socket, , output] = await guest.world.connect(at('127.0.0.1', guest.port))
    for (let sent = 0; sent < size;) {
      await output.subscribe().block()
      const room = Math.min(Number(output.checkWrite()), size - sent)
      output.write(new Uint8Array(room))
      sent += room
    }
    socket.shutdown('both')
    expect(await done.promise).toBe(size)
  })

  it('holds back a guest whose peer does not read', async () => {
    await using guest = await guestOf((socket) => socket.pause())
    const [, , output] = await guest.world.connect(at('127.0.0.1', guest.port))
    let written = 0
    for (let idle = 0; idle < 20;) {
      const room = Number(output.checkWrite())
      if (room === 0) idle += 1
      else output.write(new Uint8Array(room))
      written += room
      await sleep(5)
    }
    // What the kernels of both ends buffer, and what the pipe does: not what the guest would like to send.
    expect(written).toBeLessThan(16 * 1024 * 1024)
    expect(output.subscribe().ready()).toBe(false)
  })

  it('holds back a peer whose guest does not read', async () => {
    let sent = 0
    await using guest = await guestOf((socket) => {
      const fill = (): void => {
        while (socket.write(new Uint8Array(65_536))) sent += 65_536
      }
      socket.on('drain', fill)
      fill()
    })
    const [, input] = await guest.world.connect(at('127.0.0.1', guest.port))
    expect((await input.blockingRead(10n)).byteLength).toBe(10)
    await sleep(200)
    const before = sent
    await sleep(200)
    expect(sent).toBe(before)
    expect(before).toBeLessThan(16 * 1024 * 1024)
  })

  it('is told that the peer reset the connection, with the code of the network', async () => {
    await using guest = await guestOf((socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const [, input, output] = await guest.world.connect(at('127.0.0.1', guest.port))
    await output.blockingWriteAndFlush(bytes('x'))
    const failure = (await errOf(() => input.blockingRead(1n))) as { tag: string; val: object }
    expect(failure.tag).toBe('last-operation-failed')
    expect(guest.world.imports['wasi:sockets/network'].networkErrorCode(failure.val)).toBe('connection-reset')
    expect(await errOf(() => input.blockingRead(1n))).toEqual({ tag: 'closed' })
  })

  it('reads nothing more after it said so, whatever has come', async () => {
    await using guest = await guestOf((socket) => socket.write('unwanted'))
    const [socket, input] = await guest.world.connect(at('127.0.0.1', guest.port))
    await input.subscribe().block()
    socket.shutdown('receive')
    socket.shutdown('receive')
    expect(await errOf(() => input.read(10n))).toEqual({ tag: 'closed' })
    expect(await errOf(() => input.read(0n))).toEqual({ tag: 'closed' })
  })

  it('keeps a connection while a stream of it is held, and ends it with the last', async () => {
    const ended = Promise.withResolvers<void>()
    await using guest = await guestOf((socket) => socket.on('data', (data) => socket.write(data)).on('close', () => ended.resolve()))
    const [socket, input, output] = await guest.world.connect(at('127.0.0.1', guest.port))
    const held = guest.world.memory.held
    socket[Symbol.dispose]()
    await output.blockingWriteAndFlush(bytes('still here'))
    expect(text(await input.blockingRead(100n))).toBe('still here')
    output[Symbol.dispose]()
    input[Symbol.dispose]()
    await ended.promise
    await expect.poll(() => guest.world.memory.held).toBe(held - 3)
    await expect.poll(() => guest.world.calls.at(-1)).toBe('tcp.close')
  })
})

describe.each(both)('a TCP server over %s', (family: Family) => {
  const ip = loopback[family]

  it('listens where it was bound, and accepts', async () => {
    await using world = localWorld()
    const listener = await world.listen(at(ip, 0))
    expect(listener.isListening()).toBe(true)
    expect(listener.addressFamily()).toBe(family)
    const { port } = listener.localAddress().val
    expect(await errOf(() => listener.accept())).toBe('would-block')
    const client = connectTo(port, ip)
    client.write('ping')
    const [socket, input, output] = await world.accept(listener)
    expect(shown(socket.localAddress())).toBe(`${ip} ${port}`)
    expect(shown(socket.remoteAddress())).toBe(`${ip} ${client.localPort}`)
    expect(text(await input.blockingRead(10n))).toBe('ping')
    await output.blockingWriteAndFlush(bytes('pong'))
    const [answer] = (await once(client, 'data')) as [Buffer]
    expect(answer.toString()).toBe('pong')
    client.end()
    expect(await readAll(input)).toBe('')
    expect(await errOf(() => listener.accept())).toBe('would-block')
  })

  it('talks to a client in the same guest', async () => {
    const { world: self, port } = await selfWorld(ip)
    await using world = self
    const listener = await world.listen(at(ip, port))
    const [client, clientInput] = await world.connect(listener.localAddress())
    const [socket, , output] = await world.accept(listener)
    expect(shown(client.remoteAddress())).toBe(shown(socket.localAddress()))
    await output.blockingWriteAndFlush(bytes('hi'))
    socket.shutdown('send')
    expect(await readAll(clientInput)).toBe('hi')
  })

  it('answers from each state as the standard says', async () => {
    await using world = localWorld()
    const socket = world.tcp(family)
    const invalid = ['startListen', 'accept', 'localAddress', 'remoteAddress'] as const
    for (const name of invalid) expect(await errOf(() => socket[name]()), name).toBe('invalid-state')
    for (const name of ['finishBind', 'finishConnect', 'finishListen'] as const)
      expect(await errOf(() => socket[name]()), name).toBe('not-in-progress')
    expect(await errOf(() => socket.shutdown('both'))).toBe('invalid-state')
    expect(socket.subscribe().ready()).toBe(true)

    await world.bind(socket, at(ip, 0))
    const bound = socket.localAddress()
    expect(bound.val.port).toBeGreaterThan(0)
    expect(await errOf(() => socket.startBind(world.network, at(ip, 0)))).toBe('invalid-state')
    for (const name of ['finishBind', 'finishConnect', 'finishListen'] as const)
      expect(await errOf(() => socket[name]()), name).toBe('not-in-progress')
    for (const name of ['accept', 'remoteAddress'] as const) expect(await errOf(() => socket[name]()), name).toBe('invalid-state')

    socket.startListen()
    expect(await errOf(() => socket.finishListen())).toBe('would-block')
    await socket.subscribe().block()
    socket.finishListen()
    expect(socket.localAddress()).toEqual(bound)
    expect(await errOf(() => socket.startBind(world.network, at(ip, 0)))).toBe('invalid-state')
    expect(await errOf(() => socket.startConnect(world.network, at(ip, 0)))).toBe('invalid-state')
    expect(await errOf(() => socket.startListen())).toBe('invalid-state')
    expect(await errOf(() => socket.shutdown('both'))).toBe('invalid-state')
    expect(await errOf(() => socket.setListenBacklogSize(5n))).toBe('not-supported')
    expect(socket.subscribe().ready()).toBe(false)
  })

  it('finds an address in use, and one that this host does not have', async () => {
    const busy = createServer().listen(0, ip)
    await once(busy, 'listening')
    const { port } = busy.address() as AddressInfo
    const elsewhere = family === 'ipv4' ? '192.0.2.77' : '2001:db8::77'
    await using world = new SocketsWorld({ tcp: [listenRule('tcp', ip, port), listenRule('tcp', elsewhere, 0)] })
    const socket = world.tcp(family)
    expect(await errOf(() => world.bind(socket, at(ip, port)))).toBe('address-in-use')
    busy.close()
    await once(busy, 'close')
    // A bind that failed may be tried again.
    await world.bind(socket, at(ip, port))
    expect(await errOf(() => world.bind(world.tcp(family), at(elsewhere, 0)))).toBe('address-not-bindable')
  })

  it('may listen again at once where a connection was closed a moment ago', async () => {
    await using world = localWorld()
    const listener = await world.listen(at(ip, 0))
    const { port } = listener.localAddress().val
    const client = connectTo(port, ip).resume()
    const [socket, input, output] = await world.accept(listener)
    await output.blockingWriteAndFlush(bytes('x'))
    for (const each of [input, output, socket, listener]) each[Symbol.dispose]()
    await once(client, 'close')
    await using again = new SocketsWorld({ tcp: [listenRule('tcp', ip, port)] })
    expect((await again.listen(at(ip, port))).isListening()).toBe(true)
  })
})

describe('the arguments of TCP', () => {
  const refused: readonly (readonly [string, Family, ReturnType<typeof at>])[] = [
    ['another family', 'ipv4', at('::1', 80)],
    ['another family', 'ipv6', at('127.0.0.1', 80)],
    ['broadcast', 'ipv4', at('255.255.255.255', 80)],
    ['multicast', 'ipv4', at('224.254.0.0', 80)],
    ['multicast', 'ipv6', at('ff00::', 80)],
    [
      'an IPv4-mapped address',
      'ipv6',
      { tag: 'ipv6', val: { port: 80, flowInfo: 0, address: [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], scopeId: 0 } },
    ],
  ]
  const unreachable: readonly (readonly [string, Family, ReturnType<typeof at>])[] = [
    ['no address', 'ipv4', at('0.0.0.0', 80)],
    ['no address', 'ipv6', at('::', 80)],
    ['no port', 'ipv4', at('127.0.0.1', 0)],
    ['no port', 'ipv6', at('::1', 0)],
  ]

  it.each([...refused, ...unreachable])('refuse to connect to %s (%s), and leave the socket as it was', async (_name, family, address) => {
    await using world = localWorld()
    const socket = world.tcp(family)
    for (let time = 0; time < 2; time += 1) expect(await errOf(() => socket.startConnect(world.network, address))).toBe('invalid-argument')
    expect(world.calls).toEqual([])
  })

  it.each(refused)('refuse to bind to %s (%s)', async (_name, family, address) => {
    await using world = localWorld()
    expect(await errOf(() => world.tcp(family).startBind(world.network, address))).toBe('invalid-argument')
    expect(world.calls).toEqual([])
  })

  it('refuse a link-local address of one interface, which no rule could name', async () => {
    await using world = localWorld()
    const address = { tag: 'ipv6', val: { port: 80, flowInfo: 0, address: [0xfe80, 0, 0, 0, 0, 0, 0, 1], scopeId: 2 } } as const
    expect(await errOf(() => world.tcp('ipv6').startConnect(world.network, address))).toBe('not-supported')
  })

  it('refuse a network that is a forged handle', async () => {
    await using world = localWorld()
    const forged = Object.create(world.imports['wasi:sockets/network'].Network.prototype) as Disposable
    expect(() => world.tcp().startConnect(forged, at('127.0.0.1', 80))).toThrow(TypeError)
    expect(() => world.tcp().startBind(forged, at('127.0.0.1', 80))).toThrow(TypeError)
  })
})

describe('the options of TCP', () => {
  const settings = (socket: TcpSocket): readonly unknown[] => [
    socket.keepAliveEnabled(),
    socket.keepAliveIdleTime(),
    socket.keepAliveInterval(),
    socket.keepAliveCount(),
    socket.hopLimit(),
    socket.receiveBufferSize(),
    socket.sendBufferSize(),
  ]
  const set = (socket: TcpSocket, number: number): void => {
    socket.setKeepAliveEnabled(true)
    socket.setKeepAliveIdleTime(BigInt(number) * second)
    socket.setKeepAliveInterval(BigInt(number) * second)
    socket.setKeepAliveCount(number)
    socket.setHopLimit(number)
    socket.setReceiveBufferSize(BigInt(number) * 0x1000n)
    socket.setSendBufferSize(BigInt(number) * 0x1000n)
  }
  const all = (number: number): readonly unknown[] => [
    true,
    BigInt(number) * second,
    BigInt(number) * second,
    number,
    number,
    BigInt(number) * 0x1000n,
    BigInt(number) * 0x1000n,
  ]

  it('are remembered', async () => {
    await using world = localWorld()
    const socket = world.tcp()
    for (const value of settings(socket).slice(1)) expect(Number(value)).toBeGreaterThan(0)
    set(socket, 42)
    expect(settings(socket)).toEqual(all(42))
  })

  it('refuse 0, and clamp what is too small or too large', async () => {
    await using world = localWorld()
    const socket = world.tcp()
    for (const [least, most, setIt, getIt] of [
      [1n, second * 32_767n, (value: bigint) => socket.setKeepAliveIdleTime(value), () => socket.keepAliveIdleTime()],
      [1n, second * 32_767n, (value: bigint) => socket.setKeepAliveInterval(value), () => socket.keepAliveInterval()],
      [1n, 1n << 20n, (value: bigint) => socket.setReceiveBufferSize(value), () => socket.receiveBufferSize()],
      [1n, 1n << 20n, (value: bigint) => socket.setSendBufferSize(value), () => socket.sendBufferSize()],
    ] as const) {
      expect(await errOf(() => setIt(0n))).toBe('invalid-argument')
      setIt(1n)
      expect(getIt()).toBeGreaterThanOrEqual(least)
      setIt(2n ** 64n - 1n)
      expect(getIt()).toBe(most)
    }
    expect(await errOf(() => socket.setKeepAliveCount(0))).toBe('invalid-argument')
    socket.setKeepAliveCount(2 ** 32 - 1)
    expect(socket.keepAliveCount()).toBe(127)
    expect(await errOf(() => socket.setHopLimit(0))).toBe('invalid-argument')
    socket.setHopLimit(255)
    expect(await errOf(() => socket.setListenBacklogSize(0n))).toBe('invalid-argument')
    socket.setListenBacklogSize(2n ** 64n - 1n)
    socket.setKeepAliveIdleTime(1n)
    expect(socket.keepAliveIdleTime()).toBe(second)
  })

  it('are inherited by what is accepted, as they are then', async () => {
    const { world: self, port } = await selfWorld('127.0.0.1')
    await using world = self
    const listener = await world.listen(at('127.0.0.1', port))
    set(listener, 42)
    await world.connect(listener.localAddress())
    const [accepted] = await world.accept(listener)
    set(listener, 43)
    expect(settings(accepted)).toEqual(all(42))
    await expect.poll(() => world.calls).toContain('tcp.keep-alive')
  })
})
