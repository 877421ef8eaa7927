import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Capability, NetCapability } from '#core/capability/capability.ts'
import { defaultLimits } from '#core/budget/limits.ts'
import { decide } from '#core/policy/decide.ts'
import { describeCapability, describeDenial } from '#core/policy/describe.ts'
import { parseAllow } from '#core/policy/parse-policy.ts'
import { parseManifest } from '#core/manifest/manifest.ts'
import { noRules } from '#core/policy/grants.ts'
import type { EffectivePolicy, RuleSet } from '#core/policy/rules.ts'

const requestsOf = (requests: unknown): RuleSet =>
  parseManifest({ apiVersion: 'cordon/v1', name: 'a', version: '1.0.0', source: 'a.ts', requests }, 'agent.yaml').requests
const grantsOf = (allow: unknown) => parseAllow(allow, 'policy.yaml', { folder: '/srv' })

/** What a bundle asks and an operator allows, together; without `asks` the grants are the requests. */
const policyOf = ({ asks, allow = {} }: { asks?: unknown; allow?: unknown }): EffectivePolicy => {
  const { grants, denies } = grantsOf(allow)
  return { agent: 'a', requests: asks === undefined ? grants : requestsOf(asks), grants, denies, limits: defaultLimits, digest: '' }
}

const get = (url: string, method = 'GET'): NetCapability => {
  const { protocol, hostname, port, pathname } = new URL(url)
  const scheme = protocol === 'http:' ? 'http' : 'https'
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return { action: 'net:request', scheme, method, host, port: Number(port) || (scheme === 'http' ? 80 : 443), path: pathname }
}
const file = (action: 'fs:read' | 'fs:write', mount: string, path: string): Capability => ({ action, mount, path })
const named = (action: 'secret:use' | 'env:read' | 'tool:call', name: string): Capability => ({ action, name })

/** `allow by <origin>`, or the line an operator reads. */
const outcome = (policy: EffectivePolicy, capability: Capability): string => {
  const decision = decide(policy, capability)
  return decision.effect === 'allow' ? `allow by ${decision.rule.origin}` : describeDenial(decision)
}

const everything: readonly Capability[] = [
  get('https://x.com/'),
  file('fs:read', '/inbox', '/inbox/a'),
  file('fs:write', '/out', '/out/a'),
  named('secret:use', 'key'),
  named('env:read', 'TZ'),
  named('tool:call', 'search'),
]

describe('nothing is allowed by default', () => {
  test.each(everything.map((capability) => [describeCapability(capability), capability] as const))('%s', (_, capability) => {
    const none: EffectivePolicy = { agent: 'a', requests: noRules, grants: noRules, denies: noRules, limits: defaultLimits, digest: '' }
    expect(decide(none, capability).effect).toBe('deny')
    expect(decide(policyOf({}), capability).effect).toBe('deny')
    expect(decide(policyOf({ asks: {} }), capability).effect).toBe('deny')
  })

  test('empty lists grant nothing', () => {
    const empty = { net: [], fs: [], secrets: [], env: [], tools: [] }
    const policy = policyOf({ asks: empty, allow: { net: [], mounts: [], secrets: {}, env: [], tools: [] } })
    for (const capability of everything) expect(decide(policy, capability).effect).toBe('deny')
  })
})

