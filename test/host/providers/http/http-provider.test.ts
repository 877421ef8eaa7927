import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { bodyOf, httpServer, localGuest, rawServer } from './http-guest.ts'

describe('a request', () => {
  test('goes out with method, path, query and headers as asked, and the response comes back', async () => {
    await using server = await httpServer((request, response) => {
      response.setHeader('x-answer', 'yes')
      response.writeHead(201).end(`${request.method} ${request.url} ${request.headers['accept']} ${request.headers.host}`)
    })
    await using guest = localGuest(server.port)
    const reply = await guest.request({ pathWithQuery: '/a/../v1/items?q=1&q=2', headers: [['Accept', 'text/plain']] })
    expect(reply).toMatchObject({ code: 'ok', status: 201, body: `GET /v1/items?q=1&q=2 text/plain 127.0.0.1:${server.port}` })
    expect(reply.headers?.['x-answer']).toBe('yes')
    expect(guest.session.summaries.at(-1)).toMatchObject({ status: 201, address: '127.0.0.1' })
  })

  test('streams its body in pieces, chunked or counted', async () => {
    await using server = await httpServer((request, response) => {
      const framing = request.headers['transfer-encoding'] ?? request.headers['content-length']
      void bodyOf(request).then((body) => response.end(`${framing} ${body}`))
    })
    await using guest = localGuest(server.port)
    expect((await guest.request({ method: 'POST', body: ['one ', 'two'] })).body).toBe('chunked one two')
    expect((await guest.request({ method: 'POST', body: ['one ', 'two'], headers: [['content-length', '7']] })).body).toBe('7 one two')
    expect((await guest.request({ method: 'PUT', body: [] })).body).toMatch(/^(?:chunked|0) $/)
    expect((await guest.request({ method: 'POST' })).body).toBe('0 ')
  })

  test('that says one length and writes another is given up', async () => {
    await using server = await httpServer(
      (request, response) =>
        void bodyOf(request).then(
          (body) => response.end(body),
          () => undefined,
        ),
    )
    await using guest = localGuest(server.port)
    expect((await guest.request({ method: 'POST', body: ['longer'], headers: [['content-length', '3']] })).code).toBe(
      'HTTP-request-body-size',
    )
    expect((await guest.request({ method: 'POST', body: ['x'], headers: [['content-length', '3']] })).code).toBe('HTTP-request-body-size')
    expect((await guest.request({ headers: [['content-length', '3']] })).code).toBe('HTTP-request-body-size')
  })

  test('is counted in bytes both ways', async () => {
    await using server = await httpServer((request, response) => void bodyOf(request).then(() => response.end('x'.repeat(1000))))
    await using guest = localGuest(server.port)
    const before = { in: guest.session.ingressLeft, out: guest.session.egressLeft }
    await guest.request({ method: 'POST', body: ['y'.repeat(500)] })
    expect(before.in - guest.session.ingressLeft).toBeGreaterThanOrEqual(1000)
    expect(before.out - guest.session.egressLeft).toBeGreaterThanOrEqual(500)
    expect(guest.session.summaries.at(-1)).toMatchObject({ bytesSent: 500 })
  })
})

