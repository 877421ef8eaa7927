import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NetRule } from '#core/policy/rules.ts'
import { netRule } from '../../host/providers/guest-session.ts'
import {
  bodyOf,
  type HttpGuest,
  httpGuest,
  httpServer,
  localGuest,
  loopback,
  rawServer,
  secretRule,
} from '../../host/providers/http/http-guest.ts'

const value = 's3cr3t/+value&more:"pass"'
const secrets = { secrets: [secretRule('key')], values: { 'env://key': value } }

/** What a server does that nobody should get to: an attack that succeeds is then soon over. */
const hangUp = (socket: Socket): unknown => socket.destroy()

/** A guest whose requests to the port carry the secret `key`. */
const trusted = (port: number, more: Partial<NetRule> = {}): HttpGuest => localGuest(port, { secret: 'key', ...more }, secrets)
/** A guest that has the secret, and may reach the port without it. */
const untrusted = (port: number): HttpGuest => localGuest(port, {}, secrets)

const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe('C1: the value goes where its binding says, and nowhere else', () => {
  test('the host sets the header over whatever the guest sent, once', async () => {
    await using server = await httpServer((request, response) => {
      const sent = request.rawHeaders.filter((_, index) => request.rawHeaders[index - 1]?.toLowerCase() === 'authorization')
      response.end(String(sent.length === 1 && sent[0] === `Bearer ${value}`))
    })
    await using guest = trusted(server.port)
    const placeholder = await guest.placeholder()
    expect(placeholder).toMatch(/^cordon-secret-[0-9a-f]{32}$/)
    for (const headers of [
      [],
      [['authorization', `Bearer ${placeholder}`]],
      [['AUTHORIZATION', 'guess']],
      [
        ['authorization', 'one'],
        ['Authorization', 'two'],
      ],
    ] as [string, string][][]) {
      expect((await guest.request({ headers })).body).toBe('true')
    }
  })

  test('a spelling of the header that servers may take for it does not get past', async () => {
    await using server = await httpServer((request, response) => response.end(JSON.stringify(request.headers)))
    await using guest = localGuest(
      server.port,
      { secret: 'key' },
      {
        ...secrets,
        secrets: [secretRule('key', { inject: { header: 'X-Api-Key', format: '{secret}' } })],
      },
    )
    const reply = await guest.request({
      headers: [
        ['x_api_key', 'mine'],
        ['x.api.key', 'mine'],
      ],
    })
    expect(reply.body).not.toContain('mine')
  })

  test('`$&` and other patterns of replacement in a value mean nothing', async () => {
    const odd = "$&$1$$`$'-secret"
    await using server = await httpServer((request, response) => response.end(String(request.headers['authorization'] === `Bearer ${odd}`)))
    await using guest = localGuest(server.port, { secret: 'key' }, { ...secrets, values: { 'env://key': odd } })
    expect((await guest.request()).body).toBe('true')
  })

  test('placeholders differ for every session and secret', async () => {
    const of = (): HttpGuest => localGuest(1, {}, { ...secrets, secrets: [secretRule('key'), secretRule('other')] })
    await using one = of()
    await using two = of()
    const all = [await one.placeholder(), await one.placeholder('other'), await two.placeholder()]
    expect(new Set(all).size).toBe(3)
    expect(await one.placeholder()).toBe(all[0])
    expect(await one.placeholder('none')).toBe('not-permitted')
  })

  test('a secret that cannot be read, is too short or would split the header refuses the request, without saying more', async () => {
    await using server = await rawServer(hangUp)
    for (const bad of [undefined, '', 'short', 'one\r\nx-injected: two', 'nul\0nulnul', 'x'.repeat(10_000)]) {
      const values: Record<string, string> = bad === undefined ? {} : { 'env://key': bad }
      await using guest = localGuest(server.port, { secret: 'key' }, { ...secrets, values })
      expect((await guest.request()).code).toBe('configuration-error')
      expect(JSON.stringify(guest.session.summaries)).not.toMatch(/injected|nulnul/)
    }
    expect(server.connections()).toBe(0)
  })

  test('a rule that names a secret without a binding is refused', async () => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(server.port, { secret: 'key' }, { ...secrets, secrets: [secretRule('key', { inject: undefined })] })
    expect((await guest.request()).code).toBe('configuration-error')
    await using stranger = localGuest(server.port, { secret: 'unknown' }, secrets)
    expect((await stranger.request()).code).toBe('configuration-error')
    expect(server.connections()).toBe(0)
  })
})

