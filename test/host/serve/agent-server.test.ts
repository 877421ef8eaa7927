import { Agent as HttpAgent, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentServer } from '#index.ts'
import { buildProgram } from '../../conformance/wasi/build-program.ts'
import { buildWat } from '../../fixtures/build-wat.ts'
import { levelsToTest } from '../../fixtures/levels.ts'
import { rawHttp } from '../../fixtures/serve/raw-http.ts'
import { recordsOf, serveOn, servingHome, until, type ServingHome } from '../../fixtures/serve/served.ts'

const text = async (server: AgentServer, path: string, init: RequestInit = {}): Promise<string> =>
  (await fetch(server.url + path, init)).text()

for (const { level, skipped } of levelsToTest) {
  describe.skipIf(skipped !== undefined)(`an agent served at level ${level}`, () => {
    let home: ServingHome
    let server: AgentServer
    beforeAll(async () => {
      home = await servingHome(level)
      server = await serveOn(home.handler())
    }, 180_000)
    afterAll(() => home[Symbol.asyncDispose]())

    test('is told what was asked for', async () => {
      const told: unknown = JSON.parse(await text(server, '/head?a=b', { method: 'PUT', headers: { 'x-a': 'b' } }))
      expect(told).toMatchObject({ method: 'put', path: '/head?a=b', scheme: 'HTTP', authority: server.url.slice(7) })
      expect((told as { headers: string[][] }).headers).toContainEqual(['x-a', 'b'])
    })

    test('answers each request with a fresh instance', async () => {
      expect([await text(server, '/calls'), await text(server, '/calls')]).toEqual(['1', '1'])
    })

    test('streams bodies both ways at once', async () => {
      const sent = Buffer.alloc(1_500_000, 'abcdefghijklmnopqrstuvwxyz')
      const answer = await fetch(`${server.url}/echo`, { method: 'POST', body: sent })
      expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), sent)).toBe(0)
    })
  })
}

