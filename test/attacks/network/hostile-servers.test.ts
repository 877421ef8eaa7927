import { describe, expect, test } from 'vitest'
import { ResponseParser } from '#host/providers/http/response-parser.ts'
import { ResponseBody } from '#host/providers/http/response-body.ts'
import { redactionOf } from '#host/providers/secrets/redaction.ts'
import type { NetRule } from '#core/policy/rules.ts'
import { type HttpGuestOptions, localGuest, rawServer, type Reply, secretRule } from '../../host/providers/http/http-guest.ts'

interface Suffered {
  readonly replies: readonly Reply[]
  /** Processor time that it took, of which this thread's is the time that nobody else was served. */
  readonly cpuMs: number
}

/** What a guest gets of a server that answers each request with these pieces, and what that costs. */
const suffer = async (
  pieces: readonly (string | Buffer)[],
  requests = 1,
  { rule, ...options }: Partial<HttpGuestOptions> & { readonly rule?: Partial<NetRule> } = {},
): Promise<Suffered> => {
  await using server = await rawServer((socket) =>
    socket.once('data', () => {
      for (const piece of pieces) socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      socket.end()
    }),
  )
  await using guest = localGuest(server.port, rule, options)
  const replies: Reply[] = []
  const before = process.cpuUsage()
  for (let request = 0; request < requests; request += 1) replies.push(await guest.request())
  const { user, system } = process.cpuUsage(before)
  return { replies, cpuMs: (user + system) / 1000 }
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'

describe('E5: a server cannot keep the host busy', () => {
  const gap = ' '.repeat(16_000)

  test('with white space inside field values, in one head after the other', async () => {
    const head = `HTTP/1.1 103 Early Hints\r\nx: a${gap}b\r\ny: a${gap}b\r\n\r\n`
    const { replies, cpuMs } = await suffer([head.repeat(16), ok])
    expect(replies[0]?.body).toBe('hi')
    expect(cpuMs).toBeLessThan(1000)
  })

  test('with white space before what may not stand in a field value', async () => {
    const { replies, cpuMs } = await suffer([`HTTP/1.1 200 OK\r\nx:${gap}\x01\r\n\r\n`], 16)
    expect(replies.map(({ code }) => code)).toEqual(Array(16).fill('HTTP-protocol-error'))
    expect(cpuMs).toBeLessThan(1000)
  })

  const ones = (count: number): string => '1\r\nx\r\n'.repeat(count)
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'

  test('with a body in chunks of one byte, in each of which a secret is looked for', async () => {
    const secret = { secrets: [secretRule('key')], values: { 'env://key': 'a secret value of some length' }, rule: { secret: 'key' } }
    const { replies, cpuMs } = await suffer([chunked, ones(300_000), '0\r\n\r\n'], 1, secret)
    expect(replies[0]).toMatchObject({ code: 'ok', body: 'x'.repeat(300_000) })
    expect(cpuMs).toBeLessThan(2500)
  })

  test('chunks that came together are handed on together', () => {
    const pieces: number[] = []
    const nothing = (): void => undefined
    const parser = new ResponseParser(
      { continued: nothing, head: nothing, body: ({ length }) => void pieces.push(length), end: nothing },
      { isBodiless: false },
    )
    parser.push(Buffer.from(`${chunked}${ones(1000)}0\r\n\r\n`))
    expect(pieces).toEqual([1000])
  })

  test('nor fill its memory, with a body of single bytes that nobody reads for a while', async () => {
    const body = new ResponseBody(redactionOf([]))
    const flow = { pause: () => undefined, resume: () => undefined }
    const heapBefore = process.memoryUsage()
    // As they come when a server sends each in a packet of its own.
    for (let at = 0; at < 400_000; at += 1) body.push(Buffer.of(at), flow)
    const heapAfter = process.memoryUsage()
    expect(heapAfter.heapUsed + heapAfter.external - heapBefore.heapUsed - heapBefore.external).toBeLessThan(30_000_000)
    const cpuBefore = process.cpuUsage()
    const read: Uint8Array[] = []
    while (body.queuedBytes > 0) read.push((await body.read(1000)).bytes)
    expect(Buffer.concat(read)).toEqual(Buffer.from(Array.from({ length: 400_000 }, (_, at) => at)))
    expect(process.cpuUsage(cpuBefore).user / 1000).toBeLessThan(3000)
  })
})

describe('a server', () => {
  test('with which a connection is used a hundred times costs no listener for each', async () => {
    const warnings: string[] = []
    const warned = ({ message }: Error): unknown => warnings.push(message)
    process.on('warning', warned)
    await using server = await rawServer((socket) => socket.on('data', () => socket.write(ok)))
    await using guest = localGuest(server.port)
    for (let request = 0; request < 100; request += 1) expect((await guest.request()).body).toBe('hi')
    process.off('warning', warned)
    expect([server.connections(), warnings]).toEqual([1, []])
  })

  test.each([
    ['a space that is none before the coding', 'transfer-encoding: \xa0chunked'],
    ['a space that is none behind it', 'transfer-encoding: chunked\xa0'],
  ])('cannot write %s and have it read as chunks', async (_what, field) => {
    const { replies } = await suffer([`HTTP/1.1 200 OK\r\n${field}\r\n\r\n2\r\nhi\r\n0\r\n\r\n`])
    expect(replies[0]?.code).toMatch(/^HTTP-response-transfer-coding/)
  })

  const value = 'Zx9-a-value-of-some-length'
  test.each([
    ['a coding', `HTTP/1.1 200 OK\r\ntransfer-encoding: ${value}\r\n\r\n`],
    ['the name of a field that is too long', `HTTP/1.1 200 OK\r\n${value}: ${'a'.repeat(20_000)}\r\n\r\n`],
  ])('cannot have a secret that it was sent told as %s', async (_what, answer) => {
    const secret = { secrets: [secretRule('key')], values: { 'env://key': value } }
    await using server = await rawServer((socket) => socket.once('data', () => socket.end(answer)))
    await using guest = localGuest(server.port, { secret: 'key' }, secret)
    const { code } = await guest.request()
    expect(code).toMatch(/^HTTP-response-(?:transfer-coding|header-size)/)
    expect(`${code} ${JSON.stringify(guest.session.summaries)}`.toLowerCase()).not.toContain(value.toLowerCase())
  })
})
