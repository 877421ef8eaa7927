import { beforeEach, describe, expect, test } from 'vitest'
import { SessionScope } from '#cell/adapters/session-scope.ts'
import { Fields } from '#cell/adapters/wasi/http-fields.ts'
import { finishOutgoingBody, OutgoingResponse, type OutgoingBody } from '#cell/adapters/wasi/http-outgoing.ts'
import { IncomingRequest, ResponseOutparam, responseOutparamClass } from '#cell/adapters/wasi/http-serving.ts'
import { ServedExchange } from '#cell/adapters/wasi/served-exchange.ts'
import type { CallReply } from '#wire/calls.ts'
import { bytes, errOf, MemoryWorld, settled } from './memory-world.ts'

const head = {
  method: 'PATCH',
  scheme: 'http',
  authority: 'a.example:80',
  pathWithQuery: '/a?b',
  headers: [['x-a', '\u00e4']],
  hasBody: true,
} as const

const setOf = responseOutparamClass as { readonly set: (parameter: ResponseOutparam, answer: unknown) => void }

let world: MemoryWorld
let scope: SessionScope
let exchange: ServedExchange
beforeEach(() => {
  world = new MemoryWorld()
  scope = new SessionScope(world.world)
  exchange = new ServedExchange(scope, 7, head)
})

const response = (status = 200, headers: readonly (readonly [string, Uint8Array])[] = []): OutgoingResponse => {
  const made = new OutgoingResponse(scope, new Fields(scope, headers, false))
  made.setStatusCode(status)
  return made
}
const write = (body: OutgoingBody, content: string): void => {
  const stream = body.write()
  stream.checkWrite()
  stream.write(bytes(content))
  stream[Symbol.dispose]()
}
const calls = (): unknown[] => world.host.calls.map(({ op, args }) => ({ op, ...args }))
const refusing =
  (code: string) =>
  async (call: { readonly op: string }): Promise<CallReply | undefined> =>
    call.op === 'serve.write' ? { ok: false, code } : undefined

describe('the request that a guest is called with', () => {
  test('says what was asked for', () => {
    const request = new IncomingRequest(scope, exchange)
    expect([request.method(), request.pathWithQuery(), request.scheme(), request.authority()]).toEqual([
      { tag: 'patch' },
      '/a?b',
      { tag: 'HTTP' },
      'a.example:80',
    ])
    expect(request.headers().entries()).toEqual([['x-a', Uint8Array.of(0xe4)]])
    const other = new IncomingRequest(scope, new ServedExchange(scope, 0, { ...head, method: 'PROPFIND' }))
    expect(other.method()).toEqual({ tag: 'other', val: 'PROPFIND' })
  })

  test('gives its body once, from the host', async () => {
    world.host.intercept = async ({ op }) =>
      op === 'serve.read' ? { ok: true, value: { end: true, trailers: [['x-sum', '1']] }, body: bytes('body') } : undefined
    const request = new IncomingRequest(scope, exchange)
    const body = request.consume()
    expect(await errOf(() => request.consume())).toBeUndefined()
    expect(await body.stream().blockingRead(100n)).toEqual(bytes('body'))
    expect(calls()).toEqual([{ op: 'serve.read', exchange: 7, length: expect.any(Number) as number }])
    expect(exchange.request.trailers).toEqual([['x-sum', bytes('1')]])
  })

  test('has its headers for looking at only, and asks nobody for a body that there is not', async () => {
    const request = new IncomingRequest(scope, new ServedExchange(scope, 0, { ...head, hasBody: false }))
    expect(await errOf(() => request.headers().append('x', bytes('y')))).toEqual({ tag: 'immutable' })
    const stream = request.consume().stream()
    expect(await errOf(() => stream.blockingRead(1n))).toEqual({ tag: 'closed' })
    expect(calls()).toEqual([])
  })
})

