import { describe, expect, it } from 'vitest'
import { GuestEnd } from '#cell/adapters/world.ts'
import { bytes, errOf, importsOf, MemoryWorld, settled, text, type Descriptor } from './memory-world.ts'

const rootOf = (world: MemoryWorld): Descriptor => {
  const [first] = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
  if (first === undefined) throw new Error('expected a preopen')
  return first[0]
}
const openForWriting = (world: MemoryWorld): Promise<Descriptor> => rootOf(world).openAt({}, 'f', { create: true }, { write: true })

/** A write that the host holds back until `release` is called. */
const holdWrites = (world: MemoryWorld): { release: () => void } => {
  const gate = Promise.withResolvers<void>()
  world.host.intercept = async ({ op }) => {
    if (op === 'fs.write') await gate.promise
    return undefined
  }
  return { release: () => gate.resolve() }
}

describe('an input stream', () => {
  it('gives nothing at first, then the bytes, then says that it is closed', async () => {
    const world = new MemoryWorld({ f: 'abcdef' })
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(1n)
    expect(stream.read(3n)).toHaveLength(0)
    await stream.subscribe().block()
    expect(text(stream.read(3n))).toBe('bcd')
    expect(text(stream.read(3n))).toBe('ef')
    await stream.subscribe().block()
    expect(await errOf(() => stream.read(3n))).toEqual({ tag: 'closed' })
  })

  it('waits for bytes when asked to block', async () => {
    const world = new MemoryWorld({ f: 'abc' })
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
    expect(text(await stream.blockingRead(2n))).toBe('ab')
    expect(await stream.blockingSkip(2n ** 64n - 1n)).toBe(1n)
    expect(await errOf(() => stream.blockingRead(1n))).toEqual({ tag: 'closed' })
  })

  it('never asks the host for more than a chunk, whatever length the guest names', async () => {
    const world = new MemoryWorld({ f: 'x'.repeat(300_000) })
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
    expect(await stream.blockingRead(2n ** 63n)).toHaveLength(256 * 1024)
    expect(await stream.blockingRead(2n ** 63n)).toHaveLength(300_000 - 256 * 1024)
  })

  it('reads at most one chunk ahead', async () => {
    const world = new MemoryWorld({ f: 'x'.repeat(300_000) })
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
    await stream.subscribe().block()
    await settled()
    const reads = world.host.calls.filter(({ op }) => op === 'fs.read')
    expect(reads.map(({ args }) => args)).toEqual([expect.objectContaining({ offset: 0, length: 65_536 })])
  })

  it('tells a failure once, with its code, and is closed after that', async () => {
    const world = new MemoryWorld({ f: 'abc' })
    const imports = importsOf(world)
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
    world.host.intercept = ({ op }) => (op === 'fs.read' ? { ok: false, code: 'quota' } : undefined)
    const failure = (await errOf(() => stream.blockingRead(1n))) as { tag: string; val: Disposable & { toDebugString(): string } }
    expect(failure.tag).toBe('last-operation-failed')
    expect(imports['wasi:filesystem/types'].filesystemErrorCode(failure.val)).toBe('quota')
    expect(imports['wasi:http/types'].httpErrorCode(failure.val)).toBeUndefined()
    expect(failure.val.toDebugString()).toBe('quota')
    expect(await errOf(() => stream.blockingRead(1n))).toEqual({ tag: 'closed' })
  })

  it('shares standard input with every other stream of it', async () => {
    const world = new MemoryWorld()
    world.host.stdin = ['one two']
    const { getStdin } = importsOf(world)['wasi:cli/stdin']
    const first = getStdin()
    expect(text(await first.blockingRead(4n))).toBe('one ')
    first[Symbol.dispose]()
    const second = getStdin()
    expect(text(await second.blockingRead(9n))).toBe('two')
    expect(await errOf(() => second.blockingRead(1n))).toEqual({ tag: 'closed' })
  })
})

