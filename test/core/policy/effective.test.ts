import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noRules } from '#core/policy/grants.ts'
import { ceilingLimits, defaultLimits, type Limits } from '#core/budget/limits.ts'
import { CordonError } from '#core/errors.ts'
import { parseManifest } from '#core/manifest/manifest.ts'
import { decide } from '#core/policy/decide.ts'
import { effectivePolicy, type PolicyParts } from '#core/policy/effective.ts'
import { parseGrantFlags } from '#core/policy/flags.ts'
import { parseAllow, parsePolicy } from '#core/policy/parse-policy.ts'
import { refusalOf } from './refusal.ts'

const digest = `sha256:${'0a'.repeat(32)}`
const environment: Readonly<Record<string, string>> = { TZ: 'Europe/Berlin', KEY: 'k' }
/** A host whose folders all exist, but for those with `missing` in their path; `/link` leads to `/proc`. */
const host: PolicyParts['host'] = {
  folder: (path, origin) => {
    if (path.includes('missing')) throw new CordonError('mount.invalid', `${origin}: expected a folder at \`${path}\`, got nothing`)
    return path === '/link' ? '/proc' : path
  },
  variable: (name) => environment[name],
}
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const manifestOf = (fields: object) =>
  parseManifest({ apiVersion: 'cordon/v1', name: 'briefing', version: '1.0.0', source: 'a.ts', ...fields }, 'agent.yaml')
const policyOf = (fields: object, origin = 'policy.yaml') =>
  parsePolicy({ apiVersion: 'cordon/v1', kind: 'Policy', ...fields }, origin, { folder: '/srv' })
const allowOf = (fields: object) => parseAllow(fields, 'allow', { folder: '/srv' })
const effective = (parts: Partial<PolicyParts>) => effectivePolicy({ agent: 'briefing', sha256, host, ...parts })
const toolsOf = (parts: Partial<PolicyParts>): readonly string[] => effective(parts).grants.tools.map(({ name }) => name)

describe('who is granted what', () => {
  const policy = policyOf({ agents: { briefing: { tools: ['by-name'] }, other: { tools: ['other'] }, [digest]: { tools: ['by-digest'] } } })

  test('an entry by name or by digest speaks about the agent, others do not', () => {
    expect(toolsOf({ policies: [policy] })).toEqual(['by-name'])
    expect(toolsOf({ policies: [policy], digest })).toEqual(['by-digest', 'by-name'])
    expect(toolsOf({ policies: [policy], agent: 'third' })).toEqual([])
    expect(toolsOf({ policies: [policy], agent: 'constructor' })).toEqual([])
  })

  test('no policy, no grant', () => {
    const none = effective({})
    expect(none.grants).toEqual(noRules)
    expect(decide(none, { action: 'tool:call', name: 'search' }).effect).toBe('deny')
  })

  test('grants of several policies and flags add up, denies of any of them win', () => {
    const second = policyOf({ agents: { briefing: { tools: ['second'], deny: { tools: ['by-name'] } } } }, 'second.yaml')
    const flags = parseGrantFlags({ 'allow-tool': ['by-flag'], 'deny-tool': ['second'] }, '/')
    const both = effective({ policies: [policy, second], layers: [flags] })
    const effects = ['by-name', 'second', 'by-flag'].map((name) => decide(both, { action: 'tool:call', name }))
    expect(effects).toMatchObject([
      { effect: 'deny', origin: 'second.yaml agents.briefing.deny.tools[0]' },
      { effect: 'deny', origin: '--deny-tool' },
      { effect: 'allow' },
    ])
  })

  test('the floor denies for everybody, also for agents that no policy names', () => {
    const floor = policyOf({ floor: { deny: { tools: ['search'] } } })
    const parts = { policies: [floor], layers: [allowOf({ tools: ['search', 'fetch'] })] }
    expect(decide(effective(parts), { action: 'tool:call', name: 'search' })).toMatchObject({
      effect: 'deny',
      reason: 'denied',
      origin: 'policy.yaml floor.deny.tools[0]',
    })
    expect(decide(effective({ ...parts, agent: 'unnamed' }), { action: 'tool:call', name: 'search' }).effect).toBe('deny')
    expect(decide(effective(parts), { action: 'tool:call', name: 'fetch' }).effect).toBe('allow')
  })

  test('without a manifest the grants are the requests; with one, both are needed', () => {
    const parts = { layers: [allowOf({ tools: ['search', 'fetch'] })] }
    const alone = effective(parts)
    expect(alone.requests).toBe(alone.grants)
    const asked = effective({ ...parts, manifest: manifestOf({ requests: { tools: [{ name: 'search' }, { name: 'other' }] } }) })
    const reason = (name: string): string => {
      const decision = decide(asked, { action: 'tool:call', name })
      return decision.effect === 'allow' ? 'allow' : decision.reason
    }
    expect(['search', 'fetch', 'other'].map(reason)).toEqual(['allow', 'not-requested', 'not-granted'])
  })
})

