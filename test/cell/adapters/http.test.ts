import { describe, expect, it } from 'vitest'
import type { Served } from './memory-host.ts'
import {
  bytes,
  errOf,
  importsOf,
  MemoryWorld,
  settled,
  text,
  type Fields,
  type FutureIncomingResponse,
  type IncomingResponse,
  type OutgoingRequest,
} from './memory-world.ts'

const typesOf = (world: MemoryWorld) => importsOf(world)['wasi:http/types']

interface RequestParts {
  readonly method?: string
  readonly headers?: [string, string][]
  readonly path?: string
}

const requestOf = (world: MemoryWorld, { method = 'get', headers = [], path = '/' }: RequestParts = {}): OutgoingRequest => {
  const http = typesOf(world)
  const request = new http.OutgoingRequest(http.Fields.fromList(headers.map(([name, value]) => [name, bytes(value)])))
  request.setMethod({ tag: method })
  request.setScheme({ tag: 'HTTP' })
  request.setAuthority('api.test:8080')
  request.setPathWithQuery(path)
  return request
}

const send = (world: MemoryWorld, request: OutgoingRequest): FutureIncomingResponse =>
  importsOf(world)['wasi:http/outgoing-handler'].handle(request, undefined)

const outcomeOf = async (future: FutureIncomingResponse): Promise<unknown> => {
  await future.subscribe().block()
  const result = future.get()
  if (result?.tag !== 'ok') throw new Error('expected the outcome')
  return result.val
}

const responseOf = async (future: FutureIncomingResponse): Promise<IncomingResponse> => {
  const outcome = (await outcomeOf(future)) as { tag: string; val: IncomingResponse }
  expect(outcome.tag).toBe('ok')
  return outcome.val
}

const serving = (served: Served): MemoryWorld => {
  const world = new MemoryWorld()
  world.host.serve = () => served
  return world
}

