import type { Socket } from 'node:net'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { NetRule } from '#core/policy/rules.ts'
import { httpGuest, httpServer, localGuest, loopback, rawServer } from '../../host/providers/http/http-guest.ts'
import { netRule } from '../../host/providers/guest-session.ts'

const named = (name: string): NetRule['host'] => ({ kind: 'name', name })

/** What a server does that nobody should get to: an attack that succeeds is then soon over. */
const hangUp = (socket: Socket): unknown => socket.destroy()

/** Spellings of places that a rule with a name must never lead to (attacks B3 and B4). */
const forbidden = [
  '127.0.0.1',
  '127.8.8.8',
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '172.16.0.1',
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
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a9fe:a9fe',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  'not an address',
  '127.1',
  '0x7f000001',
  '2130706433',
  '0177.0.0.1',
  '',
]

describe('B2 to B4: a name that is allowed must not lead inside', () => {
  test.each(forbidden)('a name that resolves to `%s` is refused and nothing is dialled', async (address) => {
    await using server = await rawServer(hangUp)
    await using guest = httpGuest({
      rules: [netRule(named('api.example.com'), server.port)],
      authority: `api.example.com:${server.port}`,
      resolve: async () => [address],
    })
    expect((await guest.request()).code).toBe('destination-IP-prohibited')
    expect(server.connections()).toBe(0)
  })

  test('one bad address among good ones refuses the name', async () => {
    await using guest = httpGuest({
      rules: [netRule(named('api.example.com'), 80)],
      authority: 'api.example.com:80',
      resolve: async () => ['93.184.215.14', '127.0.0.1', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
    })
    const started = await guest.start()
    const response = await guest.session.call('http.response', { handle: started.ok ? started.handle : -1 })
    expect(response).toMatchObject({ ok: false, code: 'destination-IP-prohibited' })
  })

  test('one address of several is enough to refuse the name, wherever it stands', async () => {
    await using guest = httpGuest({
      rules: [netRule(named('localhost'), 1)],
      authority: 'localhost:1',
      resolve: async () => ['127.0.0.1', '10.0.0.1'],
    })
    expect((await guest.request()).code).toBe('destination-IP-prohibited')
  })

  test('a name is resolved and checked for every request, so one that rebinds later is refused later', async () => {
    let answers = 0
    await using server = await httpServer((_request, response) => response.end('hi'))
    await using guest = httpGuest({
      rules: [netRule(named('localhost'), server.port)],
      authority: `localhost:${server.port}`,
      resolve: async () => (answers++ === 0 ? ['127.0.0.1'] : ['10.0.0.1']),
    })
    expect((await guest.request()).body).toBe('hi')
    expect((await guest.request()).code).toBe('destination-IP-prohibited')
    expect(answers).toBe(2)
  })

  test('the address that was checked is the one that is dialled: nothing resolves again', async () => {
    let answers = 0
    await using server = await httpServer((request, response) => response.end(request.headers.host))
    await using guest = httpGuest({
      rules: [netRule(named('localhost'), server.port)],
      authority: `LOCALHOST.:${server.port}`,
      resolve: async () => (answers++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
    })
    expect((await guest.request()).body).toBe(`localhost:${server.port}`)
    expect(answers).toBe(1)
    expect(guest.session.summaries.at(-1)).toMatchObject({ address: '127.0.0.1' })
  })

  test('B11: a name that no rule allows is never looked up', async () => {
    const asked: string[] = []
    await using guest = httpGuest({
      rules: [netRule(named('api.example.com'), 80)],
      resolve: async (name) => {
        asked.push(name)
        return []
      },
    })
    expect((await guest.request({ authority: 'c2VjcmV0.attacker.example' })).code).toBe('not-permitted')
    expect(asked).toEqual([])
  })
})

describe('B4, B5: odd spellings of the destination', () => {
  const spellings = [
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '[::1%25lo]',
    'localhost',
    'evil.example\0.allowed.example',
    'allowed.example\r\nhost: evil.example',
    'allowed.example\t',
    'allowed.example\\@127.0.0.1',
    'allowed.example@127.0.0.1',
    'user:pass@allowed.example',
    'allowed.example#@127.0.0.1',
    'allowed.example?@127.0.0.1',
    'allowed.example/@127.0.0.1',
    'аllowed.example',
    'allowed。example',
    'allowed.example%00',
    'allowed%2eexample',
    `${'a'.repeat(64)}.example`,
    '',
    ':80',
    'sub.allowed.example',
    'xallowed.example',
    'allowed.example.evil.example',
  ]

  test.each(spellings)('the authority %j reaches nothing', async (authority) => {
    await using server = await rawServer(hangUp)
    const resolved: string[] = []
    await using guest = httpGuest({
      rules: [netRule(named('allowed.example'), server.port)],
      resolve: async (name) => {
        resolved.push(name)
        return ['127.0.0.1']
      },
    })
    for (const suffix of ['', `:${server.port}`]) {
      expect((await guest.request({ authority: authority + suffix })).code).toMatch(/^(?:not-permitted|HTTP-request-URI-invalid)$/)
    }
    expect(resolved).toEqual([])
    expect(server.connections()).toBe(0)
  })

  test('property: whatever stands before or after the allowed name, nothing else is looked up', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.string({ unit: 'binary', maxLength: 12 }),
        async (before, after) => {
          const resolved: string[] = []
          await using guest = httpGuest({
            rules: [netRule(named('allowed.example'), 80)],
            resolve: async (name) => {
              resolved.push(name)
              return ['127.0.0.1']
            },
          })
          const { code } = await guest.request({ authority: `${before}allowed.example${after}` })
          expect(code).not.toBe('ok')
          expect(resolved.every((name) => name === 'allowed.example')).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('B7: another port of an allowed host is another place', async () => {
    await using server = await httpServer((_request, response) => response.end('secret'))
    await using other = await httpServer((_request, response) => response.end('fine'))
    await using guest = localGuest(other.port)
    expect((await guest.request()).body).toBe('fine')
    expect((await guest.request({ authority: `127.0.0.1:${server.port}` })).code).toBe('not-permitted')
    expect((await guest.request({ authority: `127.0.0.2:${other.port}` })).code).toBe('not-permitted')
    expect((await guest.request({ authority: '127.0.0.1' })).code).toBe('not-permitted')
  })
})

describe('B1: redirects', () => {
  test('are handed to the guest and never followed', async () => {
    await using target = await rawServer(hangUp)
    await using server = await httpServer((request, response) => {
      const status = Number(request.url?.slice(1))
      response.writeHead(status, { location: `http://127.0.0.1:${target.port}/latest/meta-data` }).end()
    })
    await using guest = localGuest(server.port)
    for (const status of [301, 302, 303, 307, 308]) {
      const reply = await guest.request({ pathWithQuery: `/${status}`, headers: [['authorization', 'Basic abc']] })
      expect(reply).toMatchObject({ code: 'ok', status })
    }
    expect(target.connections()).toBe(0)
    expect((await guest.request({ authority: `127.0.0.1:${target.port}` })).code).toBe('not-permitted')
  })
})

describe('B13: proxies of the environment', () => {
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
  afterEach(() => {
    for (const name of names) delete process.env[name]
  })

  test('are not used', async () => {
    await using proxy = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy'))
    await using server = await httpServer((_request, response) => response.end('direct'))
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`
    await using guest = localGuest(server.port)
    expect((await guest.request()).body).toBe('direct')
    expect(proxy.connections()).toBe(0)
  })
})

test('B16: no rule at all means no destination at all', async () => {
  await using server = await rawServer(hangUp)
  await using guest = httpGuest({ rules: [], authority: `127.0.0.1:${server.port}` })
  expect((await guest.request()).code).toBe('not-permitted')
  expect(server.connections()).toBe(0)
})

test('a rule that names an address reaches that address only', async () => {
  await using server = await httpServer((_request, response) => response.end('hi'))
  await using guest = httpGuest({ rules: [netRule(loopback, server.port)] })
  expect((await guest.request({ authority: `127.0.0.1:${server.port}` })).body).toBe('hi')
  // A mapped address is the address that it maps, in rules and on the wire alike.
  expect((await guest.request({ authority: `[::ffff:127.0.0.1]:${server.port}` })).body).toBe('hi')
  expect((await guest.request({ authority: `[::1]:${server.port}` })).code).toBe('not-permitted')
})

describe('deny rules and addresses', () => {
  const network = (text: string, bytes: readonly number[], prefix: number): NetRule['host'] => ({ kind: 'cidr', bytes, prefix, text })

  test('a name that leads into a denied network is refused, whatever allows the name', async () => {
    for (const address of ['93.184.215.14', '64:ff9b::5db8:d70e', '::ffff:93.184.215.14']) {
      await using guest = httpGuest({
        rules: [netRule(named('api.example.com'), 80)],
        denies: [{ ...netRule(network('93.184.0.0/16', [93, 184, 0, 0], 16), 80), port: undefined, origin: 'floor.yaml:3' }],
        authority: 'api.example.com:80',
        resolve: async () => ['8.8.8.8', address],
      })
      expect((await guest.request()).code).toBe('destination-IP-prohibited')
      expect(guest.session.summaries.at(-1)?.['error']).toContain('denied by floor.yaml:3')
    }
  })

  test('a deny rule for another port, scheme or path leaves the address alone', async () => {
    await using server = await httpServer((_request, response) => response.end('hi'))
    await using guest = httpGuest({
      rules: [netRule(named('localhost'), server.port)],
      denies: [
        netRule(network('127.0.0.0/8', [127, 0, 0, 0], 8), server.port + 1),
        netRule(network('127.0.0.0/8', [127, 0, 0, 0], 8), server.port, { paths: ['/admin*'] }),
      ],
      authority: `localhost:${server.port}`,
      resolve: async () => ['127.0.0.1'],
    })
    expect((await guest.request()).body).toBe('hi')
    expect((await guest.request({ pathWithQuery: '/admin/x' })).code).toBe('destination-IP-prohibited')
  })

  test('B3: a name that leads to an address of this very host is refused, public as it may be', async () => {
    await using guest = httpGuest({
      rules: [netRule(named('api.example.com'), 80)],
      ownAddresses: () => ['203.0.114.7', '2001:4860:0::7'],
      authority: 'api.example.com:80',
      resolve: async (name) => [name.length > 0 ? '2001:4860::7' : ''],
    })
    expect((await guest.request()).code).toBe('destination-IP-prohibited')
    expect(guest.session.summaries.at(-1)?.['error']).toContain('address of this host')
  })

  test('B3: an address of this very host is refused though the rule names its class', async () => {
    await using server = await rawServer(hangUp)
    await using guest = httpGuest({
      rules: [netRule(named('localhost'), server.port)],
      ownAddresses: () => ['127.0.0.1'],
      authority: `localhost:${server.port}`,
      resolve: async () => ['127.0.0.1'],
    })
    expect((await guest.request()).code).toBe('destination-IP-prohibited')
    expect(server.connections()).toBe(0)
  })
})
