import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CordonError } from '#core/errors.ts'
import type { Headers } from '#host/providers/serve/incoming-exchange.ts'
import { NodeExchange, type ExchangeEnd } from '#host/serve/node-exchange.ts'
import { serveLimitsOf } from '#host/serve/serve-limits.ts'
import { rawHttp, type RawAnswer } from '../../fixtures/serve/raw-http.ts'

/** What a cell may ask of an exchange, a breached one in any order. */
type Play = (exchange: NodeExchange) => Promise<unknown>

const head = (headers: Headers = [], hasBody = true, status = 200) => ({ status, headers, hasBody })
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const fault = (code: string): unknown => expect.objectContaining({ code })

let server: ReturnType<typeof createServer>
let play: Play
let recorded: Promise<unknown>
let ended: Promise<ExchangeEnd>
let played: Promise<unknown>
beforeEach(async () => {
  recorded = Promise.resolve()
  server = createServer((request, response) => {
    const hasBody = request.method === 'POST'
    const limits = serveLimitsOf({ stallMs: 500, bodyBytes: 1000 })
    const exchange = new NodeExchange({ request, response, hasBody, expectsContinue: false, limits, recorded, isLast: () => true })
    ended = exchange.ended
    played = play(exchange)
    played.catch(() => undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const ask = async (playing: Play, text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'): Promise<RawAnswer> => {
  play = playing
  const address = server.address()
  return await rawHttp(typeof address === 'object' && address !== null ? address.port : 0, [text])
}
const isWhole = ({ text }: RawAnswer): boolean => text.endsWith('\r\n0\r\n\r\n')

describe('an exchange that a cell drives as it likes', () => {
  test('answers once, with one head', async () => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head())
      await expect(exchange.respond(head([['x', 'y']]))).rejects.toEqual(fault('HTTP-protocol-error'))
      await exchange.write(bytes('body'))
      await exchange.finish([])
      await expect(exchange.write(bytes('more'))).rejects.toEqual(fault('connection-terminated'))
      await exchange.refuse('internal-error')
      exchange.conclude(undefined)
    })
    await played
    expect([answer.statuses, isWhole(answer), await ended]).toEqual([
      [200],
      true,
      { status: 200, outcome: 'done', ingressBytes: 0, egressBytes: 4 },
    ])
  })

  test('sends nothing before it may: no body without a head, no head before its record', async () => {
    const order: string[] = []
    const gate = Promise.withResolvers<void>()
    recorded = gate.promise
    await ask(async (exchange) => {
      await expect(exchange.write(bytes('x'))).rejects.toEqual(fault('connection-terminated'))
      await expect(exchange.finish([])).rejects.toEqual(fault('connection-terminated'))
      const responding = exchange.respond(head([], false)).then(() => order.push('answered'))
      await new Promise((resolve) => setTimeout(resolve, 100))
      order.push('recorded')
      gate.resolve()
      await responding
    })
    await played
    expect(order).toEqual(['recorded', 'answered'])
  })

  test('whose record fails answers nothing', async () => {
    const failure = new CordonError('audit.failed', 'the disk is full')
    recorded = Promise.reject(failure)
    recorded.catch(() => undefined)
    const answer = await ask(async (exchange) => {
      await expect(exchange.respond(head())).rejects.toBe(failure)
      exchange.conclude(failure)
    })
    expect([answer.statuses, (await ended).outcome]).toEqual([[500], 'audit.failed'])
  })

  test('cuts a body that is shorter than it said', async () => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head([['content-length', '5']]))
      await exchange.write(bytes('abc'))
      await expect(exchange.finish([])).rejects.toEqual(fault('HTTP-response-body-size'))
    })
    await played
    expect([(await ended).outcome, answer.statuses]).toEqual(['a body shorter than its content-length', [200]])
  })

  test('cuts a body that is longer than it said, before its first byte too many', async () => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head([['content-length', '5']]))
      await expect(exchange.write(bytes('abcHTTP/1.1 200 OK'))).rejects.toEqual(fault('HTTP-response-body-size'))
    })
    await played
    expect([(await ended).outcome, answer.statuses]).toEqual(['a body longer than its content-length', [200]])
  })

  test('is whole with its last announced byte, whatever becomes of the guest then', async () => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head([['content-length', '4']]))
      await exchange.write(bytes('body'))
      exchange.conclude(new CordonError('agent.trap', 'late'))
      await exchange.finish([])
    })
    await played
    expect([answer.text.endsWith('\r\n\r\nbody'), (await ended).outcome]).toEqual([true, 'done'])
  })

  test.each([
    [undefined, 'cut'],
    [new CordonError('deadline.timeout', 'late'), 'deadline.timeout'],
  ])('is cut when its guest is done with half an answer (%s)', async (error, outcome) => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head())
      await exchange.write(bytes('half'))
      exchange.conclude(error)
    })
    expect([isWhole(answer), await ended]).toEqual([false, expect.objectContaining({ outcome, status: 200, egressBytes: 4 })])
  })

  test('sends no byte of a body to HEAD, and counts none', async () => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head([['content-length', '4']]))
      expect(await exchange.write(bytes('body'))).toBe(0)
      await exchange.finish([])
    }, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
    await played
    expect([answer.text.endsWith('\r\n\r\n'), (await ended).egressBytes]).toEqual([true, 0])
  })

  test('reads at most what it asks for, in order, however many reads it makes at once', async () => {
    await ask(async (exchange) => {
      const reads = await Promise.all([exchange.read(2), exchange.read(3), exchange.read(100)])
      expect(reads.map((read) => new TextDecoder().decode(read.bytes))).toEqual(['ab', 'cde', 'f'])
      expect(await exchange.read(100)).toEqual({ bytes: new Uint8Array(), end: true, trailers: [] })
      await exchange.respond(head([], false))
      await expect(exchange.read(1)).rejects.toEqual(fault('connection-terminated'))
    }, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef')
    await played
    expect((await ended).ingressBytes).toBe(6)
  })

  const inform = (status: number, headers: Headers = []) => ({ status, headers })
  const before = (playing: Play): Play => {
    return async (exchange) => {
      await playing(exchange)
      await exchange.respond(head([], false))
    }
  }

  test('sends informational responses with their fields, in order, before the answer', async () => {
    const answer = await ask(
      before(async (exchange) => {
        await exchange.inform(
          inform(103, [
            ['Link', '</a>'],
            ['link', '<\u00e4>'],
          ]),
        )
        await exchange.inform(inform(199))
      }),
    )
    expect(answer.text).toMatch(
      /^HTTP\/1\.1 103 [^\r]*\r\nLink: <\/a>\r\nlink: <\u00e4>\r\n\r\nHTTP\/1\.1 199 [^\r]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    )
    expect([answer.statuses, (await ended).status]).toEqual([[200], 200])
  })

  test.each([
    ['switches protocols', inform(101, [['upgrade', 'x']])],
    ['switches protocols and says nothing of it', inform(101)],
    ['is final', inform(200)],
    ['has no status', inform(0)],
    ['has a second head in a value', inform(103, [['x', 'a\r\n\r\nHTTP/1.1 200 OK']])],
    ['has a second head in a name', inform(103, [['x: a\r\ny', 'a']])],
    ['has content', inform(103, [['Content-Length', '5']])],
    ['has a coding', inform(103, [['Transfer-Encoding', 'chunked']])],
    ['speaks about the connection', inform(103, [['Connection', 'close']])],
  ])('sends no informational response that %s', async (_what, wrong) => {
    const answer = await ask(before(async (exchange) => await expect(exchange.inform(wrong)).rejects.toEqual(fault('HTTP-protocol-error'))))
    await played
    expect([answer.statuses, answer.text.startsWith('HTTP/1.1 200 OK')]).toEqual([[200], true])
  })

  test('sends 32 of them and no more', async () => {
    const answer = await ask(
      before(async (exchange) => {
        const sent = await Promise.allSettled(Array.from({ length: 100 }, async () => await exchange.inform(inform(102))))
        expect(sent.filter(({ status }) => status === 'fulfilled').length).toBe(32)
      }),
    )
    await played
    expect(answer.text.split('HTTP/1.1 102 ').length - 1).toBe(32)
  })

  test('sends none after the head of the answer, nor beside it, nor to who is told something else', async () => {
    const answer = await ask(async (exchange) => {
      const [first, second] = await Promise.allSettled([exchange.respond(head()), exchange.inform(inform(103))])
      expect([first.status, second]).toEqual(['fulfilled', expect.objectContaining({ reason: fault('HTTP-protocol-error') })])
      await exchange.write(bytes('body'))
      await expect(exchange.inform(inform(103))).rejects.toEqual(fault('HTTP-protocol-error'))
      await exchange.finish([])
      await expect(exchange.inform(inform(103))).rejects.toEqual(fault('HTTP-protocol-error'))
    })
    await played
    expect([answer.text.includes(' 103 '), isWhole(answer)]).toEqual([false, true])
    const refused = await ask(async (exchange) => {
      await exchange.refuse('HTTP-request-denied')
      await expect(exchange.inform(inform(103))).rejects.toEqual(fault('connection-terminated'))
    })
    await played
    expect([refused.text.includes(' 103 '), refused.statuses]).toEqual([false, [403]])
  })

  test('sends none before the record of the request, and none that the answer has overtaken', async () => {
    const gate = Promise.withResolvers<void>()
    recorded = gate.promise
    const answer = await ask(async (exchange) => {
      const informing = exchange.inform(inform(103))
      informing.catch(() => undefined)
      const responding = exchange.respond(head([], false))
      gate.resolve()
      await responding
      await expect(informing).rejects.toEqual(fault('HTTP-protocol-error'))
    })
    await played
    expect([answer.text.includes(' 103 '), answer.statuses]).toEqual([false, [200]])
  })

  test('sends none to a client of HTTP/1.0, which would take it for the answer', async () => {
    const answer = await ask(
      before(async (exchange) => await exchange.inform(inform(103))),
      'GET / HTTP/1.0\r\n\r\n',
    )
    await played
    expect([answer.text.includes(' 103 '), answer.statuses]).toEqual([false, [200]])
  })

  test('that is refused when half was sent is cut, and no second answer stands in the first', async () => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head())
      await exchange.write(bytes('half'))
      await exchange.refuse('HTTP-request-denied')
    })
    expect([isWhole(answer), answer.statuses, answer.text.includes('403')]).toEqual([false, [200], false])
  })

  test.each([
    ['done', 'given up: done'],
    ['refused\n', 'given up: for no known reason'],
  ])('that is cut with the reason %j is recorded as cut', async (code, outcome) => {
    const answer = await ask(async (exchange) => {
      await exchange.respond(head())
      await exchange.refuse(code)
    })
    expect([isWhole(answer), (await ended).outcome]).toEqual([false, outcome])
  })
})
