import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { httpGuest, type HttpGuest, type LocalServer, loopback, rawServer } from '../../host/providers/http/http-guest.ts'
import { netRule } from '../../host/providers/guest-session.ts'
import { type Certificate, madeUpGroup, selfSigned } from './certificate.ts'

const tlsServer = async (certificate: Certificate): Promise<LocalServer & { readonly requests: () => number }> => {
  let requests = 0
  const server = createServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] }, (request, response) => {
    requests += 1
    const { servername, alpnProtocol } = request.socket as unknown as { servername: string | false; alpnProtocol: string }
    response.end(`${servername} ${alpnProtocol}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'

/** A server that speaks TLS and then whatever a test wants, once it was asked something. */
const plainTls = async (options: TlsOptions, onRequest: (socket: TLSSocket) => void): Promise<LocalServer> => {
  const sockets = new Set<TLSSocket>()
  const server = createTlsServer(options, (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).once('data', () => onRequest(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const tlsGuest = (host: string, port: number, extraCertificates: readonly string[] = []): HttpGuest =>
  httpGuest({
    rules: [netRule(host === '127.0.0.1' ? loopback : { kind: 'name', name: host }, port, { scheme: 'https' })],
    authority: `${host}:${port}`,
    resolve: async () => ['127.0.0.1'],
    extraCertificates,
  })

describe('TLS', () => {
  afterEach(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })

  test('a certificate for the name is accepted when its issuer is trusted, with the name sent and HTTP/1.1 spoken', async () => {
    const certificate = selfSigned('localhost')
    await using server = await tlsServer(certificate)
    await using guest = tlsGuest('localhost', server.port, [certificate.cert])
    expect(await guest.request({ scheme: 'https' })).toMatchObject({ code: 'ok', body: 'localhost http/1.1' })
  })

  test('a certificate for the address is accepted for an address, and no name is sent', async () => {
    const certificate = selfSigned('127.0.0.1')
    await using server = await tlsServer(certificate)
    await using guest = tlsGuest('127.0.0.1', server.port, [certificate.cert])
    expect(await guest.request({ scheme: 'https' })).toMatchObject({ code: 'ok', body: 'false http/1.1' })
  })

  test('an issuer nobody trusts, another name and an expired certificate are refused before anything is sent', async () => {
    const cases: readonly (readonly [Certificate, boolean])[] = [
      [selfSigned('localhost'), false],
      [selfSigned('other.example'), true],
      [selfSigned('127.0.0.1'), true],
      [selfSigned('localhost', 0), true],
    ]
    for (const [certificate, trusted] of cases) {
      await using server = await tlsServer(certificate)
      await using guest = tlsGuest('localhost', server.port, trusted ? [certificate.cert] : [])
      expect((await guest.request({ scheme: 'https' })).code).toBe('TLS-certificate-error')
      expect(server.requests()).toBe(0)
    }
  })

  test('the environment cannot turn verification off', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    await using server = await tlsServer(selfSigned('localhost'))
    await using guest = tlsGuest('localhost', server.port)
    expect((await guest.request({ scheme: 'https' })).code).toBe('TLS-certificate-error')
    expect(server.requests()).toBe(0)
  })

  test('a server that speaks no TLS is refused, and gets nothing of the request', async () => {
    let got = ''
    await using server = await rawServer((socket) =>
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1')
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
      }),
    )
    await using guest = tlsGuest('localhost', server.port)
    expect((await guest.request({ scheme: 'https', pathWithQuery: '/private-path' })).code).toBe('TLS-protocol-error')
    expect(got).not.toContain('private-path')
  })

  test('a rule for https allows no http, and the other way round', async () => {
    const certificate = selfSigned('localhost')
    await using server = await tlsServer(certificate)
    await using guest = tlsGuest('localhost', server.port, [certificate.cert])
    expect((await guest.request({ scheme: 'http' })).code).toBe('not-permitted')
  })

  test('a server cannot make the host compute for seconds, in a group that it made up', async () => {
    const rsa = selfSigned('localhost', 1, 'rsa')
    await using server = await plainTls({ ...rsa, dhparam: madeUpGroup(), ciphers: 'DHE', maxVersion: 'TLSv1.2' }, (socket) =>
      socket.end(answer),
    )
    await using guest = tlsGuest('localhost', server.port, [rsa.cert])
    expect((await guest.request({ scheme: 'https' })).code).toBe('TLS-alert-received:40')
  })

  test('a server gets one handshake a connection, and no second one with another certificate', async () => {
    const certificate = selfSigned('localhost')
    let second: string | undefined
    await using server = await plainTls({ ...certificate, maxVersion: 'TLSv1.2' }, (socket) => {
      socket.renegotiate({ rejectUnauthorized: false }, (error) => {
        second ??= error === null ? 'made' : 'refused'
        socket.end(answer)
      })
    })
    await using guest = tlsGuest('localhost', server.port, [certificate.cert])
    expect((await guest.request({ scheme: 'https' })).code).not.toBe('ok')
    expect(second).not.toBe('made')
  })

  test('a session that ends during the handshake leaves nothing behind', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = tlsGuest('localhost', server.port)
    const started = await guest.start({ scheme: 'https' })
    if (!started.ok) throw new Error(started.code)
    const waiting = guest.session.call('http.response', { handle: started.handle })
    await new Promise((resolve) => setTimeout(resolve, 100))
    guest.session.abort()
    expect(await waiting).toMatchObject({ ok: false, code: 'connection-terminated' })
  })
})
