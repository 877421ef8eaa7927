import { describe, expect, test } from 'vitest'
import { parsePrincipal, segmentOf, tellsApart } from '#host/serve/principal.ts'
import { isServedHost } from '#host/serve/served-hosts.ts'
import { parseServeLimits } from '#host/serve/serve-flags.ts'
import { serveLimitsOf } from '#host/serve/serve-limits.ts'
import { parseListen } from '#host/serve/serve-options.ts'

const raw = (...rawHeaders: readonly string[]) => ({ method: 'GET', target: '/', httpVersion: '1.1', rawHeaders })
const origin = { connection: 3, request: 7 }

describe('a principal', () => {
  test.each(['', 'header', 'header:', 'header:a b', 'header:Host', 'header:Connection', 'user', 'none '])('%j is none', (text) => {
    expect(() => parsePrincipal(text)).toThrow(expect.objectContaining({ code: 'input.invalid' }))
  })

  test('of a header is its one value, of which only a digest shows', () => {
    const rule = parsePrincipal('header:X-User')
    const ada = segmentOf(rule, 's', raw('x-user', 'ada'), origin)
    expect(ada).toMatch(/^s\/x-user=sha256:[0-9a-f]{64}$/)
    expect(segmentOf(rule, 's', raw('X-USER', 'ada'), { connection: 9, request: 9 })).toBe(ada)
    expect(segmentOf(rule, 's', raw('x-user', 'Ada'), origin)).not.toBe(ada)
  })

  test.each([[[]], [['x-user', '']], [['x-user', 'ada', 'X-User', 'grace']], [['x-user', 'a'.repeat(1025)]]])(
    'of a header is nobody in %j',
    (headers) => {
      expect(segmentOf(parsePrincipal('header:x-user'), 's', raw(...headers), origin)).toBeUndefined()
    },
  )

  test('of a connection or a request is that, and none is everybody', () => {
    expect(segmentOf(parsePrincipal('connection'), 's', raw(), origin)).toBe('s/connection=3')
    expect(segmentOf(parsePrincipal('request'), 's', raw(), origin)).toBe('s/request=7')
    expect(segmentOf(parsePrincipal('none'), 's', raw(), origin)).toBe('s')
    expect(['header:x', 'connection', 'request', 'none'].map((text) => tellsApart(parsePrincipal(text)))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})

describe('a server on the loopback', () => {
  const loopback = { host: '127.0.0.1', port: 8080 }
  test.each(['127.0.0.1:8080', 'localhost', 'LOCALHOST:8080', '[::1]:8080'])('serves %s', (authority) => {
    expect(isServedHost(authority, undefined, loopback)).toBe(true)
  })
  test.each(['evil.example', '127.0.0.1.evil.example:8080', 'localhost.evil.example', '10.0.0.1'])('does not serve %s', (authority) => {
    expect(isServedHost(authority, undefined, loopback)).toBe(false)
  })
  test('serves the names that it is told', () => {
    expect(isServedHost('Shop.Example:443', ['shop.example'], loopback)).toBe(true)
    expect(isServedHost('127.0.0.1', ['shop.example'], loopback)).toBe(false)
    expect(isServedHost('any.example', undefined, { host: '0.0.0.0', port: 80 })).toBe(true)
  })
})

test.each([
  ['8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['localhost:1', { host: 'localhost', port: 1 }],
] as const)('%s is where to listen', (text, address) => {
  expect(parseListen(text)).toEqual(address)
})

test.each(['', 'host', ':80', '::1:80', '1.2.3.4:65536', 'a b:80', 'http://x:80'])('%j is nowhere to listen', (text) => {
  expect(() => parseListen(text)).toThrow(expect.objectContaining({ code: 'input.invalid' }))
})

test('limits are whole numbers within bounds, by their names', () => {
  expect(serveLimitsOf({ requestMs: 200, headerMs: 5000 })).toMatchObject({ requestMs: 200, headerMs: 200, concurrency: 32 })
  for (const wrong of [{ concurrency: 0 }, { headers: 257 }, { bodyBytes: 1.5 }, { speed: 1 }, { stallMs: Number.NaN }])
    expect(() => serveLimitsOf(wrong)).toThrow(expect.objectContaining({ code: 'input.invalid' }))
  expect(parseServeLimits({ 'max-body': '1Mi', drain: '2s', concurrency: '4' })).toEqual({
    bodyBytes: 1_048_576,
    drainMs: 2000,
    concurrency: 4,
  })
  for (const wrong of [{ drain: '2' }, { 'max-headers': '1000' }, { concurrency: '0' }])
    expect(() => parseServeLimits(wrong)).toThrow(expect.objectContaining({ code: 'usage' }))
})
