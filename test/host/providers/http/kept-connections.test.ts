import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { httpGuest, type LocalServer, localGuest, loopback, rawServer, secretRule } from './http-guest.ts'
import { netRule } from '../guest-session.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'
const always = (answer = ok): ReturnType<typeof rawServer> => rawServer((socket) => socket.on('data', () => socket.write(answer)))

describe('a connection is used again', () => {
  test('by the same session for the same place, also after a body and trailers', async () => {
    let connections = 0
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end('hi'))
    }).on('connection', () => (connections += 1))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await using guest = localGuest(port)
    for (let round = 0; round < 5; round++) expect((await guest.request({ method: 'POST', body: ['body'] })).body).toBe('hi')
    expect(connections).toBe(1)
    expect(guest.session.summaries.at(-1)).toMatchObject({ reused: true, address: '127.0.0.1' })
    await guest[Symbol.asyncDispose]()
    await new Promise((resolve) => server.close(resolve))
  })

  test('never by another session', async () => {
    await using server = await always()
    await using one = localGuest(server.port)
    await using two = localGuest(server.port)
    for (const guest of [one, two, one, two]) expect((await guest.request()).body).toBe('hi')
    expect(server.connections()).toBe(2)
  })

  test('never with a secret where there was none, nor the other way round', async () => {
    await using server = await always()
    await using guest = httpGuest({
      rules: [netRule(loopback, server.port, { secret: 'key', paths: ['/with'] }), netRule(loopback, server.port, { paths: ['/without'] })],
      authority: `127.0.0.1:${server.port}`,
      secrets: [secretRule('key')],
      values: { 'env://key': 'a secret value' },
    })
    for (const pathWithQuery of ['/with', '/without', '/with', '/without']) expect((await guest.request({ pathWithQuery })).body).toBe('hi')
    expect(server.connections()).toBe(2)
  })

  test('never when the name leads elsewhere by now', async () => {
    const addresses = [['127.0.0.1'], ['127.0.0.2'], ['10.0.0.1']]
    await using server = await always()
    await using guest = localGuest(
      server.port,
      { host: { kind: 'name', name: 'localhost' } },
      { authority: `localhost:${server.port}`, resolve: async () => addresses.shift() ?? [] },
    )
    expect((await guest.request()).body).toBe('hi')
    expect((await guest.request()).code).toBe('connection-refused')
    expect((await guest.request()).code).toBe('destination-IP-prohibited')
    expect(server.connections()).toBe(1)
  })

  test.each([
    ['something stands behind the response', `${ok}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`],
    ['the server says that it closes', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi'],
    ['it speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi'],
    ['it keeps none for long', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nhi'],
  ])('never when %s', async (_what, answer) => {
    await using server = await always(answer)
    await using guest = localGuest(server.port)
    for (let round = 0; round < 2; round++) expect((await guest.request()).body).toBe('hi')
    expect(server.connections()).toBe(2)
  })

  test('never when bytes came while it was idle', async () => {
    await using server: LocalServer & { connections(): number } = await rawServer((socket) =>
      socket.on('data', () => {
        socket.write(ok)
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'), 50)
      }),
    )
    await using guest = localGuest(server.port)
    expect((await guest.request()).body).toBe('hi')
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect((await guest.request()).body).toBe('hi')
    expect(server.connections()).toBe(2)
  })
})

test('a request that may be repeated is, when the server had closed the kept connection; another one is not', async () => {
  let served = 0
  await using server = await rawServer((socket) => {
    socket.once('data', () => {
      socket.write(ok)
      socket.on('data', () => socket.destroy())
      served += 1
    })
  })
  await using guest = localGuest(server.port)
  expect((await guest.request()).body).toBe('hi')
  expect((await guest.request()).body).toBe('hi')
  expect((await guest.request({ method: 'POST', body: ['x'] })).code).toBe('connection-terminated')
  expect(served).toBe(2)
})

test('the end of the session closes what is kept', async () => {
  let closed = 0
  await using server = await rawServer((socket) => socket.on('close', () => (closed += 1)).on('data', () => socket.write(ok)))
  const guest = localGuest(server.port)
  await guest.request()
  expect(closed).toBe(0)
  await guest[Symbol.asyncDispose]()
  await vi.waitFor(() => expect(closed).toBe(1))
})