describe('an agent that is served', () => {
  let home: ServingHome
  let server: AgentServer
  beforeAll(async () => {
    home = await servingHome()
    server = await serveOn(home.handler())
  }, 180_000)
  afterAll(() => home[Symbol.asyncDispose]())

  test('sends informational responses before its answer, and not without end', async () => {
    const program = await buildProgram(new URL('../../fixtures/serve/informs.wat', import.meta.url).pathname)
    await using informing = await serveOn(home.runtime.loadComponent(program, { name: 'informs' }))
    const outgoing = request(informing.url)
    const told: unknown[] = []
    outgoing.on('information', ({ statusCode, headers }) => told.push([statusCode, headers['link']]))
    outgoing.end()
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    incoming.resume()
    await once(incoming, 'end')
    const progress = Array.from({ length: 31 }, () => [110, undefined])
    expect([told, incoming.statusCode]).toEqual([[[103, '</style.css>; rel=preload'], ...progress], 231])
  })

  test('echoes the first bytes before the last have come', async () => {
    const outgoing = request(`${server.url}/echo`, { method: 'POST' })
    outgoing.write('first')
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    const [chunk] = (await once(incoming, 'data')) as [Buffer]
    expect(chunk.toString()).toBe('first')
    outgoing.end('last')
    const [rest] = (await once(incoming, 'data')) as [Buffer]
    expect(rest.toString()).toBe('last')
    await once(incoming, 'end')
  })

  test.each([
    ['HEAD', '/text', 200],
    ['GET', '/status/204', 204],
    ['GET', '/status/205', 205],
    ['GET', '/status/304', 304],
    ['GET', '/bodiless/200', 200],
  ])('sends no body with %s %s, whatever it writes', async (method, path, status) => {
    const requestText = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
    const answer = await rawHttp(server.address.port, [requestText])
    expect(answer.statuses).toEqual([status])
    expect(answer.text.slice(answer.text.indexOf('\r\n\r\n'))).toBe('\r\n\r\n')
  })

  test('sends trailers, and is sent them', async () => {
    const outgoing = request(`${server.url}/trailers/x-sum/abc`)
    outgoing.end()
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    incoming.resume()
    await once(incoming, 'end')
    expect(incoming.trailers).toEqual({ 'x-sum': 'abc' })
  })

  test('invites a body only when the guest wants it', async () => {
    const head = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`
    const wanted = await rawHttp(server.address.port, [head('/count'), 'abc'], { pauseMs: 300 })
    expect(wanted.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
    const unwanted = await rawHttp(server.address.port, [head('/status/403')])
    expect([unwanted.text.includes('100 Continue'), unwanted.statuses]).toEqual([false, [403]])
    const odd = await rawHttp(server.address.port, ['GET /text HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n'])
    expect(odd.statuses).toEqual([417])
  })

  test('keeps a connection for the next request, read its body or not', async () => {
    const body = 'x'.repeat(100_000)
    const one = `POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const last = 'GET /calls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    expect((await rawHttp(server.address.port, [one, last], { answered: true, pauseMs: 500 })).statuses).toEqual([200, 200])
  })

  test.each([
    ['/refuse/HTTP-request-denied', 403],
    ['/refuse/HTTP-request-body-size', 413],
    ['/refuse/internal-error', 500],
    ['/refuse/connection-refused', 502],
    ['/silent', 502],
    ['/drops', 502],
    ['/traps', 502],
  ])('%s is answered by the host with %i and no more', async (path, status) => {
    const answer = await fetch(server.url + path)
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringMatching(new RegExp(`^${status} [A-Za-z ]+\n$`)) as string])
  })

  test.each([
    ['/hangs', { timeoutMs: 300 }, 504],
    ['/spins', { timeoutMs: 300 }, 504],
    ['/spins', { cpuTimeMs: 300 }, 503],
  ])('%s under %j is answered with %i', async (path, limits, status) => {
    await using limited = await serveOn(home.handler(), { limits })
    expect((await fetch(limited.url + path)).status).toBe(status)
  })

  test.each(['/traps-late', '/unfinished', '/drops-body', '/length/5/4', '/length/4/5'])(
    '%s is cut, and never looks whole',
    async (path) => {
      const { text: all } = await rawHttp(server.address.port, [`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`])
      expect(all).toMatch(/^HTTP\/1\.1 200 /)
      expect(all.endsWith('\r\n0\r\n\r\n')).toBe(false)
      await expect(fetch(server.url + path).then((answer) => answer.text())).rejects.toThrow()
    },
  )

  test('is recorded before it is asked and after it has answered', async () => {
    await using own = await serveOn(home.handler())
    await text(own, '/echo?token=hidden', { method: 'POST', body: 'abc' })
    const [before] = recordsOf(home, 'request').slice(-1)
    expect(before).toMatchObject({ method: 'POST', path: '/echo', authority: own.url.slice(7), agent: 'handler', invocation: 0 })
    await until(() => recordsOf(home, 'request-ended').at(-1)?.session === before?.session, 'the end of the request in the log')
    expect(recordsOf(home, 'request-ended').at(-1)).toMatchObject({ status: 200, outcome: 'done', ingressBytes: 3, egressBytes: 3 })
    expect(JSON.stringify(home.records())).not.toContain('hidden')
    await own.close()
    const session = home.records().filter((record) => 'session' in record && record.session === before?.session)
    expect(session.map(({ type }) => type)).toEqual(['session-started', 'request', 'request-ended', 'session-ended'])
    expect(session.at(-1)).toMatchObject({ outcome: 'done', usage: { ingressBytes: 3 } })
  })

  test('what it sends and takes counts against its limits', async () => {
    await using limited = await serveOn(home.handler(), { limits: { egressBytes: 1000, ingressBytes: 1000 } })
    expect(await text(limited, '/pours/900')).toHaveLength(900)
    await expect(text(limited, '/pours/3000')).rejects.toThrow()
    expect((await fetch(`${limited.url}/count`, { method: 'POST', body: 'x'.repeat(3000) })).status).toBe(502)
  })

  test('shows what it prints to whoever asks', async () => {
    const printed: string[] = []
    await using own = await serveOn(home.handler(), {
      output: ({ stream, bytes }) => printed.push(`${stream} ${Buffer.from(bytes).toString()}`),
    })
    await text(own, '/traps')
    await until(() => printed.join('').includes('on purpose'), 'what the guest printed')
  })

  test('of one task only cannot be served, and one that serves cannot be run', async () => {
    const echo = await home.runtime.loadComponent(await buildWat('echoes-input'))
    await expect(echo.serve({ listen: '0' })).rejects.toMatchObject({ code: 'component.export-missing' })
    const handler = await home.handler()
    for (const call of [undefined, 'wasi:http/incoming-handler'])
      await expect(handler.run(null, call === undefined ? {} : { call })).rejects.toMatchObject({
        code: 'component.export-missing',
        hint: 'it answers HTTP requests: serve it with `cordon serve`',
      })
    await using session = await handler.open()
    const called = session.call({}, { call: 'wasi:http/incoming-handler' })
    await expect(called).rejects.toMatchObject({ code: 'component.export-missing' })
  })

  test('says when its address is taken, or none', async () => {
    await expect(serveOn(home.handler(), { listen: String(server.address.port) })).rejects.toMatchObject({ code: 'port.in-use' })
    await expect(serveOn(home.handler(), { listen: '192.0.2.1:0' })).rejects.toMatchObject({ code: 'input.invalid' })
  })
})

