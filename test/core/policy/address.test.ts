import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressAllowed, classifyAddress, formatAddress, parseAddress } from '#core/policy/address.ts'
import { addressDeniedBy } from '#core/policy/match.ts'
import { parseHostPattern } from '#core/policy/host-pattern.ts'
import type { NetRule } from '#core/policy/rules.ts'

const ruleFor = (host: string): NetRule => {
  const read = parseHostPattern(host, 'deny')
  if (!read.ok) throw new TypeError(read.expected)
  return {
    kind: 'net',
    origin: host,
    host: read.value.host,
    port: 443,
    scheme: 'https',
    methods: undefined,
    paths: undefined,
    secret: undefined,
  }
}

const kinds: Readonly<Record<string, readonly string[]>> = {
  public: [
    '93.184.216.34',
    '1.1.1.1',
    '8.8.8.8',
    '2606:4700::1111',
    '2a00:1450:4001::200e',
    '64:ff9b::93.184.216.34',
    '192.0.1.1',
    '172.32.0.1',
    '100.128.0.1',
  ],
  loopback: [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:1::',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
    '2606:4700::5efe:127.0.0.1',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.255.255',
    'fc00::1',
    'fdff::1',
    'fec0::1',
    '::ffff:10.0.0.1',
    '64:ff9b:1::1',
    '64:ff9b::192.168.0.1',
    '2002:c0a8:101::1',
    '2606:4700::200:5efe:10.0.0.1',
  ],
  'link-local': ['169.254.0.1', '169.254.255.255', 'fe80::1', 'febf::1', '::ffff:169.254.1.1'],
  metadata: [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd20:ce::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::',
  ],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  reserved: [
    '0.0.0.0',
    '0.1.2.3',
    '255.255.255.255',
    '240.0.0.1',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '192.88.99.1',
    '::',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    '4000::1',
    '2002:0808:0808::1',
    '::8.8.8.8',
    '2001:2::1',
    '64:ff9b::1:8.8.8.8',
  ],
}

describe('classes', () => {
  test.each(Object.entries(kinds).flatMap(([kind, addresses]) => addresses.map((address) => [address, kind])))(
    '%s is %s',
    (address, kind) => {
      expect(classifyAddress(address)).toBe(kind)
    },
  )

  test('Teredo is as bad as its server or its client, and never public', () => {
    // Client 10.0.0.1, obfuscated by xor with all ones (RFC 4380 section 4); server 65.54.227.120.
    expect(classifyAddress('2001:0:4136:e378:8000:63bf:f5ff:fffe')).toBe('private')
    expect(classifyAddress('2001:0:7f00:1:8000:63bf:3fff:fdd2')).toBe('loopback')
    expect(classifyAddress('2001:0:4136:e378:8000:63bf:f7f7:f7f7')).toBe('reserved')
  })

  test.each([
    '',
    'localhost',
    '127.1',
    '0x7f000001',
    '0177.0.0.1',
    '1.2.3',
    '1.2.3.4 ',
    'fe80::1%1',
    '[::1]',
    ':::',
    '1::2::3',
    '12345::',
    '::1.2.3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:1.2.3.4.5',
    '1.2.3.4::',
  ])('no address is public by accident: %j is not one', (text) => {
    expect(parseAddress(text)).toBeUndefined()
    expect(classifyAddress(text)).toBe('reserved')
  })
})

describe('spellings', () => {
  test('reads what the platform reads and writes what the platform writes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (ip) => {
        const bytes = parseAddress(ip)
        expect(bytes).toBeDefined()
        const text = formatAddress(bytes ?? [])
        const canonical = new SocketAddress({ address: ip, family: isIPv4(ip) ? 'ipv4' : 'ipv6' }).address
        expect(parseAddress(text)).toEqual(bytes)
        // The platform writes mapped, compatible and translated addresses with a dotted quad; the bytes are the same.
        if (!canonical.includes('.') || isIPv4(ip)) expect(text).toBe(canonical)
      }),
      { numRuns: 1000 },
    )
  })

  test('accepts nothing that the platform would not', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdefx:.%')), maxLength: 24 }), fc.string()),
        (text) => {
          if (parseAddress(text) !== undefined) expect(isIPv4(text) || isIPv6(text)).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('an address in IPv4 and its forms in IPv6 are equally bad', () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        const kind = classifyAddress(ip)
        expect(classifyAddress(`::ffff:${ip}`)).toBe(kind)
        expect(classifyAddress(`64:ff9b::${ip}`)).toBe(kind)
        const hex = ip.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
        const sixToFour = classifyAddress(`2002:${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::1`)
        expect(sixToFour).toBe(kind === 'public' ? 'reserved' : kind)
      }),
    )
  })
})

describe('what a rule reaches once its name was resolved', () => {
  test('a name or suffix reaches public addresses and no other', () => {
    for (const rule of [ruleFor('api.example.com'), ruleFor('*.example.com')]) {
      for (const [kind, addresses] of Object.entries(kinds)) {
        for (const address of addresses) expect(addressAllowed(address, rule), `${rule.origin} ${address}`).toBe(kind === 'public')
      }
    }
  })

  test('localhost reaches loopback and no other', () => {
    expect(addressAllowed('127.0.0.1', ruleFor('localhost'))).toBe(true)
    expect(addressAllowed('::1', ruleFor('localhost'))).toBe(true)
    expect(addressAllowed('93.184.216.34', ruleFor('localhost'))).toBe(false)
    expect(addressAllowed('10.0.0.1', ruleFor('localhost'))).toBe(false)
  })

  test('an address rule reaches what it names, in any spelling, and nothing else', () => {
    expect(addressAllowed('10.1.2.3', ruleFor('10.0.0.0/8'))).toBe(true)
    expect(addressAllowed('::ffff:10.1.2.3', ruleFor('10.0.0.0/8'))).toBe(true)
    expect(addressAllowed('127.0.0.1', ruleFor('127.0.0.1'))).toBe(true)
    expect(addressAllowed('127.0.0.2', ruleFor('127.0.0.1'))).toBe(false)
    expect(addressAllowed('8.8.8.8', ruleFor('10.0.0.0/8'))).toBe(false)
    expect(addressAllowed('64:ff9b::10.1.2.3', ruleFor('10.0.0.0/8'))).toBe(false)
  })

  test('what is no address is never reached', () => {
    for (const junk of ['', 'localhost', '10.1', '::1%lo']) expect(addressAllowed(junk, ruleFor('localhost')), junk).toBe(false)
  })

  test('a denied network is denied in every form that leads there', () => {
    const denies = [{ ...ruleFor('169.254.0.0/16'), port: undefined, scheme: undefined }, ruleFor('name.example')]
    const request = { action: 'net:request', scheme: 'https', method: 'GET', host: 'name.example', port: 443, path: '/' } as const
    for (const ip of ['169.254.169.254', '::ffff:169.254.1.1', '64:ff9b::169.254.1.1', '2002:a9fe:101::1', '::169.254.1.1']) {
      expect(addressDeniedBy(denies, request, ip)?.origin, ip).toBe('169.254.0.0/16')
    }
    expect(addressDeniedBy(denies, request, '93.184.216.34')).toBeUndefined()
  })
})
