import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectTo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { loopback, rawServer } from '../../host/providers/http/http-guest.ts'
import { lookupOf, nameOf, SocketGuest, tcpRule, udpRule } from '../../host/providers/sockets/socket-guest.ts'
import { netRule } from '../../host/providers/guest-session.ts'

/** Places that a name must never lead to, as a resolver may spell them (attacks B3 and B4). */
const inside = [
  '127.0.0.1',
  '127.8.8.8',
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a9fe:a9fe',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
]
const nonsense = ['', 'not an address', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '1.2.3.4\0', '[::1]', '1.2.3.4:80']
const publicAddress = '93.184.216.34'

describe('B2 to B4: names that lead inside', () => {
  test.each([...inside, ...nonsense])('a granted name that resolves to `%s` gives the guest nothing, and no way there', async (address) => {
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest(
      { tcp: [tcpRule(nameOf('db.example.com'), server.port)], lookup: [lookupOf('db.example.com')] },
      { resolve: async () => [address] },
    )
    expect(await guest.lookup('db.example.com')).toBe('name-unresolvable')
    const literal = address.replace(/%.*/, '')
    if (inside.includes(address)) expect((await guest.connect(literal, server.port)).code).toBe('not-permitted')
    expect(server.connections()).toBe(0)
  })

  test('an address of this host is reached by no name, public as it may be', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest(
      { tcp: [tcpRule(nameOf('db.example.com'), server.port)], lookup: [lookupOf('db.example.com')] },
      { resolve: async () => [publicAddress, '198.51.45.1'], ownAddresses: () => [publicAddress] },
    )
    expect(await guest.lookup('db.example.com')).toEqual(['198.51.45.1'])
    expect((await guest.connect(publicAddress, server.port)).code).toBe('not-permitted')
  })

  test('an address that became this host’s after the lookup is refused when it is dialled', async () => {
    const own: string[] = []
    await using guest = new SocketGuest(
      { tcp: [tcpRule(nameOf('db.example.com'), 5432)], lookup: [lookupOf('db.example.com')] },
      { resolve: async () => [publicAddress], ownAddresses: () => own },
    )
    expect(await guest.lookup('db.example.com')).toEqual([publicAddress])
    own.push(publicAddress)
    expect(await guest.connect(publicAddress, 5432)).toMatchObject({ code: 'access-denied', detail: expect.stringContaining('this host') })
  })

  test('a name that rebinds after it was looked up is not looked up again: what was decided is what is dialled', async () => {
    let answers = 0
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest(
      { tcp: [tcpRule(nameOf('localhost'), server.port)], lookup: [lookupOf('localhost')] },
      { resolve: async () => (answers++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']) },
    )
    expect(await guest.lookup('localhost')).toEqual(['127.0.0.1'])
    expect((await guest.connect('127.0.0.1', server.port)).code).toBe('ok')
    expect(answers).toBe(1)
    expect((await guest.connect('127.0.0.2', server.port)).code).toBe('not-permitted')
  })

  test('an address that no name gave to this session is not reached by a rule with a name, whoever knows it', async () => {
    await using guest = new SocketGuest({ tcp: [tcpRule(nameOf('db.example.com'), 5432)] }, { resolve: async () => [publicAddress] })
    expect((await guest.connect(publicAddress, 5432)).code).toBe('not-permitted')
    // Looked up by another session: this one has learned nothing.
    await using other = new SocketGuest({ lookup: [lookupOf('db.example.com')] }, { resolve: async () => [publicAddress] })
    await other.lookup('db.example.com')
    expect((await guest.connect(publicAddress, 5432)).code).toBe('not-permitted')
  })

  test('an address of one name is not an address of another', async () => {
    const grants = { tcp: [tcpRule(nameOf('db.example.com'), 5432)], lookup: [lookupOf('db.example.com'), lookupOf('evil.example.com')] }
    await using guest = new SocketGuest(grants, { resolve: async (name) => [name.startsWith('db') ? '93.184.216.1' : '93.184.216.2'] })
    await guest.lookup('db.example.com')
    await guest.lookup('evil.example.com')
    expect((await guest.connect('93.184.216.2', 5432)).code).toBe('not-permitted')
  })
})

describe('B4, B5: odd spellings of an address', () => {
  test.each([
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    'localhost',
    '127.0.0.1.',
    '127.0.0.1\0',
    '::ffff:127.0.0.1%1',
    '[127.0.0.1]',
    '',
    '1/8',
  ])('`%s` is no address: nothing is dialled, bound or sent', async (address) => {
    const anywhere = { kind: 'cidr', bytes: [127, 0, 0, 0], prefix: 8, text: '127.0.0.0/8' } as const
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest({
      tcp: [tcpRule(anywhere, server.port), tcpRule(anywhere, 0, 'listen')],
      udp: [udpRule(anywhere, 0, 'listen'), udpRule(anywhere, server.port)],
    })
    expect((await guest.connect(address, server.port)).code).toBe('invalid-argument')
    expect((await guest.listen(address, 0)).code).toBe('invalid-argument')
    expect(await guest.session.call('udp.open', { address, port: 0 })).toMatchObject({ ok: false, code: 'invalid-argument' })
    expect(server.connections()).toBe(0)
  })

  test('an IPv4-mapped address is decided as what it leads to', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest({
      tcp: [tcpRule({ kind: 'cidr', bytes: [10, 0, 0, 0], prefix: 8, text: '10.0.0.0/8' }, server.port)],
    })
    expect((await guest.connect('::ffff:127.0.0.1', server.port)).code).toBe('not-permitted')
    expect(server.connections()).toBe(0)
  })
})

