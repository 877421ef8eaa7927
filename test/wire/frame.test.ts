import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameReader, letGo, newBody, type Frame } from '#wire/codec.ts'
import { writeFrame } from '#wire/frame.ts'

const large = 40_000

const frameWith = (body: Uint8Array, head = '{}'): Frame => ({ type: 68, session: 1, id: 2, head: new TextEncoder().encode(head), body })

const numbered = (length: number, into = new Uint8Array(length)): Uint8Array => {
  for (let index = 0; index < length; index++) into[index] = index % 251
  return into
}

/** All frames in `bytes`, pushed in pieces of the given lengths, each piece with memory of its own as a socket or a port gives it. */
const read = (bytes: Uint8Array, lengths: readonly number[] = [bytes.length]): readonly Frame[] => {
  const reader = new FrameReader(1024 * 1024)
  const frames: Frame[] = []
  for (let at = 0, nth = 0; at < bytes.length; nth++) {
    const next = at + Math.max(1, lengths[nth % lengths.length] ?? bytes.length)
    reader.push(bytes.slice(at, next))
    at = next
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame)
  }
  return frames
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

test('a body made with room is framed where it lies, once', () => {
  const body = numbered(large, newBody(large))
  const first = writeFrame(frameWith(body))
  expect(first.buffer).toBe(body.buffer)
  const second = writeFrame(frameWith(body, '{"a":1}'))
  expect(second.buffer).not.toBe(body.buffer)
  expect(read(first)[0]?.body).toEqual(numbered(large))
  expect(read(second)[0]?.body).toEqual(numbered(large))
})

test('a body made with room is copied when the head is longer than the room, or when it is only a part', () => {
  const head = JSON.stringify({ long: 'x'.repeat(300) })
  expect(read(writeFrame(frameWith(numbered(large, newBody(large)), head)))[0]?.body).toEqual(numbered(large))
  const rest = numbered(large, newBody(large)).subarray(5)
  expect(read(writeFrame(frameWith(rest)))[0]?.body).toEqual(numbered(large).slice(5))
})

test('what is before and behind a framed body in its memory is nothing but the frame and zeroes', () => {
  const frame = writeFrame(frameWith(numbered(100, newBody(large)).subarray(0, 100)))
  const around = new Uint8Array(frame.buffer.slice(0))
  around.fill(0, frame.byteOffset, frame.byteOffset + frame.byteLength)
  expect(around.every((byte) => byte === 0)).toBe(true)
})

test('frames are the same in whatever pieces they come', () => {
  const frames = fc.array(
    fc.record({ length: fc.oneof(fc.nat(200), fc.integer({ min: 15_000, max: 400_000 })), headLength: fc.integer({ min: 2, max: 400 }) }),
    { minLength: 1, maxLength: 5 },
  )
  const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1000, max: 300_000 })), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(frames, pieces, (given, lengths) => {
      const written = given.map(({ length, headLength }) => writeFrame(frameWith(numbered(length), `{"${'h'.repeat(headLength)}":1}`)))
      // Tiny pieces for all of a large frame would take the test minutes.
      const all = joined(...written)
      const found = read(all, lengths.length === 1 && (lengths[0] ?? 0) < 1000 ? [...lengths, 100_000] : [...lengths, 50_000])
      expect(found.map(({ head, body }) => [head.length - 6, body.length])).toEqual(
        given.map(({ length, headLength }) => [headLength, length]),
      )
      for (const { body } of found) expect(Buffer.compare(body, numbered(body.length))).toBe(0)
    }),
    { numRuns: 60 },
  )
})

test('letting go of one body leaves every other frame alone, whatever came together with it', () => {
  const frames = [10, large, 100, 5 * large, 7].map((length) => writeFrame(frameWith(numbered(length))))
  for (const lengths of [[1_000_000], [large + 60], [large + 17, 3], [64 * 1024]]) {
    const reader = new FrameReader(1024 * 1024)
    const all = joined(...frames)
    const seen: number[] = []
    for (let at = 0, nth = 0; at < all.length; nth++) {
      const next = at + (lengths[nth % lengths.length] ?? 1)
      reader.push(all.slice(at, next))
      at = next
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        expect(Buffer.compare(frame.body, numbered(frame.body.length))).toBe(0)
        seen.push(frame.body.length)
        letGo(frame.body)
      }
    }
    expect(seen).toEqual([10, large, 100, 5 * large, 7])
  }
})

test('a frame that came alone may be let go of before the next one is asked for', () => {
  const reader = new FrameReader(1024 * 1024)
  for (const _ of [1, 2]) {
    reader.push(writeFrame(frameWith(numbered(large))))
    const body = reader.next()?.body ?? new Uint8Array()
    expect(body).toHaveLength(large)
    letGo(body)
    expect(reader.next()).toBeUndefined()
    expect(reader.idle).toBe(true)
  }
})

test('a body is never a Buffer, whose slice would be no copy', () => {
  const reader = new FrameReader(1024 * 1024)
  reader.push(Buffer.from(writeFrame(frameWith(numbered(large))).slice().buffer))
  expect(reader.next()?.body).not.toBeInstanceOf(Buffer)
})

test('a small frame keeps nothing alive of the large chunk that it came in', () => {
  const reader = new FrameReader(1024 * 1024)
  const small = writeFrame(frameWith(new Uint8Array(10)))
  reader.push(joined(small, new Uint8Array(100_000)).subarray(0, small.length))
  expect(reader.next()?.body.buffer.byteLength).toBeLessThan(1000)
})