describe('fields', () => {
  const fieldsOf = (...entries: [string, string][]): Fields =>
    typesOf(new MemoryWorld()).Fields.fromList(entries.map(([name, value]) => [name, bytes(value)]))
  const shown = (fields: Fields): [string, string][] => fields.entries().map(([name, value]) => [name, text(value)])

  it('compare names without case and keep them as they were written', () => {
    const fields = fieldsOf(['Accept', 'a'], ['X-Other', 'b'], ['accept', 'c'])
    expect(fields.get('ACCEPT').map((value) => text(value))).toEqual(['a', 'c'])
    expect(fields.has('x-other')).toBe(true)
    expect(fields.has('not there')).toBe(false)
    fields.set('accept', [bytes('d')])
    fields.append('New', bytes('e'))
    fields.delete('X-OTHER')
    expect(shown(fields)).toEqual([
      ['accept', 'd'],
      ['New', 'e'],
    ])
  })

  it('are copied by clone: a change to one is none to the other', () => {
    const fields = fieldsOf(['a', 'b'])
    const copy = fields.clone()
    copy.append('c', bytes('d'))
    expect([shown(fields).length, shown(copy).length]).toEqual([1, 2])
  })

  it.each(['connection', 'Host', 'TRANSFER-ENCODING', 'upgrade', 'keep-alive', 'proxy-authorization', 'http2-settings'])(
    'refuse `%s`',
    async (name) => {
      const fields = fieldsOf()
      for (const step of [
        () => fields.append(name, bytes('x')),
        () => fields.set(name, [bytes('x')]),
        () => fields.delete(name),
        () => fieldsOf([name, 'x']),
      ]) {
        expect(await errOf(step)).toEqual({ tag: 'forbidden' })
      }
    },
  )

  it.each([
    ['', 'x'],
    ['a b', 'x'],
    ['a\r\nb', 'x'],
    ['a:', 'x'],
    ['ä', 'x'],
    ['a\0', 'x'],
    ['x'.repeat(257), 'x'],
    ['a', 'x\r\ny: z'],
    ['a', 'x\ny'],
    ['a', 'x\0y'],
    ['a', ' x'],
    ['a', 'x\t'],
    ['a', '\x7f'],
    ['content-length', '+3'],
    ['Content-Length', ''],
    ['content-length', '3, 3'],
  ])('take no name `%j` with value `%j`', async (name, value) => {
    expect(await errOf(() => fieldsOf().append(name, bytes(value)))).toEqual({ tag: 'invalid-syntax' })
    expect(await errOf(() => fieldsOf([name, value]))).toEqual({ tag: 'invalid-syntax' })
  })

  it('take bytes past ASCII in values as they are', async () => {
    const world = serving({})
    const request = requestOf(world, { headers: [['x-name', 'ä']] })
    await responseOf(send(world, request))
    expect(world.host.arrived[0]?.start.headers).toEqual([['x-name', '\u00c3\u00a4']])
  })

  it('cost nothing to ask for a name of megabytes', async () => {
    const fields = fieldsOf(...Array.from({ length: 200 }, (_, index): [string, string] => [`x-${index}`, 'y']))
    const name = 'X'.repeat(20_000_000)
    const started = performance.now()
    expect([fields.get(name), fields.has(name)]).toEqual([[], false])
    expect(await errOf(() => fields.delete(name))).toEqual({ tag: 'invalid-syntax' })
    expect(performance.now() - started).toBeLessThan(500)
  })

  it('are bounded in bytes, and end the guest past that: no case of `header-error` says it', async () => {
    const world = new MemoryWorld()
    const large = new (typesOf(world).Fields)()
    for (let index = 0; index < 8; index++) large.append('x', bytes('y'.repeat(16_000)))
    expect(() => large.append('x', bytes('y'.repeat(16_000)))).toThrow('fields of')
    expect(world.ends).toMatchObject([{ kind: 'trap' }])
    const many = new (typesOf(new MemoryWorld()).Fields)()
    for (let index = 0; index < 1900; index++) many.append('x', bytes('y'))
    expect(() => {
      for (let index = 0; index < 1900; index++) many.append('x', bytes('y'))
    }).toThrow('fields of')
  })

  it('are bounded in all that a session holds, copies and views counted, and what is dropped is free again', async () => {
    const world = new MemoryWorld()
    const http = typesOf(world)
    const large = http.Fields.fromList(Array.from({ length: 7 }, () => ['x', bytes('y'.repeat(16_000))]))
    for (let round = 0; round < 1000; round++) large.clone()[Symbol.dispose]()
    const held: Fields[] = []
    expect(() => {
      for (let round = 0; round < 100; round++) held.push(large.clone())
    }).toThrow('in all')
    expect(held.length).toBeGreaterThan(60)
  })

  it('of a request or a response cannot be changed', async () => {
    const world = serving({ headers: [['a', 'b']] })
    const request = requestOf(world)
    const headers = request.headers()
    const response = await responseOf(send(world, request))
    for (const fields of [headers, response.headers()]) {
      expect(await errOf(() => fields.append('x', bytes('y')))).toEqual({ tag: 'immutable' })
      expect(await errOf(() => fields.set('x', []))).toEqual({ tag: 'immutable' })
      expect(await errOf(() => fields.delete('x'))).toEqual({ tag: 'immutable' })
      fields.clone().append('x', bytes('y'))
    }
  })
})