describe('B7: what was not granted', () => {
  test('no address in particular, which leads to this host, is reached by no rule', async () => {
    await using server = await rawServer(() => undefined)
    const anything = { kind: 'cidr', bytes: [0, 0, 0, 0], prefix: 8, text: '0.0.0.0/8' } as const
    await using guest = new SocketGuest({ tcp: [tcpRule(anything, server.port)], udp: [udpRule(anything, 9)] })
    expect(await guest.connect('0.0.0.0', server.port)).toMatchObject({ code: 'access-denied' })
    const opened = await guest.session.call('udp.open', { address: '0.0.0.0', port: 0 })
    const handle = opened.ok ? opened.handle : -1
    expect(await guest.session.call('udp.send', { handle, address: '0.0.0.0', port: 9 }, 'x')).toMatchObject({ code: 'access-denied' })
    expect(server.connections()).toBe(0)
  })

  test('another port, another address and another protocol are denied', async () => {
    await using server = await rawServer(() => undefined)
    await using other = await rawServer(() => undefined)
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, server.port)] })
    expect((await guest.connect('127.0.0.1', other.port)).code).toBe('not-permitted')
    expect((await guest.connect('127.0.0.2', server.port)).code).toBe('not-permitted')
    expect((await guest.connect('::1', server.port)).code).toBe('not-permitted')
    expect(await guest.session.call('udp.open', { address: '0.0.0.0', port: 0 })).toMatchObject({ code: 'not-permitted' })
    expect(await guest.lookup('localhost')).toBe('not-permitted')
    expect(server.connections() + other.connections()).toBe(0)
  })

  test('a grant to connect is none to listen, and one to listen is for one place', async () => {
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, 8080), tcpRule(loopback, 0, 'listen')] })
    expect((await guest.listen('127.0.0.1', 8080)).code).toBe('not-permitted')
    expect((await guest.listen('0.0.0.0', 0)).code).toBe('not-permitted')
    expect((await guest.listen('127.0.0.1', 0)).code).toBe('ok')
  })

  test('a port that was bound for a client cannot be listened on by naming another place', async () => {
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, 0, 'listen')] })
    const bound = await guest.session.call('tcp.bind', { address: '0.0.0.0', port: 0 })
    const reservation = bound.ok ? Number(bound.value['reservation']) : -1
    const port = bound.ok ? Number(bound.value['port']) : -1
    const listening = await guest.session.call('tcp.listen', { address: '127.0.0.1', port: 0, reservation, backlog: 1 })
    expect(listening).toMatchObject({ ok: false, code: 'invalid-state' })
    await expect(once(connectTo(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('binding tells nobody without a grant which ports and addresses this host has', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, 8080)] })
    for (const address of ['127.0.0.1', '192.0.2.1', '10.0.0.1', '0.0.0.0'])
      expect(await guest.session.call('tcp.bind', { address, port: server.port })).toMatchObject({ code: 'not-permitted' })
    for (const address of ['192.0.2.1', '10.0.0.1'])
      expect(await guest.session.call('tcp.bind', { address, port: 0 })).toMatchObject({ code: 'not-permitted' })
    await using nobody = new SocketGuest({})
    expect(await nobody.session.call('tcp.bind', { address: '0.0.0.0', port: 0 })).toMatchObject({ code: 'not-permitted' })
  })

  test('a deny rule about requests holds for sockets too', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, server.port)] }, { denies: { net: [netRule(loopback, server.port)] } })
    expect((await guest.connect('127.0.0.1', server.port)).code).toBe('not-permitted')
    expect(server.connections()).toBe(0)
  })

  test('a handle of another kind, or of nobody, does nothing', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, server.port)], udp: [udpRule(loopback, 9)] })
    const { handle } = await guest.connect('127.0.0.1', server.port)
    const udp = await guest.session.call('udp.open', { address: '0.0.0.0', port: 0 })
    const { session } = guest
    expect(await session.call('tcp.accept', { handle })).toMatchObject({ code: 'invalid-state' })
    expect(await session.call('udp.send', { handle, address: '127.0.0.1', port: 9 }, 'x')).toMatchObject({ code: 'invalid-state' })
    expect(await session.call('udp.receive', { handle })).toMatchObject({ code: 'invalid-state' })
    expect(await session.call('tcp.read', { handle: udp.ok ? udp.handle : -1, connection: 0, length: 1 })).toMatchObject({
      code: 'invalid-state',
    })
    expect(await session.call('tcp.write', { handle: 999, connection: 0 }, 'x')).toMatchObject({ code: 'bad-descriptor' })
    expect(await session.call('tcp.listen', { address: '127.0.0.1', port: 0, reservation: 7, backlog: 1 })).toMatchObject({ ok: false })
  })
})

