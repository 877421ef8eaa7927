import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ConnectionPlaces } from '#host/providers/http/connection-places.ts'
import { faultOfCause } from '#host/providers/http/errors.ts'
import { selfSigned } from '../../../attacks/network/certificate.ts'
import { netRule } from '../guest-session.ts'
import { httpGuest, type HttpGuest, type LocalServer, localGuest, loopback, rawServer, secretRule } from './http-guest.ts'

/** Answers the first bytes of each connection with `answer` and leaves it open. */
const answering = (answer: string): Promise<LocalServer> => rawServer((socket) => socket.once('data', () => socket.write(answer, 'latin1')))

const ok = 'HTTP/1.1 200 OK\r\n'
const short = { firstByteTimeoutMs: 200, betweenBytesTimeoutMs: 200, connectTimeoutMs: 200 }

describe('a server that misbehaves gets the code of exactly that', () => {
  test.each<[string, string, string]>([
    ['switches protocols unasked', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n', 'HTTP-upgrade-failed'],
    ['packs what it sends', `${ok}transfer-encoding: gzip, chunked\r\n\r\n`, 'HTTP-response-transfer-coding:gzip'],
    ['uses a coding nobody knows', `${ok}transfer-encoding: x\r\n\r\n`, 'HTTP-response-transfer-coding:x'],
    ['breaks its chunks', `${ok}transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n`, 'HTTP-response-transfer-coding:chunked'],
    ['sends one large header', `${ok}x-large: ${'a'.repeat(20_000)}\r\n\r\n`, 'HTTP-response-header-size:x-large'],
    ['sends many headers', `${ok}${'a: b\r\n'.repeat(300)}\r\n`, 'HTTP-response-header-section-size'],
    ['sends many bytes of headers', `${ok}${`a: ${'b'.repeat(9000)}\r\n`.repeat(4)}\r\n`, 'HTTP-response-header-section-size'],
    [
      'sends one large trailer',
      `${ok}transfer-encoding: chunked\r\n\r\n0\r\nx-large: ${'a'.repeat(9000)}\r\n\r\n`,
      'HTTP-response-trailer-size:x-large',
    ],
    [
      'sends many trailers',
      `${ok}transfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(200)}\r\n`,
      'HTTP-response-trailer-section-size',
    ],
    ['speaks something else', 'SSH-2.0-x\r\n', 'HTTP-protocol-error'],
    ['speaks HTTP/2', 'HTTP/2 200\r\n\r\n', 'HTTP-protocol-error'],
    ['says nothing', '', 'connection-read-timeout'],
    ['never ends its head', `${ok}a: b\r\n`, 'HTTP-response-timeout'],
    ['only ever says that it goes on', 'HTTP/1.1 102 Processing\r\n\r\n', 'HTTP-response-timeout'],
    ['stops in the middle', `${ok}content-length: 10\r\n\r\nhalf`, 'connection-read-timeout'],
  ])('%s', async (_what, answer, code) => {
    await using server = await answering(answer)
    await using guest = localGuest(server.port)
    expect((await guest.request(short)).code).toBe(code)
  })

  test.each<[string, string, string]>([
    ['before anything', '', 'connection-terminated'],
    ['within its head', `${ok}a: b`, 'HTTP-response-incomplete'],
    ['after an informational response', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP-response-incomplete'],
    ['within a counted body', `${ok}content-length: 10\r\n\r\nhalf`, 'HTTP-response-incomplete'],
    ['within a chunk', `${ok}transfer-encoding: chunked\r\n\r\na\r\nhalf`, 'HTTP-response-incomplete'],
    ['between chunks', `${ok}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`, 'HTTP-response-incomplete'],
    ['within its trailers', `${ok}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\na: b\r\n`, 'HTTP-response-incomplete'],
    ['at the end of a body without length', `${ok}\r\nwhole`, 'ok'],
  ])('hangs up %s', async (_where, answer, code) => {
    await using server = await rawServer((socket) => socket.once('data', () => socket.end(answer, 'latin1')))
    await using guest = localGuest(server.port)
    expect((await guest.request()).code).toBe(code)
    await using rude = await rawServer((socket) =>
      socket.once('data', () =>
        answer === '' ? socket.resetAndDestroy() : socket.write(answer, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 50)),
      ),
    )
    await using other = localGuest(rude.port)
    expect((await other.request()).code).toBe(code === 'ok' ? 'HTTP-response-incomplete' : code)
  })

  test('takes nothing of the body', async () => {
    await using server = await rawServer((socket) => socket.pause())
    await using guest = localGuest(server.port)
    const started = await guest.start({ method: 'POST', body: [], betweenBytesTimeoutMs: 200 })
    if (!started.ok) throw new Error(started.code)
    const writes = Array.from({ length: 80 }, () =>
      guest.session.call('http.write', { handle: started.handle }, new Uint8Array(256 * 1024)),
    )
    expect(await guest.session.call('http.response', { handle: started.handle })).toMatchObject({ code: 'connection-write-timeout' })
    expect((await Promise.all(writes)).some((each) => !each.ok)).toBe(true)
  })
})

describe('timeouts', () => {
  test('are counted from the last byte between bytes, and not while the guest does not read', async () => {
    await using server = await rawServer((socket) =>
      socket.on('data', () => {
        socket.write(`${ok}content-length: 6\r\n\r\n`)
        let sent = 0
        const timer = setInterval(() => {
          socket.write('x')
          if (++sent === 6) clearInterval(timer)
        }, 100)
      }),
    )
    await using guest = localGuest(server.port)
    expect(await guest.request({ betweenBytesTimeoutMs: 300 })).toMatchObject({ code: 'ok', body: 'xxxxxx' })
    expect((await guest.request({ betweenBytesTimeoutMs: 40 })).code).toBe('connection-read-timeout')
  })

  test('of connecting holds for the handshake too', async () => {
    await using server = await rawServer(() => undefined)
    await using guest = httpGuest({
      rules: [netRule(loopback, server.port, { scheme: 'https' })],
      authority: `127.0.0.1:${server.port}`,
    })
    const before = performance.now()
    expect((await guest.request({ scheme: 'https', connectTimeoutMs: 150 })).code).toBe('connection-timeout')
    expect(performance.now() - before).toBeGreaterThanOrEqual(140)
    expect(performance.now() - before).toBeLessThan(2000)
  })
})

describe('names and addresses', () => {
  const named = (resolve: () => Promise<readonly string[]>, port = 80): HttpGuest =>
    localGuest(port, { host: { kind: 'name', name: 'api.example.com' } }, { authority: `api.example.com:${port}`, resolve })
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error('no'), { code }))

  test.each([
    ['ENOTFOUND', 'DNS-error:NXDOMAIN'],
    ['ESERVFAIL', 'DNS-error:SERVFAIL'],
    ['EREFUSED', 'DNS-error:REFUSED'],
    ['EAI_AGAIN', 'DNS-error'],
    ['ETIMEOUT', 'DNS-timeout'],
  ])('a resolver that says %s', async (cause, code) => {
    await using guest = named(failing(cause))
    expect((await guest.request()).code).toBe(code)
  })

  test('a name without an address is not found, one that leads inside is prohibited, and no listener refuses', async () => {
    await using empty = named(async () => [])
    expect((await empty.request()).code).toBe('destination-not-found')
    await using inside = named(async () => ['10.0.0.1'])
    expect((await inside.request()).code).toBe('destination-IP-prohibited')
    const server = await rawServer(() => undefined)
    await server[Symbol.asyncDispose]()
    await using gone = localGuest(server.port)
    expect((await gone.request()).code).toBe('connection-refused')
  })

  test.each([
    ['EHOSTUNREACH', 'destination-IP-unroutable'],
    ['ENETUNREACH', 'destination-IP-unroutable'],
    ['EADDRNOTAVAIL', 'destination-IP-unroutable'],
    ['EPERM', 'destination-unavailable'],
    ['EACCES', 'destination-unavailable'],
    ['EHOSTDOWN', 'destination-unavailable'],
    ['ETIMEDOUT', 'connection-timeout'],
    ['EMFILE', 'connection-limit-reached'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS-certificate-error'],
    ['CERT_REVOKED', 'TLS-certificate-error'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS-protocol-error'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'TLS-alert-received:48'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'TLS-alert-received:116'],
    ['SOMETHING_NEW', 'connection-terminated'],
  ])('what the system says as %s', (cause, code) => {
    expect(faultOfCause(Object.assign(new Error('no'), { code: cause })).code).toBe(code)
  })

  test('more connections than the process has places for', async () => {
    await using server = await rawServer(() => undefined)
    const places = new ConnectionPlaces(2)
    await using guest = localGuest(server.port, {}, { places })
    const held = [await guest.start(), await guest.start()]
    await vi.waitFor(() => expect(server.connections()).toBe(2))
    expect((await guest.request(short)).code).toBe('connection-limit-reached')
    for (const each of held) if (each.ok) await guest.session.call('http.close', { handle: each.handle })
    await vi.waitFor(() => expect(places.taken).toBe(0))
    expect((await guest.request(short)).code).toBe('connection-read-timeout')
  })
})

describe('TLS', () => {
  const servers: { close(): void }[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })
  const tlsServer = async (options: TlsOptions): Promise<number> => {
    const server = createTlsServer(options, (socket) => socket.on('error', () => undefined))
    server.on('tlsClientError', () => undefined)
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  test('an alert of the server has its number', async () => {
    const certificate = selfSigned('127.0.0.1')
    const port = await tlsServer({
      ...certificate,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    })
    await using guest = httpGuest({
      rules: [netRule(loopback, port, { scheme: 'https' })],
      authority: `127.0.0.1:${port}`,
      extraCertificates: [certificate.cert],
    })
    expect((await guest.request({ scheme: 'https' })).code).toBe('TLS-alert-received:120')
  })

  test('a server that hangs up during the handshake has terminated the connection', async () => {
    await using server = await rawServer((socket) => socket.once('data', () => socket.destroy()))
    await using guest = httpGuest({ rules: [netRule(loopback, server.port, { scheme: 'https' })], authority: `127.0.0.1:${server.port}` })
    expect((await guest.request({ scheme: 'https' })).code).toBe('connection-terminated')
  })
})

test('requests that are refused before they go out say why', async () => {
  await using guest = localGuest(1, {}, {})
  expect((await guest.request({ pathWithQuery: `/${'x'.repeat(9000)}` })).code).toBe('HTTP-request-URI-too-long')
  expect((await guest.request({ pathWithQuery: 'x' })).code).toBe('HTTP-request-URI-invalid')
  expect((await guest.request({ method: 'A B' })).code).toBe('HTTP-request-method-invalid')
  expect((await guest.request({ headers: Array.from({ length: 20 }, () => ['x', 'y'.repeat(5000)]) })).code).toBe(
    'HTTP-request-header-section-size:100100',
  )
  expect((await guest.request({ headers: [['connection', 'x']] })).code).toBe('HTTP-request-denied')
  await using unread = localGuest(1, { secret: 'key' }, { secrets: [secretRule('key')], values: {} })
  expect((await unread.request()).code).toBe('configuration-error')
})

test('a response that is more than may come in says so', async () => {
  await using server = await answering(`${ok}content-length: 5000\r\n\r\n${'x'.repeat(5000)}`)
  await using guest = localGuest(server.port)
  guest.session.ingressLeft = 1000
  expect((await guest.request()).code).toBe('HTTP-response-body-size')
})

describe('trailers of a request', () => {
  const recording = async (): Promise<{ server: LocalServer; text: () => string }> => {
    let text = ''
    const answer = (socket: Socket): void =>
      void socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
        if (text.endsWith('\r\n\r\n') && text.includes('\r\n0\r\n')) socket.end(`${ok}content-length: 0\r\n\r\n`)
      })
    return { server: await rawServer(answer), text: () => text }
  }

  test('stand behind the last chunk', async () => {
    const { server, text } = await recording()
    await using _ = server
    await using guest = localGuest(server.port)
    const started = await guest.start({
      method: 'POST',
      body: [],
      headers: [
        ['te', 'trailers'],
        ['Trailer', 'X-Sum'],
      ],
    })
    if (!started.ok) throw new Error(started.code)
    const { handle } = started
    await guest.session.call('http.write', { handle }, 'body')
    expect((await guest.session.call('http.finish', { handle, trailers: [['X-Sum', '7']] })).ok).toBe(true)
    expect((await guest.session.call('http.response', { handle })).ok).toBe(true)
    expect(text()).toMatch(/\r\nTrailer: X-Sum\r\n/)
    expect(text()).toMatch(/\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n$/)
  })

  test('have no place behind a body with a length, nor past their bounds', async () => {
    await using server = await rawServer((socket) => socket.resume())
    await using guest = localGuest(server.port)
    const counted = await guest.start({ method: 'POST', body: [], headers: [['content-length', '0']] })
    if (!counted.ok) throw new Error(counted.code)
    expect(await guest.session.call('http.finish', { handle: counted.handle, trailers: [['x', 'y']] })).toMatchObject({
      code: 'HTTP-request-trailer-section-size',
    })
    const large = await guest.start({ method: 'POST', body: [] })
    if (!large.ok) throw new Error(large.code)
    const trailers = Array.from({ length: 4 }, (): [string, string] => ['x', 'y'.repeat(5000)])
    expect(await guest.session.call('http.finish', { handle: large.handle, trailers })).toMatchObject({
      code: 'HTTP-request-trailer-section-size:20020',
    })
  })
})

