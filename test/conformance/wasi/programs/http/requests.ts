import { getEnvironment } from 'wasi:cli/environment@0.2.12'
import { handle } from 'wasi:http/outgoing-handler@0.2.12'
import {
  Fields,
  IncomingBody,
  OutgoingBody,
  OutgoingRequest,
  RequestOptions,
  type IncomingResponse,
  type Method,
} from 'wasi:http/types@0.2.12'
import { bytes, errOf, holds, inTurn, same, text } from '../check.ts'

interface Sent {
  readonly method?: Method
  readonly path: string
  readonly headers?: [string, Uint8Array][]
  readonly body?: string
  readonly trailers?: [string, Uint8Array][]
}

const server = (name: string): string => getEnvironment().find(([key]) => key === `HTTP_SERVER_${name}`)?.[1] ?? ''

const requestOf = ({ method, path, headers }: Sent, authority: string): OutgoingRequest => {
  const request = new OutgoingRequest(Fields.fromList(headers ?? []))
  request.setMethod(method ?? { tag: 'get' })
  request.setScheme({ tag: 'HTTP' })
  request.setAuthority(authority)
  request.setPathWithQuery(path)
  return request
}

/** Gives a resource back: the types know nothing of it, the engine does. */
const release = (resource: object): void => (resource as Partial<Disposable>)[Symbol.dispose]?.()

const answered = (sent: Sent, name = 'MAIN'): IncomingResponse => {
  const request = requestOf(sent, server(name))
  const options = new RequestOptions()
  options.setConnectTimeout(10_000_000_000n)
  options.setFirstByteTimeout(10_000_000_000n)
  if (sent.method?.tag !== 'post' && sent.method?.tag !== 'put') return settled(handle(request, options))
  // The body belongs to the request: it has to be asked for before the request is handed over.
  const out = request.body()
  const future = handle(request, options)
  const stream = out.write()
  if (sent.body !== undefined) stream.blockingWriteAndFlush(bytes(sent.body))
  release(stream)
  OutgoingBody.finish(out, sent.trailers === undefined ? undefined : Fields.fromList(sent.trailers))
  return settled(future)
}

const settled = (future: ReturnType<typeof handle>): IncomingResponse => {
  future.subscribe().block()
  const got = future.get()
  if (got?.tag !== 'ok') throw new Error('expected a response that nobody has taken')
  if (got.val.tag !== 'ok') throw new Error(`expected a response, got ${JSON.stringify(got.val.val)}`)
  same(future.get()?.tag, 'err', 'a response that is taken twice')
  return got.val.val
}

const read = (response: IncomingResponse): { readonly body: string; readonly trailers: Fields | undefined } => {
  const incoming = response.consume()
  const stream = incoming.stream()
  const parts: string[] = []
  try {
    for (;;) parts.push(text(stream.blockingRead(65_536n)))
  } catch {
    release(stream)
  }
  const future = IncomingBody.finish(incoming)
  future.subscribe().block()
  const got = future.get()
  if (got?.tag !== 'ok' || got.val.tag !== 'ok') throw new Error('expected the end of the body')
  return { body: parts.join(''), trailers: got.val.val }
}

const headerOf = (fields: Fields, name: string): readonly string[] => fields.get(name).map(text)

const statuses = (): void => {
  for (const [path, status, body] of [
    ['/ok', 200, 'fine'],
    ['/teapot', 418, ''],
    ['/boom?x=1', 500, 'nope'],
    ['/missing', 404, ''],
  ] as const) {
    const response = answered({ path })
    same(response.status(), status, `status of ${path}`)
    same(read(response).body, body, `body of ${path}`)
  }
}

const methods = (): void => {
  for (const method of ['get', 'put', 'delete', 'options', 'patch', 'head'] as const) {
    same(answered({ method: { tag: method }, path: '/method', body: '' }).status(), 200, method)
  }
}

const headers = (): void => {
  const sent: [string, Uint8Array][] = [
    ['x-one', bytes('1')],
    ['x-two', bytes('a, b')],
  ]
  const response = answered({ path: '/headers', headers: sent })
  same(headerOf(response.headers(), 'x-echo-x-one'), ['1'], 'a header')
  same(headerOf(response.headers(), 'x-echo-x-two'), ['a, b'], 'another header')
  same(headerOf(response.headers(), 'x-request-path'), ['/headers'], 'the path')
  same(headerOf(response.headers(), 'x-echo-host'), [server('MAIN')], 'the host')
  for (const name of ['host', 'connection', 'transfer-encoding', 'keep-alive', 'upgrade']) {
    same(
      errOf(() => Fields.fromList([[name, bytes('x')]])),
      { tag: 'forbidden' },
      name,
    )
  }
  same(
    errOf(() => Fields.fromList([['x y', bytes('x')]])),
    { tag: 'invalid-syntax' },
    'a name with a space',
  )
  same(
    errOf(() => Fields.fromList([['x', bytes('a\r\nb: c')]])),
    { tag: 'invalid-syntax' },
    'a value with a line end',
  )
}

const bodies = (): void => {
  const response = answered({ method: { tag: 'post' }, path: '/echo', body: 'hello, echo' })
  same(read(response).body, 'hello, echo', 'what was sent')
  const empty = answered({ method: { tag: 'post' }, path: '/echo' })
  same(read(empty).body, '', 'nothing')
}

const trailers = (): void => {
  const chunked = read(answered({ path: '/chunked' }))
  same(chunked.body, 'one two', 'chunks')
  same(chunked.trailers === undefined ? [] : headerOf(chunked.trailers, 'x-checksum'), ['abc123'], 'a trailer that came')
  const echoed = answered({ method: { tag: 'post' }, path: '/headers', body: 'x', trailers: [['x-sum', bytes('7')]] })
  same(headerOf(echoed.headers(), 'x-trailer-x-sum'), ['7'], 'a trailer that was sent')
}

const failures = (): void => {
  const refused = handle(requestOf({ path: '/' }, server('DEAD')), undefined)
  refused.subscribe().block()
  const got = refused.get()
  same(got?.tag === 'ok' && got.val.tag === 'err' && got.val.val.tag, 'connection-refused', 'nobody there')
  const [host] = server('MAIN').split(':')
  const denied = errOf(() => {
    const future = handle(requestOf({ path: '/' }, `${host}:1`), undefined)
    future.subscribe().block()
    const reply = future.get()
    if (reply?.tag === 'ok' && reply.val.tag === 'err') throw Object.assign(new Error('denied'), { payload: reply.val.val })
  })
  same(denied, { tag: 'HTTP-request-denied' }, 'what is not granted')
}

export const run = (): string => {
  holds(server('MAIN') !== '', 'the server')
  return inTurn({ statuses, methods, headers, bodies, trailers, failures })
}
