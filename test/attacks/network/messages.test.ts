import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { bodyOf, httpServer, localGuest, rawServer } from '../../host/providers/http/http-guest.ts'

/** What a server does that nobody should get to: an attack that succeeds is then soon over. */
const hangUp = (socket: Socket): unknown => socket.destroy()

/** Collects what one connection sends, and answers each with an empty 200. */
const recorder = async (): Promise<{ text: () => string; server: Awaited<ReturnType<typeof rawServer>> }> => {
  let text = ''
  const server = await rawServer((socket) => {
    socket.setEncoding('latin1')
    let answered = false
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (!answered && /\r\n\r\n(?:$|0\r\n\r\n|[\s\S]*\r\n0\r\n\r\n$)/.test(text)) {
        answered = true
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      }
    })
  })
  return { text: () => text, server }
}

describe('B8, B9, B10, B12: what a guest may not put into a request', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['host', 'other.example'],
    ['Host', '127.0.0.1:1'],
    ['connection', 'keep-alive'],
    ['connection', 'x-secret'],
    ['keep-alive', 'timeout=5'],
    ['transfer-encoding', 'chunked'],
    ['Transfer-Encoding', 'xchunked'],
    ['transfer_encoding', 'chunked'],
    ['transfer.encoding', 'chunked'],
    ['te', 'gzip'],
    ['te', 'trailers, gzip'],
    ['trailer', 'x y'],
    ['upgrade', 'websocket'],
    ['upgrade', 'h2c'],
    ['http2-settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
    ['sec-websocket-key', 'x'],
    ['expect', 'something'],
    ['expect', '100-continue, x'],
    ['proxy-authorization', 'Basic x'],
    ['Proxy_Connection', 'keep-alive'],
    ['x-forwarded-for', '10.0.0.1'],
    ['X_Forwarded_Host', 'admin'],
    ['forwarded', 'for=10.0.0.1'],
    ['via', '1.1 x'],
    ['x-http-method-override', 'DELETE'],
    ['x-original-url', '/admin'],
    ['content-length', '-1'],
    ['content-length', '+3'],
    ['content-length', '3, 3'],
    ['content-length', '0x3'],
    ['content-length', ' 3'],
    ['x-a', 'one\r\nhost: evil.example'],
    ['x-a', 'one\ntwo'],
    ['x-a', 'nul\0'],
    ['x-a', 'wide\u0100'],
    ['x a', 'v'],
    ['x-a ', 'v'],
    ['x-a:', 'v'],
    ['', 'v'],
    [':authority', 'evil.example'],
    ['x-a\r\nhost', 'v'],
  ]

  test.each(refused)('the header %j: %j is refused before anything is dialled', async (name, value) => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(server.port)
    expect((await guest.request({ headers: [[name, value]] })).code).toBe('HTTP-request-denied')
    expect(server.connections()).toBe(0)
  })

  test('a second content-length is refused, and more headers than fit', async () => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(server.port)
    const twice: [string, string][] = [
      ['content-length', '3'],
      ['Content-Length', '3'],
    ]
    expect((await guest.request({ method: 'POST', headers: twice, body: ['abc'] })).code).toBe('HTTP-request-denied')
    const many = Array.from({ length: 200 }, (_, index): [string, string] => [`x-${index}`, 'v'.repeat(400)])
    expect((await guest.request({ headers: many })).code).toMatch(/^HTTP-request-header-section-size:\d+$/)
    expect(server.connections()).toBe(0)
  })

  test('a host header that says what the authority says is allowed and sent once, with our spelling', async () => {
    const { text, server } = await recorder()
    await using _ = server
    await using guest = localGuest(server.port)
    expect((await guest.request({ headers: [['HOST', `127.0.0.1:${server.port}`]] })).code).toBe('ok')
    expect(text().match(/host:/gi)).toHaveLength(1)
    expect(text()).toContain(`host: 127.0.0.1:${server.port}\r\n`)
  })

  test.each(['CONNECT', 'TRACE', 'trace', 'TRACK'])('the method %s is refused', async (method) => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(server.port)
    expect((await guest.request({ method })).code).toBe('not-permitted')
    expect(server.connections()).toBe(0)
  })

  test.each(['GET /x', 'GET\r\n', '', 'GÉT', 'G:T'])('the method %j is no method', async (method) => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(server.port)
    expect((await guest.request({ method })).code).toBe('HTTP-request-method-invalid')
    expect(server.connections()).toBe(0)
  })

  test.each([
    'http://evil.example/',
    'evil.example:443',
    '*',
    '/a b',
    '/a\r\nx: y',
    '/a\0',
    '/a#b',
    '/%2e%2e/%2fadmin',
    '/..%2f',
    '/..%5c',
    '/%252e%252e/',
    '/../x',
    '/a\\b',
    '/%00',
    '/ü',
    '/?q=ü',
    '/?a b',
  ])('the target %j is refused', async (pathWithQuery) => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(server.port)
    expect((await guest.request({ pathWithQuery })).code).toBe('HTTP-request-URI-invalid')
    expect(server.connections()).toBe(0)
  })

  test('A10: what is sent is the path that was decided on, dots and escapes resolved', async () => {
    await using server = await httpServer((request, response) => response.end(request.url))
    await using guest = localGuest(server.port, { paths: ['/v1/*'] })
    expect((await guest.request({ pathWithQuery: '/v1/%61/./b/../c?x=%2e' })).body).toBe('/v1/a/c?x=%2e')
    expect((await guest.request({ pathWithQuery: '/v1/../admin' })).code).toBe('not-permitted')
    expect((await guest.request({ pathWithQuery: '/v1/%2e%2e/admin' })).code).toBe('not-permitted')
    expect((await guest.request({ pathWithQuery: '/v1/..;/admin' })).code).toBe('HTTP-request-URI-invalid')
    expect((await guest.request({ pathWithQuery: '//v1/x' })).code).toBe('not-permitted')
  })

  test('B9: a body that looks like another request stays a body', async () => {
    const smuggled = '0\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n'
    const seen: string[] = []
    await using server = await httpServer((request, response) => {
      seen.push(request.url ?? '')
      void bodyOf(request).then((body) => response.end(body))
    })
    await using guest = localGuest(server.port)
    expect((await guest.request({ method: 'POST', pathWithQuery: '/ok', body: [smuggled] })).body).toBe(smuggled)
    const counted: [string, string][] = [['content-length', String(smuggled.length)]]
    expect((await guest.request({ method: 'POST', pathWithQuery: '/ok', headers: counted, body: [smuggled] })).body).toBe(smuggled)
    expect(seen).toEqual(['/ok', '/ok'])
  })

  test('B10: a GET has no body, whatever the guest writes', async () => {
    const { text, server } = await recorder()
    await using _ = server
    await using guest = localGuest(server.port)
    expect((await guest.request({ method: 'GET', body: ['GET /admin HTTP/1.1\r\n\r\n'] })).code).toBe('HTTP-request-body-size')
    expect(text()).not.toContain('/admin')
    expect((await guest.request({ method: 'GET', body: [] })).code).toBe('ok')
    expect(text()).not.toMatch(/transfer-encoding|content-length/i)
  })

  test.each([
    ['content-length', '3'],
    ['Transfer-Encoding', 'chunked'],
    ['host', 'other.example'],
    ['authorization', 'Basic x'],
    ['Content_Type', 'text/html'],
    ['x-forwarded-for', '10.0.0.1'],
    ['x-http-method-override', 'DELETE'],
    ['x a', 'v'],
    ['x', 'one\r\ntwo: three'],
    ['x\r\ny', 'v'],
  ])('the trailer %j: %j is refused, and the body with it', async (name, value) => {
    const { text, server } = await recorder()
    await using _ = server
    await using guest = localGuest(server.port)
    const started = await guest.start({ method: 'POST', body: [] })
    if (!started.ok) throw new Error(started.code)
    await guest.session.call('http.write', { handle: started.handle }, 'body')
    const finished = await guest.session.call('http.finish', { handle: started.handle, trailers: [[name, value]] })
    expect(finished).toMatchObject({ ok: false, code: 'HTTP-request-denied' })
    expect((await guest.session.call('http.response', { handle: started.handle })).ok).toBe(false)
    expect(text()).not.toMatch(/0\r\n/)
  })
})