describe('the answer of a guest', () => {
  test('is sent once, as its body is written, and is whole when that is finished', async () => {
    const answer = response(201, [['x-b', bytes('c')]])
    const body = answer.body()
    setOf.set(new ResponseOutparam(scope, exchange), { tag: 'ok', val: answer })
    write(body, 'body')
    await settled()
    finishOutgoingBody(body, new Fields(scope, [['x-sum', bytes('1')]], false))
    await exchange.close()
    expect(calls()).toEqual([
      { op: 'serve.respond', exchange: 7, status: 201, headers: [['x-b', 'c']], hasBody: true },
      { op: 'serve.write', exchange: 7 },
      { op: 'serve.finish', exchange: 7, trailers: [['x-sum', '1']] },
    ])
  })

  test('without a body is a head and nothing else', async () => {
    setOf.set(new ResponseOutparam(scope, exchange), { tag: 'ok', val: response(204) })
    await exchange.close()
    expect(calls()).toEqual([{ op: 'serve.respond', exchange: 7, status: 204, headers: [], hasBody: false }])
  })

  test('is the host’s to make of an error, and of an outparam that was dropped', async () => {
    setOf.set(new ResponseOutparam(scope, exchange), { tag: 'err', val: { tag: 'HTTP-request-denied' } })
    const dropped = new ServedExchange(scope, 8, head)
    new ResponseOutparam(scope, dropped)[Symbol.dispose]()
    await settled()
    expect(calls()).toEqual([
      { op: 'serve.refuse', exchange: 7, code: 'HTTP-request-denied' },
      { op: 'serve.refuse', exchange: 8, code: 'HTTP-response-incomplete' },
    ])
  })

  test('that is not finished when the handler returns is given up', async () => {
    const answer = response()
    const body = answer.body()
    setOf.set(new ResponseOutparam(scope, exchange), { tag: 'ok', val: answer })
    write(body, 'half')
    await settled()
    await exchange.close()
    expect(world.host.ops().at(-1)).toBe('serve.refuse')
    expect(world.host.ops()).not.toContain('serve.finish')
  })

  test('that comes when the handler has returned reaches nobody', async () => {
    const outparam = new ResponseOutparam(scope, exchange)
    await exchange.close()
    const answer = response()
    const body = answer.body()
    setOf.set(outparam, { tag: 'ok', val: answer })
    expect(await errOf(() => body.write().checkWrite())).toEqual({ tag: 'closed' })
    await settled()
    expect(calls()).toEqual([])
  })

  test('that the host takes no further is over, and holds the handler up no longer', async () => {
    world.host.intercept = refusing('connection-terminated')
    const answer = response()
    const body = answer.body()
    setOf.set(new ResponseOutparam(scope, exchange), { tag: 'ok', val: answer })
    write(body, 'body')
    await settled()
    finishOutgoingBody(body, undefined)
    await exchange.close()
    expect(world.host.ops()).not.toContain('serve.finish')
  })

  test('cannot have a status that is not final', async () => {
    const answer = response()
    for (const status of [0, 100, 101, 199, 600, 65_535]) expect(await errOf(() => answer.setStatusCode(status))).toBeUndefined()
    expect(answer.statusCode()).toBe(200)
  })
})

describe('an informational response', () => {
  test('goes to the host with its fields, which are used up, as often as the handler likes before it answers', async () => {
    const outparam = new ResponseOutparam(scope, exchange)
    await outparam.sendInformational(103, new Fields(scope, [['link', bytes('</a>')]], false))
    await outparam.sendInformational(102, new Fields(scope, [], false))
    expect(calls()).toEqual([
      { op: 'serve.inform', exchange: 7, status: 103, headers: [['link', '</a>']] },
      { op: 'serve.inform', exchange: 7, status: 102, headers: [] },
    ])
    expect(world.held).toBe(1)
    setOf.set(outparam, { tag: 'ok', val: response(204) })
    await expect(outparam.sendInformational(103, new Fields(scope, [], false))).rejects.toThrow(TypeError)
  })

  test('that the host does not send is an error for the handler, which can answer nonetheless', async () => {
    world.host.intercept = async ({ op }) => (op === 'serve.inform' ? { ok: false, code: 'HTTP-protocol-error' } : undefined)
    const outparam = new ResponseOutparam(scope, exchange)
    const failed = await outparam.sendInformational(101, new Fields(scope, [], false)).catch((error: unknown) => error)
    expect(failed).toMatchObject({ payload: { tag: 'HTTP-protocol-error' } })
    setOf.set(outparam, { tag: 'ok', val: response(204) })
    await exchange.close()
    expect(world.host.ops()).toEqual(['serve.inform', 'serve.respond'])
  })
})

test('handles that were made up are no request and no outparam', () => {
  const forged: unknown = Object.create(IncomingRequest.prototype)
  expect(() => (forged as IncomingRequest).method()).toThrow(TypeError)
  const outparam: unknown = Object.create(ResponseOutparam.prototype)
  expect(() => setOf.set(outparam as ResponseOutparam, { tag: 'err', val: { tag: 'internal-error' } })).toThrow(TypeError)
})

test('what a handler was given counts as held until it is dropped', () => {
  const request = new IncomingRequest(scope, exchange)
  const outparam = new ResponseOutparam(scope, exchange)
  expect(world.held).toBe(2)
  request[Symbol.dispose]()
  outparam[Symbol.dispose]()
  expect(world.held).toBe(0)
})
