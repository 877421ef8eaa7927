import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SessionScope } from '#cell/adapters/session-scope.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'
import { InboundPipe } from '#cell/adapters/wasi/inbound-pipe.ts'
import { PipeFailure } from '#cell/adapters/wasi/pipe-failure.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { errOf, importsOf, MemoryWorld, settled, type Descriptor } from './memory-world.ts'

const rootOf = (world: MemoryWorld): Descriptor => {
  const [first] = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
  if (first === undefined) throw new Error('expected a preopen')
  return first[0]
}

const byteAt = (position: number): number => (position * 31 + (position >> 8)) % 251

/** A file of numbered bytes that can grow, and a pipe over it whose answers come when `release` is called, in any order. */
const slowFile = (size: number) => {
  const scope = new SessionScope(new MemoryWorld().world)
  const waiting: (() => void)[] = []
  const file = { size }
  let [asked, mostAsked] = [0, 0]
  const read = async (length: number, position: number) => {
    asked += length
    mostAsked = Math.max(mostAsked, asked)
    await new Promise<void>((resolve) => waiting.push(resolve))
    asked -= length
    const bytes = Uint8Array.from({ length: Math.max(0, Math.min(length, file.size - position)) }, (_, index) => byteAt(position + index))
    return { bytes, end: bytes.length === 0 }
  }
  return {
    scope,
    file,
    pipe: new InboundPipe(scope, read, { positioned: true }),
    release: (nth: number) => waiting.splice(nth % Math.max(1, waiting.length), 1)[0]?.(),
    waiting: () => waiting.length,
    mostAsked: () => mostAsked,
  }
}

const settledSoon = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a pipe that reads ahead', () => {
  it('gives each byte once and in order, whatever order the answers come in and though the file grows meanwhile', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('take' as const), length: fc.integer({ min: 1, max: 400_000 }) }),
      fc.record({ do: fc.constant('answer' as const), length: fc.nat(3) }),
      fc.record({ do: fc.constant('grow' as const), length: fc.nat(300_000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(1_500_000), async (steps, size) => {
        const { pipe, file, release, waiting, mostAsked } = slowFile(size)
        let at = 0
        const state = { isEnded: false }
        const take = (length: number): number => {
          try {
            const taken = pipe.take(length)
            for (const [index, byte] of taken.entries()) if (byte !== byteAt(at + index)) throw new Error(`wrong byte at ${at + index}`)
            at += taken.length
            return taken.length
          } catch (error) {
            if (!(error instanceof PipeFailure)) throw error
            state.isEnded = true
            return 0
          }
        }
        for (const { do: action, length } of steps) {
          if (state.isEnded) break
          if (action === 'take') take(length)
          else if (action === 'grow') file.size += length
          else release(length)
          await settledSoon()
          expect(mostAsked()).toBeLessThanOrEqual(5 * maxChunkBytes)
        }
        for (let rounds = 0; !state.isEnded && rounds < 1000; rounds++) {
          if (take(maxChunkBytes) > 0) continue
          while (waiting() > 0) release(0)
          await settledSoon()
        }
        expect(state.isEnded).toBe(true)
        expect(at).toBeLessThanOrEqual(file.size)
        expect(at).toBeGreaterThanOrEqual(size)
      }),
      { numRuns: 25 },
    )
  }, 120_000)

  it('asks again for what was behind a stretch that came short, because the file may have grown in between', async () => {
    const { pipe, file, release, waiting } = slowFile(3_000_000)
    const state = { at: 0 }
    const takeAll = (): void => {
      for (let taken = pipe.take(maxChunkBytes); taken.length > 0; taken = pipe.take(maxChunkBytes)) {
        for (const [index, byte] of taken.entries())
          if (byte !== byteAt(state.at + index)) throw new Error(`wrong byte at ${state.at + index}`)
        state.at += taken.length
      }
    }
    for (takeAll(); state.at < 2_300_000; takeAll()) {
      release(0)
      await settledSoon()
    }
    expect(waiting()).toBe(4)
    const short = Math.floor((3_000_000 - state.at) / maxChunkBytes)
    expect(short).toBeLessThan(3)
    for (let nth = 0; nth < 4; nth++) {
      release(0)
      await settledSoon()
      if (nth === short) file.size = 3_500_000
    }
    for (; state.at < 3_500_000; takeAll()) {
      release(0)
      await settledSoon()
    }
    expect(state.at).toBe(3_500_000)
  })

  it('asks for one stretch only, until its guest has used up what came', async () => {
    const { pipe, release, waiting } = slowFile(2_000_000)
    pipe.take(1000)
    await settledSoon()
    expect(waiting()).toBe(1)
    release(0)
    await settledSoon()
    pipe.take(100)
    await settledSoon()
    expect(waiting()).toBe(0)
    pipe.take(maxChunkBytes)
    expect(waiting()).toBe(1)
  })

  it('takes no more room than its session has, and gives it back', async () => {
    const world = new MemoryWorld({ f: '' }, { handles: 200 })
    world.host.fill('f', new Uint8Array(4_000_000))
    let [asked, most] = [0, 0]
    world.host.intercept = async ({ op, args }) => {
      if (op !== 'fs.read' || !('length' in args) || typeof args.length !== 'number') return undefined
      asked += args.length
      most = Math.max(most, asked)
      await settled()
      asked -= args.length
      return undefined
    }
    const root = rootOf(world)
    const files = await Promise.all(Array.from({ length: 30 }, () => root.openAt({}, 'f', {}, { read: true })))
    for (let round = 0; round < 2; round++) {
      const streams = files.map((file) => file.readViaStream(0n))
      for (let reads = 0; reads < 8; reads++) await Promise.all(streams.map((stream) => stream.blockingRead(2n ** 20n)))
      for (const stream of streams) stream[Symbol.dispose]()
      await settled()
    }
    // What each of thirty asks for when it has nothing, and four mebibytes between them.
    expect(most).toBeLessThanOrEqual(30 * maxChunkBytes + 4 * 1024 * 1024)
    expect(most).toBeGreaterThan(4 * 1024 * 1024)
  })
})

