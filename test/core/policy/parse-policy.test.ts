import { describe, expect, test } from 'vitest'
import { parseAllow, parsePolicy, policySchema } from '#core/policy/parse-policy.ts'
import { refusalOf } from './refusal.ts'

const place = { folder: '/etc/cordon' }
const policyWith = (fields: object): object => ({ apiVersion: 'cordon/v1', kind: 'Policy', ...fields })
const refusal = (fields: object): string => refusalOf(() => parsePolicy(policyWith(fields), 'policy.yaml', place))
const entryRefusal = (entry: unknown): string => refusal({ agents: { briefing: entry } })
const digest = `sha256:${'0a'.repeat(32)}`

describe('a policy that is right', () => {
  const policy = parsePolicy(
    policyWith({
      agents: {
        briefing: {
          net: [{ host: 'api.example.com:443', methods: ['GET'], paths: ['/v1/items*'], secret: 'api-key' }],
          mounts: [
            { host: './letters', guest: '/inbox', mode: 'ro' },
            { host: '/srv/out', guest: '/out', mode: 'rw', quota: '1Mi' },
          ],
          secrets: { 'api-key': { from: 'env://BRIEFING_KEY', inject: { header: 'Authorization', format: 'Bearer {secret}' } } },
          env: ['TZ', 'LANG=C=.UTF-8', { name: 'HOME', value: '/' }, { name: 'USER', from: 'env://AGENT_USER' }],
          tools: ['search', { name: 'fetch' }],
          limits: { timeout: '20s' },
          deny: { net: [{ host: '*.evil' }], fs: [{ guest: '/out/keep', mode: 'ro' }] },
        },
        [digest]: {},
      },
      floor: { deny: { net: [{ host: '169.254.0.0/16' }] }, limits: { memory: '64Mi' } },
    }),
    'policy.yaml',
    place,
  )
  const entry = policy.agents.get('briefing')

  test('grants what it names', () => {
    expect([...policy.agents.keys()]).toEqual(['briefing', digest])
    expect(entry?.grants.net).toMatchObject([
      { origin: 'policy.yaml agents.briefing.net[0]', port: 443, scheme: 'https', secret: 'api-key' },
    ])
    expect(entry?.grants.tools.map(({ name }) => name)).toEqual(['search', 'fetch'])
    expect(entry?.limits).toEqual({ timeoutMs: 20_000 })
  })

  test('makes host paths absolute from its own folder', () => {
    expect(entry?.grants.fs.map(({ hostPath, guestPath, mode, quotaBytes }) => ({ hostPath, guestPath, mode, quotaBytes }))).toEqual([
      { hostPath: '/etc/cordon/letters', guestPath: '/inbox', mode: 'ro', quotaBytes: undefined },
      { hostPath: '/srv/out', guestPath: '/out', mode: 'rw', quotaBytes: 1_048_576 },
    ])
  })

  test('says where secrets come from and go to', () => {
    expect(entry?.grants.secrets).toMatchObject([
      { name: 'api-key', source: 'env://BRIEFING_KEY', inject: { header: 'authorization', format: 'Bearer {secret}' } },
    ])
    const files = parseAllow({ secrets: { a: { from: 'file://keys/a' }, b: { from: 'file:///run/b' } } }, 'allow', place).grants.secrets
    expect(files.map(({ source }) => source)).toEqual(['file:///etc/cordon/keys/a', 'file:///run/b'])
  })

  test('says where variables come from', () => {
    expect(entry?.grants.env.map(({ name, value, fromHost, mustExist }) => ({ name, value, fromHost, mustExist }))).toEqual([
      { name: 'TZ', value: undefined, fromHost: 'TZ', mustExist: false },
      { name: 'LANG', value: 'C=.UTF-8', fromHost: undefined, mustExist: false },
      { name: 'HOME', value: '/', fromHost: undefined, mustExist: false },
      { name: 'USER', value: undefined, fromHost: 'AGENT_USER', mustExist: true },
    ])
  })

  test('denies every port and scheme of a denied host, and limits everybody by the floor', () => {
    expect(entry?.denies.net).toMatchObject([
      { host: { kind: 'suffix', suffix: 'evil' }, port: undefined, scheme: undefined, methods: undefined },
    ])
    expect(entry?.denies.fs).toMatchObject([{ guestPath: '/out/keep', mode: 'ro', hostPath: undefined }])
    expect(policy.floor.denies.net).toMatchObject([{ origin: 'policy.yaml floor.deny.net[0]', host: { text: '169.254.0.0/16' } }])
    expect(policy.floor.limits).toEqual({ memoryBytes: 67_108_864 })
  })

  test('grants nothing when it says nothing', () => {
    expect(policy.agents.get(digest)).toMatchObject({ grants: { net: [], fs: [], secrets: [], env: [], tools: [] }, limits: {} })
    expect(parsePolicy(policyWith({}), 'policy.yaml', place).agents.size).toBe(0)
  })

  test('names the lines when they are known', () => {
    const located = parsePolicy(policyWith({ agents: { a: { tools: ['x'] } } }), 'p.yaml', {
      ...place,
      locate: (path) => `p.yaml:${path.length}`,
    })
    expect(located.agents.get('a')?.grants.tools[0]?.origin).toBe('p.yaml:4')
  })
})

