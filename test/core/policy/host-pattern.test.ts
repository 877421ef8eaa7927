import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  hostMatches,
  hostPatternText,
  isLoopbackPattern,
  normaliseAuthority,
  parseHostPattern,
  type RuleUse,
} from '#core/policy/host-pattern.ts'

const pattern = (text: string, use: RuleUse = 'grant') => {
  const read = parseHostPattern(text, use)
  if (!read.ok) throw new TypeError(`${text}: expected ${read.expected}`)
  return read.value
}
const refusal = (text: string, use: RuleUse = 'grant'): string => {
  const read = parseHostPattern(text, use)
  return read.ok ? `accepted ${hostPatternText(read.value.host)}` : `${read.expected} | ${read.hint}`
}
/** Whether a rule for `rule` names the host of a request to `authority`. */
const reaches = (rule: string, authority: string): boolean => {
  const target = normaliseAuthority(authority, 'https')
  const { host, port } = pattern(rule)
  return target !== undefined && hostMatches(host, target.host) && (port ?? 443) === target.port
}

/** Any UTF-16 text, controls and lone surrogates included. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units))
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/)
const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'))

describe('what a rule may name', () => {
  test.each([
    ['api.example.com', 'api.example.com', undefined],
    ['API.Example.COM.', 'api.example.com', undefined],
    ['api.example.com:8443', 'api.example.com', 8443],
    ['localhost:80', 'localhost', 80],
    ['*.example.com:443', '*.example.com', 443],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', undefined],
    ['93.184.216.34:80', '93.184.216.34', 80],
    ['10.0.0.0/8:8080', '10.0.0.0/8', 8080],
    ['fd00::/32', '[fd00::/32]', undefined],
    ['2001:DB8:0:0:0:0:0:1', '[2001:db8::1]', undefined],
    ['[2001:db8::1]:8443', '[2001:db8::1]', 8443],
    ['[::ffff:10.1.2.3]:80', '10.1.2.3', 80],
  ])('reads %s', (text, host, port) => {
    const read = pattern(text)
    expect(hostPatternText(read.host)).toBe(host)
    expect(read.port).toBe(port)
  })

  test.each([
    ['', 'a host | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['*', 'a host that is named | `*` alone would open every host: name the hosts, or `*.example.com` for all below one'],
    ['*:443', 'a host that is named | `*` alone would open every host: name the hosts, or `*.example.com` for all below one'],
    ['*.com', 'a narrower suffix such as `*.example.com` | anybody can register a name below it: name the domain that you trust'],
    ['*.co.uk', 'a narrower suffix such as `*.example.com` | anybody can register a name below it: name the domain that you trust'],
    ['*.*.example.com', 'a suffix such as `*.example.com` | write `*.` once, at the start, before a full domain name'],
    ['api.*.com', '`*` only as the first label | write `*.example.com`, or the full name'],
    ['*example.com', '`*` only as the first label | write `*.example.com`, or the full name'],
    ['0.0.0.0/0', 'a network of /8 or narrower | name the networks that are needed'],
    ['::/0', 'a network of /32 or narrower | name the networks that are needed'],
    ['10.1.2.3/8', 'a network without bits after its prefix | write `10.0.0.0/8`, or the address alone'],
    ['10.0.0.0/33', 'a prefix of at most 32 bits | shorten the prefix'],
    ['10.0.0.0/08', 'a prefix length after `/`, never a path | write paths in `paths`'],
    [
      '::ffff:10.0.0.0/104',
      'an address or a network such as `10.1.0.0/16` or `fd00::/32` | write IPv4 as four decimal numbers without leading zeros',
    ],
    [
      '0177.0.0.1',
      'an address or a network such as `10.1.0.0/16` or `fd00::/32` | write IPv4 as four decimal numbers without leading zeros',
    ],
    ['127.1', 'an address or a network such as `10.1.0.0/16` or `fd00::/32` | write IPv4 as four decimal numbers without leading zeros'],
    [
      '2130706433',
      'an address or a network such as `10.1.0.0/16` or `fd00::/32` | write IPv4 as four decimal numbers without leading zeros',
    ],
    ['0x7f.1', 'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['example.0x7f', 'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['fe80::1%eth0', 'a host | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['http://example.com', 'a host without `scheme://` | write the host alone, and `scheme: http` when it is not https'],
    ['example.com/v1', 'a host without a path | write paths in `paths`'],
    ['user@example.com', 'a host without user information | remove what is before `@`; credentials are granted as secrets'],
    ['example.com?x', 'a host | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['example.com\\evil', 'a host | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['bücher.example', 'a host in ASCII | write an international name in its punycode form, `xn--…`'],
    ['аpple.com', 'a host in ASCII | write an international name in its punycode form, `xn--…`'],
    ['evil\0.example.com', 'a host without spaces or control characters | remove them'],
    ['exam ple.com', 'a host without spaces or control characters | remove them'],
    ['example.com\n', 'a host without spaces or control characters | remove them'],
    ['example.com:', 'a port from 1 to 65535 after `:` | write `host:port`, or leave the port out for the default of the scheme'],
    ['example.com:0', 'a port from 1 to 65535 after `:` | write `host:port`, or leave the port out for the default of the scheme'],
    ['example.com:65536', 'a port from 1 to 65535 after `:` | write `host:port`, or leave the port out for the default of the scheme'],
    ['example.com:0443', 'a port from 1 to 65535 after `:` | write `host:port`, or leave the port out for the default of the scheme'],
    ['example.com:*', 'a port from 1 to 65535 after `:` | write `host:port`, or leave the port out for the default of the scheme'],
    ['[example.com]', 'an IPv6 address in brackets | write names and IPv4 addresses without brackets'],
    ['[::1', '`]` after an IPv6 address | write `[address]:port`'],
    [
      'under_score.example.com',
      'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network',
    ],
    ['-a.example.com', 'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['a..example.com', 'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    ['example.com..', 'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network'],
    [
      `${'a'.repeat(64)}.com`,
      'a host name of letters, digits and hyphens | write `name[:port]`, `*.suffix[:port]`, an address or a network',
    ],
    ['a'.repeat(301), 'a host of at most 300 characters | shorten it'],
  ])('refuses %j', (text, expected) => {
    expect(refusal(text)).toBe(expected)
  })

  test('lets a deny be as wide as it likes, short of everything', () => {
    expect(refusal('*.com', 'deny')).toBe('accepted *.com')
    expect(refusal('0.0.0.0/0', 'deny')).toBe('accepted 0.0.0.0/0')
    expect(refusal('*', 'deny')).toContain('`*` alone')
  })
})

describe('what a request is taken for', () => {
  test.each([
    ['API.Example.com', { host: 'api.example.com', port: 443 }],
    ['api.example.com.', { host: 'api.example.com', port: 443 }],
    ['api.example.com:8443', { host: 'api.example.com', port: 8443 }],
    ['127.0.0.1', { host: '127.0.0.1', port: 443 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[0:0:0:0:0:FFFF:7F00:1]', { host: '127.0.0.1', port: 443 }],
    ['[2001:DB8:0:1:0:0:0:1]', { host: '2001:db8:0:1::1', port: 443 }],
  ])('normalises %s', (authority, expected) => {
    expect(normaliseAuthority(authority, 'https')).toEqual(expected)
  })

  test.each([
    'user:pass@example.com',
    'example.com@evil.com',
    'attacker.example\0.google.com',
    'example.com\r\nHost: evil',
    'example.com\t',
    'exa mple.com',
    'example.com#.allowed.com',
    'example.com/.allowed.com',
    'example.com\\.allowed.com',
    'ex%61mple.com',
    'bücher.example',
    'example.com:',
    'example.com:99999',
    'example.com:80:90',
    '*.example.com',
    '*',
    '',
    '.',
    '..',
    '127.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '127.0.0.1.',
    '127.0.0.256',
    '1.2.3.4.5',
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '::1',
    '[127.0.0.1]',
    '[::1]x',
    '[::1]]',
    '10.0.0.0/8',
    `${'a.'.repeat(200)}com`,
  ])('refuses %j', (authority) => {
    expect(normaliseAuthority(authority, 'https')).toBeUndefined()
  })

  test('uses the default port of the scheme', () => {
    expect(normaliseAuthority('example.com', 'http')).toEqual({ host: 'example.com', port: 80 })
  })

  test('is stable: normalising what was normalised changes nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          name,
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
          fc.string(),
        ),
        (authority) => {
          const once = normaliseAuthority(authority, 'https')
          if (once === undefined) return
          const again = once.host.includes(':') ? `[${once.host}]:${once.port}` : `${once.host}:${once.port}`
          expect(normaliseAuthority(again, 'https')).toEqual(once)
        },
      ),
    )
  })

  test('never lets anything but letters, digits, hyphens, dots and colons through', () => {
    fc.assert(
      fc.property(anyText, name, (junk, good) => {
        for (const authority of [junk, `${junk}.${good}`, `${good}${junk}`]) {
          const { host = '' } = normaliseAuthority(authority, 'https') ?? {}
          expect(host).toMatch(/^[a-z0-9.:-]*$/)
        }
      }),
    )
  })
})

describe('which requests a rule names', () => {
  test('an exact name names itself, in any case and with a trailing dot, and nothing below or beside it', () => {
    expect(reaches('example.com', 'EXAMPLE.com.')).toBe(true)
    for (const other of ['a.example.com', 'evil-example.com', 'example.com.evil.com', 'example.co', 'xample.com']) {
      expect(reaches('example.com', other), other).toBe(false)
    }
  })

  test('a suffix names what is one or more labels below it, never itself', () => {
    for (const below of ['a.example.com', 'a.b.example.com', 'A.EXAMPLE.COM']) expect(reaches('*.example.com', below), below).toBe(true)
    for (const other of ['example.com', 'evil-example.com', '.example.com', 'a.example.com.evil.com', 'aexample.com']) {
      expect(reaches('*.example.com', other), other).toBe(false)
    }
  })

  test('an address rule names literals only, a name rule names no literal', () => {
    expect(reaches('10.0.0.0/8', '10.9.8.7')).toBe(true)
    expect(reaches('10.0.0.0/8', '[::ffff:10.9.8.7]')).toBe(true)
    expect(reaches('10.0.0.0/8', '11.0.0.1')).toBe(false)
    expect(reaches('10.0.0.0/8', 'ten.example.com')).toBe(false)
    expect(reaches('fd00:1::/32', '[fd00:1::9]')).toBe(true)
    expect(reaches('fd00:1::/32', '[fd00:2::9]')).toBe(false)
    expect(reaches('example.com', '93.184.216.34')).toBe(false)
  })

  test('no port means 443, and another port is another target', () => {
    expect(reaches('example.com', 'example.com:443')).toBe(true)
    expect(reaches('example.com', 'example.com:8443')).toBe(false)
    expect(reaches('example.com:8443', 'example.com')).toBe(false)
  })

  test('no name outside of a suffix is ever named by it', () => {
    fc.assert(
      fc.property(name, anyText, name, (suffix, glue, other) => {
        for (const authority of [`${other}${glue}${suffix}`, `${suffix}${glue}${other}`, `${glue}${suffix}`]) {
          const target = normaliseAuthority(authority, 'https')
          if (target === undefined) continue
          const named = hostMatches({ kind: 'suffix', suffix }, target.host)
          expect(named).toBe(target.host.split('.').length > suffix.split('.').length && `.${target.host}`.endsWith(`.${suffix}`))
        }
      }),
    )
  })

  test('a random address is named by the network of its own first bits and by no other', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 8, max: 32 }), (inside, other, prefix) => {
        const bits = (ip: string): string =>
          ip
            .split('.')
            .map((byte) => Number(byte).toString(2).padStart(8, '0'))
            .join('')
        const network = bits(inside).slice(0, prefix).padEnd(32, '0')
        const text = [0, 8, 16, 24].map((at) => Number.parseInt(network.slice(at, at + 8), 2)).join('.')
        const { host } = pattern(`${text}/${prefix}`)
        expect(hostMatches(host, inside)).toBe(true)
        expect(hostMatches(host, other)).toBe(bits(other).startsWith(bits(inside).slice(0, prefix)))
      }),
    )
  })
})

test('loopback is known by its names only', () => {
  for (const text of ['localhost', '127.0.0.1', '127.0.0.0/8', '::1']) expect(isLoopbackPattern(pattern(text).host), text).toBe(true)
  for (const text of ['*.localhost.example', 'localhost.example', '10.0.0.1', '::2', '126.0.0.0/8']) {
    expect(isLoopbackPattern(pattern(text).host), text).toBe(false)
  }
})
