import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeFromCell, decodeToCell, encode, FrameReader, maxFrameBytesToCell, WireViolation, type Frame } from '#wire/codec.ts'
import { maxFrameBytes, type FromCell, type ToCell } from '#wire/messages.ts'

const body = fc.uint8Array({ maxLength: 300 })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const count = fc.maxSafeNat()
const word = fc.string({ unit: 'binary', maxLength: 30 })
const call = fc.oneof(
  fc.record({ op: fc.constant('tool.call' as const), args: fc.record({ name: word }), body }),
  fc.record({ op: fc.constant('fs.write' as const), args: fc.record({ handle: u32, offset: fc.option(count) }), body }),
  fc.record({ op: fc.constant('stdin.read' as const), args: fc.record({ length: fc.nat(262_144) }), body: fc.constant(new Uint8Array()) }),
  fc.record({
    op: fc.constant('http.finish' as const),
    args: fc.record({ handle: u32, trailers: fc.array(fc.tuple(word, word), { maxLength: 3 }) }),
    body: fc.constant(new Uint8Array()),
  }),
)
const outcome = fc.oneof(
  fc.record({ kind: fc.constant('returned' as const), result: word }),
  fc.record({ kind: fc.constant('error' as const), error: word }),
  fc.record({ kind: fc.constant('exit' as const), code: fc.nat(255) }),
  fc.record({ kind: fc.constant('trap' as const), message: word }),
  fc.record({ kind: fc.constant('limit' as const), limit: fc.constantFrom('fuel' as const, 'cpu' as const, 'memory' as const) }),
  fc.record({ kind: fc.constant('killed' as const) }),
)
const fromCell: fc.Arbitrary<FromCell> = fc.oneof(
  fc.record({ type: fc.constant('ready' as const), version: count }),
  fc.record({ type: fc.constant('loaded' as const), artifact: word }),
  fc.record({ type: fc.constant('load-failed' as const), artifact: word, message: word }),
  fc.record({ type: fc.constant('call' as const), session: u32, id: u32, call }),
  fc.record({
    type: fc.constant('output' as const),
    session: u32,
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    body: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  }),
  fc.record({
    type: fc.constant('answered' as const),
    session: u32,
    id: u32,
    answer: fc.oneof(
      fc.record({ kind: fc.constant('returned' as const), result: word }),
      fc.record({ kind: fc.constant('error' as const), error: word }),
    ),
  }),
  fc.record({
    type: fc.constant('ended' as const),
    session: u32,
    outcome,
    usage: fc.record({ fuel: count, cpuUs: count, memoryPeakBytes: count }),
  }),
)
const toCell: fc.Arbitrary<ToCell> = fc.oneof(
  fc.record({ type: fc.constant('hello' as const), version: count }),
  fc.record({
    type: fc.constant('load' as const),
    artifact: word,
    linking: fc.constantFrom('component' as const, 'glue' as const),
    exports: fc.array(
      fc.record({ path: fc.array(word, { maxLength: 3 }), call: word, kind: fc.constantFrom('agent-run' as const, 'plain' as const) }),
      { maxLength: 3 },
    ),
    cores: fc.nat(9),
    body,
  }),
  fc.record({ type: fc.constant('load-core' as const), artifact: word, name: word, body }),
  fc.record({ type: fc.constant('unload' as const), artifact: word }),
  fc.record({
    type: fc.constant('start' as const),
    session: u32,
    artifact: word,
    call: fc.option(word),
    input: word,
    args: fc.array(word, { maxLength: 3 }),
    env: fc.array(fc.tuple(word, word), { maxLength: 3 }),
    preopens: fc.array(fc.record({ handle: u32, guestPath: word, writable: fc.boolean() }), { maxLength: 2 }),
    fuel: count,
    cpuTimeMs: count,
    memoryBytes: count,
    tableElements: count,
    handles: count,
    stdinIsTerminal: fc.boolean(),
    stdoutIsTerminal: fc.boolean(),
    stderrIsTerminal: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('reply' as const),
    session: u32,
    id: u32,
    reply: fc.oneof(
      fc.record({ ok: fc.constant(true as const), value: fc.dictionary(fc.stringMatching(/^[a-z]+$/), word), body }),
      fc.record({ ok: fc.constant(false as const), code: word }),
    ),
  }),
  fc.record({ type: fc.constant('invoke' as const), session: u32, id: u32, call: word, input: word }),
  fc.record({ type: fc.constant('finish' as const), session: u32 }),
  fc.record({ type: fc.constant('kill' as const), session: u32 }),
  fc.record({ type: fc.constant('shutdown' as const) }),
  fc.record({ type: fc.constant('credit' as const), bytes: count }),
)