describe('limits', () => {
  const limits = (parts: Partial<PolicyParts>): Limits => effective(parts).limits

  test('are the defaults where nobody says anything', () => {
    expect(limits({})).toEqual(defaultLimits)
    expect(limits({ manifest: manifestOf({}) })).toEqual(defaultLimits)
  })

  test('a bundle may ask for less than the defaults, and gets more only when an operator says so', () => {
    expect(limits({ manifest: manifestOf({ limits: { timeout: '1s' } }) }).timeoutMs).toBe(1000)
    const greedy = manifestOf({ limits: { timeout: '1h' } })
    expect(limits({ manifest: greedy }).timeoutMs).toBe(defaultLimits.timeoutMs)
    expect(limits({ manifest: greedy, layers: [allowOf({ limits: { timeout: '5m' } })] }).timeoutMs).toBe(300_000)
    expect(limits({ layers: [allowOf({ limits: { timeout: '5m' } })] }).timeoutMs).toBe(300_000)
  })

  test('are the smallest of what is asked, granted, and the ceiling', () => {
    const policy = policyOf({ agents: { briefing: { limits: { calls: 50, memory: '1Ti' } } }, floor: { limits: { calls: 40 } } })
    expect(limits({ policies: [policy] })).toMatchObject({ calls: 40, memoryBytes: ceilingLimits.memoryBytes })
    expect(limits({ policies: [policy], manifest: manifestOf({ limits: { calls: 30 } }) }).calls).toBe(30)
    expect(limits({ policies: [policy], layers: [allowOf({ limits: { calls: 20 } })] }).calls).toBe(20)
    expect(limits({ policies: [policy], limits: { calls: 10 } }).calls).toBe(10)
    expect(limits({ policies: [policy], ceiling: { ...ceilingLimits, calls: 5 } }).calls).toBe(5)
  })

  test('a floor lowers what is allowed and never raises it', () => {
    expect(limits({ policies: [policyOf({ floor: { limits: { timeout: '1h' } } })] }).timeoutMs).toBe(defaultLimits.timeoutMs)
    expect(limits({ policies: [policyOf({ floor: { limits: { timeout: '1s' } } })], limits: { timeoutMs: 60_000 } }).timeoutMs).toBe(1000)
  })

  test('no layer ever raises what another one says', () => {
    const said = fc.record({ calls: fc.nat(5000), handles: fc.nat(5000) }, { requiredKeys: [] })
    fc.assert(
      fc.property(said, said, said, said, (asked, granted, floor, run) => {
        const all = limits({
          manifest: manifestOf({ limits: asked }),
          policies: [policyOf({ agents: { briefing: { limits: granted } }, floor: { limits: floor } })],
          limits: run,
        })
        for (const layer of [asked, granted, floor, run]) {
          for (const name of ['calls', 'handles'] as const) expect(all[name]).toBeLessThanOrEqual(layer[name] ?? Infinity)
        }
      }),
    )
  })
})

