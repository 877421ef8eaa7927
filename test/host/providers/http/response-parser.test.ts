import { request } from 'node:http'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { GuestFault } from '#host/broker/provider.ts'
import { ResponseParser } from '#host/providers/http/response-parser.ts'
import { rawServer } from './http-guest.ts'

interface Told {
  status: number
  headers: readonly (readonly [string, string])[]
  body: string
  trailers: readonly (readonly [string, string])[] | undefined
  failure: string | undefined
}

/** What the parser makes of a response that comes in these pieces and then ends. */
const parsed = (pieces: readonly Buffer[]): Told => {
  const told: Told = { status: 0, headers: [], body: '', trailers: undefined, failure: undefined }
  const parser = new ResponseParser(
    {
      continued: () => undefined,
      head: (status, headers) => Object.assign(told, { status, headers }),
      body: (bytes) => (told.body += bytes.toString('latin1')),
      end: (trailers) => (told.trailers = trailers),
    },
    { isBodiless: false },
  )
  try {
    for (const piece of pieces) parser.push(piece)
    parser.finish()
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error
    told.failure = error.code
  }
  return told
}

const part = fc.constantFrom(
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 103 Early Hints\r\n\r\n',
  'HTTP/1.0 200\r\n',
  'HTTP/1.1 204 None\r\n',
  'content-length: 3\r\n',
  'content-length: 3\r\n',
  'Content-Length: +3\r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding: chunked\r\n',
  'Transfer-Encoding: gzip\r\n',
  'x: y\r\n',
  'x : y\r\n',
  ' folded\r\n',
  'bare: lf\n',
  '\r\n',
  '\r\n',
  '\n',
  'abc',
  '3\r\nabc\r\n',
  '3;ext=1\r\nabc\r\n',
  '03\r\nabc\r\n',
  '3 \r\nabc\r\n',
  '0x3\r\nabc\r\n',
  '0\r\n',
  '0\r\n\r\n',
)
const response = fc
  .tuple(fc.constantFrom('HTTP/1.1 200 OK\r\n', ''), fc.array(part, { maxLength: 8 }))
  .map(([head, parts]) => Buffer.from(head + parts.join(''), 'latin1'))

test('property: however a response is cut into pieces, it is the same response', () => {
  fc.assert(
    fc.property(response, fc.array(fc.nat(200), { maxLength: 12 }), (bytes, cuts) => {
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
      const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
      expect(parsed(pieces)).toEqual(parsed([bytes]))
      expect(parsed(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(parsed([bytes]))
    }),
    { numRuns: 2000 },
  )
})

/** The response alone, without what stands behind it: there Node gives up, and we part from the connection. */
const withoutSurplus = (bytes: Buffer): Buffer => {
  const { headers, status } = parsed([bytes])
  if (status !== 204 && !headers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name))) return bytes
  let length = 0
  while (parsed([bytes.subarray(0, length)]).trailers === undefined) length += 1
  return bytes.subarray(0, length)
}

test('property: what it takes, the parser of Node takes for the same: status, fields and body', async () => {
  let answer: Buffer = Buffer.alloc(0)
  await using server = await rawServer((socket) => socket.once('data', () => socket.end(answer)))
  const asNode = (): Promise<Pick<Told, 'status' | 'body' | 'headers'> | undefined> =>
    new Promise((resolve) => {
      const sent = request({ port: server.port, host: '127.0.0.1', agent: false }, (message) => {
        let body = ''
        const { rawHeaders } = message
        const headers = rawHeaders.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : []))
        message.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
        message.on('error', () => resolve(undefined))
        message.on('end', () => resolve({ status: message.statusCode ?? 0, body, headers }))
      })
      sent.on('error', () => resolve(undefined)).end()
    })
  let taken = 0
  await fc.assert(
    fc.asyncProperty(response, async (bytes) => {
      const ours = parsed([bytes])
      if (ours.failure !== undefined) return
      taken += 1
      answer = withoutSurplus(bytes)
      const { status, body, headers } = ours
      expect(await asNode()).toEqual({ status, body, headers })
    }),
    { numRuns: 3000 },
  )
  expect(taken).toBeGreaterThan(50)
}, 60_000)
