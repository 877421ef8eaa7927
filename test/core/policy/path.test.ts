import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  absoluteHostPath,
  isPathPattern,
  isWithin,
  normaliseGuestPath,
  normaliseUrlPath,
  pathMatches,
  splitUrlPath,
} from '#core/policy/path.ts'

/** Any UTF-16 text, controls and lone surrogates included. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => `/${String.fromCharCode(...units)}`)
const piece = fc.constantFrom(
  'a',
  'b',
  '..',
  '.',
  '',
  '%2e',
  '%2E%2e',
  '%2f',
  '%5c',
  '%00',
  '%25',
  '%252e',
  ';',
  '..;',
  '.;x',
  '\\',
  '%41',
  '%c3%a9',
  'é',
  '*',
  '%',
  '%zz',
  '~',
  ' ',
)
const nasty = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('/')}`)

describe('guest paths', () => {
  test.each([
    ['/inbox', '/inbox'],
    ['/inbox/', '/inbox'],
    ['//inbox//a', '/inbox/a'],
    ['/./inbox/./a/.', '/inbox/a'],
    ['/', '/'],
    ['/..a/b..', '/..a/b..'],
    ['/a%2fb', '/a%2fb'],
    ['/a\\b', '/a\\b'],
  ])('%s is %s', (path, expected) => {
    expect(normaliseGuestPath(path)).toBe(expected)
  })

  test.each(['', 'inbox', './inbox', '/inbox/..', '/..', '/inbox/../out', '/in\0box', '/a\ud800'])('%j is refused', (path) => {
    expect(normaliseGuestPath(path)).toBeUndefined()
  })

  test('are in one form: normalising twice is normalising once, and no segment is special', () => {
    fc.assert(
      fc.property(fc.oneof(nasty, anyText), (path) => {
        const normal = normaliseGuestPath(path)
        if (normal === undefined) return
        expect(normaliseGuestPath(normal)).toBe(normal)
        expect(
          normal === '/' ||
            normal
              .slice(1)
              .split('/')
              .every((segment) => !['', '.', '..'].includes(segment)),
        ).toBe(true)
      }),
    )
  })

  test('lie within a folder by segments, not by letters', () => {
    expect(isWithin('/out', '/out')).toBe(true)
    expect(isWithin('/out', '/out/a')).toBe(true)
    expect(isWithin('/out', '/outside')).toBe(false)
    expect(isWithin('/out/a', '/out')).toBe(false)
    expect(isWithin('/', '/anything')).toBe(true)
  })
})

describe('URL paths', () => {
  test.each([
    ['/', '/'],
    ['/v1/items', '/v1/items'],
    ['/v1/%69tems', '/v1/items'],
    ['/v1/a%20b', '/v1/a%20b'],
    ['/v1/%c3%a9', '/v1/%C3%A9'],
    ['/v1/./a', '/v1/a'],
    ['/v1/../v2', '/v2'],
    ['/v1/%2e%2e/v2', '/v2'],
    ['/v1/.%2E/v2', '/v2'],
    ['/v1/..', '/'],
    ['/v1/.', '/v1/'],
    ['/v1//a', '/v1//a'],
    ['/a;b=c/d', '/a;b=c/d'],
    ['/a|b[c]', '/a%7Cb%5Bc%5D'],
    ['/100%25', '/100%25'],
  ])('%s is %s', (path, expected) => {
    expect(normaliseUrlPath(path)).toBe(expected)
  })

  test.each([
    '',
    'v1',
    '*',
    'http://evil/',
    '/..',
    '/v1/../../admin',
    '/%2e%2e/admin',
    '/v1%2fadmin',
    '/v1/..%2Fadmin',
    '/v1/%2e%2e%2fadmin',
    '/v1/..%5cadmin',
    '/v1/..\\admin',
    '/v1/%252e%252e/admin',
    '/v1/%252fadmin',
    '/v1/..;/admin',
    '/v1/..;x=y/admin',
    '/v1/.;/admin',
    '/v1/%2e%2e;/admin',
    '/v1\0',
    '/v1%00',
    '/v1%0d%0aHost:evil',
    '/v1\r\nHost: evil',
    '/a b',
    '/é',
    '/a#b',
    '/a?b',
    '/%',
    '/%4',
    '/%zz',
  ])('%j is refused', (path) => {
    expect(normaliseUrlPath(path)).toBeUndefined()
  })

  test('are in one form that has no dot segment, no encoded separator and nothing left to decode twice', () => {
    fc.assert(
      fc.property(fc.oneof(nasty, fc.webPath(), anyText), (path) => {
        const normal = normaliseUrlPath(path)
        if (normal === undefined) return
        expect(normaliseUrlPath(normal)).toBe(normal)
        expect(normal).not.toMatch(/%2f|%5c|%00|%25[0-9a-f]{2}|\\/i)
        const decoded = decodeURIComponentLeniently(normal)
        expect(decoded.split('/').some((segment) => /^\.\.?(?:;|$)/.test(segment))).toBe(false)
        // What a WHATWG parser makes of it is what was decided on.
        expect(new URL(normal.replace(/^\/\/+/, '/'), 'https://h').pathname).toBe(normal.replace(/^\/\/+/, '/'))
      }),
      { numRuns: 2000 },
    )
  })

  test('keep their query as it came, or are refused with it', () => {
    expect(splitUrlPath('/a/../b?x=..%2f&y=?')).toEqual({ path: '/b', query: '?x=..%2f&y=?' })
    expect(splitUrlPath('?x')).toEqual({ path: '/', query: '?x' })
    expect(splitUrlPath('')).toEqual({ path: '/', query: '' })
    for (const bad of ['/?a b', '/?a#b', '/?a\r\nX: y', '/?é', '/?\0', '//../..?x']) expect(splitUrlPath(bad), bad).toBeUndefined()
  })
})

const decodeURIComponentLeniently = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

test('paths that are too long are refused', () => {
  expect(normaliseGuestPath(`/${'a'.repeat(4096)}`)).toBeUndefined()
  expect(normaliseGuestPath(`/${'a'.repeat(4095)}`)).toBeDefined()
  expect(normaliseUrlPath(`/${'a'.repeat(20_000)}`)).toBeUndefined()
})

describe('path patterns', () => {
  test.each([
    ['/v1/*', '/v1/', true],
    ['/v1/*', '/v1/a/b', true],
    ['/v1/*', '/v1', false],
    ['/v1/*', '/v10/a', false],
    ['/v1/items*', '/v1/items', true],
    ['/v1/items*', '/v1/items/7', true],
    ['/v1/items*', '/v1/items-old', true],
    ['/v1/items*', '/v1/item', false],
    ['/v1/items', '/v1/items/', false],
    ['/v1/items', '/v1/items', true],
    ['/*', '/', true],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(pathMatches(pattern, path)).toBe(expected)
  })

  test('are absolute, normal, and have `*` at their end at most', () => {
    for (const good of ['/', '/*', '/v1/*', '/v1/items*', '/a%20b']) expect(isPathPattern(good), good).toBe(true)
    for (const bad of ['', '*', 'v1', '/*/a', '/v1/**', '/v1/../a', '/v1/..*', '/a?b', '/%61', '/a b', '/..'])
      expect(isPathPattern(bad), bad).toBe(false)
  })
})

test('host paths count from the folder of the document', () => {
  expect(absoluteHostPath('/etc/cordon', './letters/')).toBe('/etc/cordon/letters')
  expect(absoluteHostPath('/etc/cordon', '../x')).toBe('/etc/x')
  expect(absoluteHostPath('/etc/cordon', '/data//a/./b')).toBe('/data/a/b')
  expect(absoluteHostPath('/', '../../..')).toBe('/')
})