describe('an instance that is reused', () => {
  let home: ServingHome
  beforeAll(async () => {
    home = await servingHome()
    await home.handler()
  }, 180_000)
  afterAll(() => home[Symbol.asyncDispose]())

  const as = (user: string): RequestInit => ({ headers: { 'x-user': user } })

  test('serves one principal, so many times', async () => {
    await using server = await serveOn(home.handler(), { principal: 'header:x-user', reuse: 3 })
    const seen: string[] = []
    for (const user of ['ada', 'ada', 'grace', 'ada', 'ada', 'grace']) seen.push(`${user} ${await text(server, '/calls', as(user))}`)
    expect(seen).toEqual(['ada 1', 'ada 2', 'grace 1', 'ada 3', 'ada 1', 'grace 2'])
  })

  test('works on one request at a time', async () => {
    await using server = await serveOn(home.handler(), { principal: 'header:x-user', reuse: 10 })
    expect(await Promise.all([1, 2].map(() => text(server, '/waits/200', as('ada'))))).toEqual(['waited', 'waited'])
    // Both were busy at once, so there are two, each with one request behind it.
    expect((await Promise.all([1, 2].map(() => text(server, '/calls', as('ada'))))).toSorted()).toEqual(['2', '2'])
  })

  test('has its time for each request, not for all of them', async () => {
    await using server = await serveOn(home.handler(), { principal: 'connection', reuse: 10, limits: { timeoutMs: 1500 } })
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 })
    const over = async (path: string): Promise<string> => {
      const outgoing = request(server.url + path, { agent }).end()
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
      return `${incoming.statusCode} ${Buffer.concat(await incoming.toArray()).toString()}`
    }
    expect([await over('/waits/1000'), await over('/waits/1000'), await over('/calls')]).toEqual(['200 waited', '200 waited', '200 3'])
    agent.destroy()
    expect((await fetch(`${server.url}/hangs`)).status).toBe(504)
  })

  test('is gone when it failed, with what it kept', async () => {
    await using server = await serveOn(home.handler(), { principal: 'header:x-user', reuse: 100 })
    expect(await text(server, '/calls', as('ada'))).toBe('1')
    expect((await fetch(`${server.url}/traps`, as('ada'))).status).toBe(502)
    expect(await text(server, '/calls', as('ada'))).toBe('1')
  })

  test('is gone when it did not answer', async () => {
    await using server = await serveOn(home.handler(), { principal: 'header:x-user', reuse: 100 })
    expect((await fetch(`${server.url}/keeps-outparam`, as('ada'))).status).toBe(502)
    expect(await text(server, '/calls', as('ada'))).toBe('1')
    expect((await fetch(`${server.url}/refuse/internal-error`, as('ada'))).status).toBe(500)
    expect(await text(server, '/calls', as('ada'))).toBe('3')
  })

  test('is not held against other principals: idle ones make room', async () => {
    await using small = await servingHome('thread', { max: 1 })
    await using server = await serveOn(small.greeter(), { principal: 'header:x-user', reuse: 100 })
    for (const user of ['ada', 'grace', 'ada', 'linus']) expect(await text(server, '/', as(user))).toBe('hello 0001\n')
  })

  test('is refused where requests cannot be told apart', async () => {
    for (const principal of ['none', 'request'])
      await expect(serveOn(home.handler(), { principal, reuse: 2 })).rejects.toMatchObject({
        code: 'input.invalid',
        message: expect.stringContaining('an instance never serves two') as string,
      })
  })

  test('records each of its requests', async () => {
    await using server = await serveOn(home.handler(), { principal: 'header:x-user', reuse: 2 })
    for (let nth = 0; nth < 2; nth++) await text(server, '/text', as('ada'))
    await server.close()
    const [last] = recordsOf(home, 'session-ended').slice(-1)
    const session = home.records().filter((record) => 'session' in record && record.session === last?.session)
    const ofRequest = ['request', 'invoked', 'request-ended', 'invocation-ended']
    expect(session.map(({ type }) => type)).toEqual(['session-started', ...ofRequest, ...ofRequest, 'session-ended'])
  })
})

