import { expect, test } from 'vitest'
import { defaultLimits, type Limits } from '#core/budget/limits.ts'
import type { AuditEvent } from '#core/audit/record.ts'
import { CordonError } from '#core/errors.ts'
import type { Granted } from '#core/policy/grant.ts'
import type { EffectivePolicy, FsRule, RuleSet } from '#core/policy/rules.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import { noRules } from '#core/policy/grants.ts'
import { Broker } from '#host/broker/broker.ts'
import { GuestFault, type OpenHandle, type Provider } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'

const rule = (guestPath: string): FsRule => ({
  kind: 'fs',
  origin: 'test',
  guestPath,
  mode: 'rw',
  hostPath: '/nowhere',
  quotaBytes: undefined,
  quotaEntries: undefined,
  mountKind: 'live',
})
const rules = (fs: readonly FsRule[]): RuleSet => ({ ...noRules, fs })

const policy = (limits: Partial<Limits> = {}): EffectivePolicy => ({
  agent: 'a',
  requests: rules([rule('/in')]),
  grants: rules([rule('/in')]),
  denies: rules([]),
  limits: { ...defaultLimits, ...limits },
  digest: 'd',
})

/** A log in memory that notes in which order it was used, and can be told to fail. */
class Recorder implements AuditSink {
  readonly events: (AuditEvent & { readonly durable: boolean })[] = []
  failed = false
  failNext = false
  append(event: AuditEvent, { durable }: { readonly durable: boolean }): Promise<{ seq: number; hash: string; callId: string }> {
    if (this.failNext || this.failed) {
      this.failed = true
      return Promise.reject(new CordonError('audit.failed', 'the disk is gone'))
    }
    this.events.push({ ...event, durable })
    return Promise.resolve({ seq: this.events.length, hash: 'h', callId: 'call' in event ? event.call : '' })
  }
}

interface Act {
  readonly what: string
  readonly recordedBefore: number
}

const openCall = (path: string): Call => ({
  op: 'fs.open',
  args: {
    dir: 0,
    path,
    followLinks: false,
    create: false,
    exclusive: false,
    truncate: false,
    directory: false,
    read: true,
    write: false,
    sync: 'none',
  },
  body: new Uint8Array(),
})
const mkdirCall = (path: string): Call => ({ op: 'fs.mkdir', args: { dir: 0, path }, body: new Uint8Array() })

/** A provider of files that are not there: it plans as the real one does and notes what it was made to do. */
class NotingProvider implements Provider {
  readonly ops = ['fs.open', 'fs.mkdir', 'fs.read', 'fs.close'] as const
  readonly acts: Act[] = []
  readonly grants: Granted[] = []
  closed = 0
  readonly #log: Recorder
  fault: Error | undefined
  egressBytes = 0

  constructor(log: Recorder) {
    this.#log = log
  }

  plan(call: Call): ReturnType<Provider['plan']> {
    if (call.op === 'fs.open')
      return {
        kind: 'capability',
        capability: { action: 'fs:read', mount: call.args.path.startsWith('/in') ? '/in' : '/', path: call.args.path },
        effect: 'read',
      }
    if (call.op === 'fs.mkdir')
      return {
        kind: 'capability',
        capability: { action: 'fs:write', mount: '/in', path: call.args.path },
        effect: 'external',
        egressBytes: this.egressBytes,
      }
    if (call.op === 'fs.read' || call.op === 'fs.close') return { kind: 'continuation', handle: call.args.handle, egressBytes: 0 }
    throw new GuestFault('unsupported')
  }

