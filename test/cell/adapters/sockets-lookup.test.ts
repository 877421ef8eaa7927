import { describe, expect, it } from 'vitest'
import { errOf } from './memory-world.ts'
import { connectRule, lookupRule, SocketsWorld } from './sockets-world.ts'

const failing = (code: string) => async () => {
  throw Object.assign(new Error('the resolver says where it is'), { code })
}

describe('resolve-addresses', () => {
  it('gives the addresses of a granted name one after the other', async () => {
    await using world = new SocketsWorld(
      { lookup: [lookupRule('db.example.com')] },
      { resolve: async () => ['93.184.216.34', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'] },
    )
    const stream = world.imports['wasi:sockets/ip-name-lookup'].resolveAddresses(world.network, 'DB.example.com.')
    expect(await errOf(() => stream.resolveNextAddress())).toBe('would-block')
    await stream.subscribe().block()
    expect(stream.resolveNextAddress()).toEqual({ tag: 'ipv4', val: [93, 184, 216, 34] })
    expect(stream.resolveNextAddress()?.tag).toBe('ipv6')
    expect(stream.resolveNextAddress()).toBeUndefined()
    expect(stream.resolveNextAddress()).toBeUndefined()
  })

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['127.0.0.1', '127.0.0.1'],
    ['::', '::'],
    ['[::]', '::'],
    ['DEAD:BEEF::0', 'dead:beef::'],
    ['2001:0db8:0:0:0:0:0:0', '2001:db8::'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
  ])('reads the address %s itself, without the host', async (name, address) => {
    await using world = new SocketsWorld({})
    expect(await world.resolve(name)).toEqual([address])
    expect(world.calls).toEqual([])
  })

  it.each([
    '',
    ' ',
    'a.b<&>',
    '127.0.0.1:80',
    '[::]:80',
    '[127.0.0.1]',
    'http://example.com/',
    'a\0.example.com',
    'a\n.example.com',
    '127.1',
    '0x7f000001',
    '2130706433',
    '１２７.0.0.1',
    'é@example.com',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(127)}com`,
    'fe80::1%eth0',
  ])('calls `%s` an invalid argument, and asks nobody', async (name) => {
    await using world = new SocketsWorld({ lookup: [lookupRule('*.example.com')] })
    expect(await errOf(() => world.resolve(name))).toBe('invalid-argument')
    expect(world.calls).toEqual([])
  })

  it('looks a name in another script up by its A-labels', async () => {
    const asked: string[] = []
    const resolve = async (name: string) => {
      asked.push(name)
      return ['93.184.216.34']
    }
    await using world = new SocketsWorld({ lookup: [lookupRule('xn--mnchen-3ya.de')] }, { resolve })
    expect(await world.resolve('münchen.de')).toEqual(['93.184.216.34'])
    expect(asked).toEqual(['xn--mnchen-3ya.de'])
  })

  it.each([
    ['ENOTFOUND', 'name-unresolvable'],
    ['EAI_AGAIN', 'temporary-resolver-failure'],
    ['EAI_FAIL', 'permanent-resolver-failure'],
  ])('tells %s as %s', async (cause, code) => {
    await using world = new SocketsWorld({ lookup: [lookupRule('a.example.com')] }, { resolve: failing(cause) })
    expect(await errOf(() => world.resolve('a.example.com'))).toBe(code)
  })

  it('gives access-denied for a name that was not granted', async () => {
    await using world = new SocketsWorld({ lookup: [lookupRule('a.example.com')] }, { resolve: async () => ['93.184.216.34'] })
    expect(await errOf(() => world.resolve('b.example.com'))).toBe('access-denied')
  })

  it('gives an inner address to those alone whom a rule lets reach it', async () => {
    const resolve = async () => ['10.1.2.3', '93.184.216.34']
    const lookup = [lookupRule('db.example.com')]
    await using outsider = new SocketsWorld({ lookup }, { resolve })
    expect(await outsider.resolve('db.example.com')).toEqual(['93.184.216.34'])
    await using insider = new SocketsWorld({ lookup, tcp: [connectRule('tcp', '10.1.0.0/16', 5432)] }, { resolve })
    expect(await insider.resolve('db.example.com')).toEqual(['10.1.2.3', '93.184.216.34'])
  })
})
