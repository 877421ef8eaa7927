import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Capability, SocketCapability } from '#core/capability/capability.ts'
import { isCapability } from '#core/capability/check.ts'
import { defaultLimits } from '#core/budget/limits.ts'
import { parseManifest } from '#core/manifest/manifest.ts'
import { formatAddress } from '#core/policy/address.ts'
import { decide } from '#core/policy/decide.ts'
import { describeCapability, describeDenial } from '#core/policy/describe.ts'
import { parseGrantFlags, type GrantFlags } from '#core/policy/flags.ts'
import { parseAllow } from '#core/policy/parse-policy.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'

const policyOf = (allow: unknown, asks?: unknown): EffectivePolicy => {
  const { grants, denies } = parseAllow(allow, 'policy.yaml', { folder: '/srv' })
  const agent = { apiVersion: 'cordon/v1', name: 'a', version: '1.0.0', source: 'a.ts', requests: asks }
  const requests = asks === undefined ? grants : parseManifest(agent, 'agent.yaml').requests
  return { agent: 'a', requests, grants, denies, limits: defaultLimits, digest: '' }
}

const withFlags = (flags: GrantFlags): EffectivePolicy => {
  const { grants, denies } = parseGrantFlags(flags, '/srv')
  return { agent: 'a', requests: grants, grants, denies, limits: defaultLimits, digest: '' }
}

const socket = (action: SocketCapability['action'], address: string, port: number, ...names: string[]): SocketCapability => ({
  action,
  address,
  port,
  names,
})
const allows = (policy: EffectivePolicy, capability: Capability): boolean => decide(policy, capability).effect === 'allow'

const outcome = (policy: EffectivePolicy, capability: Capability): string => {
  const decision = decide(policy, capability)
  return decision.effect === 'allow' ? 'allow' : describeDenial(decision)
}

describe('a connection', () => {
  const policy = policyOf({
    tcp: [
      { connect: 'db.example.com:5432' },
      { connect: '*.cache.example.com:6379' },
      { connect: '10.1.0.0/16:22' },
      { connect: '[fd00::7]:80' },
    ],
  })

  test('goes to an address that a rule names, at its port', () => {
    expect(allows(policy, socket('tcp:connect', '10.1.2.3', 22))).toBe(true)
    expect(allows(policy, socket('tcp:connect', 'fd00::7', 80))).toBe(true)
    expect(allows(policy, socket('tcp:connect', '10.1.2.3', 23))).toBe(false)
    expect(allows(policy, socket('tcp:connect', '10.2.2.3', 22))).toBe(false)
  })

  test('goes to a public address that a granted name gave this session, and to no other', () => {
    expect(allows(policy, socket('tcp:connect', '93.184.216.34', 5432, 'db.example.com'))).toBe(true)
    expect(allows(policy, socket('tcp:connect', '93.184.216.34', 6379, 'a.cache.example.com'))).toBe(true)
    expect(allows(policy, socket('tcp:connect', '93.184.216.34', 5432))).toBe(false)
    expect(allows(policy, socket('tcp:connect', '93.184.216.34', 5432, 'evil.example.com'))).toBe(false)
    expect(allows(policy, socket('tcp:connect', '93.184.216.34', 6379, 'cache.example.com'))).toBe(false)
  })

  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    'fd00::8',
    'fe80::1',
    '64:ff9b::a00:1',
  ])('does not go to %s, whatever name gave it', (address) => {
    expect(allows(policy, socket('tcp:connect', address, 5432, 'db.example.com'))).toBe(false)
  })

  test('is not a datagram, nor is a datagram one', () => {
    expect(allows(policy, socket('udp:send', '10.1.2.3', 22))).toBe(false)
    expect(allows(policyOf({ udp: [{ connect: '10.1.2.3:22' }] }), socket('tcp:connect', '10.1.2.3', 22))).toBe(false)
  })

  test('needs the bundle to ask for it too', () => {
    const asked = (asks: unknown): boolean =>
      allows(policyOf({ tcp: [{ connect: '10.1.2.3:22' }] }, asks), socket('tcp:connect', '10.1.2.3', 22))
    expect(asked({ tcp: [{ connect: '10.1.0.0/16:22' }] })).toBe(true)
    expect(asked({ tcp: [{ connect: '10.9.0.0/16:22' }] })).toBe(false)
    expect(asked({ tcp: [{ listen: '10.1.2.3:22' }] })).toBe(false)
    expect(asked({})).toBe(false)
  })

  test('never goes where a deny rule leads: its own, or one about requests, whatever paths that names', () => {
    const grant = { tcp: [{ connect: '10.0.0.0/8:80' }, { connect: '[2002:a01:203::1]:80' }, { connect: 'x.com:80' }] }
    const denied = (deny: unknown, capability: Capability): boolean => !allows(policyOf({ ...grant, deny }), capability)
    expect(denied({}, socket('tcp:connect', '10.1.2.3', 80))).toBe(false)
    expect(denied({ tcp: [{ connect: '10.1.0.0/16' }] }, socket('tcp:connect', '10.1.2.3', 80))).toBe(true)
    expect(denied({ net: [{ host: '10.1.0.0/16' }] }, socket('tcp:connect', '10.1.2.3', 80))).toBe(true)
    expect(denied({ net: [{ host: '10.1.0.0/16:80', methods: ['POST'], paths: ['/x'] }] }, socket('tcp:connect', '10.1.2.3', 80))).toBe(
      true,
    )
    expect(denied({ net: [{ host: '10.1.0.0/16:81' }] }, socket('tcp:connect', '10.1.2.3', 80))).toBe(false)
    expect(denied({ net: [{ host: 'x.com' }] }, socket('tcp:connect', '93.184.216.34', 80, 'x.com'))).toBe(true)
    expect(denied({ net: [{ host: '10.1.0.0/16' }] }, socket('tcp:connect', '2002:a01:203::1', 80))).toBe(true)
  })
})