describe('a policy that is wrong', () => {
  test.each([
    [{}, 'apiVersion', 'policy.invalid | policy.yaml: expected `cordon/v1` at `apiVersion`, got nothing | write `apiVersion: cordon/v1`'],
    [{ apiVersion: 'cordon/v1' }, 'kind', 'policy.invalid | policy.yaml: expected `Policy` at `kind`, got nothing | write `kind: Policy`'],
    [
      { apiVersion: 'cordon/v1', kind: 'Agent' },
      'kind',
      'policy.invalid | policy.yaml: expected `Policy` at `kind`, got `Agent` | write `kind: Policy`',
    ],
  ])('%j lacks %s', (value, _, expected) => {
    expect(refusalOf(() => parsePolicy(value, 'policy.yaml', place))).toBe(expected)
  })

  test.each([
    [{ agent: {} }, 'unknown field `agent`, did you mean `agents` | known here: apiVersion, kind, agents, floor'],
    [{ agents: [] }, 'expected an object of agents by name at `agents`, got a list | correct it'],
    [
      { agents: { '*': {} } },
      "expected an agent's name, or `sha256:` and 64 hex digits at `agents`, got `*` | `*` would grant to agents nobody has looked at: name them, or use `floor` to deny",
    ],
    [
      { agents: { 'brief*': {} } },
      "expected an agent's name, or `sha256:` and 64 hex digits at `agents`, got `brief*` | `*` would grant to agents nobody has looked at: name them, or use `floor` to deny",
    ],
    [
      { agents: { 'sha256:12': {} } },
      "expected an agent's name, or `sha256:` and 64 hex digits at `agents`, got `sha256:12` | name the agent as its manifest does",
    ],
    [
      { agents: { a: null } },
      'expected an object such as `{ net: [], mounts: [] }` at `agents.a`, got nothing | write `{}` to grant nothing',
    ],
    [{ floor: { net: [] } }, 'unknown field `floor.net` | known here: deny, limits'],
    [
      { floor: { deny: { net: [{ host: '*' }] } } },
      'expected a host that is named at `floor.deny.net[0].host`, got `*` | `*` alone would open every host: name the hosts, or `*.example.com` for all below one',
    ],
    [
      { floor: { deny: { net: [{ host: 'x.com', secret: 'k' }] } } },
      'unknown field `floor.deny.net[0].secret` | known here: host, scheme, methods, paths',
    ],
    [
      { floor: { deny: null } },
      'expected an object such as `{ net: [{ host: "example.com" }] }` at `floor.deny`, got nothing | correct it',
    ],
    [{ floor: { deny: { net: null } } }, 'expected a list at `floor.deny.net`, got nothing | write `[]` for nothing'],
    [
      { floor: { deny: { fs: [{ guest: '/a', mode: 'rw' }] } } },
      'expected `ro`, which leaves reading at `floor.deny.fs[0].mode`, got `rw` | leave `mode` out to deny all access',
    ],
  ])('%j', (fields, expected) => {
    expect(refusal(fields)).toBe(`policy.invalid | policy.yaml: ${expected}`)
  })

  const at = 'agents.briefing'
  test.each([
    [
      { mount: [] },
      `unknown field \`${at}.mount\`, did you mean \`mounts\` | known here: net, mounts, secrets, env, tools, tcp, udp, lookup, keyvalue, config, deny, limits`,
    ],
    [{ net: 'x.com' }, `expected a list at \`${at}.net\`, got \`x.com\` | write \`[]\` for nothing`],
    [
      { net: [{ host: '*.com' }] },
      `expected a narrower suffix such as \`*.example.com\` at \`${at}.net[0].host\`, got \`*.com\` | anybody can register a name below it: name the domain that you trust`,
    ],
    [
      { net: [{ host: '0.0.0.0/0' }] },
      `expected a network of /8 or narrower at \`${at}.net[0].host\`, got \`0.0.0.0/0\` | name the networks that are needed`,
    ],
    [
      { net: [{ host: 'x.com', secret: 'k' }] },
      `expected one of \`secrets\` beside it at \`${at}.net[0].secret\`, got \`k\` | add \`k\` to \`secrets\``,
    ],
    [
      { net: [{ host: 'x.com', secret: 'api-kye' }], secrets: { 'api-key': { from: 'env://K' } } },
      `expected one of \`secrets\` beside it at \`${at}.net[0].secret\`, got \`api-kye\` | did you mean \`api-key\`?`,
    ],
    [
      { net: [{ host: 'x.com', secret: 'k' }], secrets: { k: { from: 'env://K' } } },
      `expected a secret with \`inject\` at \`${at}.net[0].secret\`, got \`k\` | add \`inject: { header: authorization, format: "Bearer {secret}" }\` to the secret`,
    ],
    [
      { net: [{ host: 'x.com', scheme: 'http', secret: 'k' }] },
      `expected \`https\`, since a secret is sent at \`${at}.net[0].scheme\`, got \`http\` | remove \`secret\`, or use https`,
    ],
    [
      { mounts: [{ host: '/', guest: '/host' }] },
      `expected a narrower folder than \`/\` at \`${at}.mounts[0].host\`, got \`/\` | mount the folder that is needed`,
    ],
    [
      { mounts: [{ host: '../..', guest: '/host' }] },
      `expected a narrower folder than \`/\` at \`${at}.mounts[0].host\`, got \`../..\` | mount the folder that is needed`,
    ],
    [
      { mounts: [{ host: '/proc/self', guest: '/p' }] },
      `expected a folder outside of /proc, /sys, /dev at \`${at}.mounts[0].host\`, got \`/proc/self\` | these lead to every process and device: mount an ordinary folder`,
    ],
    [
      { mounts: [{ host: '/a/../dev', guest: '/p' }] },
      `expected a folder outside of /proc, /sys, /dev at \`${at}.mounts[0].host\`, got \`/a/../dev\` | these lead to every process and device: mount an ordinary folder`,
    ],
    [
      { mounts: [{ host: '/a\0b', guest: '/p' }] },
      `expected a host folder at \`${at}.mounts[0].host\`, got \`/a\\u{0}b\` | name a folder that exists`,
    ],
    [
      { mounts: [{ host: '/a', guest: 'b' }] },
      `expected an absolute guest path without \`..\` at \`${at}.mounts[0].guest\`, got \`b\` | write it as \`/inbox\``,
    ],
    [{ mounts: [{ host: '/a' }] }, `expected a guest path at \`${at}.mounts[0].guest\`, got nothing | add it`],
    [{ tools: ['*'] }, `expected a name of letters, digits, \`.\`, \`_\` and \`-\` at \`${at}.tools[0]\`, got \`*\` | correct it`],
    [
      { limits: { calls: 'many' } },
      `expected a count such as \`1000\` or \`5G\` at \`${at}.limits.calls\`, got \`many\` | write a whole number, with k, M, G or T (powers of 1000) if you like`,
    ],
    [
      { secrets: { 'a b': { from: 'env://K' } } },
      `expected names of letters, digits, \`.\`, \`_\` and \`-\` at \`${at}.secrets\`, got \`a b\` | rename the secret`,
    ],
    [{ secrets: { k: {} } }, `expected \`env://NAME\` or \`file:///path\` at \`${at}.secrets.k.from\`, got nothing | add it`],
    [
      { secrets: { k: { from: 'env://K', inject: { header: 'x-key' } } } },
      `expected text with \`{secret}\` in it at \`${at}.secrets.k.inject.format\`, got nothing | add it`,
    ],
    [
      { secrets: { k: { from: 'env://K', inject: { header: 'Host', format: '{secret}' } } } },
      `expected the name of a header that may carry a secret at \`${at}.secrets.k.inject.header\`, got \`Host\` | write it as \`authorization\` or \`x-api-key\``,
    ],
    [
      { secrets: { k: { from: 'env://K', inject: { header: 'a: b', format: '{secret}' } } } },
      `expected the name of a header that may carry a secret at \`${at}.secrets.k.inject.header\`, got \`a: b\` | write it as \`authorization\` or \`x-api-key\``,
    ],
    [
      { secrets: { k: { from: 'env://K', inject: { header: 'x-key', format: 'Bearer' } } } },
      `expected printable text with \`{secret}\` in it once at \`${at}.secrets.k.inject.format\`, got \`Bearer\` | write it as \`Bearer {secret}\``,
    ],
    [
      { secrets: { k: { from: 'env://K', inject: { header: 'x-key', format: '{secret}\r\nX: y' } } } },
      `expected printable text with \`{secret}\` in it once at \`${at}.secrets.k.inject.format\`, got \`{secret}\\u{d}\\u{a}X: y\` | write it as \`Bearer {secret}\``,
    ],
  ])('%j', (entry, expected) => {
    expect(entryRefusal(entry)).toBe(`policy.invalid | policy.yaml: ${expected}`)
  })

  test('a secret over plain http is for loopback only', () => {
    const secrets = { k: { from: 'env://K', inject: { header: 'x-key', format: '{secret}' } } }
    for (const host of ['127.0.0.1:8787', 'localhost:80', '[::1]:80']) {
      const { grants } = parseAllow({ net: [{ host, scheme: 'http', secret: 'k' }], secrets }, 'allow', place)
      expect(grants.net[0]?.secret, host).toBe('k')
    }
    expect(refusalOf(() => parseAllow({ net: [{ host: '10.0.0.1', scheme: 'http', secret: 'k' }], secrets }, 'allow', place))).toBe(
      'grant.invalid | allow: expected `https`, since a secret is sent at `net[0].scheme`, got `http` | remove `secret`, or use https',
    )
  })

  test.each([
    { secrets: { k: { from: 'hunter2-the-secret' } } },
    { secrets: { k: 'hunter2-the-secret' } },
    { secrets: 'hunter2-the-secret' },
    { secrets: { k: { from: 'env://hunter2-the-secret' } } },
    { secrets: { k: { from: 'hunter2-the-secret', to: 1 } } },
    { env: ['hunter2-the-secret'] },
    { env: ['=hunter2-the-secret'] },
    { env: [{ name: 'A', value: 'hunter2-the-secret', from: 'env://B' }] },
    { env: [{ name: 'A', from: 'hunter2-the-secret' }] },
    { env: [{ name: 'A', value: 'hunter2-the-secret\0' }] },
    { env: [{ name: 'hunter2-the-secret' }] },
    { env: 'hunter2-the-secret' },
    { env: [['hunter2-the-secret']] },
  ])('what may be a secret is never shown: %j', (entry) => {
    expect(entryRefusal(entry)).toMatch(/^policy\.invalid \| policy\.yaml: /)
    expect(entryRefusal(entry)).not.toContain('hunter2')
  })

  test.each(['*', 'A*'])('the environment is not handed over wholesale: %s', (name) => {
    expect(entryRefusal({ env: [name] })).toMatch(
      /^policy\.invalid \| policy\.yaml: expected (?:variables by name|`NAME` or `NAME=value`) at `agents\.briefing\.env\[0\]`/,
    )
  })

  test('`__proto__` is refused wherever it stands, other inherited names are names', () => {
    for (const text of [
      '{"apiVersion":"cordon/v1","kind":"Policy","agents":{"__proto__":{"tools":["x"]}}}',
      '{"apiVersion":"cordon/v1","kind":"Policy","agents":{"a":{"secrets":{"__proto__":{"from":"env://K"}}}}}',
      '{"apiVersion":"cordon/v1","kind":"Policy","__proto__":{"agents":{"a":{}}}}',
    ]) {
      expect(refusalOf(() => parsePolicy(JSON.parse(text), 'policy.yaml', place))).toMatch(
        /expected a field of another name at `.*__proto__`/,
      )
    }
    const { agents } = parsePolicy(policyWith({ agents: { constructor: { tools: ['x'] } } }), 'policy.yaml', place)
    expect(agents.get('constructor')?.grants.tools).toHaveLength(1)
    expect(agents.get('toString')).toBeUndefined()
  })
})

test('the `allow` option has the shape of one entry and its own code', () => {
  expect(parseAllow({ tools: ['search'] }, 'allow', place).grants.tools).toEqual([
    { kind: 'tool', origin: 'allow tools[0]', name: 'search' },
  ])
  expect(refusalOf(() => parseAllow({ agents: {} }, 'allow', place))).toBe(
    'grant.invalid | allow: unknown field `agents` | known here: net, mounts, secrets, env, tools, tcp, udp, lookup, keyvalue, config, deny, limits',
  )
  expect(refusalOf(() => parseAllow('x.com', 'allow', place))).toBe(
    'grant.invalid | allow: expected an object such as `{ net: [], mounts: [] }`, got `x.com` | write `{}` to grant nothing',
  )
})

test('the JSON Schema knows the same fields and refuses others', () => {
  expect(policySchema()).toMatchObject({
    required: ['apiVersion', 'kind'],
    additionalProperties: false,
    properties: {
      kind: { const: 'Policy' },
      agents: {
        additionalProperties: {
          additionalProperties: false,
          properties: { mounts: { type: 'array' }, deny: { additionalProperties: false } },
        },
      },
      floor: { additionalProperties: false },
    },
  })
})
