import { describe, expect, test } from 'vitest'
import { manifestSchema, parseManifest } from '#core/manifest/manifest.ts'
import { noRules } from '#core/policy/grants.ts'
import { refusalOf } from '../policy/refusal.ts'

const least = { apiVersion: 'cordon/v1', name: 'briefing', version: '1.0.0', source: 'src/briefing.ts' }
const parse = (fields: object) => parseManifest({ ...least, ...fields }, 'agent.yaml')
const refusal = (fields: object): string => refusalOf(() => parse(fields))
const without = (field: keyof typeof least): string => {
  const { [field]: _, ...rest } = least
  return refusalOf(() => parseManifest(rest, 'agent.yaml'))
}

describe('a manifest that is right', () => {
  test('says what it asks for, and nothing more', () => {
    const manifest = parse({
      description: 'summarises letters',
      engine: 'quickjs',
      requests: {
        net: [{ host: 'api.example.com:443', methods: ['GET'], paths: ['/v1/*'], why: "read today's items" }],
        fs: [
          { guest: '/inbox/', mode: 'ro', why: 'letters' },
          { guest: '/out', mode: 'rw', quota: '10Mi' },
        ],
        secrets: [{ name: 'api-key', why: 'authenticate' }],
        env: ['TZ', { name: 'LANG', why: 'dates' }],
        tools: [{ name: 'search' }],
      },
      limits: { timeout: '30s', cpuTime: '5s', fuel: '5G', memory: '64Mi', output: '1Mi', calls: 1000, egress: '5Mi', handles: 256 },
    })
    expect(manifest).toMatchObject({ name: 'briefing', version: '1.0.0', source: 'src/briefing.ts', engine: 'quickjs' })
    expect(manifest.requests).toEqual({
      ...noRules,
      net: [
        {
          kind: 'net',
          origin: 'agent.yaml requests.net[0]',
          host: { kind: 'name', name: 'api.example.com' },
          port: 443,
          scheme: 'https',
          methods: ['GET'],
          paths: ['/v1/*'],
          secret: undefined,
        },
      ],
      fs: [
        {
          kind: 'fs',
          origin: 'agent.yaml requests.fs[0]',
          guestPath: '/inbox',
          mode: 'ro',
          hostPath: undefined,
          quotaBytes: undefined,
          quotaEntries: undefined,
          mountKind: 'live',
        },
        {
          kind: 'fs',
          origin: 'agent.yaml requests.fs[1]',
          guestPath: '/out',
          mode: 'rw',
          hostPath: undefined,
          quotaBytes: 10_485_760,
          quotaEntries: undefined,
          mountKind: 'live',
        },
      ],
      secrets: [{ kind: 'secret', origin: 'agent.yaml requests.secrets[0]', name: 'api-key', source: undefined, inject: undefined }],
      env: [
        { kind: 'env', origin: 'agent.yaml requests.env[0]', name: 'TZ', value: undefined },
        { kind: 'env', origin: 'agent.yaml requests.env[1]', name: 'LANG', value: undefined },
      ],
      tools: [{ kind: 'tool', origin: 'agent.yaml requests.tools[0]', name: 'search' }],
    })
    expect(manifest.limits).toEqual({
      timeoutMs: 30_000,
      cpuTimeMs: 5000,
      fuel: 5_000_000_000,
      memoryBytes: 67_108_864,
      outputBytes: 1_048_576,
      calls: 1000,
      egressBytes: 5_242_880,
      handles: 256,
    })
    expect([...manifest.reasons]).toEqual([
      ['agent.yaml requests.net[0]', "read today's items"],
      ['agent.yaml requests.fs[0]', 'letters'],
      ['agent.yaml requests.secrets[0]', 'authenticate'],
      ['agent.yaml requests.env[1]', 'dates'],
    ])
  })

  test('asks for nothing when it says nothing', () => {
    expect(parse({})).toMatchObject({ requests: noRules, limits: {} })
  })

  test('reads the default scheme and port of http', () => {
    expect(parse({ requests: { net: [{ host: 'x.com', scheme: 'http' }] } }).requests.net[0]).toMatchObject({ scheme: 'http', port: 80 })
  })

  test('brings paths in the bundle into normal form', () => {
    expect(parse({ source: './src//./a.ts' }).source).toBe('src/a.ts')
  })

  test('does not change when its input is changed afterwards', () => {
    const requests = { tools: [{ name: 'search' }] }
    const manifest = parse({ requests })
    requests.tools.push({ name: 'other' })
    expect(manifest.requests.tools).toHaveLength(1)
  })
})

