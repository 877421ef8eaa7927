import { describe, expect, it } from 'vitest'
import { buildImports } from '#cell/adapters/index.ts'
import { SessionScope } from '#cell/adapters/session-scope.ts'
import { SessionSlot } from '#cell/adapters/session-slot.ts'
import type { SessionWorld } from '#cell/adapters/world.ts'
import type { CallReply } from '#wire/calls.ts'
import { bytes, MemoryWorld, settled, text, type GuestImports } from './memory-world.ts'

/** One instance's imports, and the way from one session to the next as a cell goes it. */
class Shared {
  readonly slot = new SessionSlot()
  readonly imports = buildImports(this.slot) as unknown as GuestImports
  #scope: SessionScope | undefined

  place(world: SessionWorld): void {
    this.#scope = new SessionScope(world)
    this.slot.place(this.#scope)
  }

  /** Ends the session as its cell does. */
  end(): void {
    this.#scope?.endWith(new Error('the session is over'))
    this.slot.clear()
  }

  /** Lets `next` follow on whoever is there. */
  follow(next: MemoryWorld): void {
    this.end()
    this.place(next.world)
  }
}

const inSession = (world: MemoryWorld): Shared => {
  const shared = new Shared()
  shared.place(world.world)
  return shared
}

/** What a session can be touched in; nothing of it may show what another one did. */
const traces = ({ host, output, held, ends, sleeping }: MemoryWorld) => ({ calls: host.ops(), output, held, ends, sleeping })
const untouched = { calls: [], output: { stdout: '', stderr: '' }, held: 0, ends: [], sleeping: 0 }

/** Holds all answers of a host back; the result lets them come. */
const heldBack = (world: MemoryWorld): (() => Promise<void>) => {
  const late = Promise.withResolvers<CallReply | undefined>()
  world.host.intercept = () => late.promise
  return async () => {
    late.resolve(undefined)
    await settled()
  }
}

describe('the slot of an instance', () => {
  it('throws while there is no session, and takes no second one', () => {
    const { slot } = new Shared()
    expect(() => slot.scope).toThrow('expected a session')
    const scope = new SessionScope(new MemoryWorld().world)
    slot.place(scope)
    expect(slot.scope).toBe(scope)
    expect(() => slot.place(new SessionScope(new MemoryWorld().world))).toThrow('to have left')
    slot.clear()
    expect(() => slot.scope).toThrow('expected a session')
  })

  it('lets no host function do anything while there is no session', async () => {
    const { imports } = new Shared()
    const attempts: (() => unknown)[] = usesOf(imports)
    for (const attempt of attempts) await expect(async () => attempt(), attempt.toString()).rejects.toThrow('expected a session')
  })
})

/** Each host function that stands on its session, once. */
const usesOf = (imports: GuestImports): (() => unknown)[] => {
  const http = imports['wasi:http/types']
  const random = imports['wasi:random/random']
  const clock = imports['wasi:clocks/monotonic-clock']
  const all = imports as unknown as Record<string, Record<string, (...args: unknown[]) => unknown>>
  return [
    () => imports['wasi:cli/environment'].getEnvironment(),
    () => imports['wasi:cli/environment'].getArguments(),
    () => imports['wasi:cli/exit'].exit({ tag: 'ok' }),
    () => imports['wasi:cli/exit'].exitWithCode(1),
    () => imports['wasi:cli/stdin'].getStdin(),
    () => imports['wasi:cli/stdout'].getStdout(),
    () => imports['wasi:cli/stderr'].getStderr(),
    () => imports['wasi:cli/terminal-stdin'].getTerminalStdin(),
    () => imports['wasi:cli/terminal-stdout'].getTerminalStdout(),
    () => all['wasi:cli/terminal-stderr']?.['getTerminalStderr']?.(),
    () => clock.now(),
    () => clock.subscribeInstant(1n),
    () => clock.subscribeDuration(1n),
    () => imports['wasi:clocks/wall-clock'].now(),
    () => random.getRandomBytes(8n),
    () => random.getRandomU64(),
    () => imports['wasi:random/insecure-seed'].insecureSeed(),
    () => all['wasi:random/insecure']?.['getInsecureRandomU64']?.(),
    () => all['wasi:random/insecure']?.['getInsecureRandomBytes']?.(8n),
    () => imports['wasi:io/poll'].poll([]),
    () => imports['wasi:filesystem/preopens'].getDirectories(),
    () => new http.Fields(),
    () => http.Fields.fromList([]),
    () => new http.RequestOptions(),
    () => new http.OutgoingRequest(fieldsOfAnother()),
    () => new http.OutgoingResponse(fieldsOfAnother()),
    () => imports['wasi:http/outgoing-handler'].handle(requestOfAnother(), undefined),
    () => imports['cordon:agent/secrets'].use('key'),
    () => imports['cordon:agent/tools'].call('tool', '{}'),
    () => imports['cordon:agent/tools'].list(),
  ]
}

const fieldsOfAnother = () => new (inSession(new MemoryWorld()).imports['wasi:http/types'].Fields)()
const requestOfAnother = () => {
  const http = inSession(new MemoryWorld()).imports['wasi:http/types']
  const request = new http.OutgoingRequest(new http.Fields())
  request.setAuthority('a.test')
  return request
}

/** A world that tells whenever anything of it is touched. */
const watched = (world: SessionWorld): { readonly world: SessionWorld; readonly touched: string[] } => {
  const touched: string[] = []
  const get = (target: SessionWorld, name: string | symbol): unknown => {
    touched.push(String(name))
    return Reflect.get(target, name)
  }
  return { touched, world: new Proxy<SessionWorld>({ ...world }, { get }) }
}

describe('a later session of the same instance', () => {
  it('is the only one that any host function reaches, whatever an earlier session called', async () => {
    const shared = new Shared()
    const former = new MemoryWorld({ f: 'text' }, { stdinIsTerminal: true, stdoutIsTerminal: true })
    const { world, touched } = watched(former.world)
    shared.place(world)
    for (const use of usesOf(shared.imports))
      await Promise.resolve()
        .then(use)
        .catch(() => undefined)
    await settled()
    expect(touched).toContain('host')
    touched.length = 0
    shared.follow(new MemoryWorld({ f: 'text' }))
    for (const use of usesOf(shared.imports))
      await Promise.resolve()
        .then(use)
        .catch(() => undefined)
    await settled()
    expect(touched).toEqual([])
  })

  it('sees its own environment, arguments, mounts, terminals and input', async () => {
    const first = new MemoryWorld({ mine: 'first' }, { env: [['KEY', 'first']], args: ['first'], stdoutIsTerminal: true })
    const second = new MemoryWorld(
      { mine: 'second' },
      {
        env: [['KEY', 'second']],
        args: ['second'],
        preopens: [{ handle: 1, guestPath: '/second', writable: true }],
        stdinIsTerminal: true,
      },
    )
    first.host.stdin = ['first input', 'more of it']
    second.host.stdin = ['second input']
    const shared = inSession(first)
    const seen = async () => {
      const { imports } = shared
      const [mount] = imports['wasi:filesystem/preopens'].getDirectories()
      const file = await mount?.[0].openAt({}, 'mine', {}, { read: true })
      const [content] = (await file?.read(100n, 0n)) ?? [new Uint8Array()]
      return {
        env: imports['wasi:cli/environment'].getEnvironment(),
        args: imports['wasi:cli/environment'].getArguments(),
        mount: mount?.[1],
        file: text(content),
        input: text(await imports['wasi:cli/stdin'].getStdin().blockingRead(6n)),
        terminals: [
          imports['wasi:cli/terminal-stdin'].getTerminalStdin() !== undefined,
          imports['wasi:cli/terminal-stdout'].getTerminalStdout() !== undefined,
        ],
      }
    }
    expect(await seen()).toEqual({
      env: [['KEY', 'first']],
      args: ['first'],
      mount: '/data',
      file: 'first',
      input: 'first ',
      terminals: [false, true],
    })
    shared.follow(second)
    expect(await seen()).toEqual({
      env: [['KEY', 'second']],
      args: ['second'],
      mount: '/second',
      file: 'second',
      input: 'second',
      terminals: [true, false],
    })
  })

  it('is given no random number that was drawn for another', () => {
    const from = (start: number): SessionWorld => ({ ...new MemoryWorld().world, random: (length) => new Uint8Array(length).fill(start) })
    const shared = new Shared()
    shared.place(from(1))
    const { getRandomU64 } = shared.imports['wasi:random/random']
    expect(getRandomU64()).toBe(0x0101010101010101n)
    shared.end()
    shared.place(from(2))
    expect(getRandomU64()).toBe(0x0202020202020202n)
  })

  it('hears nothing of calls of an earlier one that are answered late', async () => {
    const first = new MemoryWorld({ f: 'of the first' })
    first.host.stdin = ['input of the first']
    first.host.secrets = { key: 'secret of the first' }
    first.host.serve = () => ({ chunks: ['response of the first'] })
    const shared = inSession(first)
    const { imports } = shared
    const [root] = imports['wasi:filesystem/preopens'].getDirectories()[0] ?? []
    const file = await root?.openAt({}, 'f', {}, { read: true, write: true })
    const answer = heldBack(first)
    const http = imports['wasi:http/types']
    const request = new http.OutgoingRequest(new http.Fields())
    request.setAuthority('a.test')
    const response = imports['wasi:http/outgoing-handler'].handle(request, undefined)
    const input = file?.readViaStream(0n)
    const output = file?.writeViaStream(0n)
    output?.checkWrite()
    output?.write(bytes('written by the first'))
    const late = [
      imports['wasi:cli/stdin'].getStdin().blockingRead(100n),
      imports['cordon:agent/secrets'].use('key'),
      imports['cordon:agent/tools'].list(),
      input?.blockingRead(100n),
      output?.blockingFlush(),
      response.subscribe().block(),
      root?.openAt({}, 'f', {}, { read: true }),
    ].map((promise) => Promise.resolve(promise).catch(() => undefined))
    await settled()
    const second = new MemoryWorld({ f: 'of the second' })
    shared.follow(second)
    await answer()
    await Promise.all(late)
    expect(traces(second)).toEqual(untouched)
    expect(
      text(
        await imports['wasi:cli/stdin']
          .getStdin()
          .blockingRead(100n)
          .catch(() => bytes('closed')),
      ),
    ).toBe('closed')
    expect(second.host.text('f')).toBe('of the second')
  })

  it('hears nothing of the alarms and the output of an earlier one', async () => {
    const first = new MemoryWorld()
    const shared = inSession(first)
    const { imports } = shared
    const clock = imports['wasi:clocks/monotonic-clock']
    const rings = clock
      .subscribeDuration(1_000_000n)
      .block()
      .catch(() => 'over')
    const taken = Promise.withResolvers<void>()
    first.outputTaken = () => taken.promise
    const out = imports['wasi:cli/stdout'].getStdout()
    out.checkWrite()
    out.write(bytes('of the first'))
    const flushed = out.blockingFlush().catch(() => 'over')
    await settled()
    const second = new MemoryWorld()
    shared.follow(second)
    await first.advance(10_000_000n)
    taken.resolve()
    await settled()
    expect([await rings, await flushed]).toEqual(['over', 'over'])
    expect(traces(second)).toEqual(untouched)
    using own = imports['wasi:cli/stdout'].getStdout()
    await own.blockingWriteAndFlush(bytes('of the second'))
    expect(second.output.stdout).toBe('of the second')
    expect(first.output.stdout).toBe('of the first')
  })

  it('is not reached by anything that an earlier one made, used or dropped when that is over', async () => {
    const first = new MemoryWorld({ f: 'text' })
    const shared = inSession(first)
    const { imports } = shared
    const [root] = imports['wasi:filesystem/preopens'].getDirectories()[0] ?? []
    if (root === undefined) throw new Error('expected a mount')
    const file = await root.openAt({}, 'f', {}, { read: true, write: true })
    const input = file.readViaStream(0n)
    const out = imports['wasi:cli/stdout'].getStdout()
    const http = imports['wasi:http/types']
    const fields = new http.Fields()
    const request = new http.OutgoingRequest(new http.Fields())
    const alarm = imports['wasi:clocks/monotonic-clock'].subscribeDuration(1_000_000n)
    const second = new MemoryWorld({ f: 'text' })
    const before = first.host.calls.length
    shared.follow(second)
    const used: (() => unknown)[] = [
      () => root.openAt({}, 'f', {}, { read: true }),
      () => file.read(1n, 0n),
      () => file.write(bytes('x'), 0n),
      () => input.blockingRead(10n),
      () => out.blockingWriteAndFlush(bytes('x')),
      () => alarm.block(),
    ]
    for (const use of used) await expect(async () => use(), use.toString()).rejects.toThrow('the session is over')
    fields.clone()
    request.body().write()
    for (const each of [root, file, input, out, fields, request, alarm]) each[Symbol.dispose]()
    await settled()
    expect(traces(second)).toEqual(untouched)
    expect(first.host.calls.length).toBe(before)
  })
})
