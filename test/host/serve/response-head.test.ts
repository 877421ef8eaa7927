import { describe, expect, test } from 'vitest'
import type { Headers } from '#host/providers/serve/incoming-exchange.ts'
import { checkResponseHead, checkTrailers } from '#host/serve/response-head.ts'

const head = (status: number, headers: Headers = [], hasBody = true) => ({ status, headers, hasBody })
const protocolError = expect.objectContaining({ code: 'HTTP-protocol-error' }) as unknown

describe('the head of an answer', () => {
  test.each([
    ['a body of unknown length', head(200), 'GET', { body: 'chunked', fields: [] }],
    ['a body of a known length', head(200, [['Content-Length', '5']]), 'GET', { body: 5, fields: [['Content-Length', '5']] }],
    ['no body', head(200, [], false), 'GET', { body: 0, fields: [['content-length', '0']] }],
    [
      'no body to HEAD, with the length it would have',
      head(200, [['content-length', '5']], false),
      'HEAD',
      { body: 'none', fields: [['content-length', '5']] },
    ],
    ['204, whatever it says', head(204, [['content-length', '5']]), 'GET', { body: 'none', fields: [] }],
    [
      '205, which says that there is nothing',
      head(205, [['content-length', '5']]),
      'GET',
      { body: 'none', fields: [['content-length', '0']] },
    ],
    [
      '304, with the length it would have',
      head(304, [['content-length', '5']]),
      'GET',
      { body: 'none', fields: [['content-length', '5']] },
    ],
  ] as const)('with %s', (_what, given, method, checked) => {
    expect(checkResponseHead(given, method)).toEqual({ status: given.status, ...checked })
  })

  test.each([
    ['a status that is not final', head(103)],
    ['switching protocols', head(101)],
    ['a status that there is not', head(600)],
    ['a line feed in a value', head(200, [['x', 'a\nSet-Cookie: b']])],
    ['a carriage return in a value', head(200, [['x', 'a\rb']])],
    ['a colon in a name', head(200, [['x: y', 'a']])],
    ['an empty name', head(200, [['', 'a']])],
    ['characters past latin-1', head(200, [['x', '\u560a']])],
    ['Transfer-Encoding', head(200, [['Transfer-Encoding', 'chunked']])],
    ['Connection', head(200, [['connection', 'keep-alive']])],
    ['Upgrade', head(200, [['Upgrade', 'x']])],
    [
      'two lengths',
      head(200, [
        ['content-length', '1'],
        ['Content-Length', '1'],
      ]),
    ],
    ['a length that is none', head(200, [['content-length', '1, 1']])],
    ['a negative length', head(200, [['content-length', '-1']])],
    ['a length without a body', head(200, [['content-length', '1']], false)],
  ] as const)('with %s is refused', (_what, given) => {
    expect(() => checkResponseHead(given, 'GET')).toThrow(protocolError)
  })
})

test.each([[['content-length', '1']], [['transfer-encoding', 'x']], [['set-cookie', 'a']], [['x', 'a\r\nb']], [['', 'a']]] as const)(
  'the trailer %j is refused',
  (trailer) => {
    expect(() => checkTrailers([trailer])).toThrow(protocolError)
  },
)