describe('C2, C3: a placeholder where it does not belong stops the request, loudly', () => {
  test('at a server it is not for, in any header', async () => {
    await using server = await rawServer(hangUp)
    await using guest = untrusted(server.port)
    const placeholder = await guest.placeholder()
    for (const name of ['authorization', 'cookie', 'x-anything']) {
      expect((await guest.request({ headers: [[name, `Bearer ${placeholder}`]] })).code).toBe('HTTP-request-denied')
    }
    expect(server.connections()).toBe(0)
  })

  test('at its own server in another header, in the target, or in the place of another secret', async () => {
    await using server = await rawServer(hangUp)
    await using guest = localGuest(
      server.port,
      { secret: 'key' },
      { secrets: [secretRule('key'), secretRule('other')], values: secrets.values },
    )
    const mine = await guest.placeholder()
    const other = await guest.placeholder('other')
    expect((await guest.request({ headers: [['x-key', mine]] })).code).toBe('HTTP-request-denied')
    expect((await guest.request({ headers: [['authorization', `Bearer ${other}`]] })).code).toBe('HTTP-request-denied')
    expect((await guest.request({ pathWithQuery: `/${mine}` })).code).toBe('HTTP-request-denied')
    expect((await guest.request({ pathWithQuery: `/?key=${mine}` })).code).toBe('HTTP-request-denied')
    expect((await guest.request({ headers: [[mine, 'x']] })).code).toBe('HTTP-request-denied')
    expect(server.connections()).toBe(0)
  })

  test('one of no session of ours', async () => {
    await using server = await rawServer(hangUp)
    await using guest = trusted(server.port)
    const stranger = `cordon-secret-${'0'.repeat(32)}`
    expect((await guest.request({ headers: [['authorization', `Bearer ${stranger}`]] })).code).toBe('HTTP-request-denied')
    expect(server.connections()).toBe(0)
  })
})

describe('C4: encoded and split placeholders', () => {
  const percent = (text: string): string => Array.from(text, (character) => `%${character.charCodeAt(0).toString(16)}`).join('')
  const encodings: readonly (readonly [string, (text: string) => string])[] = [
    ['percent-encoded', percent],
    ['percent-encoded in part', (text) => text.replace('-secret-', '%2Dsecret%2d')],
    ['base64', base64],
    ['base64 behind a user name', (text) => base64(`user:${text}`)],
    ['base64 behind one more byte', (text) => base64(`u${text}`)],
    ['base64 within JSON', (text) => base64(JSON.stringify({ key: text }))],
  ]

  test.each(encodings)('%s, in header, query and body', async (_name, encode) => {
    await using server = await httpServer(
      (request, response) =>
        void bodyOf(request).then(
          () => response.end(),
          () => undefined,
        ),
    )
    await using guest = untrusted(server.port)
    const text = encode(await guest.placeholder())
    expect((await guest.request({ headers: [['x-a', text]] })).code).toBe('HTTP-request-denied')
    expect((await guest.request({ pathWithQuery: `/?a=${text}` })).code).toBe('HTTP-request-denied')
    expect((await guest.request({ method: 'POST', body: [`{"a":"${text}"}`] })).code).toBe('HTTP-request-denied')
    for (const at of [1, 7, Math.floor(text.length / 2), text.length - 1]) {
      expect((await guest.request({ method: 'POST', body: [text.slice(0, at), text.slice(at)] })).code).toBe('HTTP-request-denied')
    }
    expect((await guest.request({ method: 'POST', body: text.split('') })).code).toBe('HTTP-request-denied')
  })

  test('percent-encoded twice in the query', async () => {
    await using server = await rawServer(hangUp)
    await using guest = untrusted(server.port)
    const twice = percent(await guest.placeholder()).replaceAll('%', '%25')
    expect((await guest.request({ pathWithQuery: `/?a=${twice}` })).code).toBe('HTTP-request-denied')
  })

  test('a refused body never reaches the server whole', async () => {
    let got = ''
    await using server = await httpServer((request) => void request.on('data', (chunk) => (got += String(chunk))))
    await using guest = untrusted(server.port)
    const placeholder = await guest.placeholder()
    await guest.request({ method: 'POST', body: ['before ', placeholder.slice(0, 30), placeholder.slice(30), ' after'] })
    expect(got).not.toContain(placeholder)
    expect(got).not.toContain('after')
  })
})