describe('a missing field', () => {
  test.each([
    ['apiVersion', 'manifest.invalid | agent.yaml: expected `cordon/v1` at `apiVersion`, got nothing | write `apiVersion: cordon/v1`'],
    ['name', 'manifest.invalid | agent.yaml: expected a name at `name`, got nothing | add it'],
    [
      'version',
      'manifest.invalid | agent.yaml: expected a version such as `1.0.0` at `version`, got nothing | put it in quotes if YAML takes it for a number',
    ],
    [
      'source',
      'manifest.invalid | agent.yaml: expected `source` or `component`, got neither | add `source: src/agent.ts`, or `component:` with the path of a built component',
    ],
  ] as const)('%s', (field, expected) => {
    expect(without(field)).toBe(expected)
  })

  test('inside a request', () => {
    expect(refusal({ requests: { net: [{ methods: ['GET'] }] } })).toBe(
      'manifest.invalid | agent.yaml: expected a host at `requests.net[0].host`, got nothing | add it',
    )
    expect(refusal({ requests: { secrets: [{}] } })).toBe(
      'manifest.invalid | agent.yaml: expected the name of a secret at `requests.secrets[0].name`, got nothing | add it',
    )
  })
})

describe('an unknown field is an error', () => {
  test.each([
    [
      { requets: {} },
      'manifest.invalid | agent.yaml: unknown field `requets`, did you mean `requests` | known here: apiVersion, name, version, description, source, component, engine, requests, limits',
    ],
    [
      { requests: { nets: [] } },
      'manifest.invalid | agent.yaml: unknown field `requests.nets`, did you mean `net` | known here: net, fs, secrets, env, tools, tcp, udp, lookup, keyvalue, config',
    ],
    [
      { requests: { net: [{ host: 'x.com', method: ['GET'] }] } },
      'manifest.invalid | agent.yaml: unknown field `requests.net[0].method`, did you mean `methods` | known here: host, scheme, methods, paths, why',
    ],
    [
      { requests: { net: [{ host: 'x.com', secret: 'k' }] } },
      'manifest.invalid | agent.yaml: unknown field `requests.net[0].secret` | known here: host, scheme, methods, paths, why',
    ],
    [
      { limits: { memmory: '1Mi' } },
      'manifest.invalid | agent.yaml: unknown field `limits.memmory`, did you mean `memory` | known here: timeout, cpuTime, fuel, memory, tables, output, calls, egress, ingress, handles',
    ],
    [
      { limits: { timeoutMs: 5 } },
      'manifest.invalid | agent.yaml: unknown field `limits.timeoutMs`, did you mean `timeout` | known here: timeout, cpuTime, fuel, memory, tables, output, calls, egress, ingress, handles',
    ],
    [
      { grants: {} },
      'manifest.invalid | agent.yaml: unknown field `grants` | known here: apiVersion, name, version, description, source, component, engine, requests, limits',
    ],
    [
      { '\u001b[31mx': 1 },
      'manifest.invalid | agent.yaml: unknown field `\\u{1b}[31mx` | known here: apiVersion, name, version, description, source, component, engine, requests, limits',
    ],
  ])('%j', (fields, expected) => {
    expect(refusal(fields)).toBe(expected)
  })

  test.each(['constructor', 'toString', 'hasOwnProperty'])('even when every object inherits it: %s', (name) => {
    expect(refusal({ [name]: {} })).toContain(`unknown field \`${name}\``)
  })

  test('`__proto__` is refused by name and pollutes nothing', () => {
    const value: unknown = JSON.parse(
      '{"apiVersion":"cordon/v1","name":"a","version":"1.0.0","source":"a.ts","__proto__":{"requests":{"env":["TZ"]}}}',
    )
    expect(refusalOf(() => parseManifest(value, 'agent.yaml'))).toBe(
      'manifest.invalid | agent.yaml: expected a field of another name at `__proto__`, got `__proto__` | remove it',
    )
    const nested: unknown = JSON.parse('{"requests":{"__proto__":{"polluted":1}}}')
    expect(refusal(nested as object)).toContain('at `requests.__proto__`')
    expect('polluted' in {}).toBe(false)
  })

  test('what is inherited is no field', () => {
    const inherited = Object.assign(Object.create({ name: 'inherited' }) as object, { ...least, name: undefined })
    expect(refusalOf(() => parseManifest(inherited, 'agent.yaml'))).toContain('manifest.invalid')
  })
})

