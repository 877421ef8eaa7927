import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxChunkBytes } from '#wire/calls.ts'
import { importsOf, MemoryWorld, settled, type Descriptor } from './memory-world.ts'

const rootOf = (world: MemoryWorld): Descriptor => {
  const [first] = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
  if (first === undefined) throw new Error('expected a preopen')
  return first[0]
}

/** One step of a guest on an output stream. */
const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), length: fc.integer({ min: 0, max: 70_000 }) }),
  fc.record({ do: fc.constant('blocking write' as const), length: fc.integer({ min: 0, max: 4096 }) }),
  fc.record({ do: fc.constantFrom('flush' as const, 'blocking flush' as const, 'wait' as const), length: fc.constant(0) }),
)

/** Bytes that say where they stand. */
const numbered = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (from + index) % 251)

describe('whatever a guest does in whatever order', () => {
  it('the bytes of an output stream arrive once each and in order, and no more than a pipe holds is ever waiting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = new MemoryWorld()
        const stream = (await rootOf(world).openAt({}, 'f', { create: true }, { write: true })).writeViaStream(0n)
        let written = 0
        const put = (length: number): Uint8Array => {
          const bytes = numbered(written, length)
          written += length
          return bytes
        }
        for (const { do: action, length } of steps) {
          if (action === 'write') stream.write(put(Math.min(length, Number(stream.checkWrite()))))
          else if (action === 'blocking write') await stream.blockingWriteAndFlush(put(length))
          else if (action === 'flush') stream.flush()
          else if (action === 'blocking flush') await stream.blockingFlush()
          else await stream.subscribe().block()
          expect(written - (world.host.bytes('f')?.byteLength ?? 0)).toBeLessThanOrEqual(2 * maxChunkBytes)
        }
        stream[Symbol.dispose]()
        await settled()
        expect(world.host.bytes('f')).toEqual(numbered(0, written))
      }),
      { numRuns: 40 },
    )
  })

  it('the bytes of an input stream arrive once each and in order', async () => {
    const reads = fc.array(fc.record({ length: fc.integer({ min: 1, max: 50_000 }), blocking: fc.boolean(), skip: fc.boolean() }), {
      maxLength: 25,
    })
    await fc.assert(
      fc.asyncProperty(reads, fc.integer({ min: 0, max: 200_000 }), async (steps, size) => {
        const world = new MemoryWorld({ f: '' })
        world.host.fill('f', numbered(0, size))
        const stream = (await rootOf(world).openAt({}, 'f', {}, { read: true })).readViaStream(0n)
        let at = 0
        for (const { length, blocking, skip } of steps) {
          if (at === size) return
          const wanted = BigInt(length)
          if (skip) at += Number(blocking ? await stream.blockingSkip(wanted) : stream.skip(wanted))
          else {
            const bytes = blocking ? await stream.blockingRead(wanted) : stream.read(wanted)
            expect(bytes).toEqual(numbered(at, bytes.byteLength))
            at += bytes.byteLength
          }
          expect(at).toBeLessThanOrEqual(size)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('a long-lived session', () => {
  it('ends with nothing held and nothing open after a thousand rounds', async () => {
    const world = new MemoryWorld({ f: 'some text' })
    const imports = importsOf(world)
    const http = imports['wasi:http/types']
    world.host.serve = () => ({ chunks: ['abc'] })
    const root = rootOf(world)
    const held = world.held
    for (let round = 0; round < 1000; round++) {
      using file = await root.openAt({}, 'f', {}, { read: true })
      using stream = file.readViaStream(0n)
      await stream.blockingRead(100n)
      const request = new http.OutgoingRequest(new http.Fields())
      request.setAuthority('a.test')
      using future = imports['wasi:http/outgoing-handler'].handle(request, undefined)
      using pollable = future.subscribe()
      if (round % 2 === 0) await pollable.block()
    }
    await settled()
    expect([world.held, world.host.open, world.sleeping]).toEqual([held, 0, 0])
  })
})