describe('B11: names as a way out', () => {
  test.each([
    'c2VjcmV0.attacker.example',
    'db.example.com.attacker.example',
    'xdb.example.com',
    'a.db.example.com',
    'db.example.com\0.attacker.example',
    'db.example.com#.attacker.example',
    `${'a'.repeat(63)}.${'b'.repeat(63)}.example.com`,
    '127.0.0.1',
    '::1',
    '2130706433',
  ])('`%s` never reaches the resolver', async (name) => {
    const asked: string[] = []
    const resolve = async (wanted: string) => {
      asked.push(wanted)
      return [publicAddress]
    }
    await using guest = new SocketGuest({ lookup: [lookupOf('db.example.com')] }, { resolve })
    expect(['not-permitted', 'invalid-argument']).toContain(await guest.lookup(name))
    expect(asked).toEqual([])
  })

  test('lookups of one session go out one after the other, and only so many wait', async () => {
    let active = 0
    let most = 0
    const resolve = async () => {
      most = Math.max(most, (active += 1))
      await sleep(5)
      active -= 1
      return [publicAddress]
    }
    const host = { kind: 'suffix', suffix: 'example.com' } as const
    await using guest = new SocketGuest({ lookup: [{ kind: 'lookup', origin: 'test', host }] }, { resolve })
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => guest.lookup(`n${index}.example.com`)))
    expect(most).toBe(1)
    expect(answers.filter((answer) => answer === 'temporary-resolver-failure')).toHaveLength(24)
  })

  test('a name that nobody answers does not outlive its session', async () => {
    await using guest = new SocketGuest({ lookup: [lookupOf('db.example.com')] }, { resolve: () => new Promise(() => undefined) })
    const waiting = guest.lookup('db.example.com')
    await sleep(10)
    guest.session.abort()
    expect(await waiting).toBe('temporary-resolver-failure')
  })
})