describe('a server that is closed', () => {
  let home: ServingHome
  beforeAll(async () => {
    home = await servingHome()
    await home.handler()
  }, 180_000)
  afterAll(() => home[Symbol.asyncDispose]())

  test('lets what runs come to its end, and takes nothing more', async () => {
    const server = await serveOn(home.handler())
    const running = fetch(`${server.url}/waits/500`)
    await until(() => server.stats.running === 1, 'a request that runs')
    const closed = server.close()
    await expect(fetch(server.url)).rejects.toThrow()
    const answer = await running
    expect([answer.status, await answer.text(), answer.headers.get('connection')]).toEqual([200, 'waited', 'close'])
    await closed
    expect(server.stats).toMatchObject({ requests: 1, answered: 1, running: 0, connections: 0 })
  })

  test('ends what takes longer than it may', async () => {
    const server = await serveOn(home.handler(), { server: { drainMs: 200 } })
    const running = fetch(`${server.url}/hangs`)
    await until(() => server.stats.running === 1, 'a request that runs')
    await server.close()
    expect((await running).status).toBe(503)
    expect(server.stats).toMatchObject({ running: 0, connections: 0 })
  })

  test('ends everything at once when it is told to', async () => {
    const server = await serveOn(home.handler(), { server: { drainMs: 60_000 } })
    const running = (await fetch(`${server.url}/trickles/1000/100`)).text()
    running.catch(() => undefined)
    const startMs = performance.now()
    await server.cut()
    expect(performance.now() - startMs).toBeLessThan(5000)
    await expect(running).rejects.toThrow()
  })

  test('closes connections that ask for nothing', async () => {
    const server = await serveOn(home.handler())
    const idle = rawHttp(server.address.port, [], { waitMs: 5000 })
    await until(() => server.stats.connections === 1, 'a connection')
    await server.close()
    expect((await idle).text).toBe('')
  })
})