describe('an output stream', () => {
  it('delivers what is written, in order', async () => {
    const world = new MemoryWorld()
    const stream = (await openForWriting(world)).writeViaStream(0n)
    expect(stream.checkWrite()).toBe(65_536n)
    stream.write(bytes('one '))
    stream.write(bytes('two'))
    await stream.blockingFlush()
    await stream.blockingWriteAndFlush(bytes(' three'))
    expect(world.host.text('f')).toBe('one two three')
  })

  it('traps when more is written than was permitted', async () => {
    const world = new MemoryWorld()
    const stream = (await openForWriting(world)).writeViaStream(0n)
    expect(() => stream.write(bytes('x'))).toThrow(GuestEnd)
    const again = (await openForWriting(world)).writeViaStream(0n)
    again.checkWrite()
    again.write(new Uint8Array(65_536))
    expect(() => again.write(bytes('x'))).toThrow(/permitted/)
    expect(() => again.writeZeroes(2n ** 40n)).toThrow(GuestEnd)
    expect(world.ends[0]?.kind).toBe('trap')
  })

  it('traps when a blocking write is longer than the standard allows', async () => {
    const stream = importsOf(new MemoryWorld())['wasi:cli/stdout'].getStdout()
    await expect(stream.blockingWriteAndFlush(new Uint8Array(4097))).rejects.toThrow(GuestEnd)
    await expect(stream.blockingWriteZeroesAndFlush(4097n)).rejects.toThrow(GuestEnd)
  })

  it('permits nothing while it is full, and something again once the host took it', async () => {
    const world = new MemoryWorld()
    const { release } = holdWrites(world)
    const stream = (await openForWriting(world)).writeViaStream(0n)
    stream.checkWrite()
    stream.write(new Uint8Array(65_536))
    expect(stream.checkWrite()).toBe(0n)
    const pollable = stream.subscribe()
    expect(pollable.ready()).toBe(false)
    release()
    await pollable.block()
    expect(stream.checkWrite()).toBeGreaterThanOrEqual(65_536n)
  })

  it('permits nothing while a flush lasts', async () => {
    const world = new MemoryWorld()
    const { release } = holdWrites(world)
    const stream = (await openForWriting(world)).writeViaStream(0n)
    stream.checkWrite()
    stream.write(bytes('abc'))
    stream.flush()
    expect(stream.checkWrite()).toBe(0n)
    release()
    await stream.blockingFlush()
    expect(stream.checkWrite()).toBe(65_536n)
  })

  it('tells a failed write once and is closed after that', async () => {
    const world = new MemoryWorld()
    const imports = importsOf(world)
    const stream = (await openForWriting(world)).writeViaStream(0n)
    world.host.intercept = ({ op }) => (op === 'fs.write' ? { ok: false, code: 'insufficient-space' } : undefined)
    const failure = (await errOf(() => stream.blockingWriteAndFlush(bytes('abc')))) as { tag: string; val: object }
    expect(imports['wasi:filesystem/types'].filesystemErrorCode(failure.val)).toBe('insufficient-space')
    expect(await errOf(() => stream.checkWrite())).toEqual({ tag: 'closed' })
    expect(await errOf(() => stream.blockingFlush())).toEqual({ tag: 'closed' })
  })

  it('delivers what was written before it was dropped, and then closes the file', async () => {
    const world = new MemoryWorld()
    const file = await openForWriting(world)
    const { release } = holdWrites(world)
    const stream = file.writeViaStream(0n)
    stream.checkWrite()
    stream.write(bytes('kept'))
    stream[Symbol.dispose]()
    file[Symbol.dispose]()
    await settled()
    expect(world.host.open).toBe(1)
    release()
    await settled()
    expect(world.host.text('f')).toBe('kept')
    expect(world.host.open).toBe(0)
  })

  it('splices what the source has, within both bounds', async () => {
    const world = new MemoryWorld({ from: 'abcdefgh' })
    const root = rootOf(world)
    const source = (await root.openAt({}, 'from', {}, { read: true })).readViaStream(0n)
    const target = (await openForWriting(world)).writeViaStream(0n)
    expect(target.splice(source, 3n)).toBe(0n)
    expect(await target.blockingSplice(source, 3n)).toBe(3n)
    expect(await target.blockingSplice(source, 100n)).toBe(5n)
    expect(await errOf(() => target.blockingSplice(source, 100n))).toEqual({ tag: 'closed' })
    await target.blockingFlush()
    expect(world.host.text('f')).toBe('abcdefgh')
  })

  it('writes zeroes', async () => {
    const world = new MemoryWorld()
    const stream = (await openForWriting(world)).writeViaStream(0n)
    await stream.blockingWriteZeroesAndFlush(3n)
    expect(world.host.text('f')).toBe('\0\0\0')
  })

  it('hands standard output over at once and makes the guest wait when nobody takes it', async () => {
    const world = new MemoryWorld()
    const gate = Promise.withResolvers<void>()
    world.outputTaken = () => gate.promise
    const stream = importsOf(world)['wasi:cli/stdout'].getStdout()
    const room = stream.checkWrite()
    stream.write(new Uint8Array(Number(room)).fill(97))
    expect(world.output.stdout).toHaveLength(Number(room))
    expect(stream.checkWrite()).toBe(0n)
    gate.resolve()
    await stream.subscribe().block()
    expect(stream.checkWrite()).toBeGreaterThanOrEqual(room)
  })
})