describe('a response', () => {
  test('of many megabytes arrives whole, while the server waits for a guest that does not read', async () => {
    const content = randomBytes(8 * 1024 * 1024)
    let sent = 0
    await using server = await rawServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`)
      const pump = (): void => {
        while (sent < content.length && socket.write(content.subarray(sent, (sent += 65_536))));
      }
      socket.on('drain', pump)
      pump()
    })
    await using guest = localGuest(server.port)
    const started = await guest.start()
    if (!started.ok) throw new Error(started.code)
    await guest.session.call('http.response', { handle: started.handle })
    await sleep(300)
    // The kernel's socket buffers take some megabytes; the rest waits at the server.
    expect(sent).toBeLessThan(content.length)
    const reply = await guest.receive(started.handle)
    expect(Buffer.from(reply.body ?? '', 'latin1').equals(content)).toBe(true)
  })

  test('larger than what the session may still bring in is cut with an error', async () => {
    await using server = await httpServer((_request, response) => response.end('x'.repeat(100_000)))
    await using guest = localGuest(server.port)
    guest.session.ingressLeft = 50_000
    const reply = await guest.request()
    expect(reply.code).toBe('HTTP-response-body-size')
    expect(guest.session.ingressLeft).toBeGreaterThanOrEqual(0)
  })

  test('gives its trailers with its last bytes', async () => {
    await using server = await httpServer((_request, response) => {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    await using guest = localGuest(server.port)
    const started = await guest.start()
    if (!started.ok) throw new Error(started.code)
    await guest.session.call('http.response', { handle: started.handle })
    let last: unknown
    for (let end = false; !end;) {
      const chunk = await guest.session.call('http.read', { handle: started.handle, length: 1000 })
      if (!chunk.ok) throw new Error(chunk.code)
      end = chunk.value['end'] === true
      last = chunk.value['trailers']
    }
    expect(last).toEqual([['x-sum', '42']])
  })

  test('is not unpacked', async () => {
    await using server = await httpServer((_request, response) => response.setHeader('content-encoding', 'gzip').end('not really gzip'))
    await using guest = localGuest(server.port)
    expect(await guest.request()).toMatchObject({ code: 'ok', body: 'not really gzip' })
  })

  test('comes after informational ones, which the guest does not see', async () => {
    const heads = ['103 Early Hints\r\nlink: </a>', '100 Continue', '102 Processing', '199 Whatever\r\ncontent-length: 5']
    const informational = heads.map((head) => `HTTP/1.1 ${head}\r\n\r\n`).join('')
    await using server = await rawServer((socket) => socket.write(`${informational}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi`))
    await using guest = localGuest(server.port)
    expect(await guest.request()).toMatchObject({ code: 'ok', status: 200, body: 'hi' })
  })
})

describe('what goes wrong on the way has the name that wasi:http gives it', () => {
  test('nobody listens', async () => {
    const server = await httpServer(() => undefined)
    const { port } = server
    await server[Symbol.asyncDispose]()
    await using guest = localGuest(port)
    expect((await guest.request()).code).toBe('connection-refused')
  })

  test('the server never answers, or stops in the middle', async () => {
    await using silent = await rawServer(() => undefined)
    await using guest = localGuest(silent.port)
    expect((await guest.request({ firstByteTimeoutMs: 100 })).code).toBe('connection-read-timeout')
    await using stuck = await rawServer((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'))
    await using other = localGuest(stuck.port)
    expect(await other.request({ betweenBytesTimeoutMs: 100 })).toMatchObject({ code: 'connection-read-timeout', body: 'half' })
  })

  test('the server hangs up before or within the response', async () => {
    await using rude = await rawServer((socket) => socket.destroy())
    await using guest = localGuest(rude.port)
    expect((await guest.request()).code).toBe('connection-terminated')
    await using cut = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'))
    await using other = localGuest(cut.port)
    expect(await other.request()).toMatchObject({ code: 'HTTP-response-incomplete', body: 'half' })
  })

  test('a name that cannot be resolved, or whose resolver never answers', async () => {
    const named = { host: { kind: 'name', name: 'api.example.com' } as const }
    const failing = Object.assign(new Error('no'), { code: 'ENOTFOUND' })
    await using guest = localGuest(80, named, { authority: 'api.example.com', resolve: () => Promise.reject(failing) })
    expect((await guest.request()).code).toBe('DNS-error:NXDOMAIN')
    await using slow = localGuest(80, named, { authority: 'api.example.com', resolve: () => new Promise(() => undefined) })
    expect((await slow.request({ connectTimeoutMs: 100 })).code).toBe('DNS-timeout')
  })
})

describe('ends well', () => {
  test('closing an exchange, or the end of the session, settles what waits and hangs up', async () => {
    let hungUp = 0
    await using server = await rawServer((socket) => socket.on('close', () => (hungUp += 1)).resume())
    await using guest = localGuest(server.port)
    const first = await guest.start()
    const second = await guest.start()
    if (!first.ok || !second.ok) throw new Error('not started')
    const waiting = guest.session.call('http.response', { handle: first.handle })
    const reading = guest.session.call('http.read', { handle: second.handle, length: 10 })
    await sleep(100)
    expect((await guest.session.call('http.close', { handle: first.handle })).ok).toBe(true)
    expect(await waiting).toMatchObject({ ok: false, code: 'connection-terminated' })
    guest.session.abort()
    expect(await reading).toMatchObject({ ok: false, code: 'connection-terminated' })
    await sleep(100)
    expect(hungUp).toBe(2)
  })

  test('a guest that writes into an exchange nobody takes from is answered when it closes', async () => {
    await using server = await rawServer((socket) => socket.pause())
    await using guest = localGuest(server.port)
    const started = await guest.start({ method: 'POST', body: [] })
    if (!started.ok) throw new Error(started.code)
    const { handle } = started
    const writes = Array.from({ length: 100 }, () => guest.session.call('http.write', { handle }, new Uint8Array(256 * 1024)))
    await sleep(300)
    await guest.session.call('http.close', { handle })
    const answers = await Promise.all(writes)
    expect(answers.some((answer) => !answer.ok)).toBe(true)
  })
})