  perform(granted: Granted, call: Call): ReturnType<Provider['perform']> {
    this.acts.push({ what: call.op, recordedBefore: this.#log.events.length })
    this.grants.push(granted)
    granted.consume()
    if (this.fault !== undefined) return Promise.reject(this.fault)
    const open: OpenHandle = { close: () => Promise.resolve(void (this.closed += 1)), summary: () => ({ note: 'closed' }) }
    return Promise.resolve(
      call.op === 'fs.open' ? { value: { type: 'regular-file' }, opened: open } : { value: {}, egressBytes: this.egressBytes },
    )
  }

  continue(call: Call): ReturnType<Provider['continue']> {
    return Promise.resolve(call.op === 'fs.close' ? { value: {}, closed: true } : { value: {}, body: new Uint8Array(10), ingressBytes: 10 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

const setUp = (limits: Partial<Limits> = {}): { broker: Broker; log: Recorder; provider: NotingProvider; failures: CordonError[] } => {
  const log = new Recorder()
  const failures: CordonError[] = []
  const broker = new Broker({
    sessionId: 's',
    policy: policy(limits),
    audit: log,
    now: () => 1000,
    notAfterMs: () => 2000,
    fail: (error) => failures.push(error),
  })
  const provider = new NotingProvider(log)
  broker.use(provider)
  return { broker, log, provider, failures }
}

test('a granted call is recorded, performed, and recorded again under the same id', async () => {
  const { broker, log, provider } = setUp()
  expect(await broker.handle(mkdirCall('/in/new'))).toMatchObject({ ok: true })
  expect(provider.acts).toEqual([{ what: 'fs.mkdir', recordedBefore: 1 }])
  expect(log.events).toMatchObject([
    { type: 'decision', effect: 'allow', call: 's.1', action: 'fs:write', durable: true },
    { type: 'outcome', status: 'done', call: 's.1' },
  ])
})

test('a read need not wait for stable storage, an act outside must', async () => {
  const { broker, log } = setUp()
  await broker.handle(openCall('/in/letter'))
  await broker.handle(mkdirCall('/in/new'))
  expect(log.events.filter(({ type }) => type === 'decision').map(({ durable }) => durable)).toEqual([false, true])
})

test('a call that is not granted is recorded and never performed; the guest learns a code', async () => {
  const { broker, log, provider } = setUp()
  expect(await broker.handle(openCall('/elsewhere'))).toEqual({ ok: false, code: 'not-permitted' })
  expect(provider.acts).toEqual([])
  expect(log.events).toMatchObject([{ type: 'decision', effect: 'deny', reason: 'not-requested' }])
  expect(broker.ledger.denials).toMatchObject([{ target: 'fs:read /elsewhere', count: 1 }])
})

test('what calls send out is reserved before they act: many at once cannot spend the same bytes', async () => {
  const { broker, log, provider } = setUp({ egressBytes: 25 })
  provider.egressBytes = 10
  const replies = await Promise.all(Array.from({ length: 8 }, () => broker.handle(mkdirCall('/in/new'))))
  expect(replies.filter(({ ok }) => ok)).toHaveLength(2)
  expect(provider.acts).toHaveLength(2)
  expect(broker.meter.counts.egressBytes).toBe(20)
  expect(log.events.filter((event) => event.type === 'outcome' && event.detail === 'egress limit reached')).toHaveLength(6)
})

test('what a call that failed would have sent stays spent, since nobody knows how much of it went', async () => {
  const { broker, provider } = setUp({ egressBytes: 25 })
  provider.egressBytes = 10
  provider.fault = new GuestFault('failed')
  for (let nth = 0; nth < 5; nth += 1) expect((await broker.handle(mkdirCall('/in/new'))).ok).toBe(false)
  expect(provider.acts).toHaveLength(2)
})

test('when the decision cannot be recorded, nothing is done and the session ends', async () => {
  const { broker, log, provider, failures } = setUp()
  log.failNext = true
  expect(await broker.handle(mkdirCall('/in/new'))).toEqual({ ok: false, code: 'not-permitted' })
  expect(provider.acts).toEqual([])
  expect(failures).toMatchObject([{ code: 'audit.failed' }])
})

test('when the outcome cannot be recorded, the guest is not told of success and the session ends', async () => {
  const { broker, log, provider, failures } = setUp()
  provider.fault = undefined
  const perform = provider.perform.bind(provider)
  provider.perform = (granted, call) => {
    log.failNext = true
    return perform(granted, call)
  }
  expect(await broker.handle(mkdirCall('/in/new'))).toMatchObject({ ok: false })
  expect(failures).toMatchObject([{ code: 'audit.failed' }])
})

test('the outcome of an opened handle is recorded when it closes, with its bytes', async () => {
  const { broker, log, provider } = setUp()
  const reply = await broker.handle(openCall('/in/letter'))
  const handle = reply.ok ? Number(reply.value['handle']) : -1
  expect(log.events).toHaveLength(1)
  await broker.handle({ op: 'fs.read', args: { handle, offset: 0, length: 10 }, body: new Uint8Array() })
  await broker.handle({ op: 'fs.close', args: { handle }, body: new Uint8Array() })
  expect(provider.closed).toBe(1)
  expect(log.events[1]).toMatchObject({ type: 'outcome', call: 's.1', status: 'done', ingressBytes: 10, summary: { note: 'closed' } })
  expect(broker.meter.counts.ingressBytes).toBe(10)
})

test('a handle that was closed, or never was, reaches nothing', async () => {
  const { broker } = setUp()
  expect(await broker.handle({ op: 'fs.read', args: { handle: 7, offset: 0, length: 1 }, body: new Uint8Array() })).toEqual({
    ok: false,
    code: 'bad-descriptor',
  })
})

test('what is open at the end is closed and recorded as abandoned', async () => {
  const { broker, log, provider } = setUp()
  await broker.handle(openCall('/in/letter'))
  await broker[Symbol.asyncDispose]()
  expect(provider.closed).toBe(1)
  expect(log.events.at(-1)).toMatchObject({ type: 'outcome', status: 'abandoned', call: 's.1' })
})

test('a handle that opens while the session ends is closed all the same, and recorded', async () => {
  const { broker, log, provider } = setUp()
  const perform = provider.perform.bind(provider)
  const late = Promise.withResolvers<void>()
  provider.perform = (granted, call) => late.promise.then(() => perform(granted, call))
  const reply = broker.handle(openCall('/in/letter'))
  await new Promise((resolve) => setImmediate(resolve))
  await broker[Symbol.asyncDispose]()
  late.resolve()
  expect(await reply).toEqual({ ok: false, code: 'not-permitted' })
  expect(provider.closed).toBe(1)
  expect(log.events.at(-1)).toMatchObject({ type: 'outcome', status: 'abandoned', call: 's.1' })
})

test('a handle that is closed many times at once counts, and is recorded, once', async () => {
  const { broker, log } = setUp({ handles: 1 })
  const reply = await broker.handle(openCall('/in/letter'))
  const handle = reply.ok ? Number(reply.value['handle']) : -1
  await Promise.all(Array.from({ length: 16 }, () => broker.handle({ op: 'fs.close', args: { handle }, body: new Uint8Array() })))
  expect(log.events.filter(({ type }) => type === 'outcome')).toHaveLength(1)
  const again = await Promise.all([1, 2, 3].map(() => broker.handle(openCall('/in/letter'))))
  expect(again.map(({ ok }) => ok)).toEqual([true, false, false])
})

test('one call too many ends the session, denied ones counted', async () => {
  const { broker, failures, provider } = setUp({ calls: 2 })
  await broker.handle(openCall('/elsewhere'))
  await broker.handle(mkdirCall('/in/a'))
  await broker.handle(mkdirCall('/in/b'))
  expect(failures).toMatchObject([{ code: 'limit.calls', exitCode: 126 }])
  expect(provider.acts).toHaveLength(1)
})

test('one handle too many is denied, and closing one makes room', async () => {
  const { broker, log } = setUp({ handles: 1 })
  const first = await broker.handle(openCall('/in/a'))
  expect(await broker.handle(openCall('/in/b'))).toEqual({ ok: false, code: 'not-permitted' })
  expect(log.events.at(-1)).toMatchObject({ effect: 'deny', reason: 'limit' })
  await broker.handle({ op: 'fs.close', args: { handle: first.ok ? Number(first.value['handle']) : -1 }, body: new Uint8Array() })
  expect(await broker.handle(openCall('/in/b'))).toMatchObject({ ok: true })
})

test('handles asked for at the same time cannot share one place', async () => {
  const { broker } = setUp({ handles: 3 })
  const replies = await Promise.all(Array.from({ length: 10 }, () => broker.handle(openCall('/in/a'))))
  expect(replies.filter(({ ok }) => ok)).toHaveLength(3)
})

test('a refusal of the provider reaches the guest as its code alone, the operator with its detail', async () => {
  const { broker, log, provider } = setUp()
  provider.fault = new GuestFault('no-entry', 'ENOENT')
  expect(await broker.handle(mkdirCall('/in/a'))).toEqual({ ok: false, code: 'no-entry' })
  expect(log.events.at(-1)).toMatchObject({ type: 'outcome', status: 'refused', code: 'no-entry', detail: 'ENOENT' })
})

test('an unexpected failure of a provider ends the session and tells the guest nothing', async () => {
  const { broker, log, provider, failures } = setUp()
  provider.fault = new Error('/home/operator/secret exploded')
  expect(await broker.handle(mkdirCall('/in/a'))).toEqual({ ok: false, code: 'not-permitted' })
  expect(failures).toMatchObject([{ code: 'internal', message: 'a host function failed unexpectedly' }])
  expect(JSON.stringify(log.events)).not.toContain('secret')
})

test('a grant is good for one act, within the session, on the target that was decided', async () => {
  const { broker, provider } = setUp()
  await broker.handle(mkdirCall('/in/a'))
  expect(() => provider.grants[0]?.consume()).toThrow('used before')
  expect(provider.grants[0]?.alsoAllows({ action: 'fs:write', mount: '/in', path: '/in/b' })).toBe(true)
  expect(provider.grants[0]?.alsoAllows({ action: 'fs:write', mount: '/', path: '/etc' })).toBe(false)
})

test('an operation without a provider is refused', async () => {
  const { broker } = setUp()
  expect(await broker.handle({ op: 'secret.use', args: { name: 'x' }, body: new Uint8Array() })).toEqual({
    ok: false,
    code: 'not-permitted',
  })
})

test('a call that means nothing is counted and recorded, so that trying is not free', async () => {
  const { broker, log, failures } = setUp({ calls: 2 })
  const call: Call = { op: 'fs.list', args: { handle: 0, after: null }, body: new Uint8Array() }
  broker.use({
    ops: ['fs.list'],
    plan: () => {
      throw new GuestFault('invalid', 'a null byte')
    },
    perform: () => Promise.reject(new Error('never')),
    continue: () => Promise.reject(new Error('never')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
  for (let index = 0; index < 3; index += 1) expect(await broker.handle(call)).toMatchObject({ ok: false })
  expect(log.events).toHaveLength(2)
  expect(log.events[0]).toMatchObject({ type: 'decision', effect: 'deny', reason: 'meaningless (invalid)' })
  expect(failures).toMatchObject([{ code: 'limit.calls' }])
})

test('bytes past the egress limit are refused before they leave, and what stays under it is counted once', async () => {
  const { broker, log } = setUp({ egressBytes: 100 })
  const sent: number[] = []
  broker.use({
    ops: ['http.start', 'http.write', 'http.close'],
    plan: (call) => {
      if (call.op === 'http.start')
        return { kind: 'capability', capability: { action: 'fs:write', mount: '/in', path: '/in/x' }, effect: 'external' }
      return { kind: 'continuation', handle: 0, egressBytes: call.body.length }
    },
    perform: () => Promise.resolve({ value: {}, opened: { close: () => Promise.resolve(), summary: () => ({}) } }),
    continue: (call) => {
      if (call.op === 'http.write') sent.push(call.body.length)
      return Promise.resolve({ value: {}, closed: call.op === 'http.close' })
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
  const start: Call = {
    op: 'http.start',
    args: {
      method: 'POST',
      scheme: 'https',
      authority: 'x',
      pathWithQuery: '/',
      headers: [],
      hasBody: true,
      connectTimeoutMs: null,
      firstByteTimeoutMs: null,
      betweenBytesTimeoutMs: null,
    },
    body: new Uint8Array(),
  }
  await broker.handle(start)
  const write = (bytes: number): Promise<unknown> => broker.handle({ op: 'http.write', args: { handle: 0 }, body: new Uint8Array(bytes) })
  expect(await Promise.all([write(60), write(60)])).toMatchObject([{ ok: true }, { ok: false }])
  expect(await write(40)).toMatchObject({ ok: true })
  expect(await write(1)).toMatchObject({ ok: false })
  expect(sent).toEqual([60, 40])
  expect(broker.meter.counts.egressBytes).toBe(100)
  await broker.handle({ op: 'http.close', args: { handle: 0 }, body: new Uint8Array() })
  expect(log.events.at(-1)).toMatchObject({
    type: 'outcome',
    status: 'refused',
    code: 'limit',
    detail: 'egress limit reached',
    egressBytes: 100,
  })
})