describe('polling', () => {
  const clockOf = (world: MemoryWorld) => importsOf(world)['wasi:clocks/monotonic-clock']

  it('traps for an empty list and for one that is too long', async () => {
    const world = new MemoryWorld()
    const imports = importsOf(world)
    await expect(imports['wasi:io/poll'].poll([])).rejects.toThrow(GuestEnd)
    const pollable = imports['wasi:clocks/monotonic-clock'].subscribeDuration(0n)
    await expect(imports['wasi:io/poll'].poll(Array.from({ length: 8193 }, () => pollable))).rejects.toThrow(GuestEnd)
  })

  it('gives all that are ready, duplicates included', async () => {
    const world = new MemoryWorld()
    const imports = importsOf(world)
    const clock = imports['wasi:clocks/monotonic-clock']
    const [late, soon] = [clock.subscribeDuration(1_000_000_000n), clock.subscribeDuration(5_000_000n)]
    const polled = imports['wasi:io/poll'].poll([late, soon, soon])
    await settled()
    await world.advance(6_000_000n)
    expect([...(await polled)]).toEqual([1, 2])
    expect(late.ready()).toBe(false)
  })

  it('waits for many without cost that grows with how often it is asked', async () => {
    const world = new MemoryWorld({}, { handles: 4096 })
    const imports = importsOf(world)
    const clock = imports['wasi:clocks/monotonic-clock']
    const far = Array.from({ length: 2000 }, () => clock.subscribeDuration(3_600_000_000_000n))
    const start = performance.now()
    for (let round = 0; round < 100; round++) {
      const near = clock.subscribeDuration(1_000_000n)
      const polled = imports['wasi:io/poll'].poll([...far, near])
      await world.advance(1_000_000n)
      expect([...(await polled)]).toEqual([2000])
      near[Symbol.dispose]()
    }
    expect(performance.now() - start).toBeLessThan(5000)
    expect(world.held).toBe(2000)
    expect(world.sleeping).toBeLessThanOrEqual(16)
  })

  it('keeps few sleeps under way even when a guest sets ever earlier alarms', async () => {
    const world = new MemoryWorld({}, { handles: 4096 })
    const imports = importsOf(world)
    const clock = imports['wasi:clocks/monotonic-clock']
    const waits = Array.from({ length: 500 }, (_, index) => clock.subscribeDuration(BigInt(10_000 - index) * 1_000_000_000n).block())
    await settled()
    expect(world.sleeping).toBeLessThanOrEqual(16)
    for (let step = 0; step < 1200; step++) await world.advance(10_000_000_000n)
    await Promise.all(waits)
  })

  it('waits for an instant centuries ahead without a timer that long', async () => {
    const world = new MemoryWorld()
    const pollable = clockOf(world).subscribeInstant(2n ** 64n - 1n)
    const waited = pollable.block()
    await settled()
    await world.advance(3_600_000_000_000n)
    expect(pollable.ready()).toBe(false)
    expect(world.sleeping).toBe(1)
    world.over()
    await expect(waited).rejects.toThrow('the session is over')
  })

  it('gives up when the session is over, whatever it waits for', async () => {
    const world = new MemoryWorld({ f: 'abc' })
    const imports = importsOf(world)
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
    world.host.intercept = () => new Promise(() => undefined)
    const waited = imports['wasi:io/poll'].poll([stream.subscribe(), imports['wasi:clocks/monotonic-clock'].subscribeDuration(10n ** 12n)])
    await settled()
    world.over()
    await expect(waited).rejects.toThrow('the session is over')
    expect(() => stream.read(1n)).toThrow('the session is over')
    await expect(stream.blockingRead(1n)).rejects.toThrow('the session is over')
  })
})