describe('an outgoing request', () => {
  it('refuses what no URI and no request line may hold', async () => {
    const request = requestOf(new MemoryWorld())
    for (const step of [
      () => request.setAuthority('a.test\r\nx'),
      () => request.setAuthority(''),
      () => request.setAuthority('a.test\0.b.test'),
      () => request.setAuthority('ä.test'),
      () => request.setAuthority('x'.repeat(1025)),
      () => request.setPathWithQuery('/a b'),
      () => request.setPathWithQuery('/\n'),
      () => request.setPathWithQuery(`/${'x'.repeat(65_536)}`),
      () => request.setPathWithQuery('no/slash'),
      () => request.setPathWithQuery('/a#b'),
      () => request.setPathWithQuery('/a\\b'),
      () => request.setPathWithQuery('/%zz'),
      () => request.setPathWithQuery('/%4'),
      () => request.setAuthority('a.test/x'),
      () => request.setAuthority('a.test:'),
      () => request.setAuthority('a.test:x'),
      () => request.setAuthority('a.test:65536'),
      () => request.setAuthority('a.test?x'),
      () => request.setAuthority('a@b@c'),
      () => request.setAuthority('[::1'),
      () => request.setAuthority('::1'),
      () => request.setAuthority('a\\b'),
      () => request.setMethod({ tag: 'other', val: 'A B' }),
      () => request.setMethod({ tag: 'other', val: '' }),
      () => request.setMethod({ tag: 'other', val: 'X'.repeat(65) }),
      () => request.setScheme({ tag: 'other', val: 'a:b' }),
    ]) {
      expect(await errOf(step)).toBeUndefined()
    }
    expect([request.authority(), request.pathWithQuery(), request.method(), request.scheme()]).toEqual([
      'api.test:8080',
      '/',
      { tag: 'get' },
      { tag: 'HTTP' },
    ])
  })

  it('needs an authority and a scheme of HTTP', async () => {
    const world = new MemoryWorld()
    const request = requestOf(world)
    request.setAuthority(undefined)
    expect(await errOf(() => send(world, request))).toEqual({ tag: 'HTTP-request-URI-invalid' })
    const other = requestOf(world)
    other.setScheme({ tag: 'other', val: 'gopher' })
    expect(await errOf(() => send(world, other))).toEqual({ tag: 'HTTP-protocol-error' })
    expect(world.host.calls).toEqual([])
    expect(world.held).toBe(0)
  })

  it('is sent over TLS when it names no scheme', async () => {
    const world = serving({})
    const request = requestOf(world)
    request.setScheme(undefined)
    request.setPathWithQuery(undefined)
    await responseOf(send(world, request))
    expect(world.host.arrived[0]?.start).toMatchObject({ scheme: 'https', pathWithQuery: '/', method: 'GET', hasBody: false })
  })

  it('carries its timeouts in whole milliseconds, within what the wire takes', async () => {
    const world = serving({})
    const http = typesOf(world)
    const options = new http.RequestOptions()
    options.setConnectTimeout(1n)
    options.setFirstByteTimeout(2n ** 64n - 1n)
    expect(options.betweenBytesTimeout()).toBeUndefined()
    await responseOf(importsOf(world)['wasi:http/outgoing-handler'].handle(requestOf(world), options))
    expect(world.host.arrived[0]?.start).toMatchObject({ connectTimeoutMs: 1, firstByteTimeoutMs: 86_400_000, betweenBytesTimeoutMs: null })
  })

  it('sends its body piece by piece, also what was written before it was handed over, and its trailers', async () => {
    const world = serving({ status: 201 })
    const request = requestOf(world, { method: 'post' })
    const body = request.body()
    expect(await errOf(() => request.body())).toBeUndefined()
    const stream = body.write()
    expect(await errOf(() => body.write())).toBeUndefined()
    stream.checkWrite()
    stream.write(bytes('one '))
    const future = send(world, request)
    await stream.blockingWriteAndFlush(bytes('two'))
    stream[Symbol.dispose]()
    typesOf(world).OutgoingBody.finish(body, typesOf(world).Fields.fromList([['x-sum', bytes('7')]]))
    expect((await responseOf(future)).status()).toBe(201)
    await settled()
    expect(world.host.arrived[0]).toMatchObject({ body: 'one two', finished: true, trailers: [['x-sum', '7']], start: { hasBody: true } })
  })

  it('is a GET without a body when its body was opened and left empty', async () => {
    const world = serving({})
    const request = requestOf(world)
    const body = request.body()
    const future = send(world, request)
    await settled()
    expect(world.host.calls).toEqual([])
    typesOf(world).OutgoingBody.finish(body, undefined)
    await responseOf(future)
    expect(world.host.arrived[0]?.start.hasBody).toBe(false)
    expect(world.host.ops()).not.toContain('http.finish')
  })

  it('is sent when the guest waits for the response though its body is open', async () => {
    const world = serving({})
    const request = requestOf(world)
    const body = request.body()
    await responseOf(send(world, request))
    body[Symbol.dispose]()
    expect(world.host.arrived[0]?.start.hasBody).toBe(true)
  })

  it('fails when its body is not as long as it said', async () => {
    const world = serving({})
    const request = requestOf(world, { method: 'post', headers: [['content-length', '5']] })
    const body = request.body()
    const future = send(world, request)
    const stream = body.write()
    await stream.blockingWriteAndFlush(bytes('abc'))
    stream[Symbol.dispose]()
    expect(await errOf(() => typesOf(world).OutgoingBody.finish(body, undefined))).toEqual({ tag: 'HTTP-request-body-size', val: 3n })
    await settled()
    expect(world.host.ops()).not.toContain('http.finish')
    expect(world.host.open).toBe(0)
    future[Symbol.dispose]()
  })

  it('fails when its body is dropped unfinished: half a body must not look like a whole one', async () => {
    const world = new MemoryWorld()
    world.host.serve = () => ({})
    const request = requestOf(world, { method: 'put' })
    const body = request.body()
    const future = send(world, request)
    body[Symbol.dispose]()
    expect(await outcomeOf(future)).toEqual({ tag: 'err', val: { tag: 'connection-terminated' } })
    await settled()
    expect(world.host.ops()).not.toContain('http.finish')
    expect(world.host.open).toBe(0)
  })

  it('takes what is flushed before it is handed over, and sends it first', async () => {
    const world = serving({})
    const request = requestOf(world, { method: 'post' })
    const body = request.body()
    const stream = body.write()
    await stream.blockingWriteAndFlush(bytes('one '))
    const future = send(world, request)
    await stream.blockingWriteAndFlush(bytes('two'))
    stream[Symbol.dispose]()
    typesOf(world).OutgoingBody.finish(body, undefined)
    await responseOf(future)
    await settled()
    expect(world.host.arrived[0]).toMatchObject({ body: 'one two', finished: true })
  })

  it('says how long its body is when that is too long, at the write and at the end', async () => {
    const world = serving({})
    const request = requestOf(world, { method: 'post', headers: [['content-length', '11']] })
    const body = request.body()
    const stream = body.write()
    const failure = (await errOf(() => stream.blockingWriteAndFlush(bytes('more than 11 bytes')))) as { tag: string; val: object }
    expect(failure.tag).toBe('last-operation-failed')
    expect(typesOf(world).httpErrorCode(failure.val)).toEqual({ tag: 'HTTP-request-body-size', val: 18n })
    stream[Symbol.dispose]()
    expect(await errOf(() => typesOf(world).OutgoingBody.finish(body, undefined))).toEqual({ tag: 'HTTP-request-body-size', val: 18n })
    expect(await outcomeOf(send(world, request))).toEqual({ tag: 'err', val: { tag: 'HTTP-request-body-size', val: 18n } })
  })

  it('traps when its body is finished or dropped before the stream: it is a child', () => {
    const world = new MemoryWorld()
    const [finished, dropped] = [requestOf(world).body(), requestOf(world).body()]
    for (const body of [finished, dropped]) body.write()
    expect(() => typesOf(world).OutgoingBody.finish(finished, undefined)).toThrow(TypeError)
    expect(() => dropped[Symbol.dispose]()).toThrow(TypeError)
  })

  it('with more than the wire takes says what is too large', async () => {
    const world = serving({})
    const long = requestOf(world, { path: `/${'x'.repeat(20_000)}` })
    expect(await errOf(() => send(world, long))).toEqual({ tag: 'HTTP-request-URI-too-long' })
    const wide = requestOf(world, { headers: [['x-wide', 'y'.repeat(20_000)]] })
    expect(await errOf(() => send(world, wide))).toEqual({
      tag: 'HTTP-request-header-size',
      val: { fieldName: 'x-wide', fieldSize: 20_006 },
    })
    const many = requestOf(world, { headers: Array.from({ length: 300 }, (_, index): [string, string] => [`x-${index}`, 'y']) })
    expect(await errOf(() => send(world, many))).toMatchObject({ tag: 'HTTP-request-header-section-size' })
    for (const [value, tag] of [
      ['y'.repeat(20_000), 'HTTP-request-trailer-size'],
      ['y'.repeat(16_000), 'HTTP-request-trailer-section-size'],
    ] as const) {
      const request = requestOf(world, { method: 'post' })
      const body = request.body()
      const trailers = typesOf(world).Fields.fromList(Array.from({ length: 5 }, () => ['x', bytes(value)]))
      expect(await errOf(() => typesOf(world).OutgoingBody.finish(body, trailers))).toMatchObject({ tag })
    }
    expect(world.host.calls).toEqual([])
  })

  it('leaves nothing behind when it is dropped before it was handed over', async () => {
    const world = new MemoryWorld()
    const request = requestOf(world, { method: 'post' })
    const body = request.body()
    const stream = body.write()
    stream.checkWrite()
    stream.write(bytes('lost'))
    request[Symbol.dispose]()
    expect(await errOf(() => stream.checkWrite())).toEqual({ tag: 'closed' })
    stream[Symbol.dispose]()
    body[Symbol.dispose]()
    await settled()
    expect([world.held, world.host.calls.length]).toEqual([0, 0])
  })
})

