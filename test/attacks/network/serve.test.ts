import { connect } from 'node:net'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyAuditLog, type AgentServer, type ServeOptions } from '#index.ts'
import { rawHttp } from '../../fixtures/serve/raw-http.ts'
import { recordsOf, serveOn, servingHome, until, type ServingHome } from '../../fixtures/serve/served.ts'

let home: ServingHome
beforeAll(async () => {
  home = await servingHome()
  await home.handler()
}, 180_000)
afterAll(() => home[Symbol.asyncDispose]())

const handled = (options?: ServeOptions): Promise<AgentServer> => serveOn(home.handler(), options)
const greeted = (options?: ServeOptions): Promise<AgentServer> => serveOn(home.greeter(), options)

const get = (path: string, ...headers: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n')
const post = (headers: readonly string[], body: string, path = '/count'): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', body].join('\r\n')

/** The paths that guests were asked for, in order. */
const served = (server: AgentServer): readonly string[] =>
  recordsOf(home, 'request')
    .filter(({ authority }) => authority === 'localhost' || authority.endsWith(`:${server.address.port}`))
    .map(({ path }) => path)

describe('B9: a request inside another one', () => {
  let server: AgentServer
  beforeAll(async () => void (server = await handled()))
  afterAll(() => server[Symbol.asyncDispose]())

  const inner = get('/inner')
  test.each([
    ['a length and a coding', post(['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${inner}`)],
    ['a coding and a length', post(['Transfer-Encoding: chunked', `Content-Length: ${inner.length}`], `0\r\n\r\n${inner}`)],
    ['two lengths that differ', post(['Content-Length: 0', `Content-Length: ${inner.length}`], inner)],
    ['two lengths that agree', post(['Content-Length: 0', 'Content-Length: 0'], inner)],
    ['a list of lengths', post(['Content-Length: 0, 0'], inner)],
    ['a signed length', post(['Content-Length: +0'], inner)],
    ['a space before the colon', post(['Content-Length : 0', 'Content-Length: 0'], inner)],
    ['a coding that only looks like chunked', post(['Transfer-Encoding: xchunked'], inner)],
    ['a coding with a vertical tab', post(['Transfer-Encoding: \u000bchunked'], inner)],
    ['two codings', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${inner}`)],
    ['a coding after chunked', post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${inner}`)],
    ['a coding over two lines', post(['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${inner}`)],
    ['a header over two lines', post(['X: a', ' b', 'Content-Length: 0'], inner)],
    ['a line that ends with a line feed alone', post(['X: a\nContent-Length: 0'], inner)],
    ['a line that ends with a carriage return alone', post(['X: a\rContent-Length: 0'], inner)],
    ['a null byte in a value', post(['X: a\0b', 'Content-Length: 0'], inner)],
    ['a chunk whose size is signed', post(['Transfer-Encoding: chunked'], `+1\r\na\r\n0\r\n\r\n${inner}`)],
    ['a chunk whose size overflows', post(['Transfer-Encoding: chunked'], `10000000000000001\r\na\r\n0\r\n\r\n${inner}`)],
    ['a chunk longer than its size', post(['Transfer-Encoding: chunked'], `1\r\nab\r\n0\r\n\r\n${inner}`)],
    ['a chunk that ends with a line feed alone', post(['Transfer-Encoding: chunked'], `1\na\r\n0\r\n\r\n${inner}`)],
    ['two hosts', post(['Host: b.example', 'Content-Length: 0'], inner)],
    ['HTTP/1.0', post(['Content-Length: 0'], inner).replace('HTTP/1.1', 'HTTP/1.0')],
    ['HTTP/0.9', 'GET /inner\r\n\r\n'],
    ['no version that there is', get('/inner').replace('HTTP/1.1', 'HTTP/1.10')],
    ['HTTP/2 without asking', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`],
    ['an upgrade to HTTP/2', get('/inner', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk')],
  ])('with %s gets a refusal and nothing else', async (_what, text) => {
    const answer = await rawHttp(server.address.port, [text])
    expect(answer.statuses.filter((status) => status < 400)).toEqual([])
    expect(answer.statuses.length).toBeLessThanOrEqual(1)
    expect(served(server)).not.toContain('/inner')
  })

  test('that is sent before the answer is never looked at, and ends the connection', async () => {
    const answer = await rawHttp(server.address.port, [get('/waits/100') + get('/inner')])
    expect([answer.statuses, served(server).includes('/inner')]).toEqual([[200], false])
  })

  test('sent behind a body is no part of it, and not passed over', async () => {
    const answer = await rawHttp(server.address.port, [post(['Content-Length: 3'], 'abc'), get('/text', 'Connection: close')], {
      answered: true,
      pauseMs: 500,
    })
    expect(answer.statuses).toEqual([200, 200])
  })

  test('is refused in the middle of an answer by closing, not by an answer in it', async () => {
    const answer = await rawHttp(server.address.port, [get('/trickles/20/50'), 'NONSENSE\r\n\r\n'], { answered: true })
    expect(answer.statuses).toEqual([200])
    expect(answer.text).not.toContain('400 Bad Request')
  })
})

describe('B8: another server than the one that is asked', () => {
  let server: AgentServer
  beforeAll(async () => void (server = await greeted()))
  afterAll(() => server[Symbol.asyncDispose]())

  test.each([
    ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 405],
    ['TRACE, which would echo what a browser hides', 'TRACE / HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\n\r\n', 405],
    ['an absolute target for another host', get('http://other.example/'), 421],
    ['a name that was pointed here (DNS rebinding)', get('/').replace('localhost', 'rebound.example'), 421],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a WebSocket', get('/', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'), 501],
  ])('%s is refused', async (_what, text, status) => {
    const answer = await rawHttp(server.address.port, [text])
    expect([answer.statuses, answer.text.includes('secret')]).toEqual([[status], false])
  })

  test('nobody has a field taken out that a proxy has set', async () => {
    const answer = await rawHttp(server.address.port, [get('/', 'X-User: ada', 'Connection: close, X-User')])
    expect(answer.statuses).toEqual([400])
  })
})

describe('B10: what a guest puts into its answer', () => {
  let server: AgentServer
  beforeAll(async () => void (server = await handled()))
  afterAll(() => server[Symbol.asyncDispose]())

  test.each([
    ['x', 'a\r\nSet-Cookie: stolen=1'],
    ['x', 'a\nSet-Cookie: stolen=1'],
    ['x', 'a\r\n\r\nHTTP/1.1 200 OK'],
    ['x\r\nSet-Cookie', 'stolen'],
    ['Transfer-Encoding', 'chunked'],
    ['transfer-encoding', 'identity'],
    ['Connection', 'keep-alive'],
    ['Upgrade', 'h2c'],
    ['Trailer', 'x'],
    ['content-length', '5, 5'],
    ['content-length', '-1'],
  ])('%j: %j never reaches a client', async (name, value) => {
    const path = `/header/${encodeURIComponent(name)}/${encodeURIComponent(value)}`
    const answer = await rawHttp(server.address.port, [get(path, 'Connection: close')])
    expect([answer.statuses, answer.text.includes('stolen')]).toEqual([[502], false])
  })

  test.each(['content-length', 'Transfer-Encoding', 'x\r\ny'])('the trailer %j never reaches a client', async (name) => {
    const answer = await rawHttp(server.address.port, [get(`/trailers/${encodeURIComponent(name)}/1`)])
    expect(answer.text.endsWith('\r\n0\r\n\r\n')).toBe(false)
    expect(answer.text.split('\r\n\r\n').slice(1).join('')).not.toMatch(/content-length|transfer-encoding/i)
  })
})

describe('C10: the state of one principal', () => {
  const as = (user: string): RequestInit => ({ headers: { 'x-user': user } })

  test('is never seen by another, however requests are mixed', async () => {
    await using server = await handled({ principal: 'header:x-user', reuse: 1000 })
    const users = ['ada', 'grace', 'linus']
    const rounds = Array.from({ length: 36 }, (_, nth) => users[nth % users.length] ?? '')
    const seen = await Promise.all(
      rounds.map(async (user) => {
        const answer = await fetch(`${server.url}/keeps/${user}`, as(user))
        return [user, answer.status === 200 ? (await answer.text()).split(',').filter((name) => name !== '' && name !== user) : []] as const
      }),
    )
    expect(seen.filter(([, strangers]) => strangers.length > 0)).toEqual([])
    const segments = new Set(recordsOf(home, 'session-started').map(({ segment }) => segment))
    expect([...segments].filter((segment) => segment.includes('x-user=')).length).toBeGreaterThanOrEqual(3)
  })

  test.each([
    ['nobody', get('/text')],
    ['two at once', get('/text', 'X-User: ada', 'X-User: grace')],
    ['an empty name', get('/text', 'X-User:')],
    ['a name that is taken out on the way', get('/text', 'X-User: ada', 'Connection: x-user')],
  ])('is not reached by saying that one is %s', async (_what, text) => {
    await using server = await greeted({ principal: 'header:x-user', reuse: 10 })
    expect((await rawHttp(server.address.port, [text])).statuses).toEqual([400])
    expect(server.stats.requests).toBe(0)
  })

  test('is another one on each connection', async () => {
    await using server = await greeted({ principal: 'connection', reuse: 10 })
    const two = async (): Promise<string> =>
      (await rawHttp(server.address.port, [get('/'), get('/', 'Connection: close')], { answered: true, pauseMs: 500 })).text
    for (let nth = 0; nth < 2; nth++) expect((await two()).match(/hello \d+/g)).toEqual(['hello 0001', 'hello 0002'])
  })
})

describe('E1: clients that are slow, many or gone', () => {
  test('a head that never ends is answered with 408', async () => {
    await using server = await greeted({ server: { headerMs: 300 } })
    const answer = await rawHttp(
      server.address.port,
      ['GET / HTTP/1.1\r\n', 'Host: localhost\r\n', ...Array<string>(20).fill('X: a\r\n')],
      {
        pauseMs: 150,
      },
    )
    expect(answer.statuses).toEqual([408])
    expect(server.stats.requests).toBe(0)
  })

  test('a connection that says nothing is closed', async () => {
    await using server = await greeted({ server: { headerMs: 300 } })
    await rawHttp(server.address.port, [], { waitMs: 5000 })
    await until(() => server.stats.connections === 0, 'the connection to be closed')
  })

  test('a body that trickles is given up, and its guest with it', async () => {
    await using server = await handled({ server: { stallMs: 300 } })
    const answer = await rawHttp(server.address.port, [post(['Content-Length: 100'], 'abc')], { waitMs: 4000 })
    expect(answer.statuses).toEqual([408])
    await until(() => server.stats.running === 0, 'the guest to end')
    expect(recordsOf(home, 'request-ended').at(-1)).toMatchObject({ outcome: 'stalled', status: 408, ingressBytes: 3 })
  })

  test('a client that does not read holds its guest up for so long, and its memory not at all', async () => {
    await using server = await handled({
      server: { stallMs: 500 },
      limits: { egressBytes: 500_000_000, timeoutMs: 20_000, cpuTimeMs: 20_000 },
    })
    const socket = connect(server.address.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(get('/pours/300000000'))
    await once(socket, 'readable')
    const before = process.memoryUsage().rss
    await until(() => recordsOf(home, 'request-ended').at(-1)?.outcome === 'stalled', 'the client to be given up')
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
    expect(recordsOf(home, 'request-ended').at(-1)?.egressBytes).toBeLessThan(50_000_000)
    socket.destroy()
  })

  test.each([
    ['while its guest waits', get('/hangs')],
    ['in the middle of its body', post(['Content-Length: 100'], 'abc')],
    ['in the middle of the answer', get('/trickles/1000/20')],
  ])('a client that goes away %s ends its session, and is counted', async (_what, text) => {
    await using server = await handled({ limits: { timeoutMs: 60_000 } })
    const socket = connect(server.address.port, '127.0.0.1')
    socket.write(text)
    await until(() => server.stats.running === 1, 'the request to run')
    await sleep(300)
    socket.destroy()
    await until(() => server.stats.running === 0, 'the session to end')
    expect(recordsOf(home, 'request-ended').at(-1)).toMatchObject({ outcome: 'gone' })
    expect(recordsOf(home, 'session-ended').at(-1)).toMatchObject({ outcome: 'session.killed' })
  })

  test('a flood waits in a queue that ends, and the rest is told to come again', async () => {
    await using server = await handled({ server: { concurrency: 2, queued: 3, queueMs: 60_000 } })
    const answers = await Promise.all(Array.from({ length: 12 }, () => fetch(`${server.url}/waits/300`)))
    const count = (status: number): number => answers.filter((answer) => answer.status === status).length
    expect([count(200), count(503)]).toEqual([5, 7])
    expect(answers.find(({ status }) => status === 503)?.headers.get('retry-after')).toBe('1')
  })

  test('nobody waits in the queue for ever', async () => {
    await using server = await handled({ server: { concurrency: 1, queueMs: 200 } })
    const [first, second] = await Promise.all([fetch(`${server.url}/waits/1500`), sleep(200).then(() => fetch(`${server.url}/text`))])
    expect([first.status, second.status]).toEqual([200, 503])
  })

  test('connections past their number are closed', async () => {
    await using server = await greeted({ server: { connections: 2 } })
    const open = [1, 2].map(() => rawHttp(server.address.port, [], { waitMs: 2000 }))
    await until(() => server.stats.connections === 2, 'two connections')
    expect((await rawHttp(server.address.port, [get('/')])).text).toBe('')
    await Promise.all(open)
  })

  test.each([
    ['a head past its bytes', get('/', `X: ${'a'.repeat(30_000)}`), 431],
    ['a head past its fields', get('/', ...Array<string>(150).fill('X: a')), 431],
    ['more fields than Node would pass on', get('/', ...Array<string>(2500).fill('X:')), 431],
    ['a target past its bytes', get(`/${'a'.repeat(9000)}`), 414],
    ['a body that says that it is too long', post(['Content-Length: 2000000'], 'abc', '/'), 413],
  ])('%s is refused', async (_what, text, status) => {
    await using server = await greeted({ server: { bodyBytes: 1_000_000 } })
    expect((await rawHttp(server.address.port, [text])).statuses).toEqual([status])
    expect(server.stats.requests).toBe(0)
  })

  test('a body that turns out to be too long is answered with 413, or cut', async () => {
    await using server = await handled({ server: { bodyBytes: 1000 } })
    const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`
    const head = (path: string): string => post(['Transfer-Encoding: chunked'], chunk, path)
    expect((await rawHttp(server.address.port, [head('/count'), chunk, chunk, chunk], { pauseMs: 100 })).statuses).toEqual([413])
    const answering = await rawHttp(server.address.port, [head('/echo'), chunk, chunk, chunk], { pauseMs: 300 })
    expect([answering.statuses, answering.text.endsWith('\r\n0\r\n\r\n')]).toEqual([[200], false])
  })

  test('a guest that never answers takes its time and no more, and holds nobody up', async () => {
    await using server = await handled({ limits: { timeoutMs: 1000 } })
    const [hanging, spinning, quick] = await Promise.all(['/hangs', '/spins', '/text'].map((path) => fetch(server.url + path)))
    expect([hanging?.status, spinning?.status, quick?.status]).toEqual([504, 504, 200])
  })
})

describe('E6: what requests leave behind', () => {
  test('a thousand of them leave nothing', async () => {
    await using server = await greeted({ server: { concurrency: 8 } })
    const one = async (): Promise<void> => {
      const outgoing = request(server.url, { agent: false }).end()
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
      expect(Buffer.concat(await incoming.toArray()).toString()).toBe('hello 0001\n')
    }
    const many = async (count: number): Promise<void> => {
      let left = count
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          while (left-- > 0) await one()
        }),
      )
      await until(() => server.stats.running === 0 && server.stats.connections === 0, 'rest')
    }
    await many(100)
    const handles = process.getActiveResourcesInfo().length
    const heap = heapUsed()
    await many(1000)
    expect(server.stats).toMatchObject({ requests: 1100, answered: 1100, refused: 0, running: 0, connections: 0 })
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(handles + 5)
    expect(heapUsed() - heap).toBeLessThan(5_000_000)
  }, 120_000)

  test('the log of it all is whole', async () => {
    const { status, problem } = await verifyAuditLog(home.runtime.audit.dir, undefined)
    expect([status, problem]).toEqual(['consistent', undefined])
    const ended = new Set(recordsOf(home, 'session-ended').map(({ session }) => session))
    const requests = recordsOf(home, 'request')
    const answered = new Set(recordsOf(home, 'request-ended').map(({ session, invocation }) => `${session}#${invocation}`))
    expect(requests.filter(({ session, invocation }) => ended.has(session) && !answered.has(`${session}#${invocation}`))).toEqual([])
  })
})

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

const heapUsed = (): number => {
  if (typeof collect !== 'function') throw new Error('expected to be able to collect garbage')
  collect()
  return process.memoryUsage().heapUsed
}
