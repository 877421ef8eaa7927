import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isCapability } from '#core/capability/check.ts'

test('capabilities in normal form are capabilities', () => {
  for (const good of [
    { action: 'net:request', scheme: 'https', method: 'GET', host: 'x.com', port: 443, path: '/' },
    { action: 'net:request', scheme: 'http', method: 'M-SEARCH', host: '::1', port: 1, path: '/a%20b' },
    { action: 'fs:read', mount: '/', path: '/' },
    { action: 'fs:write', mount: '/a', path: '/a/b c' },
    { action: 'secret:use', name: 'any text a guest may send' },
    { action: 'env:read', name: 'A' },
    { action: 'tool:call', name: '__proto__' },
  ]) {
    expect(isCapability(good), JSON.stringify(good)).toBe(true)
  }
})

test('anything else is not, and asking never throws', () => {
  for (const bad of [
    undefined,
    null,
    'net:request',
    {},
    { action: 'toString' },
    { action: '__proto__', name: 'a' },
    { action: 'net:connect', host: 'x.com' },
    { action: 'fs:read', mount: '/a', path: '/ab' },
    { action: 'tool:call', name: '' },
    { action: 'tool:call', name: 'a\0b' },
    { action: 'tool:call', name: '\ud800' },
    { action: ['tool:call'], name: 'a' },
  ]) {
    expect(isCapability(bad), JSON.stringify(bad)).toBe(false)
  }
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withMap: true }), (value) => {
      expect(isCapability(value)).toBe(false)
    }),
  )
})