/** Feeds bytes in pieces of the given sizes and gives all frames. */
const framesOf = (bytes: Uint8Array, sizes: readonly number[] = [], maxBytes = maxFrameBytes): Frame[] => {
  const reader = new FrameReader(maxBytes)
  const frames: Frame[] = []
  const take = (chunk: Uint8Array): void => {
    reader.push(chunk)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame)
  }
  let at = 0
  for (const size of sizes) {
    take(bytes.subarray(at, at + size))
    at += size
  }
  take(bytes.subarray(at))
  return frames
}

const joined = (frames: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0))
  let at = 0
  for (const frame of frames) {
    bytes.set(frame, at)
    at += frame.length
  }
  return bytes
}

// The heads are JSON, which knows neither null prototypes nor -0; both sides are compared as the wire sees them.
const asWire = (message: FromCell | ToCell): string =>
  JSON.stringify(message, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value))

const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 })

test('what a cell says is read as it was said, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fromCell, { maxLength: 5 }), sizes, (messages, cuts) => {
      const read = framesOf(joined(messages.map((message) => encode(message))), cuts).map((frame) => decodeFromCell(frame))
      expect(read.map((message) => JSON.parse(asWire(message)) as unknown)).toEqual(
        messages.map((message) => JSON.parse(asWire(message)) as unknown),
      )
    }),
  )
})

test('what a host says is read as it was said, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(toCell, { maxLength: 5 }), sizes, (messages, cuts) => {
      const read = framesOf(joined(messages.map((message) => encode(message))), cuts, maxFrameBytesToCell).map((frame) =>
        decodeToCell(frame),
      )
      expect(read.map((message) => JSON.parse(asWire(message)) as unknown)).toEqual(
        messages.map((message) => JSON.parse(asWire(message)) as unknown),
      )
    }),
  )
})

/** What reading made of bytes: all that may happen is a message or a violation. */
const readOrRefuse = (bytes: Uint8Array): number => {
  try {
    return framesOf(bytes).map((frame) => decodeFromCell(frame)).length
  } catch (error) {
    expect(error).toBeInstanceOf(WireViolation)
    return 0
  }
}

test('any change to a byte of a message gives a message or a violation, never another failure', () => {
  fc.assert(
    fc.property(fromCell, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }), (message, changes) => {
      const bytes = encode(message)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      readOrRefuse(bytes)
    }),
    { numRuns: 2000 },
  )
})

test('any bytes at all give messages or a violation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      readOrRefuse(bytes)
    }),
    { numRuns: 2000 },
  )
})

const frameOf = (head: string | Uint8Array, type = 66): Frame => ({
  type,
  session: 0,
  id: 0,
  head: typeof head === 'string' ? new TextEncoder().encode(head) : head,
  body: new Uint8Array(),
})

