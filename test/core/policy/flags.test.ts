import { describe, expect, test } from 'vitest'
import { noRules } from '#core/policy/grants.ts'
import { parseGrantFlags, type GrantFlags } from '#core/policy/flags.ts'
import { describeNetRule } from '#core/policy/describe.ts'
import { refusalOf } from './refusal.ts'

const parse = (flags: GrantFlags) => parseGrantFlags(flags, '/home/me')
const refusal = (flags: object): string => refusalOf(() => parse(flags))

describe('flags that grant', () => {
  test('hosts, with commas or repeated, https unless a scheme is written', () => {
    const { net } = parse({ 'allow-net': ['api.example.com,*.example.org:8443', 'http://127.0.0.1:8787'] }).grants
    expect(net.map(describeNetRule)).toEqual([
      'any method https://api.example.com:443 any path',
      'any method https://*.example.org:8443 any path',
      'any method http://127.0.0.1:8787 any path',
    ])
    expect(net.map(({ origin }) => origin)).toEqual(['--allow-net', '--allow-net', '--allow-net'])
  })

  test('folders at the same path inside, read and write once', () => {
    const { fs } = parse({ 'allow-read': ['letters,/data', 'out'], 'allow-write': ['./out/'] }).grants
    expect(fs.map(({ hostPath, guestPath, mode, origin }) => [hostPath, guestPath, mode, origin])).toEqual([
      ['/home/me/letters', '/home/me/letters', 'ro', '--allow-read'],
      ['/data', '/data', 'ro', '--allow-read'],
      ['/home/me/out', '/home/me/out', 'rw', '--allow-write'],
    ])
  })

  test.each([
    ['./letters:/inbox', '/home/me/letters', '/inbox', 'ro'],
    ['/a:/b:rw', '/a', '/b', 'rw'],
    ['/a:/b:ro', '/a', '/b', 'ro'],
    ['/a,b:/c', '/a,b', '/c', 'ro'],
    ['/a:b:/c/d/:rw', '/a:b', '/c/d', 'rw'],
  ])('the mount %s', (text, hostPath, guestPath, mode) => {
    expect(parse({ mount: [text] }).grants.fs).toMatchObject([{ hostPath, guestPath, mode, origin: '--mount' }])
  })

  test('variables by name and by value', () => {
    const { env } = parse({ 'allow-env': ['TZ,LANG', 'A=1,B=2', 'EMPTY='] }).grants
    expect(env.map(({ name, value, fromHost }) => [name, value, fromHost])).toEqual([
      ['TZ', undefined, 'TZ'],
      ['LANG', undefined, 'LANG'],
      ['A', '1,B=2', undefined],
      ['EMPTY', '', undefined],
    ])
  })

  test('secrets from where they are said to be, else from the variable of their name', () => {
    const { secrets } = parse({ 'allow-secret': ['api-key', 'b=env://OTHER', 'c=file://./c', 'd=file:///run/d'] }).grants
    expect(secrets.map(({ name, source }) => [name, source])).toEqual([
      ['api-key', 'env://API_KEY'],
      ['b', 'env://OTHER'],
      ['c', 'file:///home/me/c'],
      ['d', 'file:///run/d'],
    ])
  })

  test('tools and limits', () => {
    const { grants, limits } = parse({ 'allow-tool': ['search,fetch'], limit: ['memory=64Mi', 'timeout=5s'] })
    expect(grants.tools.map(({ name }) => name)).toEqual(['search', 'fetch'])
    expect(limits).toEqual({ memoryBytes: 67_108_864, timeoutMs: 5000 })
  })

  test('none grant nothing', () => {
    const nothing = noRules
    expect(parse({})).toEqual({ origin: 'flags', grants: nothing, denies: nothing, limits: {} })
    expect(parse({ 'allow-net': [], mount: [] }).grants).toEqual(nothing)
  })
})

test('flags that deny', () => {
  const { denies } = parse({
    'deny-net': ['*.com,10.0.0.0/8:80'],
    'deny-read': ['/inbox/private'],
    'deny-write': ['keep'],
    'deny-env': ['TZ'],
    'deny-secret': ['api-key'],
    'deny-tool': ['search'],
  })
  expect(denies.net.map(describeNetRule)).toEqual(['any method any://*.com:any any path', 'any method any://10.0.0.0/8:80 any path'])
  expect(denies.fs.map(({ guestPath, mode, origin }) => [guestPath, mode, origin])).toEqual([
    ['/inbox/private', 'rw', '--deny-read'],
    ['/home/me/keep', 'ro', '--deny-write'],
  ])
  expect([...denies.env, ...denies.secrets, ...denies.tools].map(({ name, origin }) => [name, origin])).toEqual([
    ['TZ', '--deny-env'],
    ['api-key', '--deny-secret'],
    ['search', '--deny-tool'],
  ])
})