describe('datagrams', () => {
  test('of strangers reach no client, from whatever port of a granted address they come', async () => {
    const friend = createSocket('udp4').bind(0, '127.0.0.1')
    const stranger = createSocket('udp4').bind(0, '127.0.0.1')
    await Promise.all([once(friend, 'listening'), once(stranger, 'listening')])
    await using guest = new SocketGuest({ udp: [udpRule(loopback, friend.address().port)] })
    const opened = await guest.session.call('udp.open', { address: '0.0.0.0', port: 0 })
    if (!opened.ok) throw new Error(opened.code)
    const { handle } = opened
    const port = Number(opened.value['port'])
    for (let time = 0; time < 100; time += 1) stranger.send('evil', port, '127.0.0.1')
    await sleep(50)
    friend.send('good', port, '127.0.0.1')
    const received = await guest.session.call('udp.receive', { handle })
    expect(received.ok && Buffer.from(received.body).toString()).toBe('good')
    await guest.session.call('udp.close', { handle })
    expect(guest.session.summaries.at(-1)).toMatchObject({ received: 1, strangers: 100 })
    friend.close()
    stranger.close()
  })

  test('of one who writes open its address, which can be anybody’s, to a few answers and not to a flood', async () => {
    const peer = createSocket('udp4').bind(0, '127.0.0.1')
    await once(peer, 'listening')
    let answers = 0
    peer.on('message', () => (answers += 1))
    await using guest = new SocketGuest({ udp: [udpRule(loopback, 0, 'listen')] })
    const opened = await guest.session.call('udp.open', { address: '127.0.0.1', port: 0 })
    if (!opened.ok) throw new Error(opened.code)
    const { handle } = opened
    const ask = async (): Promise<void> => {
      peer.send('?', Number(opened.value['port']), '127.0.0.1')
      await guest.session.call('udp.receive', { handle })
    }
    const { port } = peer.address()
    const answer = (body: string) => guest.session.call('udp.send', { handle, address: '127.0.0.1', port }, body)
    expect(await answer('x')).toMatchObject({ code: 'not-permitted' })
    await ask()
    const told = await Promise.all(Array.from({ length: 100 }, () => answer('x')))
    expect(told.filter(({ ok }) => ok)).toHaveLength(16)
    await ask()
    expect((await answer('x'.repeat(60_000))).ok).toBe(true)
    expect((await answer('x'.repeat(60_000))).ok).toBe(true)
    expect(await answer('x')).toMatchObject({ code: 'not-permitted' })
    await expect.poll(() => answers).toBe(18)
    await guest.session.call('udp.close', { handle })
    expect(guest.session.summaries.at(-1)).toMatchObject({ answered: `127.0.0.1 ${port}` })
    peer.close()
  })

  test('that nobody receives are lost, not kept', async () => {
    const sender = createSocket('udp4').bind(0, '127.0.0.1')
    await once(sender, 'listening')
    await using guest = new SocketGuest({ udp: [udpRule(loopback, 0, 'listen')] })
    const opened = await guest.session.call('udp.open', { address: '127.0.0.1', port: 0 })
    if (!opened.ok) throw new Error(opened.code)
    for (let time = 0; time < 500; time += 1) sender.send(new Uint8Array(1000), Number(opened.value['port']), '127.0.0.1')
    await sleep(100)
    const received = await guest.session.call('udp.receive', { handle: opened.handle })
    expect(received.ok && (received.value['datagrams'] as unknown[]).length).toBe(64)
    sender.close()
  })

  test('go out one session’s allowance of bytes, and not a byte more', async () => {
    await using guest = new SocketGuest({ udp: [udpRule(loopback, 9), udpRule(loopback, 10)] })
    const opened = await guest.session.call('udp.open', { address: '0.0.0.0', port: 0 })
    guest.session.egressLeft = 10
    const send = (port: number) =>
      guest.session.call('udp.send', { handle: opened.ok ? opened.handle : -1, address: '127.0.0.1', port }, 'x'.repeat(8))
    expect((await send(9)).ok).toBe(true)
    expect(await send(10)).toMatchObject({ ok: false, code: 'not-permitted', detail: 'egress limit reached' })
  })
})