describe('mounts', () => {
  test('that are missing, or lead where nobody may go, are refused by name', () => {
    expect(refusalOf(() => effective({ layers: [allowOf({ mounts: [{ host: './missing', guest: '/in' }] })] }))).toBe(
      'mount.invalid | allow mounts[0]: expected a folder at `/srv/missing`, got nothing | ',
    )
    expect(refusalOf(() => effective({ layers: [allowOf({ mounts: [{ host: '/link', guest: '/in' }] })] }))).toBe(
      'mount.invalid | allow mounts[0]: expected a folder outside of /proc, /sys, /dev, got `/proc` | these lead to every process and device: mount an ordinary folder',
    )
  })

  test('two on one guest path are refused, the same one twice is one', () => {
    const one = allowOf({ mounts: [{ host: './a', guest: '/in' }] })
    expect(refusalOf(() => effective({ layers: [one, parseGrantFlags({ mount: ['/srv/b:/in'] }, '/')] }))).toBe(
      'mount.invalid | expected one mount on `/in`, got one in allow mounts[0] and one in --mount | remove one of the two',
    )
    expect(refusalOf(() => effective({ layers: [one, parseGrantFlags({ mount: ['/srv/a:/in:rw'] }, '/')] }))).toContain(
      'expected one mount on `/in`',
    )
    expect(effective({ layers: [one, parseGrantFlags({ mount: ['/srv/a:/in'] }, '/')] }).grants.fs).toHaveLength(1)
  })

  test.each([
    ['/data:/a', '/data:/b:rw'],
    ['/data:/a', '/data/x:/b:rw'],
    ['/data:/a:rw', '/data/x:/b'],
    ['/data:/a', '/data/x:/a/y:rw'],
    ['/data/x:/a/x', '/data:/b:rw'],
  ])('overlapping host folders with differing modes are refused: %s and %s', (one, two) => {
    expect(refusalOf(() => effective({ layers: [parseGrantFlags({ mount: [one, two] }, '/')] }))).toMatch(
      /^mount\.invalid \| expected one mode for the host folder `\/data(?:\/x)?`, got one in --mount and one in --mount \| a file would be read-only under one name and writable under another: mount separate folders$/,
    )
  })

  test.each([
    ['/data:/a', '/data/x:/b'],
    ['/data:/a:rw', '/data2:/b'],
    ['/data:/a', '/data/x:/a/x:rw'],
    ['/data:/data', '/data/out:/data/out:rw'],
    ['/data:/', '/data/out:/out:rw'],
  ])('these may stand side by side: %s and %s', (one, two) => {
    expect(effective({ layers: [parseGrantFlags({ mount: [one, two] }, '/')] }).grants.fs).toHaveLength(2)
  })

  test('are as narrow as the bundle asks, in mode and quota', () => {
    const mount = (...mounts: readonly string[]) => ({ layers: [parseGrantFlags({ mount: mounts }, '/')] })
    const asked = (fs: readonly object[]) => ({ manifest: manifestOf({ requests: { fs } }) })
    const seen = (parts: Partial<PolicyParts>) =>
      effective(parts).grants.fs.map(({ guestPath, mode, quotaBytes }) => [guestPath, mode, quotaBytes])
    expect(seen(mount('/a:/in:rw', '/b:/out:rw'))).toEqual([
      ['/in', 'rw', undefined],
      ['/out', 'rw', undefined],
    ])
    expect(seen({ ...mount('/a:/in:rw'), ...asked([{ guest: '/in', quota: '1Ki' }]) })).toEqual([['/in', 'ro', 1024]])
    expect(seen({ ...mount('/a:/data:rw'), ...asked([{ guest: '/data/x', mode: 'rw' }]) })).toEqual([['/data', 'rw', undefined]])
    expect(seen({ ...mount('/a:/data/x:rw'), ...asked([{ guest: '/data', mode: 'rw' }]) })).toEqual([['/data/x', 'rw', undefined]])
    expect(seen({ ...mount('/a:/in'), ...asked([{ guest: '/in', mode: 'rw' }]) })).toEqual([['/in', 'ro', undefined]])
    const quotas = [allowOf({ mounts: [{ host: '/a', guest: '/in', mode: 'rw', quota: '2Ki' }] })]
    const quotaFor = (quota: string) =>
      effective({ layers: quotas, ...asked([{ guest: '/in', mode: 'rw', quota }]) }).grants.fs[0]?.quotaBytes
    expect([quotaFor('1Ki'), quotaFor('4Ki')]).toEqual([1024, 2048])
  })

  test('at which nothing is asked give nothing', () => {
    const policy = effective({
      layers: [parseGrantFlags({ mount: ['/a:/database'] }, '/')],
      manifest: manifestOf({ requests: { fs: [{ guest: '/data' }] } }),
    })
    expect(decide(policy, { action: 'fs:read', mount: '/database', path: '/database/a' })).toMatchObject({
      effect: 'deny',
      reason: 'not-requested',
    })
  })
})