describe('flags that cannot be taken', () => {
  test.each([
    [
      { 'allow-all': [''] },
      '--allow-all: expected grants by name, got `-A` | run once without: each denial names the flag that would allow it',
    ],
    [
      { 'allow-net': ['*'] },
      '--allow-net: expected what is meant by name, got `*` | nothing is granted wholesale: name each, as in --allow-net=api.example.com, or run once and read what was denied',
    ],
    [
      { 'allow-read': ['*'] },
      '--allow-read: expected what is meant by name, got `*` | nothing is granted wholesale: name each, as in --allow-read=./letters, or run once and read what was denied',
    ],
    [
      { 'allow-write': ['*'] },
      '--allow-write: expected what is meant by name, got `*` | nothing is granted wholesale: name each, as in --allow-write=./out, or run once and read what was denied',
    ],
    [
      { 'allow-env': ['*'] },
      '--allow-env: expected what is meant by name, got `*` | nothing is granted wholesale: name each, as in --allow-env=TZ, or run once and read what was denied',
    ],
    [
      { 'allow-secret': ['*'] },
      '--allow-secret: expected what is meant by name, got `*` | nothing is granted wholesale: name each, as in --allow-secret=api-key=env://API_KEY, or run once and read what was denied',
    ],
    [
      { 'allow-tool': ['a,*'] },
      '--allow-tool: expected what is meant by name, got `*` | nothing is granted wholesale: name each, as in --allow-tool=search, or run once and read what was denied',
    ],
    [
      { 'deny-net': ['*'] },
      '--deny-net: expected what is meant by name, got `*` | what is not granted is denied already: leave the grant out',
    ],
    [
      { 'allow-net': ['*:443'] },
      '--allow-net: expected a host that is named, got `*:443` | `*` alone would open every host: name the hosts, or `*.example.com` for all below one',
    ],
    [
      { 'allow-net': ['*.com'] },
      '--allow-net: expected a narrower suffix such as `*.example.com`, got `*.com` | anybody can register a name below it: name the domain that you trust',
    ],
    [
      { 'allow-net': ['0.0.0.0/0'] },
      '--allow-net: expected a network of /8 or narrower, got `0.0.0.0/0` | name the networks that are needed',
    ],
    [{ 'allow-net': ['https://x.com/v1'] }, '--allow-net: expected a host without a path, got `x.com/v1` | write paths in `paths`'],
    [
      { 'allow-net': ['ftp://x.com'] },
      '--allow-net: expected a host without `scheme://`, got `ftp://x.com` | write the host alone, and `scheme: http` when it is not https',
    ],
    [{ 'allow-net': [''] }, '--allow-net: expected items with commas between them, got nothing | write it as --allow-net=api.example.com'],
    [
      { 'allow-net': ['a.com,,b.com'] },
      '--allow-net: expected items with commas between them, got `a.com,,b.com` | write it as --allow-net=api.example.com',
    ],
    [{ 'allow-read': ['/'] }, '--allow-read: expected a narrower folder than `/`, got `/` | mount the folder that is needed'],
    [{ 'allow-write': ['../..'] }, '--allow-write: expected a narrower folder than `/`, got `../..` | mount the folder that is needed'],
    [
      { 'allow-read': ['/sys/kernel'] },
      '--allow-read: expected a folder outside of /proc, /sys, /dev, got `/sys/kernel` | these lead to every process and device: mount an ordinary folder',
    ],
    [{ mount: ['/:/host:rw'] }, '--mount: expected a narrower folder than `/`, got `/` | mount the folder that is needed'],
    [
      { mount: ['/data'] },
      '--mount: expected `HOST:GUEST`, `HOST:GUEST:rw` to write or `HOST:GUEST:copy` to write to a copy, the guest path absolute, got `/data` | write it as --mount ./letters:/inbox',
    ],
    [
      { mount: ['/data:inbox'] },
      '--mount: expected `HOST:GUEST`, `HOST:GUEST:rw` to write or `HOST:GUEST:copy` to write to a copy, the guest path absolute, got `/data:inbox` | write it as --mount ./letters:/inbox',
    ],
    [
      { mount: ['/data:/inbox:wr'] },
      '--mount: expected `HOST:GUEST`, `HOST:GUEST:rw` to write or `HOST:GUEST:copy` to write to a copy, the guest path absolute, got `/data:/inbox:wr` | write it as --mount ./letters:/inbox',
    ],
    [
      { mount: [':/inbox'] },
      '--mount: expected `HOST:GUEST`, `HOST:GUEST:rw` to write or `HOST:GUEST:copy` to write to a copy, the guest path absolute, got `:/inbox` | write it as --mount ./letters:/inbox',
    ],
    [{ mount: ['/data:/in/../out'] }, '--mount: expected an absolute guest path without `..`, got `/in/../out` | write it as `/inbox`'],
    [
      { mount: [''] },
      '--mount: expected `HOST:GUEST`, `HOST:GUEST:rw` to write or `HOST:GUEST:copy` to write to a copy, the guest path absolute, got `` | write it as --mount ./letters:/inbox',
    ],
    [{ 'allow-tool': ['a b'] }, '--allow-tool: expected a name, got `a b` | write it as --allow-tool=search'],
    [{ 'deny-env': ['A=B'] }, '--deny-env: expected a name, got `A=B` | write it as --deny-env=TZ'],
    [
      { 'allow-secret': ['a b'] },
      '--allow-secret: expected `NAME` or `NAME=source`, got `a b` | write it as --allow-secret=api-key=env://API_KEY',
    ],
  ])('%j', (flags, expected) => {
    expect(refusal(flags)).toBe(`grant.invalid | ${expected}`)
  })

  test('unknown ones are refused with the nearest known', () => {
    expect(refusal({ 'alow-net': ['x.com'] })).toBe('grant.invalid | unknown grant flag `--alow-net` | did you mean --allow-net?')
    expect(refusal({ everything: [] })).toContain('grant.invalid | unknown grant flag `--everything` | known: --allow-net, --allow-read')
  })

  test.each([
    { 'allow-secret': ['k=hunter2'] },
    { 'allow-secret': ['=hunter2'] },
    { 'allow-env': ['A-B=hunter2'] },
    { 'allow-env': ['A,B=hunter2'] },
    { 'allow-env': ['A=hunter2\0'] },
  ])('what may be a secret is never shown: %j', (flags) => {
    expect(refusal(flags)).toMatch(/^grant\.invalid \| --/)
    expect(refusal(flags)).not.toContain('hunter2')
  })
})
