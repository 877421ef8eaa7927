import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