test.each([
  ['not JSON', 'artifact'],
  ['a value that is no object', '[]'],
  ['null', 'null'],
  ['a missing field', '{}'],
  ['a field too many', '{"artifact":"a","more":1}'],
  ['a field of another type', '{"artifact":1}'],
  ['a text too long', `{"artifact":"${'a'.repeat(257)}"}`],
  ['a __proto__ field', '{"__proto__":{"artifact":"a"}}'],
  ['a __proto__ field too many', '{"artifact":"a","__proto__":{}}'],
  ['a constructor field', '{"constructor":"a"}'],
  ['deep nesting', '['.repeat(500_000)],
  ['deep closed nesting', `{"artifact":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ['a byte order mark', '\u{FEFF}{"artifact":"a"}'],
])('a head with %s is a violation', (_, head) => {
  expect(() => decodeFromCell(frameOf(head))).toThrow(WireViolation)
})

test('a head that is not UTF-8 is a violation', () => {
  expect(() => decodeFromCell(frameOf(Buffer.from('{"artifact":"\u00ff"}', 'latin1')))).toThrow(WireViolation)
})

test('fields that a message does not use must be empty', () => {
  const frame = frameOf('{"artifact":"a"}')
  expect(decodeFromCell(frame)).toEqual({ type: 'loaded', artifact: 'a' })
  expect(() => decodeFromCell({ ...frame, session: 1 })).toThrow(WireViolation)
  expect(() => decodeFromCell({ ...frame, id: 1 })).toThrow(WireViolation)
  expect(() => decodeFromCell({ ...frame, body: new Uint8Array(1) })).toThrow(WireViolation)
})

test('a cell may not say what only a host says, nor the other way round', () => {
  const [shutdown] = framesOf(encode({ type: 'shutdown' }))
  const [ready] = framesOf(encode({ type: 'ready', version: 1 }))
  if (shutdown === undefined || ready === undefined) throw new Error('expected two frames')
  expect(() => decodeFromCell(shutdown)).toThrow(WireViolation)
  expect(() => decodeToCell(ready)).toThrow(WireViolation)
})

test('an unknown operation, a body where none belongs and one too long are violations', () => {
  const callFrame = (op: string, args: string, bytes = 0): Frame => ({
    ...frameOf(`{"op":"${op}","args":${args}}`, 68),
    body: new Uint8Array(bytes),
  })
  expect(decodeFromCell(callFrame('fs.read', '{"handle":1,"offset":0,"length":1}'))).toMatchObject({ type: 'call' })
  expect(() => decodeFromCell(callFrame('fs.read', '{"handle":1,"offset":0,"length":1}', 1))).toThrow(WireViolation)
  expect(() => decodeFromCell(callFrame('fs.write', '{"handle":1,"offset":0}', 256 * 1024 + 1))).toThrow(WireViolation)
  expect(() => decodeFromCell(callFrame('fs.format', '{}'))).toThrow(WireViolation)
  expect(() => decodeFromCell(callFrame('toString', '{}'))).toThrow(WireViolation)
  expect(() => decodeFromCell(callFrame('__proto__', '{}'))).toThrow(WireViolation)
})

test.each([0, 12, maxFrameBytes + 1, 0xffff_ffff])('a frame that says it is %i bytes long is refused before it is kept', (length) => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setUint32(0, length, true)
  expect(() => framesOf(bytes)).toThrow(WireViolation)
})

test('a head longer than its frame is a violation', () => {
  const bytes = encode({ type: 'ready', version: 1 })
  new DataView(bytes.buffer).setUint32(13, 0xffff_ffff, true)
  expect(() => framesOf(bytes)).toThrow(WireViolation)
})

test('memory grows with the bytes that came, not with the length that was announced', () => {
  const announced = new Uint8Array(4)
  new DataView(announced.buffer).setUint32(0, maxFrameBytesToCell, true)
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 20 }, () => {
    const reader = new FrameReader(maxFrameBytesToCell)
    reader.push(announced)
    expect(reader.next()).toBeUndefined()
    return reader
  })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 128 * 1024)
  expect(readers.every((reader) => !reader.idle)).toBe(true)
})

test('one byte at a time is read as well as all at once', () => {
  const bytes = joined([encode({ type: 'ready', version: 1 }), encode({ type: 'loaded', artifact: 'a' })])
  const frames = framesOf(
    bytes,
    Array.from({ length: bytes.length }, () => 1),
  )
  expect(frames.map((frame) => decodeFromCell(frame).type)).toEqual(['ready', 'loaded'])
})