describe('C5: a server that echoes the credential', () => {
  const renderings: readonly (readonly [string, string])[] = [
    ['as it is', value],
    ['URL-encoded', encodeURIComponent(value)],
    ['URL-encoded in lower case', encodeURIComponent(value).replace(/%../g, (escape) => escape.toLowerCase())],
    ['as a form field', new URLSearchParams({ v: value }).toString()],
    ['in JSON', JSON.stringify({ value })],
    ['in base64', base64(value)],
    ['in base64 behind a user name', base64(`user:${value}`)],
    ['in base64 behind a longer name', base64(`user1:${value}`)],
    ['in base64 between other text', base64(`ab${value}cd`)],
    ['in base64url', Buffer.from(`?>${value}`).toString('base64url')],
    ['in hex', Buffer.from(value).toString('hex')],
    ['in hex with upper-case letters', Buffer.from(value).toString('hex').toUpperCase()],
    ['URL-encoded twice', encodeURIComponent(encodeURIComponent(value))],
    ['URL-encoded but for slashes', encodeURIComponent(value).replaceAll('%2F', '/')],
    ['in JSON that is safe in HTML', JSON.stringify({ value }).replace(/[&<>'+=]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
    ['in JSON that is safe in HTML, escaping slashes', JSON.stringify({ value }).replaceAll('/', '\\/').replaceAll('&', '\\u0026')],
    ['in JSON within JSON', JSON.stringify(JSON.stringify({ value }))],
    ['in HTML with numbers', value.replace(/[&"/]/g, (c) => `&#${c.charCodeAt(0)};`)],
    ['in HTML with hexadecimal numbers', value.replace(/[&"/+]/g, (c) => `&#x${c.charCodeAt(0).toString(16).toUpperCase()};`)],
    ['in UTF-16', Buffer.from(value, 'utf16le').toString('latin1')],
    ['in HTML', value.replaceAll('&', '&amp;').replaceAll('"', '&quot;')],
  ]

  test.each(renderings)('%s: masked in body and headers, with its length kept', async (_name, rendering) => {
    await using server = await httpServer((_request, response) => {
      // Not every rendering can stand in a header.
      if (!rendering.includes('\0')) response.setHeader('x-echo', rendering).setHeader('location', `https://x.example/?k=${rendering}`)
      response.end(`before ${rendering} after`)
    })
    await using guest = trusted(server.port)
    const reply = await guest.request()
    expect(reply.code).toBe('ok')
    expect(reply.body).toHaveLength(`before ${rendering} after`.length)
    expect(reply.body).toMatch(/^before .*\*{10,}.* after$/)
    expect(JSON.stringify([reply.body, reply.headers])).not.toContain(JSON.stringify(rendering).slice(1, -1))
  })

  test('split over chunks at every place, and in trailers', async () => {
    await using server = await rawServer((socket) => {
      const send = async (): Promise<void> => {
        socket.setNoDelay().write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
        // Each in a packet of its own: what comes together is put together before it is looked at.
        for (const character of `<${value}>`) {
          socket.write(`1\r\n${character}\r\n`)
          await sleep(2)
        }
        socket.write(`0\r\nx-echo: ${value}\r\n\r\n`)
      }
      socket.once('data', () => void send())
    })
    await using guest = trusted(server.port)
    expect(await guest.request()).toMatchObject({ code: 'ok', body: `<${'*'.repeat(value.length)}>` })
  })

  test('property: however it is cut, the masked stream is the masked whole', async () => {
    await using guest = trusted(1)
    await guest.placeholder()
    const { createSecretVault } = await import('#host/providers/secrets/secret-vault.ts')
    const vault = createSecretVault(guest.session, secrets.secrets, async () => value)
    await vault.injection('key')
    const part = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom(value, value.slice(0, 9), value.slice(5), base64(value), encodeURIComponent(value)),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 10 }), (parts, cuts) => {
        const whole = Buffer.from(parts.join(''))
        const masked = vault.redaction()
        const expected = Buffer.concat([masked.push(whole), masked.end()])
        const split = vault.redaction()
        const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length]
        const pieces = places.slice(1).map((end, index) => split.push(whole.subarray(places[index], end)))
        const shown = Buffer.concat([...pieces, split.end()])
        expect(shown.equals(expected)).toBe(true)
        expect(shown).toHaveLength(whole.length)
        expect(shown.includes(value)).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('packed: a guest cannot ask for it, and a server that packs all the same is refused', async () => {
    await using server = await httpServer((request, response) => {
      if (request.url === '/asked') response.end(request.headers['accept-encoding'])
      else response.setHeader('content-encoding', 'gzip').end(gzipSync(value))
    })
    await using guest = trusted(server.port)
    expect((await guest.request({ pathWithQuery: '/asked', headers: [['Accept-Encoding', 'gzip']] })).body).toBe('identity')
    expect((await guest.request()).code).toBe('HTTP-response-content-coding')
  })

  test('in parts: a guest cannot ask for a range of it', async () => {
    await using server = await httpServer((request, response) => response.end(String(request.headers['range'])))
    await using guest = trusted(server.port)
    expect(
      (
        await guest.request({
          headers: [
            ['Range', 'bytes=0-3'],
            ['if-range', 'x'],
          ],
        })
      ).body,
    ).toBe('undefined')
  })

  test('the user and password that a Basic credential encodes are masked too', async () => {
    const credential = base64('robot:correct-horse')
    await using server = await httpServer((_request, response) => response.end('robot:correct-horse and correct-horse'))
    await using guest = localGuest(
      server.port,
      { secret: 'key' },
      {
        secrets: [secretRule('key', { inject: { header: 'authorization', format: 'Basic {secret}' } })],
        values: { 'env://key': credential },
      },
    )
    expect((await guest.request()).body).toBe(`${'*'.repeat(19)} and ${'*'.repeat(13)}`)
  })

  test('by another server later in the session', async () => {
    await using own = await httpServer((_request, response) => response.end())
    await using other = await httpServer((_request, response) => response.end(value))
    await using guest = httpGuest({ rules: [netRule(loopback, own.port, { secret: 'key' }), netRule(loopback, other.port)], ...secrets })
    await guest.request({ authority: `127.0.0.1:${own.port}` })
    expect((await guest.request({ authority: `127.0.0.1:${other.port}` })).body).toBe('*'.repeat(value.length))
  })

  test('an event stream is not held back when nothing of it looks like a secret', async () => {
    await using server = await rawServer((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\ndata: one\n\n'))
    await using guest = trusted(server.port)
    const started = await guest.start()
    if (!started.ok) throw new Error(started.code)
    await guest.session.call('http.response', { handle: started.handle })
    const chunk = await guest.session.call('http.read', { handle: started.handle, length: 100 })
    expect(chunk.ok && Buffer.from(chunk.body).toString()).toBe('data: one\n\n')
  })
})

describe('C6: in the clear', () => {
  test('a secret is not sent over http, but to a loopback address that the rule names', async () => {
    await using server = await rawServer(hangUp)
    const wide = netRule({ kind: 'cidr', bytes: [0, 0, 0, 0], prefix: 0, text: '0.0.0.0/0' }, server.port, { secret: 'key' })
    await using anywhere = httpGuest({ rules: [wide], authority: `127.0.0.1:${server.port}`, ...secrets })
    expect((await anywhere.request()).code).toBe('HTTP-request-denied')
    const named = netRule({ kind: 'name', name: 'api.example.com' }, 80, { secret: 'key' })
    await using public_ = httpGuest({ rules: [named], authority: 'api.example.com:80', resolve: async () => ['93.184.215.14'], ...secrets })
    expect((await public_.request()).code).toBe('HTTP-request-denied')
    expect(server.connections()).toBe(0)
  })
})

test('C1, C7: no answer, summary or error of a whole session holds the value', async () => {
  await using server = await httpServer((request, response) => {
    response.statusCode = request.url === '/fail' ? 500 : 200
    response.end(JSON.stringify(request.rawHeaders))
  })
  await using guest = trusted(server.port)
  const seen = [
    await guest.request(),
    await guest.request({ pathWithQuery: '/fail' }),
    await guest.request({ headers: [['x', await guest.placeholder()]] }),
    await guest.request({ method: 'POST', body: ['x'], headers: [['content-length', '5']] }),
    guest.session.summaries,
  ]
  const text = JSON.stringify(seen)
  expect(text).toContain('****')
  for (const form of [value, JSON.stringify(value).slice(1, -1), base64(value), encodeURIComponent(value)]) expect(text).not.toContain(form)
})