describe('B9, B12: what a hostile server may answer', () => {
  const answers: readonly (readonly [string, string])[] = [
    ['two lengths that differ', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nab'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nab'],
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n'],
    ['a huge chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n'],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
    ['a null byte in a header', 'HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`],
    ['a bare carriage return in a header', 'HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n'],
  ]

  test.each(answers)('%s fails the exchange', async (_name, answer) => {
    await using server = await rawServer((socket) => socket.write(answer, 'latin1'))
    await using guest = localGuest(server.port)
    const reply = await guest.request({ firstByteTimeoutMs: 2000, betweenBytesTimeoutMs: 2000 })
    expect(reply.code).not.toBe('ok')
    expect(reply.code).not.toContain('timeout')
  })

  test('a second response behind the first is never read as an answer', async () => {
    await using server = await rawServer((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'),
    )
    await using guest = localGuest(server.port)
    expect(await guest.request()).toMatchObject({ code: 'ok', body: 'ok' })
    expect(await guest.request()).toMatchObject({ code: 'ok', body: 'ok' })
    expect(server.connections()).toBe(2)
  })

  test('fields of the connection do not reach the guest', async () => {
    await using server = await rawServer((socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\nconnection: close\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\nx: y\r\n\r\n',
      ),
    )
    await using guest = localGuest(server.port)
    expect((await guest.request()).headers).toEqual({ 'content-length': '0', x: 'y' })
  })
})

describe('what a server sends beside the response', () => {
  const endless = (head: string, piece: string) => (socket: Socket) => {
    socket.once('data', () => {
      socket.write(head)
      const more = (): void => {
        while (socket.writable && socket.write(piece)) void 0
      }
      socket.on('drain', more)
      more()
    })
  }
  const floods: readonly (readonly [string, string, string, string])[] = [
    ['informational responses', '', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(100), 'HTTP-protocol-error'],
    [
      'a chunk extension',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a=',
      'x'.repeat(65_536),
      'HTTP-response-transfer-coding:chunked',
    ],
    [
      'chunk extensions',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
      `1;a=${'x'.repeat(900)}\r\nx\r\n`.repeat(100),
      'HTTP-protocol-error',
    ],
    [
      'trailers',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n',
      'a: b\r\n'.repeat(1000),
      'HTTP-response-trailer-section-size',
    ],
    [
      'one trailer',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nabc: ',
      'x'.repeat(65_536),
      'HTTP-response-trailer-size:abc',
    ],
    ['headers', 'HTTP/1.1 200 OK\r\n', 'a: b\r\n'.repeat(1000), 'HTTP-response-header-section-size'],
    ['one header', 'HTTP/1.1 200 OK\r\nabc: ', 'x'.repeat(65_536), 'HTTP-response-header-size:abc'],
    ['one status line', 'HTTP/1.1 200 ', 'x'.repeat(65_536), 'HTTP-protocol-error'],
  ]

  test.each(floods)('%s without end is cut, though no byte of it counts as the body', async (_name, head, piece, code) => {
    await using server = await rawServer(endless(head, piece))
    await using guest = localGuest(server.port)
    expect((await guest.request({ firstByteTimeoutMs: 5000, betweenBytesTimeoutMs: 5000 })).code).toBe(code)
  })

  test('a body in chunks of one byte, however framed, is not taken for a flood', async () => {
    const body = 'x'.repeat(200_000)
    await using server = await rawServer((socket) => {
      const chunks = body.replaceAll('x', '1;ext=abcdefgh\r\nx\r\n')
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`))
    })
    await using guest = localGuest(server.port)
    expect((await guest.request()).body).toHaveLength(body.length)
  })
})