describe('a response', () => {
  it('is not there at first, is given once, and has its parts', async () => {
    const world = serving({ status: 404, headers: [['x-a', '\u00e4']], chunks: ['one ', 'two'], trailers: [['x-t', 'v']] })
    const future = send(world, requestOf(world))
    expect(future.get()).toBeUndefined()
    const response = await responseOf(future)
    expect(future.get()).toEqual({ tag: 'err', val: undefined })
    expect(response.status()).toBe(404)
    expect(response.headers().get('X-A')).toEqual([Uint8Array.of(0xe4)])
    const body = response.consume()
    expect(await errOf(() => response.consume())).toBeUndefined()
    const stream = body.stream()
    expect(await errOf(() => body.stream())).toBeUndefined()
    expect(text(await stream.blockingRead(100n))).toBe('one ')
    expect(text(await stream.blockingRead(100n))).toBe('two')
    expect(await errOf(() => stream.blockingRead(100n))).toEqual({ tag: 'closed' })
    stream[Symbol.dispose]()
    const trailers = typesOf(world).IncomingBody.finish(body)
    await trailers.subscribe().block()
    const result = trailers.get() as { val: { val: Fields } }
    expect(result.val.val.entries().map(([name, value]) => [name, text(value)])).toEqual([['x-t', 'v']])
    expect(trailers.get()).toEqual({ tag: 'err', val: undefined })
    await settled()
    expect(world.host.open).toBe(0)
  })

  it.each<[string, (world: MemoryWorld, future: FutureIncomingResponse) => Promise<void>]>([
    [
      'the future',
      async (_, future) => {
        future[Symbol.dispose]()
      },
    ],
    [
      'the response',
      async (_, future) => {
        const response = await responseOf(future)
        response[Symbol.dispose]()
      },
    ],
    [
      'the body',
      async (_, future) => {
        const body = (await responseOf(future)).consume()
        const stream = body.stream()
        await stream.blockingRead(1n)
        stream[Symbol.dispose]()
        body[Symbol.dispose]()
      },
    ],
    [
      'the finished body',
      async (world, future) => {
        const body = (await responseOf(future)).consume()
        typesOf(world).IncomingBody.finish(body)[Symbol.dispose]()
      },
    ],
  ])('is closed on the host when %s is dropped', async (_, drop) => {
    const world = serving({ chunks: ['one', 'two', 'three'] })
    await drop(world, send(world, requestOf(world)))
    await settled()
    expect(world.host.open).toBe(0)
    expect(world.host.closed).toHaveLength(1)
  })

  it.each([
    ['not-permitted', { tag: 'HTTP-request-denied' }],
    ['denied', { tag: 'HTTP-request-denied' }],
    ['connection-refused', { tag: 'connection-refused' }],
    ['DNS-error', { tag: 'DNS-error', val: { rcode: undefined, infoCode: undefined } }],
    ['HTTP-response-body-size', { tag: 'HTTP-response-body-size', val: undefined }],
    ['HTTP-request-URI-too-long', { tag: 'HTTP-request-URI-too-long' }],
    ['DNS-error:NXDOMAIN', { tag: 'DNS-error', val: { rcode: 'NXDOMAIN', infoCode: undefined } }],
    ['TLS-alert-received:40', { tag: 'TLS-alert-received', val: { alertId: 40, alertMessage: undefined } }],
    ['TLS-alert-received:256', { tag: 'TLS-alert-received', val: { alertId: undefined, alertMessage: undefined } }],
    ['HTTP-response-header-size:x-a', { tag: 'HTTP-response-header-size', val: { fieldName: 'x-a', fieldSize: undefined } }],
    ['HTTP-response-transfer-coding:chunked', { tag: 'HTTP-response-transfer-coding', val: 'chunked' }],
    ['HTTP-request-header-section-size:70000', { tag: 'HTTP-request-header-section-size', val: 70_000 }],
    ['HTTP-response-body-size:-1', { tag: 'HTTP-response-body-size', val: undefined }],
    ['connection-refused:x', { tag: 'connection-refused' }],
    ['connect ECONNREFUSED 127.0.0.1:80', { tag: 'internal-error', val: undefined }],
    ['toString', { tag: 'internal-error', val: undefined }],
  ])('that fails with `%s` fails for the guest with %j', async (code, expected) => {
    const refused = serving({ refuse: code })
    expect(await outcomeOf(send(refused, requestOf(refused)))).toEqual({ tag: 'err', val: expected })
    const broken = serving({ breakOff: code })
    expect(await outcomeOf(send(broken, requestOf(broken)))).toEqual({ tag: 'err', val: expected })
    await settled()
    expect([refused.host.open, broken.host.open]).toEqual([0, 0])
  })

  it('whose body breaks off says why', async () => {
    const world = serving({ chunks: ['one'], cut: 'connection-read-timeout' })
    const stream = (await responseOf(send(world, requestOf(world)))).consume().stream()
    expect(text(await stream.blockingRead(9n))).toBe('one')
    const failure = (await errOf(() => stream.blockingRead(9n))) as { tag: string; val: object }
    expect(failure.tag).toBe('last-operation-failed')
    expect(typesOf(world).httpErrorCode(failure.val)).toEqual({ tag: 'connection-read-timeout' })
    expect(importsOf(world)['wasi:filesystem/types'].filesystemErrorCode(failure.val)).toBeUndefined()
    expect(await errOf(() => stream.read(1n))).toEqual({ tag: 'closed' })
  })

  it('is read on for its trailers when they are asked for', async () => {
    const world = serving({ chunks: ['one', 'two', 'three'], trailers: [['x-t', 'v']] })
    const body = (await responseOf(send(world, requestOf(world)))).consume()
    const stream = body.stream()
    expect(text(await stream.blockingRead(3n))).toBe('one')
    stream[Symbol.dispose]()
    const trailers = typesOf(world).IncomingBody.finish(body)
    await trailers.subscribe().block()
    const result = trailers.get() as { val: { val: Fields } }
    expect(result.val.val.has('X-T')).toBe(true)
    expect(trailers.get()).toEqual({ tag: 'err', val: undefined })
    await settled()
    expect(world.host.open).toBe(0)
  })

  it('that breaks off has an error where its trailers would be', async () => {
    const world = serving({ chunks: ['one'], cut: 'HTTP-response-incomplete' })
    const body = (await responseOf(send(world, requestOf(world)))).consume()
    const trailers = typesOf(world).IncomingBody.finish(body)
    expect(trailers.get()).toBeUndefined()
    await trailers.subscribe().block()
    expect(trailers.get()).toEqual({ tag: 'ok', val: { tag: 'err', val: { tag: 'HTTP-response-incomplete' } } })
  })

  it('traps when its body is finished or dropped before the stream: it is a child', async () => {
    const world = serving({ chunks: ['one'] })
    const bodies = await Promise.all([0, 1].map(async () => (await responseOf(send(world, requestOf(world)))).consume()))
    for (const body of bodies) body.stream()
    expect(() => bodies[0] && typesOf(world).IncomingBody.finish(bodies[0])).toThrow(TypeError)
    expect(() => bodies[1]?.[Symbol.dispose]()).toThrow(TypeError)
  })

  it('does not wait behind another one', async () => {
    const world = new MemoryWorld()
    const gates = new Map<string, PromiseWithResolvers<Served>>()
    world.host.intercept = async (call) => {
      if (call.op === 'http.response') await gates.get('/slow')?.promise
      return undefined
    }
    const fast = send(world, requestOf(world, { path: '/fast' }))
    await responseOf(fast)
    gates.set('/slow', Promise.withResolvers<Served>())
    const slow = send(world, requestOf(world, { path: '/slow' }))
    await settled()
    expect(slow.get()).toBeUndefined()
    gates.get('/slow')?.resolve({})
    await responseOf(slow)
  })
})

describe('serving', () => {
  it('can be linked: an outgoing response holds what it is given', async () => {
    const http = typesOf(new MemoryWorld())
    const response = new http.OutgoingResponse(new http.Fields())
    response.setStatusCode(404)
    expect(response.statusCode()).toBe(404)
    expect(await errOf(() => response.setStatusCode(42))).toBeUndefined()
    expect(response.body()).toBeDefined()
    expect(await errOf(() => response.body())).toBeUndefined()
  })
})