describe('E3, E6: floods and leftovers', () => {
  test('a session has a bounded number of sockets, and gets each place back', async () => {
    await using server = await rawServer((socket) => socket.resume())
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, server.port)], udp: [udpRule(loopback, 9)] })
    const opened = await Promise.all(Array.from({ length: 130 }, () => guest.connect('127.0.0.1', server.port)))
    expect(opened.filter(({ code }) => code === 'ok')).toHaveLength(100)
    expect(opened.filter(({ code }) => code === 'new-socket-limit')).toHaveLength(30)
    expect(await guest.session.call('udp.open', { address: '0.0.0.0', port: 0 })).toMatchObject({ code: 'new-socket-limit' })
    expect(await guest.session.call('tcp.bind', { address: '0.0.0.0', port: 0 })).toMatchObject({ code: 'new-socket-limit' })
    for (const { handle } of opened.filter(({ code }) => code === 'ok')) await guest.session.call('tcp.close', { handle, connection: 0 })
    for (let time = 0; time < 100; time += 1) expect((await guest.session.call('tcp.bind', { address: '0.0.0.0', port: 0 })).ok).toBe(true)
  })

  test('a crowd that nobody accepts is sent away', async () => {
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, 0, 'listen')] })
    const { handle, port } = await guest.listen('127.0.0.1', 0)
    let gone = 0
    for (let time = 0; time < 60; time += 1) {
      const one = connectTo(port, '127.0.0.1').on('error', () => undefined)
      one.on('close', () => (gone += 1))
      await new Promise((resolve) => one.once('connect', resolve).once('close', resolve))
    }
    await expect.poll(() => gone).toBe(60 - 32)
    await guest.session.call('tcp.close', { handle, connection: null })
    await expect.poll(() => gone).toBe(60)
    expect(guest.session.summaries.at(-1)).toMatchObject({ accepted: 32, dropped: 28 })
  })

  test('connections that their peers have left keep their places until the guest lets go of them', async () => {
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, 0, 'listen')] })
    const { handle, port } = await guest.listen('127.0.0.1', 0)
    let accepting = guest.session.call('tcp.accept', { handle })
    // Comes, is accepted or sent away, and goes, which the guest hears of.
    const come = async (): Promise<boolean> => {
      const one = connectTo(port, '127.0.0.1').on('error', () => undefined)
      const sentAway = new Promise<undefined>((resolve) => one.once('close', () => resolve(undefined)))
      const accepted = await Promise.race([accepting, sentAway])
      one.resetAndDestroy()
      if (accepted?.ok !== true) return false
      accepting = guest.session.call('tcp.accept', { handle })
      await guest.session.call('tcp.read', { handle, connection: Number(accepted.value['connection']), length: 1 })
      return true
    }
    let accepted = 0
    while (accepted < 150 && (await come())) accepted += 1
    expect(accepted).toBe(99)
    await guest.session.call('tcp.close', { handle, connection: 1 })
    await expect.poll(come).toBe(true)
  })

  test('a peer that sends without end fills no memory, and the session’s allowance is where it stops', async () => {
    await using server = await rawServer((socket) => {
      const fill = (): void => {
        while (socket.write(new Uint8Array(65_536)));
      }
      socket.on('drain', fill)
      fill()
    })
    await using guest = new SocketGuest({ tcp: [tcpRule(loopback, server.port)] })
    const { handle } = await guest.connect('127.0.0.1', server.port)
    guest.session.ingressLeft = 100_000
    let got = 0
    let failure: unknown = null
    while (failure === null) {
      const read = await guest.session.call('tcp.read', { handle, connection: 0, length: 65_536 })
      if (!read.ok) throw new Error(read.code)
      got += read.body.length
      ;({ failure } = read.value)
    }
    expect(got).toBe(100_000)
    expect(failure).toBe('access-denied')
  })

  test('when the session ends, everything that waits gives up and every socket closes', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /^(?:TCP|UDP)/.test(name)).length
    let closed = 0
    await using server = await rawServer((socket) => socket.resume().on('close', () => (closed += 1)))
    // What the tests before have closed takes a moment to be gone.
    await expect.poll(() => sockets()).toBe(1)
    const before = sockets()
    await using guest = new SocketGuest({
      tcp: [tcpRule(loopback, server.port), tcpRule(loopback, 0, 'listen')],
      udp: [udpRule(loopback, 9)],
    })
    const { session } = guest
    const { handle } = await guest.connect('127.0.0.1', server.port)
    const listener = await guest.listen('127.0.0.1', 0)
    const half = connectTo(listener.port, '127.0.0.1').on('error', () => undefined)
    await once(half, 'connect')
    const udp = await session.call('udp.open', { address: '0.0.0.0', port: 0 })
    await session.call('tcp.bind', { address: '0.0.0.0', port: 0 })
    const waiting = [
      session.call('tcp.read', { handle, connection: 0, length: 10 }),
      session.call('tcp.accept', { handle: listener.handle }),
      session.call('tcp.accept', { handle: listener.handle }),
      session.call('udp.receive', { handle: udp.ok ? udp.handle : -1 }),
    ]
    await sleep(10)
    session.abort()
    expect(await Promise.all(waiting)).toHaveLength(4)
    await expect.poll(() => closed).toBe(1)
    half.destroy()
    await expect.poll(() => sockets()).toBe(before)
    expect((await guest.connect('127.0.0.1', server.port)).code).not.toBe('ok')
    expect((await guest.listen('127.0.0.1', 0)).code).not.toBe('ok')
    expect((await session.call('udp.open', { address: '0.0.0.0', port: 0 })).ok).toBe(false)
  })
})