describe('a call needs a request and a grant', () => {
  const asks = {
    net: [{ host: 'x.com' }],
    fs: [{ guest: '/inbox' }, { guest: '/out', mode: 'rw' }],
    secrets: [{ name: 'key' }],
    env: ['TZ'],
    tools: [{ name: 'search' }],
  }
  const allow = {
    net: [{ host: 'x.com' }],
    mounts: [
      { host: './in', guest: '/inbox' },
      { host: './out', guest: '/out', mode: 'rw' },
    ],
    secrets: { key: { from: 'env://KEY' } },
    env: ['TZ=UTC'],
    tools: ['search'],
  }

  test('both allow', () => {
    for (const capability of everything) expect(decide(policyOf({ asks, allow }), capability).effect, capability.action).toBe('allow')
  })

  test('a grant alone is not asked for, and the hint is the line of agent.yaml', () => {
    expect(everything.map((capability) => outcome(policyOf({ asks: {}, allow }), capability))).toEqual([
      'denied net:request GET https://x.com:443/ (not requested) · ask for it in agent.yaml: requests: { net: [{ host: "x.com:443", methods: [GET] }] }',
      'denied fs:read /inbox/a (not requested) · ask for it in agent.yaml: requests: { fs: [{ guest: /inbox, mode: ro }] }',
      'denied fs:write /out/a (not requested) · ask for it in agent.yaml: requests: { fs: [{ guest: /out, mode: rw }] }',
      'denied secret:use key (not requested) · ask for it in agent.yaml: requests: { secrets: [{ name: key }] }',
      'denied env:read TZ (not requested) · ask for it in agent.yaml: requests: { env: [{ name: TZ }] }',
      'denied tool:call search (not requested) · ask for it in agent.yaml: requests: { tools: [{ name: search }] }',
    ])
  })

  test('a request alone is not granted, and the hint is the flag', () => {
    expect(everything.map((capability) => outcome(policyOf({ asks, allow: {} }), capability))).toEqual([
      'denied net:request GET https://x.com:443/ (not granted) · allow with: --allow-net=x.com',
      'denied fs:read /inbox/a (not granted) · allow with: --mount HOST_FOLDER:/inbox',
      'denied fs:write /out/a (not granted) · allow with: --mount HOST_FOLDER:/out:rw',
      'denied secret:use key (not granted) · allow with: --allow-secret=key',
      'denied env:read TZ (not granted) · allow with: --allow-env=TZ',
      'denied tool:call search (not granted) · allow with: --allow-tool=search',
    ])
  })

  test('the hint names port and scheme when they are not the usual ones, and IPv6 in brackets', () => {
    const hints = ['https://x.com:8443/', 'http://x.com/', 'http://127.0.0.1:8787/', 'https://[2001:db8::1]/'].map(
      (url) => outcome(policyOf({}), get(url)).split(' · ')[1],
    )
    expect(hints).toEqual([
      'allow with: --allow-net=x.com:8443',
      'allow with: --allow-net=http://x.com',
      'allow with: --allow-net=http://127.0.0.1:8787',
      'allow with: --allow-net=[2001:db8::1]',
    ])
  })

  test('any deny wins over both, and its origin is named', () => {
    const deny = { net: [{ host: '*.com' }], fs: [{ guest: '/' }], secrets: ['key'], env: ['TZ'], tools: ['search'] }
    expect(everything.map((capability) => outcome(policyOf({ asks, allow: { ...allow, deny } }), capability))).toEqual([
      'denied net:request GET https://x.com:443/ (denied by policy.yaml deny.net[0])',
      'denied fs:read /inbox/a (denied by policy.yaml deny.fs[0])',
      'denied fs:write /out/a (denied by policy.yaml deny.fs[0])',
      'denied secret:use key (denied by policy.yaml deny.secrets[0])',
      'denied env:read TZ (denied by policy.yaml deny.env[0])',
      'denied tool:call search (denied by policy.yaml deny.tools[0])',
    ])
  })
})