test('a server is asked first when the guest says so, and not waited for too long', async () => {
  const seen: string[] = []
  await using server = await rawServer((socket) =>
    socket.on('data', (chunk) => {
      seen.push(chunk.toString('latin1'))
      if (seen.length === 1) void sleep(100).then(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'))
      else if (chunk.toString('latin1').endsWith('0\r\n\r\n')) socket.end(`${ok}content-length: 2\r\n\r\nhi`)
    }),
  )
  await using guest = localGuest(server.port)
  const asked = { method: 'POST', body: ['body'], headers: [['expect', '100-continue']] as [string, string][] }
  expect(await guest.request(asked)).toMatchObject({ code: 'ok', status: 200, body: 'hi' })
  expect(seen[0]).toContain('expect: 100-continue')
  expect(seen[0]).not.toContain('body')
  await using deaf = await rawServer((socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (text.endsWith('0\r\n\r\n')) socket.end(`${ok}content-length: 2\r\n\r\nhi`)
    })
  })
  await using other = localGuest(deaf.port)
  expect((await other.request(asked)).body).toBe('hi')
})

test.each(['HEAD', 'GET 204', 'GET 304'])('a response to %s has no body, whatever its head says', async (what) => {
  const [method = '', status = '200'] = what.split(' ')
  await using server = await answering(`HTTP/1.1 ${status} X\r\ncontent-length: 5\r\n\r\n`)
  await using guest = localGuest(server.port)
  expect(await guest.request({ method })).toMatchObject({ code: 'ok', status: Number(status), body: '' })
})