describe('a wrong value', () => {
  test.each([
    [{ apiVersion: 'cordon/v2' }, 'expected `cordon/v1` at `apiVersion`, got `cordon/v2` | write `apiVersion: cordon/v1`'],
    [{ name: 7 }, 'expected a name at `name`, got `7` | correct it'],
    [
      { name: 'Briefing' },
      'expected a name of lower-case letters, digits and single hyphens, at most 64 long at `name`, got `Briefing` | correct it',
    ],
    [
      { name: 'a--b' },
      'expected a name of lower-case letters, digits and single hyphens, at most 64 long at `name`, got `a--b` | correct it',
    ],
    [{ version: 1.2 }, 'expected a version such as `1.0.0` at `version`, got `1.2` | put it in quotes if YAML takes it for a number'],
    [{ version: '1.0' }, 'expected a version such as `1.0.0` at `version`, got `1.0` | correct it'],
    [{ engine: 'v8' }, 'expected `starlingmonkey` or `quickjs` at `engine`, got `v8` | correct it'],
    [{ component: 'a.wasm' }, 'expected either `source` or `component` at `component`, got both | remove one of the two'],
    [
      { source: undefined, component: 'a.wasm', engine: 'quickjs' },
      'expected `engine` only beside `source` at `engine`, got `quickjs` | remove it',
    ],
    [{ requests: [] }, 'expected an object such as `{ net: [], fs: [] }` at `requests`, got a list | correct it'],
    [{ requests: null }, 'expected an object such as `{ net: [], fs: [] }` at `requests`, got nothing | correct it'],
    [{ requests: { net: {} } }, 'expected a list at `requests.net`, got an object | write `[]` for nothing'],
    [{ requests: { net: null } }, 'expected a list at `requests.net`, got nothing | write `[]` for nothing'],
    [
      { requests: { net: ['x.com'] } },
      'expected an object such as `{ host: "api.example.com" }` at `requests.net[0]`, got `x.com` | correct it',
    ],
    [{ requests: { net: [{ host: 443 }] } }, 'expected a host at `requests.net[0].host`, got `443` | correct it'],
    [
      { requests: { net: [{ host: '*' }] } },
      'expected a host that is named at `requests.net[0].host`, got `*` | `*` alone would open every host: name the hosts, or `*.example.com` for all below one',
    ],
    [
      { requests: { net: [{ host: 'x.com', scheme: 'ftp' }] } },
      'expected `http` or `https` at `requests.net[0].scheme`, got `ftp` | correct it',
    ],
    [
      { requests: { net: [{ host: 'x.com', methods: [] }] } },
      'expected at least one of the methods at `requests.net[0].methods`, got a list | leave the field out for all of them',
    ],
    [
      { requests: { net: [{ host: 'x.com', methods: ['get'] }] } },
      'expected an HTTP method in upper case, not CONNECT, TRACE or TRACK at `requests.net[0].methods[0]`, got `get` | correct it',
    ],
    [
      { requests: { net: [{ host: 'x.com', methods: ['TRACE'] }] } },
      'expected an HTTP method in upper case, not CONNECT, TRACE or TRACK at `requests.net[0].methods[0]`, got `TRACE` | correct it',
    ],
    [
      { requests: { net: [{ host: 'x.com', paths: ['v1'] }] } },
      'expected an absolute path without `..`, `\\`, query or encoded slashes at `requests.net[0].paths[0]`, got `v1` | write it as `/v1/items` or `/v1/*`',
    ],
    [
      { requests: { net: [{ host: 'x.com', paths: ['/../a'] }] } },
      'expected an absolute path without `..`, `\\`, query or encoded slashes at `requests.net[0].paths[0]`, got `/../a` | write it as `/v1/items` or `/v1/*`',
    ],
    [
      { requests: { net: [{ host: 'x.com', paths: ['/a/./b'] }] } },
      'expected a path in normal form at `requests.net[0].paths[0]`, got `/a/./b` | write `/a/b`',
    ],
    [
      { requests: { net: [{ host: 'x.com', paths: ['/*/a'] }] } },
      'expected a path with `*` only at its end at `requests.net[0].paths[0]`, got `/*/a` | write one pattern for each path',
    ],
    [
      { requests: { fs: [{ guest: 'inbox' }] } },
      'expected an absolute guest path without `..` at `requests.fs[0].guest`, got `inbox` | write it as `/inbox`',
    ],
    [
      { requests: { fs: [{ guest: '/inbox/../out' }] } },
      'expected an absolute guest path without `..` at `requests.fs[0].guest`, got `/inbox/../out` | write it as `/inbox`',
    ],
    [
      { requests: { fs: [{ guest: '/a' }, { guest: '/a/' }] } },
      'expected each guest path once at `requests.fs[1].guest`, got `/a` | remove one of the two',
    ],
    [{ requests: { fs: [{ guest: '/a', mode: 'wr' }] } }, 'expected `ro` or `rw` at `requests.fs[0].mode`, got `wr` | correct it'],
    [
      { requests: { fs: [{ guest: '/a', quota: 'lots' }] } },
      'expected a size such as `64Mi` at `requests.fs[0].quota`, got `lots` | write a number with Ki, Mi, Gi or Ti (powers of 1024), k, M, G or T (powers of 1000), or bytes',
    ],
    [
      { requests: { env: ['A=B'] } },
      'expected a name of letters, digits and `_` at `requests.env[0]`, got text that is not shown here | correct it',
    ],
    [
      { requests: { tools: [{ name: 'a b' }] } },
      'expected a name of letters, digits, `.`, `_` and `-` at `requests.tools[0].name`, got `a b` | correct it',
    ],
    [
      { limits: { timeout: 30 } },
      'expected a duration such as `30s` at `limits.timeout`, got `30` | write a number with ms, s, m or h, no finer than a millisecond',
    ],
    [{ limits: { timeout: '0s' } }, 'expected at least 1 at `limits.timeout`, got `0s` | raise it, or leave it out for the default'],
    [
      { limits: { memory: '-1' } },
      'expected a size such as `64Mi` at `limits.memory`, got `-1` | write a number with Ki, Mi, Gi or Ti (powers of 1024), k, M, G or T (powers of 1000), or bytes',
    ],
    [{ limits: { calls: true } }, 'expected a quantity such as `1000` at `limits.calls`, got `true` | correct it'],
  ])('%j', (fields, expected) => {
    expect(refusal(fields)).toBe(`manifest.invalid | agent.yaml: ${expected}`)
  })

  test.each(['../agent.ts', 'src/../../agent.ts', '/etc/passwd', 'C:/agent.ts', 'src\\..\\agent.ts', '..', '.', './', 'a\0b', 'a\nb'])(
    'a path that leaves the bundle: %j',
    (source) => {
      expect(refusal({ source })).toContain('expected a relative path inside the bundle, without `..` at `source`, got')
      expect(refusal({ source: undefined, component: source })).toContain('inside the bundle, without `..` at `component`, got')
    },
  )

  test.each([undefined, null, 7, 'text', [], new Map(), new Date(0), () => 1])('a document that is none: %s', (value) => {
    expect(refusalOf(() => parseManifest(value, 'agent.yaml'))).toMatch(/^manifest\.invalid \| agent\.yaml: expected /)
  })

  test('a value that answers differently each time it is asked', () => {
    const getter = Object.defineProperty({ ...least }, 'requests', { enumerable: true, get: () => ({}) })
    expect(refusalOf(() => parseManifest(getter, 'agent.yaml'))).toBe(
      'manifest.invalid | agent.yaml: expected plain data at `requests`, got a getter | give a value instead of a getter',
    )
  })

  test('a document that contains itself, or is endless', () => {
    const cycle: Record<string, unknown> = { ...least }
    cycle['requests'] = cycle
    expect(refusalOf(() => parseManifest(cycle, 'agent.yaml'))).toContain('expected at most 16 levels')
    expect(refusal({ requests: { env: Array.from({ length: 200_000 }, () => 'A') } })).toContain('expected at most 100000 values in all')
    expect(refusal({ requests: { env: Array.from({ length: 2000 }, () => 'A') } })).toContain(
      'expected at most 1000 items at `requests.env`, got a list',
    )
  })

  test('names the line when it is known', () => {
    const parsed = (): unknown =>
      parseManifest({ ...least, name: 'X' }, 'agent.yaml', (path) => (path[0] === 'name' ? 'agent.yaml:2' : undefined))
    expect(refusalOf(parsed)).toMatch(/^manifest\.invalid \| agent\.yaml:2: expected a name/)
  })
})

test('the JSON Schema knows the same fields and refuses others', () => {
  const schema = manifestSchema()
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['apiVersion', 'name', 'version'],
    additionalProperties: false,
    properties: { apiVersion: { const: 'cordon/v1' }, requests: { additionalProperties: false }, limits: { additionalProperties: false } },
  })
  expect(Object.keys(schema['properties'] as object)).toEqual([
    'apiVersion',
    'name',
    'version',
    'description',
    'source',
    'component',
    'engine',
    'requests',
    'limits',
  ])
})
