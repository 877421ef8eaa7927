import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HttpListener } from '#host/serve/http-listener.ts'
import { sendStatus } from '#host/serve/send-status.ts'
import { serveLimitsOf } from '#host/serve/serve-limits.ts'
import type { AgentServer } from '#index.ts'
import { rawHttp } from '../../fixtures/serve/raw-http.ts'
import { recordsOf, serveOn, servingHome, until, type ServingHome } from '../../fixtures/serve/served.ts'

const get = (path: string, ...fields: readonly string[]): string =>
  `GET ${path} HTTP/1.1\r\n${['Host: localhost', ...fields].map((field) => `${field}\r\n`).join('')}\r\n`

let home: ServingHome
beforeAll(async () => {
  home = await servingHome()
  await home.handler()
}, 180_000)
afterAll(() => home[Symbol.asyncDispose]())

const handled = (options: Parameters<typeof serveOn>[1] = {}): Promise<AgentServer> => serveOn(home.handler(), options)

/** A connection that says something and reads nothing. */
const deaf = (port: number, text: string): Socket => {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  socket.pause()
  socket.write(text)
  return socket
}

describe('requests that come at once', () => {
  test('are nobody twice: no two of them share a cell', async () => {
    const before = recordsOf(home, 'session-started').length
    await using server = await handled({ principal: 'request', server: { concurrency: 1 } })
    await Promise.all([1, 2, 3, 4].map(() => fetch(`${server.url}/text`).then((answer) => answer.text())))
    const segments = recordsOf(home, 'session-started')
      .slice(before)
      .map(({ segment }) => segment)
    expect(segments).toHaveLength(4)
    expect(new Set(segments).size).toBe(4)
  })
})

describe('a client that waits to be told to go on', () => {
  const post = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`

  test('is never told so inside of an answer', async () => {
    await using server = await handled()
    const { text } = await rawHttp(server.address.port, [post('/echo'), 'abc'], { pauseMs: 300 })
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [^]*\r\n3\r\nabc\r\n0\r\n\r\n$/)
    const refused = await rawHttp(server.address.port, [post('/status/403'), 'abc'], { pauseMs: 300 })
    expect([refused.statuses, refused.text.includes('100 Continue')]).toEqual([[403], false])
  })
})

describe('a client that sends requests without end', () => {
  test('costs no memory while its first is worked on', async () => {
    await using server = await handled({ limits: { timeoutMs: 4000 } })
    const warnings: string[] = []
    const warned = ({ name }: Error): unknown => warnings.push(name)
    process.on('warning', warned)
    const next = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    const sockets = Array.from({ length: 4 }, () => deaf(server.address.port, get('/hangs') + next.repeat(20_000)))
    await until(() => server.stats.requests === 4 && server.stats.running === 0, 'the end of its first')
    process.off('warning', warned)
    for (const socket of sockets) socket.destroy()
    expect(warnings).toEqual([])
    // What one read of the connection brings, and no more.
    expect(server.stats.refused).toBeLessThan(4 * 3000)
  })

  test('has its first answered when they are few', async () => {
    await using server = await handled()
    expect((await rawHttp(server.address.port, [get('/text').repeat(5)])).statuses).toEqual([200])
  })
})

/** What the heap holds when nothing more can be collected. */
const heldBytes = (): number => {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

describe('a body in chunks of one byte', () => {
  const head = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
  const ones = '1\r\nx\r\n'

  test('costs little memory while nobody reads it', async () => {
    await using server = await handled({ server: { concurrency: 1 } })
    const sockets = [deaf(server.address.port, get('/hangs'))]
    await until(() => server.stats.running === 1, 'a request that runs')
    const before = heldBytes()
    for (let nth = 0; nth < 8; nth += 1) sockets.push(deaf(server.address.port, head('/count') + ones.repeat(100_000)))
    await until(() => server.stats.connections === 9, 'all of them')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(heldBytes() - before).toBeLessThan(16_000_000)
    for (const socket of sockets) socket.destroy()
  })

  test('comes whole', async () => {
    await using server = await handled()
    const body = `${ones.repeat(100_000)}3\r\nabc\r\n${'1000\r\n' + 'y'.repeat(4096)}\r\n1\r\nz\r\n0\r\n\r\n`
    const whole = await rawHttp(server.address.port, [head('/echo') + body], { waitMs: 20_000 })
    const said = whole.text.slice(whole.text.indexOf('\r\n\r\n') + 4).replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
    expect(said.length).toBe(104_102)
    expect(said.replace(/^x+abcy+/, '')).toBe('z\r\n')
  })
})

describe('a client that reads nothing', () => {
  const full = Buffer.alloc(32 * 1024 * 1024)

  test.each([
    ['a request that is refused', sendStatus],
    ['what is no request', undefined],
  ])('does not keep its connection with the answer to %s', async (_what, answered) => {
    const listener = new HttpListener({
      limits: serveLimitsOf({}),
      refused: () => undefined,
      arrived: ({ request, response }) => {
        const { socket } = request
        // Between the two nothing more fits.
        if (answered === undefined) response.on('close', () => socket.write(full)).end()
        else {
          socket.write(full)
          void answered(request, response, 400)
        }
      },
    })
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 })
    const socket = deaf(port, get('/'))
    if (answered === undefined) setTimeout(() => socket.write('NONSENSE\r\n\r\n'), 300)
    await until(() => listener.connections === 1, 'its connection')
    await until(() => listener.connections === 0, 'the end of its connection')
    socket.destroy()
    listener.cut()
  })
})

describe('a request that expects what nobody knows', () => {
  test('hides no other behind it', async () => {
    await using server = await handled()
    const odd = get('/text', 'Expect: miracles', 'Content-Length: 1')
    await rawHttp(server.address.port, [`${odd}x${get('/text')}`])
    expect(server.stats).toMatchObject({ requests: 0, refused: 2 })
  })
})

describe('an agent that is served behind a proxy', () => {
  test.each(['X-Accel-Redirect', 'X-Sendfile', 'x-lighttpd-send-file', 'X-Reproxy-URL'])(
    'has it answer with nothing of its own by %s',
    async (name) => {
      await using server = await handled()
      const { text, statuses } = await rawHttp(server.address.port, [get(`/header/${name}/%2fetc%2fpasswd`, 'Connection: close')])
      expect([statuses, text.includes('passwd')]).toEqual([[502], false])
    },
  )
})