describe('a listening place', () => {
  test('is exactly the address and port that were granted', () => {
    const policy = policyOf({ tcp: [{ listen: '127.0.0.1:8080' }, { listen: '127.0.0.2' }] })
    expect(allows(policy, socket('tcp:listen', '127.0.0.1', 8080))).toBe(true)
    expect(allows(policy, socket('tcp:listen', '127.0.0.1', 0))).toBe(false)
    expect(allows(policy, socket('tcp:listen', '127.0.0.2', 0))).toBe(true)
    expect(allows(policy, socket('tcp:listen', '127.0.0.2', 8080))).toBe(false)
    expect(allows(policy, socket('tcp:listen', '0.0.0.0', 8080))).toBe(false)
    expect(allows(policy, socket('tcp:connect', '127.0.0.1', 8080))).toBe(false)
  })

  test.each(['*.example.com:80', 'localhost:80', '10.0.0.0/8:80'])('is never %s', (listen) => {
    expect(() => policyOf({ tcp: [{ listen }] })).toThrow(/expected an address to listen on/)
  })
})

test('a datagram socket may be bound at no place in particular as soon as it may send to anybody', () => {
  const bind = socket('udp:bind', '0.0.0.0', 0)
  expect(allows(policyOf({}), bind)).toBe(false)
  expect(allows(policyOf({ tcp: [{ connect: '10.0.0.1:53' }] }), bind)).toBe(false)
  const policy = policyOf({ udp: [{ connect: '10.0.0.1:53' }] })
  expect(allows(policy, bind)).toBe(true)
  expect(allows(policy, socket('udp:bind', '::', 0))).toBe(true)
  expect(allows(policy, socket('udp:bind', '0.0.0.0', 53))).toBe(false)
  expect(allows(policy, socket('udp:bind', '127.0.0.1', 0))).toBe(false)
})

describe('a lookup', () => {
  const policy = policyOf({
    lookup: [{ name: 'db.example.com' }, { name: '*.example.org' }],
    deny: { lookup: [{ name: 'no.example.org' }], net: [{ host: 'bad.example.org' }] },
  })
  test.each([
    ['db.example.com', true],
    ['a.db.example.com', false],
    ['example.org', false],
    ['a.example.org', true],
    ['no.example.org', false],
    ['bad.example.org', false],
  ])('of %s: %s', (name, allowed) => {
    expect(allows(policy, { action: 'dns:lookup', name })).toBe(allowed)
  })

  test('is its own grant: a connection to a name does not give it', () => {
    expect(allows(policyOf({ tcp: [{ connect: 'db.example.com:1' }] }), { action: 'dns:lookup', name: 'db.example.com' })).toBe(false)
  })

  test.each(['10.0.0.1', 'x.com:53', '10.0.0.0/8'])('cannot be granted as %s', (name) => {
    expect(() => policyOf({ lookup: [{ name }] })).toThrow(/expected a name without a port/)
  })
})

test('a connection without a port cannot be granted', () => {
  expect(() => policyOf({ tcp: [{ connect: 'x.com' }] })).toThrow('policy.yaml: expected a port after `:` at `tcp[0].connect`, got `x.com`')
  expect(() => policyOf({ udp: [{ to: 'x.com:1' }] })).toThrow('policy.yaml: expected an object such as')
})