describe('a pipe that writes behind', () => {
  it.each([1000, 65_536, 1_000_000])('sends long pieces for a guest that writes %i bytes at a time, as soon as it may', async (length) => {
    const world = new MemoryWorld()
    const stream = (await rootOf(world).openAt({}, 'f', { create: true }, { write: true })).writeViaStream(0n)
    world.host.intercept = async ({ op }) => {
      if (op === 'fs.write') await settledSoon()
      return undefined
    }
    const total = 8_000_000
    for (let written = 0; written < total;) {
      const room = Number(stream.checkWrite())
      if (room === 0) await stream.subscribe().block()
      const piece = Math.min(room, length, total - written)
      stream.write(new Uint8Array(piece))
      written += piece
    }
    await stream.blockingFlush()
    expect(world.host.bytes('f')).toHaveLength(total)
    expect(world.host.calls.filter(({ op }) => op === 'fs.write').length).toBeLessThan((3 * total) / maxChunkBytes)
  })
})

describe('reading nothing', () => {
  it('succeeds while the stream is open, keeps a failure for the next read, and fails once it is closed', async () => {
    const world = new MemoryWorld({ f: 'abc' })
    const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
    expect(stream.read(0n)).toHaveLength(0)
    expect(await stream.blockingRead(0n)).toHaveLength(0)
    expect(await stream.blockingSkip(3n)).toBe(3n)
    world.host.intercept = ({ op }) => (op === 'fs.read' ? { ok: false, code: 'io' } : undefined)
    await stream.subscribe().block()
    const told = stream.read(0n)
    expect(told).toHaveLength(0)
    expect(await errOf(() => stream.read(1n))).toMatchObject({ tag: 'last-operation-failed' })
    expect(await errOf(() => stream.read(0n))).toEqual({ tag: 'closed' })
    expect(await errOf(() => stream.skip(0n))).toEqual({ tag: 'closed' })
    expect(await errOf(() => stream.blockingRead(0n))).toEqual({ tag: 'closed' })
  })
})

/** Counts how often it is asked, and says something happened without being ready. */
class Restless implements Waitable {
  asked = 0
  isReady = false
  waits = 0
  #wake: (() => void) | undefined

  ready(): boolean {
    this.asked++
    return this.isReady
  }

  wait(wake: () => void): () => void {
    this.waits++
    this.#wake = wake
    return () => (this.#wake = undefined)
  }

  stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  get isWaitedFor(): boolean {
    return this.#wake !== undefined
  }
}

describe('waiting for one of many', () => {
  it.each([10, 1000])('asks each of %i once, and then only those that stir', async (count) => {
    const scope = new SessionScope(new MemoryWorld().world)
    const all = Array.from({ length: count }, () => new Restless())
    const waited = scope.waitForAny(all)
    const stirs = 5000
    for (let nth = 0; nth < stirs; nth++) all[nth % count]?.stir()
    const last = all.at(-1)
    if (last === undefined) throw new Error('expected one')
    last.isReady = true
    last.stir()
    await waited
    const asked = all.reduce((sum, each) => sum + each.asked, 0)
    expect(asked).toBe(count + stirs + 1)
    expect(all.reduce((sum, each) => sum + each.waits, 0)).toBe(count + stirs)
    expect(all.some((each) => each.isWaitedFor)).toBe(false)
  })

  it('takes every wish back when the session ends', async () => {
    const scope = new SessionScope(new MemoryWorld().world)
    const all = Array.from({ length: 100 }, () => new Restless())
    const waited = scope.waitForAny(all)
    scope.endWith(new Error('over'))
    await expect(waited).rejects.toThrow('over')
    expect(all.some((each) => each.isWaitedFor)).toBe(false)
  })
})
