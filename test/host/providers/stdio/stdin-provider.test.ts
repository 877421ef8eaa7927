import { describe, expect, test } from 'vitest'
import { createStdinProvider } from '#host/providers/stdio/stdin-provider.ts'
import { GuestSession, policyOf } from '../guest-session.ts'

type Source = Parameters<typeof createStdinProvider>[1]

const guestWith = (source: Source): GuestSession => {
  const session = new GuestSession(policyOf({}))
  session.use(createStdinProvider(session, source))
  return session
}

const read = async (session: GuestSession, length = 100): Promise<readonly [text: string, end: unknown]> => {
  const answer = await session.call('stdin.read', { length })
  return answer.ok ? [new TextDecoder().decode(answer.body), answer.value['end']] : [answer.code, undefined]
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield text(part)
}

describe('standard input', () => {
  test('comes in order, at most as much as asked for, and then ends', async () => {
    await using session = guestWith(chunks('hello ', '', 'world'))
    expect(await read(session, 4)).toEqual(['hell', false])
    expect(await read(session)).toEqual(['o ', false])
    expect(await read(session, 0)).toEqual(['', false])
    expect(await read(session)).toEqual(['world', false])
    expect(await read(session)).toEqual(['', true])
    expect(await read(session)).toEqual(['', true])
  })

  test('may be given whole, or not at all', async () => {
    await using whole = guestWith(text('all'))
    expect([await read(whole), await read(whole)]).toEqual([
      ['all', false],
      ['', true],
    ])
    await using none = guestWith(undefined)
    expect(await read(none)).toEqual(['', true])
  })

  test('is read once by reads that come at once', async () => {
    await using session = guestWith(chunks('a', 'b', 'c'))
    const got = await Promise.all([read(session), read(session), read(session), read(session)])
    expect(got.map(([part]) => part)).toEqual(['a', 'b', 'c', ''])
  })

  test('that fails ends', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield text('one')
      throw new Error('/host/path')
    }
    await using session = guestWith(failing())
    expect([await read(session), await read(session)]).toEqual([
      ['one', false],
      ['', true],
    ])
  })

  test('that never comes is let go when the session ends, and does not hold the end up', async () => {
    async function* never(): AsyncGenerator<Uint8Array> {
      await new Promise(() => undefined)
      yield text('')
    }
    const session = guestWith(never())
    const waiting = read(session)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await session[Symbol.asyncDispose]()
    expect(await waiting).toEqual(['not-permitted', undefined])
  })

  test('is handed over in buffers of its own', async () => {
    await using session = guestWith(Buffer.from('pooled'))
    const answer = await session.call('stdin.read', { length: 3 })
    expect(answer.ok && answer.body.buffer.byteLength).toBe(3)
  })
})