describe('secrets', () => {
  const policies = [
    policyOf({
      agents: {
        briefing: {
          net: [{ host: 'api.example.com', secret: 'key' }],
          secrets: { key: { from: 'env://KEY', inject: { header: 'authorization', format: 'Bearer {secret}' } } },
        },
      },
    }),
  ]
  const net = [{ host: 'api.example.com' }]
  const bound = (parts: Partial<PolicyParts>): string | undefined => effective({ policies, ...parts }).grants.net[0]?.secret

  test('are sent only when the bundle asked, an operator granted, and nobody denied', () => {
    expect(bound({})).toBe('key')
    expect(bound({ manifest: manifestOf({ requests: { net, secrets: [{ name: 'key' }] } }) })).toBe('key')
    expect(bound({ manifest: manifestOf({ requests: { net } }) })).toBeUndefined()
    expect(bound({ layers: [parseGrantFlags({ 'deny-secret': ['key'] }, '/')] })).toBeUndefined()
  })

  test('a nearer layer says where one comes from, the policy still says where it goes', () => {
    const layers = [parseGrantFlags({ 'allow-secret': ['key=file:///run/key'] }, '/')]
    expect(effective({ policies, layers }).grants.secrets).toMatchObject([
      { name: 'key', source: 'file:///run/key', inject: { header: 'authorization' } },
    ])
  })
})

describe('variables', () => {
  const layers = [parseGrantFlags({ 'allow-env': ['TZ,UNSET', 'LANG=C'] }, '/')]

  test('are read from the host only when granted and asked for', () => {
    const values = (parts: Partial<PolicyParts>) => effective({ layers, ...parts }).grants.env.map(({ name, value }) => [name, value])
    expect(values({})).toEqual([
      ['TZ', 'Europe/Berlin'],
      ['UNSET', undefined],
      ['LANG', 'C'],
    ])
    expect(values({ manifest: manifestOf({ requests: { env: ['LANG'] } }) })).toEqual([
      ['TZ', undefined],
      ['UNSET', undefined],
      ['LANG', 'C'],
    ])
  })

  test('a missing one that a policy names is an error', () => {
    expect(refusalOf(() => effective({ layers: [allowOf({ env: [{ name: 'A', from: 'env://UNSET' }] })] }))).toBe(
      'policy.invalid | allow env[0]: expected the environment variable `UNSET`, got nothing | set it, or remove the grant of `A`',
    )
  })

  test('the nearest layer says the value', () => {
    expect(
      effective({ layers: [parseGrantFlags({ 'allow-env': ['A=flag'] }, '/'), allowOf({ env: ['A=allow'] })] }).grants.env,
    ).toMatchObject([{ name: 'A', value: 'flag' }])
  })
})

describe('the digest', () => {
  const parts = { layers: [allowOf({ tools: ['search'], env: ['A=1'] })] }

  test('is the same for the same policy and another for any other', () => {
    const same = effective(parts).digest
    expect(same).toMatch(/^[0-9a-f]{64}$/)
    expect(effective(parts).digest).toBe(same)
    const others = [
      { ...parts, agent: 'other' },
      { layers: [allowOf({ tools: ['search'], env: ['A=2'] })] },
      { layers: [allowOf({ tools: ['fetch'], env: ['A=1'] })] },
      { ...parts, limits: { calls: 1 } },
      { ...parts, policies: [policyOf({ floor: { deny: { tools: ['x'] } } })] },
      { ...parts, manifest: manifestOf({ requests: { tools: [{ name: 'search' }] } }) },
    ].map((other) => effective(other).digest)
    expect(new Set([same, ...others]).size).toBe(others.length + 1)
  })

  test('belongs to a policy that nobody can change afterwards', () => {
    const policy = effective(parts)
    expect(() => Object.assign(policy.limits, { calls: 10_000_000 })).toThrow(TypeError)
    expect(() => Object.assign(policy.grants.tools[0] ?? {}, { name: 'other' })).toThrow(TypeError)
    expect(Object.isFrozen(policy) && Object.isFrozen(policy.requests.net) && Object.isFrozen(policy.denies)).toBe(true)
  })
})