describe('requests to hosts', () => {
  const policy = policyOf({ allow: { net: [{ host: 'api.example.com:443', methods: ['GET'], paths: ['/v1/items*'] }] } })

  test.each([
    ['https://api.example.com/v1/items/7', true],
    ['https://api.example.com/v1/items', true],
    ['https://api.example.com/v1', false],
    ['https://api.example.com/', false],
    ['https://api.example.com:8443/v1/items', false],
    ['http://api.example.com:443/v1/items', false],
    ['https://www.example.com/v1/items', false],
    ['https://a.api.example.com/v1/items', false],
    ['https://api.example.com.evil.com/v1/items', false],
  ])('%s: %s', (url, expected) => {
    expect(decide(policy, get(url)).effect === 'allow').toBe(expected)
  })

  test('a rule of methods names those and no other', () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PROPFIND']) {
      expect(decide(policy, get('https://api.example.com/v1/items', method)).effect, method).toBe('deny')
    }
  })

  test('no rule opens CONNECT, TRACE or TRACK', () => {
    const wide = policyOf({ allow: { net: [{ host: 'x.com' }] } })
    expect(outcome(wide, get('https://x.com/', 'PROPFIND'))).toBe('allow by policy.yaml net[0]')
    for (const method of ['CONNECT', 'TRACE', 'TRACK']) {
      expect(outcome(wide, get('https://x.com/', method))).toBe(
        `denied net:request ${method} https://x.com:443/ (denied by Cordon, which never forwards ${method})`,
      )
    }
  })

  test('a denied path is denied as a sloppy server may read it', () => {
    const denied = policyOf({ allow: { net: [{ host: 'x.com' }], deny: { net: [{ host: 'x.com', paths: ['/admin*'] }] } } })
    for (const path of ['/admin', '/admin/x', '/ADMIN', '//admin', '///Admin//', '/admin;x=y', '/;a/admin']) {
      expect(decide(denied, { ...get('https://x.com/'), path }).effect, path).toBe('deny')
    }
    expect(decide(denied, get('https://x.com/public')).effect).toBe('allow')
    const exact = policyOf({ allow: { net: [{ host: 'x.com' }], deny: { net: [{ host: 'x.com', paths: ['/admin'] }] } } })
    for (const path of ['/admin', '/admin/', '/Admin;x/', '//admin//']) {
      expect(decide(exact, { ...get('https://x.com/'), path }).effect, path).toBe('deny')
    }
    expect(decide(exact, get('https://x.com/admin/users')).effect).toBe('allow')
  })

  test('a denied network denies the literals in it, whatever their form', () => {
    const denied = policyOf({
      allow: {
        net: [{ host: '10.0.0.0/8' }, { host: '64:ff9b:0:1::/64' }, { host: '64:ff9b::/96' }],
        deny: { net: [{ host: '10.0.0.0/16' }] },
      },
    })
    expect(decide(denied, { ...get('https://x.com/'), host: '10.1.0.1' }).effect).toBe('allow')
    expect(decide(denied, { ...get('https://x.com/'), host: '10.0.0.1' }).effect).toBe('deny')
    expect(decide(denied, { ...get('https://x.com/'), host: '64:ff9b::a00:1' }).effect).toBe('deny')
    expect(decide(denied, { ...get('https://x.com/'), host: '64:ff9b::a01:1' }).effect).toBe('allow')
  })

  test('of several grants the one with a secret decides, the narrowest of these first', () => {
    const secrets = { k: { from: 'env://K', inject: { header: 'authorization', format: '{secret}' } } }
    const net = [
      { host: '*.example.com', secret: 'k' },
      { host: 'api.example.com' },
      { host: 'api.example.com', paths: ['/v1/*'], secret: 'k' },
      { host: 'api.example.com', paths: ['/v1/items*'], secret: 'k' },
      { host: 'api.example.com', paths: ['/v1/*'], methods: ['GET'], secret: 'k' },
      { host: 'api.example.com', paths: ['/v1/items*'], secret: 'k' },
    ]
    const policy = policyOf({ allow: { net, secrets } })
    expect(outcome(policy, get('https://api.example.com/v1/items/1'))).toBe('allow by policy.yaml net[3]')
    expect(outcome(policy, get('https://api.example.com/v1/x'))).toBe('allow by policy.yaml net[4]')
    expect(outcome(policy, get('https://api.example.com/v1/x', 'POST'))).toBe('allow by policy.yaml net[2]')
    expect(outcome(policy, get('https://api.example.com/'))).toBe('allow by policy.yaml net[0]')
    expect(outcome(policyOf({ allow: { net: net.slice(1, 2) } }), get('https://api.example.com/'))).toBe('allow by policy.yaml net[0]')
  })
})

