import { array, assert, constant, constantFrom, oneof, property, record, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fieldOf, readRequestHead, readTrailers, type RawRequest } from '#host/serve/request-head.ts'
import { defaultServeLimits } from '#host/serve/serve-limits.ts'
import { servedRequestHead } from '#wire/served-request.ts'

const raw = (change: Partial<RawRequest> = {}, ...headers: readonly string[]): RawRequest => ({
  method: 'GET',
  target: '/',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'a.example', ...headers],
  ...change,
})

const statusOf = (request: RawRequest): number => {
  const reading = readRequestHead(request, defaultServeLimits)
  return reading.ok ? 200 : reading.status
}

describe('the head of a request', () => {
  test('is given to the guest without what is about the connection, and with the authority apart', () => {
    const given = raw(
      { method: 'POST', target: '/a?b=c' },
      'Content-Length',
      '3',
      'Connection',
      'keep-alive, TE',
      'TE',
      'trailers',
      'Keep-Alive',
      'timeout=1',
      'Cookie',
      'a=b',
      'Cookie',
      'c=d',
      'Proxy-Authorization',
      'Basic x',
      'Expect',
      '100-continue',
    )
    expect(readRequestHead(given, defaultServeLimits)).toEqual({
      ok: true,
      head: {
        method: 'POST',
        scheme: 'http',
        authority: 'a.example',
        pathWithQuery: '/a?b=c',
        headers: [
          ['Content-Length', '3'],
          ['Cookie', 'a=b'],
          ['Cookie', 'c=d'],
        ],
        hasBody: true,
      },
    })
  })

  test.each([
    ['http://a.example/x?y', '/x?y'],
    ['HTTP://A.EXAMPLE:80/x', '/x'],
    ['http://a.example', '/'],
    ['http://a.example?y', '/?y'],
  ])('with the absolute target %s is for %s', (target, path) => {
    expect(readRequestHead(raw({ target }), defaultServeLimits)).toMatchObject({ ok: true, head: { pathWithQuery: path } })
  })

  test.each([
    ['HTTP/1.0, in which an answer that ends early looks whole', raw({ httpVersion: '1.0' }), 505],
    ['CONNECT', raw({ method: 'CONNECT', target: 'b.example:443' }), 405],
    ['TRACE', raw({ method: 'TRACE' }), 405],
    ['TRACK', raw({ method: 'TRACK' }), 405],
    ['no Host', raw({ rawHeaders: [] }), 400],
    ['two Hosts', raw({}, 'host', 'a.example'), 400],
    ['an empty Host', raw({ rawHeaders: ['Host', ''] }), 400],
    ['a Host with userinfo', raw({ rawHeaders: ['Host', 'x@a.example'] }), 400],
    ['a Host with a path', raw({ rawHeaders: ['Host', 'a.example/x'] }), 400],
    ['a Host with two names', raw({ rawHeaders: ['Host', 'a.example, b.example'] }), 400],
    ['an absolute target for another host', raw({ target: 'http://b.example/' }), 421],
    ['an absolute target with userinfo', raw({ target: 'http://a.example@b.example/' }), 400],
    ['an absolute target of another scheme', raw({ target: 'https://a.example/' }), 400],
    ['an authority for a target', raw({ target: 'a.example:80' }), 400],
    ['`*` without OPTIONS', raw({ target: '*' }), 400],
    ['a fragment', raw({ target: '/a#b' }), 400],
    ['bytes past ASCII in the target', raw({ target: '/\u00e4' }), 400],
    ['a space in the target', raw({ target: '/a b' }), 400],
    ['a target past its limit', raw({ target: `/${'a'.repeat(8192)}` }), 414],
    ['two lengths that agree', raw({}, 'Content-Length', '1', 'Content-Length', '1'), 400],
    ['two lengths in one', raw({}, 'Content-Length', '1, 1'), 400],
    ['a signed length', raw({}, 'Content-Length', '+1'), 400],
    ['a hexadecimal length', raw({}, 'Content-Length', '0x1'), 400],
    ['a length and a coding', raw({}, 'Content-Length', '1', 'Transfer-Encoding', 'chunked'), 400],
    ['two codings', raw({}, 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'), 400],
    ['a coding that is none', raw({}, 'Transfer-Encoding', 'xchunked'), 501],
    ['a coding before chunked', raw({}, 'Transfer-Encoding', 'gzip, chunked'), 501],
    ['a coding after chunked', raw({}, 'Transfer-Encoding', 'chunked, identity'), 501],
    ['a body past its limit', raw({}, 'Content-Length', String(defaultServeLimits.bodyBytes + 1)), 413],
    ['an upgrade', raw({}, 'Connection', 'Upgrade', 'Upgrade', 'websocket'), 501],
    ['an upgrade that Connection does not name', raw({}, 'Upgrade', 'h2c'), 501],
    ['a Connection that would have another field dropped', raw({}, 'Connection', 'close, X-User', 'X-User', 'ada'), 400],
    ['a name with a space', raw({}, 'X User', '1'), 400],
    ['a value with a line feed', raw({}, 'X', 'a\nb'), 400],
    ['a value with a null byte', raw({}, 'X', 'a\0b'), 400],
    ['more fields than there may be', raw({}, ...Array.from({ length: 200 }, (_, nth) => (nth % 2 === 0 ? `x${nth}` : 'y'))), 431],
    ['fields of more bytes than there may be', raw({}, 'X', 'a'.repeat(16_000), 'Y', 'a'.repeat(1000)), 431],
  ] as const)('with %s is refused', (_what, request, status) => {
    expect(statusOf(request)).toBe(status)
  })

  test('is refused or fits the wire, whatever comes', () => {
    const text = oneof(string(), constantFrom('host', 'Content-Length', 'chunked', 'close', '1', '/', 'a.example'))
    assert(
      property(record({ method: text, target: text, httpVersion: constant('1.1'), rawHeaders: array(text) }), (request) => {
        const reading = readRequestHead({ ...request, rawHeaders: ['Host', 'a', ...request.rawHeaders] }, defaultServeLimits)
        if (!reading.ok) return reading.status >= 400
        return servedRequestHead(reading.head) && reading.head.headers.every((field) => !/[\r\n\0]/.test(field.join('')))
      }),
    )
  })
})

test('a field that is there twice has no one value', () => {
  expect(fieldOf({ rawHeaders: ['X-User', 'ada'] }, 'x-user')).toBe('ada')
  expect(fieldOf({ rawHeaders: ['X-User', 'ada', 'x-user', 'grace'] }, 'x-user')).toBeUndefined()
})

test('trailers hold nothing that frames, routes or authenticates', () => {
  const trailers = [
    'Checksum',
    'abc',
    'Content-Length',
    '3',
    'Authorization',
    'x',
    'Transfer-Encoding',
    'chunked',
    'Host',
    'b',
    'bad name',
    'x',
  ]
  expect(readTrailers(trailers, defaultServeLimits)).toEqual([['Checksum', 'abc']])
})