describe('the way out that a denial names is one', () => {
  test.each([
    socket('tcp:connect', '93.184.216.34', 80, 'x.com'),
    socket('tcp:connect', 'fd00::1', 80),
    socket('tcp:listen', '127.0.0.1', 8080),
    socket('tcp:listen', '::1', 0),
    socket('udp:send', '10.0.0.1', 53),
    socket('udp:bind', '127.0.0.1', 0),
    { action: 'dns:lookup', name: 'x.com' } as const,
    { action: 'kv:read', store: 'default', key: 'a b' } as const,
    { action: 'kv:write', store: 'default', key: '' } as const,
    { action: 'config:read', name: 'greeting' } as const,
  ])('$action', (capability) => {
    const text = outcome(policyOf({}), capability)
    const [, flag = '', value = ''] = / · allow with: --([a-z-]+)[= ](.*)$/.exec(text) ?? []
    const flags = { [flag]: [value.replace('VALUE', 'x')] }
    expect(outcome(withFlags(flags), capability)).toBe('allow')
    expect(outcome(policyOf({}, {}), capability)).toContain('ask for it in agent.yaml: requests: {')
  })

  test('in words', () => {
    expect(outcome(policyOf({}), socket('tcp:connect', '93.184.216.34', 80, 'x.com'))).toBe(
      'denied tcp:connect 93.184.216.34:80 (x.com) (not granted) · allow with: --allow-tcp=93.184.216.34:80',
    )
    expect(describeCapability({ action: 'kv:write', store: 'default', key: 'a\u001b' })).toBe(String.raw`kv:write default/a\u{1b}`)
  })
})

describe('a key-value store', () => {
  test('is read under ro, written under rw, and nothing under another name', () => {
    const policy = policyOf({
      keyvalue: [
        { store: 'a', mode: 'ro' },
        { store: 'b', mode: 'rw' },
      ],
    })
    expect(allows(policy, { action: 'kv:read', store: 'a', key: 'k' })).toBe(true)
    expect(allows(policy, { action: 'kv:write', store: 'a', key: 'k' })).toBe(false)
    expect(allows(policy, { action: 'kv:write', store: 'b', key: 'k' })).toBe(true)
    expect(allows(policy, { action: 'kv:read', store: 'c', key: 'k' })).toBe(false)
  })

  test('keeps its reading when only writing is denied', () => {
    const grant = { keyvalue: [{ store: 'a', mode: 'rw' }] }
    expect(
      allows(policyOf({ ...grant, deny: { keyvalue: [{ store: 'a', mode: 'ro' }] } }), { action: 'kv:read', store: 'a', key: '' }),
    ).toBe(true)
    expect(
      allows(policyOf({ ...grant, deny: { keyvalue: [{ store: 'a', mode: 'ro' }] } }), { action: 'kv:write', store: 'a', key: '' }),
    ).toBe(false)
    expect(allows(policyOf({ ...grant, deny: { keyvalue: [{ store: 'a' }] } }), { action: 'kv:read', store: 'a', key: '' })).toBe(false)
  })
})

test('what is in memory has no host folder, and everything else has one', () => {
  expect(() => policyOf({ mounts: [{ guest: '/tmp', kind: 'memory', host: './x' }] })).toThrow('expected no `host` for what is in memory')
  expect(() => policyOf({ mounts: [{ guest: '/tmp' }] })).toThrow('expected a host folder at `mounts[0].host`, got nothing')
  expect(policyOf({ mounts: [{ guest: '/tmp', kind: 'memory', mode: 'rw', entries: 5 }] }).grants.fs).toMatchObject([
    { mountKind: 'memory', hostPath: undefined, quotaEntries: 5 },
  ])
  expect(withFlags({ mount: ['./a:/a:copy'], scratch: ['/tmp,/var'] }).grants.fs).toMatchObject([
    { mountKind: 'copy', hostPath: '/srv/a', mode: 'rw' },
    { mountKind: 'memory', guestPath: '/tmp', mode: 'rw' },
    { mountKind: 'memory', guestPath: '/var' },
  ])
})

test('only capabilities in normal form are decided', () => {
  const odd = [
    socket('tcp:connect', '127.1', 80),
    socket('tcp:connect', '::ffff:10.0.0.1', 80),
    socket('tcp:connect', 'x.com', 80),
    socket('tcp:connect', '10.0.0.1', 0),
    socket('tcp:connect', '10.0.0.1', 65_536),
    socket('tcp:connect', '10.0.0.1', 80, 'X.com'),
    socket('tcp:connect', '10.0.0.1', 80, '10.0.0.1'),
    { action: 'dns:lookup', name: 'a\0.com' } as const,
    { action: 'dns:lookup', name: '10.0.0.1' } as const,
    { action: 'kv:read', store: '', key: 'a' } as const,
    { action: 'kv:read', store: 'a', key: '\ud800' } as const,
    { action: 'kv:read', store: 'a', key: 'k'.repeat(1025) } as const,
  ]
  for (const capability of odd) expect(isCapability(capability), JSON.stringify(capability)).toBe(false)
})

test('whatever address a grant of a network allows lies in it', () => {
  const policy = policyOf({ tcp: [{ connect: '10.1.0.0/16:80' }] })
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 255 }), { minLength: 4, maxLength: 4 }), (bytes) => {
      expect(allows(policy, socket('tcp:connect', formatAddress(bytes), 80))).toBe(bytes[0] === 10 && bytes[1] === 1)
    }),
  )
})