describe('files', () => {
  const asks = { fs: [{ guest: '/data', mode: 'rw' }] }
  const allow = {
    mounts: [
      { host: './data', guest: '/data', mode: 'rw' },
      { host: './fixed', guest: '/data/fixed' },
    ],
  }

  test('the most specific mount decides', () => {
    const policy = policyOf({ asks, allow })
    expect(outcome(policy, file('fs:write', '/data', '/data/a'))).toBe('allow by policy.yaml mounts[0]')
    expect(outcome(policy, file('fs:read', '/data/fixed', '/data/fixed/a'))).toBe('allow by policy.yaml mounts[1]')
    expect(outcome(policy, file('fs:write', '/data/fixed', '/data/fixed/a'))).toBe(
      'denied fs:write /data/fixed/a (not granted) · allow with: --mount /srv/fixed:/data/fixed:rw',
    )
    expect(outcome(policy, file('fs:write', '/data', '/data/fixedness'))).toBe('allow by policy.yaml mounts[0]')
  })

  test('a wider mount does not reach what a narrower one hides', () => {
    expect(decide(policyOf({ asks, allow }), file('fs:read', '/data', '/data/fixed/a')).effect).toBe('deny')
  })

  test('a request to read is no request to write', () => {
    const policy = policyOf({ asks: { fs: [{ guest: '/data', mode: 'ro' }] }, allow })
    expect(decide(policy, file('fs:read', '/data', '/data/a')).effect).toBe('allow')
    expect(decide(policy, file('fs:write', '/data', '/data/a'))).toMatchObject({ effect: 'deny', reason: 'not-requested' })
  })

  test('denies cover what is below, in any case and composition, and `ro` leaves reading', () => {
    const policy = policyOf({ asks, allow: { ...allow, deny: { fs: [{ guest: '/data/Ströme' }, { guest: '/data/keep', mode: 'ro' }] } } })
    for (const path of ['/data/Ströme', '/data/Ströme/a', '/data/STRÖME/a', '/data/stro\u0308me/a']) {
      expect(decide(policy, file('fs:read', '/data', path)).effect, path).toBe('deny')
    }
    expect(decide(policy, file('fs:read', '/data', '/data/keep/a')).effect).toBe('allow')
    expect(decide(policy, file('fs:write', '/data', '/data/keep/a')).effect).toBe('deny')
    expect(decide(policy, file('fs:write', '/data', '/data/keeper')).effect).toBe('allow')
  })
})

describe('names are whole', () => {
  test.each(['a', 'a.b', 'a.b.c', 'a.b.d', 'A.B', 'a.b.', '', 'a*', '*'])('a grant of `a.b` and the name %j', (name) => {
    const policy = policyOf({ allow: { tools: ['a.b'], secrets: { 'a.b': { from: 'env://A' } } } })
    expect(decide(policy, named('tool:call', name)).effect).toBe(name === 'a.b' ? 'allow' : 'deny')
    expect(decide(policy, named('secret:use', name)).effect).toBe(name === 'a.b' ? 'allow' : 'deny')
  })

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])('%s is a name like any other, granted to nobody', (name) => {
    for (const action of ['tool:call', 'secret:use', 'env:read'] as const) {
      expect(decide(policyOf({ allow: {} }), named(action, name)).effect).toBe('deny')
    }
  })
})

