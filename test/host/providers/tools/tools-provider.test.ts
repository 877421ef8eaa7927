import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ToolRule } from '#core/policy/rules.ts'
import { type Tool, tool } from '#host/providers/tools/tool.ts'
import { createToolsProvider, type ToolsOptions } from '#host/providers/tools/tools-provider.ts'
import { GuestSession, policyOf } from '../guest-session.ts'

const rule = (name: string): ToolRule => ({ kind: 'tool', origin: 'test', name })

const guestWith = (tools: Readonly<Record<string, Tool>>, granted = Object.keys(tools), options: ToolsOptions = {}): GuestSession => {
  const session = new GuestSession(policyOf({ tools: granted.map(rule) }))
  session.use(createToolsProvider(session, new Map(Object.entries(tools)), granted, options))
  return session
}

/** The JSON a tool gave, or the code of the refusal. */
const call = async (session: GuestSession, name: string, input: unknown): Promise<unknown> => callText(session, name, JSON.stringify(input))

const callText = async (session: GuestSession, name: string, body: string | Uint8Array): Promise<unknown> => {
  const answer = await session.call('tool.call', { name }, body)
  return answer.ok ? JSON.parse(new TextDecoder().decode(answer.body)) : answer.code
}

const add = tool({ description: 'adds', input: z.object({ a: z.number(), b: z.number().default(1) }), run: ({ a, b }) => ({ sum: a + b }) })

describe('a tool', () => {
  test('gets its input checked and typed, and its result comes back as JSON', async () => {
    await using session = guestWith({ add })
    expect(await call(session, 'add', { a: 2, b: 3 })).toEqual({ sum: 5 })
    expect(await call(session, 'add', { a: 2 })).toEqual({ sum: 3 })
  })

  test('is listed with a JSON Schema when it is granted, and not otherwise', async () => {
    await using session = guestWith({ add, hidden: add }, ['add'])
    const listed = await session.call('tool.list', {})
    expect(listed.ok && listed.value['tools']).toMatchObject([
      { name: 'add', description: 'adds', inputSchema: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] } },
    ])
    expect(await call(session, 'hidden', { a: 1 })).toBe('not-permitted')
  })

  test('that is granted but does not exist is unknown', async () => {
    await using session = guestWith({}, ['gone'])
    expect(await call(session, 'gone', {})).toBe('unknown')
    const listed = await session.call('tool.list', {})
    expect(listed.ok && listed.value['tools']).toEqual([])
  })

  test('may be asynchronous, and may give nothing', async () => {
    await using session = guestWith({ nothing: tool({ input: z.null(), run: async () => undefined }) })
    expect(await call(session, 'nothing', null)).toBeNull()
  })

  test('knows its session, its call and the signal', async () => {
    let seen: unknown
    await using session = guestWith({ see: tool({ input: z.null(), run: (_input, context) => void (seen = context) }) })
    await call(session, 'see', null)
    expect(seen).toMatchObject({ sessionId: 'session-1', callId: expect.stringMatching(/./), signal: session.signal })
  })

  test('whose schema has no JSON form is still listed', async () => {
    const odd = tool({ input: z.custom<string>((value) => value === 'x'), run: () => 1 })
    await using session = guestWith({ odd })
    const listed = await session.call('tool.list', {})
    expect(listed.ok && listed.value['tools']).toMatchObject([{ name: 'odd' }])
  })
})

describe('what a guest sends', () => {
  let runs = 0
  const any = tool({ input: z.any(), run: () => (runs += 1) })

  test.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['a thousand levels', '['.repeat(1000) + ']'.repeat(1000)],
    ['a hundred thousand levels', '['.repeat(100_000)],
    ['a prototype', '{"__proto__": {"isAdmin": true}}'],
    ['a prototype deep down', '[{"a": {"__proto__": 1}}]'],
  ])('%s is invalid input and the tool does not run', async (_name, body) => {
    await using session = guestWith({ any })
    const before = runs
    expect(await callText(session, 'any', body)).toBe('invalid-input')
    expect(runs).toBe(before)
  })

  test('brackets inside strings are no levels', async () => {
    await using session = guestWith({ any })
    expect(await call(session, 'any', { text: '[{"\\'.repeat(1000) })).toBe(runs)
  })

  test('what the schema refuses, or chokes on, is invalid input', async () => {
    const throws = tool({ input: z.string().refine(() => expect.unreachable()), run: () => 1 })
    await using session = guestWith({ add, throws })
    expect(await call(session, 'add', { a: 'x' })).toBe('invalid-input')
    expect(await call(session, 'throws', 'x')).toBe('invalid-input')
  })

  test('more than the tool takes is too large, more than the session may still send is not permitted', async () => {
    await using session = guestWith({ any }, ['any'], { maxInputBytes: 100 })
    expect(await call(session, 'any', 'x'.repeat(200))).toBe('too-large')
    session.egressLeft = 10
    expect(await call(session, 'any', 'x'.repeat(50))).toBe('not-permitted')
  })
})

describe('what goes wrong in a tool', () => {
  test('is `failed` to the guest, with no word of what was thrown', async () => {
    const boom = (thrown: unknown): Tool =>
      tool({
        input: z.null(),
        run: () => {
          throw thrown
        },
      })
    const throws = (): never => {
      throw new Error('password')
    }
    const tools = {
      error: boom(new Error('/etc/secret path')),
      text: boom('password'),
      nothing: boom(undefined),
      nameless: boom(Object.assign(new Error('password'), { name: 7 })),
      trap: boom(new Proxy(new Error('password'), { get: throws, getPrototypeOf: throws })),
    }
    await using session = guestWith({
      ...tools,
      rejects: tool({ input: z.null(), run: () => Promise.reject(new Error('db://user:pass@host')) }),
    })
    for (const name of [...Object.keys(tools), 'rejects']) {
      const answer = await session.call('tool.call', { name }, 'null')
      expect(answer).toMatchObject({ ok: false, code: 'failed' })
      expect(JSON.stringify(answer)).not.toMatch(/secret|password|pass@/)
    }
  })

  test('a result that is no JSON, or too large, is not given', async () => {
    const loop: { self?: unknown } = {}
    loop.self = loop
    const of = (result: unknown): Tool => tool({ input: z.null(), run: () => result })
    await using session = guestWith({ loop: of(loop), big: of(1n), code: of(() => 1), long: of('x'.repeat(300_000)) })
    expect(await call(session, 'loop', null)).toBe('failed')
    expect(await call(session, 'big', null)).toBe('failed')
    expect(await call(session, 'code', null)).toBe('failed')
    expect(await call(session, 'long', null)).toBe('too-large')
  })

  test('a tool that never returns is let go when the session ends', async () => {
    await using session = guestWith({ waits: tool({ input: z.null(), run: () => new Promise(() => undefined) }) })
    const waiting = call(session, 'waits', null)
    await new Promise((resolve) => setTimeout(resolve, 20))
    session.abort()
    expect(await waiting).toBe('failed')
    expect(await call(session, 'waits', null)).toBe('failed')
  })
})