describe('deciding is total', () => {
  const policy = policyOf({ allow: { net: [{ host: 'x.com' }], mounts: [{ host: '.', guest: '/', mode: 'rw' }], tools: ['search'] } })
  const junk = (value: unknown): Capability => value as Capability

  test('junk is denied with reason `error`, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withNullPrototype: true, withMap: true, withBigInt: true, withDate: true })), (value) => {
        expect(decide(policy, junk(value))).toMatchObject({ effect: 'deny', reason: 'error', hint: undefined })
      }),
    )
  })

  test('a target that is not in normal form is denied with reason `error`', () => {
    const good = get('https://x.com/a')
    const spoilt: readonly object[] = [
      { host: 'X.com' },
      { host: 'x.com.' },
      { host: '*.com' },
      { host: '127.1' },
      { host: '[::1]' },
      { host: 'x.com\0.evil' },
      { port: 0 },
      { port: 65_536 },
      { port: 443.5 },
      { port: '443' },
      { method: 'get' },
      { method: 'GET /' },
      { method: '' },
      { scheme: 'ftp' },
      { path: '' },
      { path: '/../a' },
      { path: '/a/./b' },
      { path: '/%61' },
      { path: '/a?x' },
      { path: undefined },
    ]
    expect(decide(policy, good).effect).toBe('allow')
    for (const fields of spoilt) {
      expect(decide(policy, junk({ ...good, ...fields })), JSON.stringify(fields)).toMatchObject({ effect: 'deny', reason: 'error' })
    }
    for (const path of ['a', '/a/../b', '/a//b', '/a/', '', '/a\0']) {
      expect(decide(policy, file('fs:read', '/', path)), path).toMatchObject({ effect: 'deny', reason: 'error' })
    }
    expect(decide(policy, file('fs:read', '/inbox', '/out/a'))).toMatchObject({ effect: 'deny', reason: 'error' })
    expect(decide(policy, named('tool:call', 'a'.repeat(300)))).toMatchObject({ effect: 'deny', reason: 'error' })
  })

  test('a capability that throws when it is looked at, or a policy that is broken, denies', () => {
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap')
        },
        get: () => {
          throw new Error('trap')
        },
      },
    )
    expect(decide(policy, junk(trap)).effect).toBe('deny')
    for (const broken of [undefined, null, {}, { ...policy, grants: undefined }, { ...policy, denies: { net: [null] } }]) {
      expect(decide(broken as EffectivePolicy, get('https://x.com/')), JSON.stringify(broken)).toMatchObject({
        effect: 'deny',
        reason: 'error',
      })
    }
  })

  test('adding a deny never allows more, adding a grant never denies what was allowed', () => {
    const rule = fc.record({
      host: fc.constantFrom('x.com', '*.x.com', 'a.x.com', '10.0.0.0/8'),
      paths: fc.option(fc.constant(['/a*']), { nil: undefined }),
    })
    const target = fc.record({
      host: fc.constantFrom('x.com', 'a.x.com', 'b.a.x.com', '10.2.3.4', 'y.com'),
      path: fc.constantFrom('/', '/a', '/a/b'),
    })
    fc.assert(
      fc.property(fc.array(rule), fc.array(rule), rule, target, (net, denied, extra, { host, path }) => {
        const capability = { ...get('https://x.com/'), host, path }
        const effect = (allow: unknown): string => decide(policyOf({ allow }), capability).effect
        const before = effect({ net, deny: { net: denied } })
        if (before === 'deny') expect(effect({ net, deny: { net: [...denied, extra] } })).toBe('deny')
        else expect(effect({ net: [...net, extra], deny: { net: denied } })).toBe('allow')
      }),
    )
  })
})

describe('what people read', () => {
  test('what a guest names cannot act on a terminal or in a shell', () => {
    const nasty = '\u001b[2J$(rm -rf /)\u202e`x`\n'
    const line = outcome(policyOf({ allow: {} }), named('tool:call', nasty))
    expect(line).toBe('denied tool:call \\u{1b}[2J$(rm -rf /)\\u{202e}`x`\\u{a} (not granted)')
    expect(outcome(policyOf({ allow: {} }), file('fs:read', '/a b', '/a b/c'))).toBe('denied fs:read /a b/c (not granted)')
  })

  test('a path that leaves every mount gets no flag or line that would open the root', () => {
    const outside = file('fs:read', '/', '/secret')
    const inbox = { mounts: [{ host: './inbox', guest: '/inbox' }] }
    expect(outcome(policyOf({ allow: inbox }), outside)).toBe('denied fs:read /secret (not granted) · the path leaves every mount')
    const asks = { fs: [{ guest: '/inbox', mode: 'ro', why: 'x' }] }
    expect(outcome(policyOf({ asks, allow: inbox }), outside)).toBe('denied fs:read /secret (not requested) · the path leaves every mount')
  })

  test('a host path in a hint is quoted for the shell', () => {
    const policy = policyOf({ allow: { mounts: [{ host: "./it's here", guest: '/in' }] } })
    expect(outcome(policy, file('fs:write', '/in', '/in/a'))).toBe(
      String.raw`denied fs:write /in/a (not granted) · allow with: --mount '/srv/it'\''s here':/in:rw`,
    )
  })

  test('long targets are cut', () => {
    expect(describeCapability(file('fs:read', '/', `/${'a'.repeat(4000)}`)).length).toBeLessThanOrEqual(301)
  })
})
