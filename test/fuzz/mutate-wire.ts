import { maxCallsInFlight, maxFrameBytes, wireVersion } from '#wire/messages.ts'
import { pickFrom, type Pick } from '../differential/seeded-pick.ts'

/** A frame before it is bytes: what each of its fields says, true or not. */
interface LooseFrame {
  type: number
  session: number
  id: number
  head: unknown
  body: Uint8Array
  /** Instead of `head`, as it is. */
  rawHead?: Uint8Array
  /** Added to the length fields. */
  lengthOff?: number
  headLengthOff?: number
}

/** What the host under test has started, so that a valid conversation can be made up without it: see `try-wire.ts`. */
export const staged = { oneCall: 1, open: 2, killed: 3, artifact: 'a', asked: [0, 1], root: 0 } as const

const types = { ready: 65, loaded: 66, loadFailed: 67, call: 68, output: 69, ended: 70, answered: 71 } as const
const nothing = new Uint8Array()
const utf8 = new TextEncoder()

const open = {
  dir: 0,
  path: 'f',
  followLinks: false,
  create: true,
  exclusive: false,
  truncate: false,
  directory: false,
  read: true,
  write: true,
  sync: 'none',
}

/** Calls that are well formed; handles are those of the root and of what was opened before. */
const calls = (pick: Pick): { op: string; args: Record<string, unknown>; body?: Uint8Array } =>
  pickFrom(
    [
      { op: 'fs.open', args: { ...open, path: pickFrom(['f', 'g', 'd/f', '../f', '', '/', 'f/..', 'a\0b'], pick) } },
      { op: 'fs.open', args: { ...open, directory: true, create: false, path: 'd' } },
      { op: 'fs.stat', args: { handle: pick(6) } },
      { op: 'fs.stat-at', args: { dir: 0, path: 'f', followLinks: true } },
      { op: 'fs.read', args: { handle: pick(6), offset: pick(2) * 1e6, length: pick(262_145) } },
      {
        op: 'fs.write',
        args: { handle: pick(6), offset: pickFrom([0, null, 2 ** 40, Number.MAX_SAFE_INTEGER], pick) },
        body: new Uint8Array(pick(70_000)),
      },
      { op: 'fs.mkdir', args: { dir: 0, path: pickFrom(['d', 'd/e', 'f'], pick) } },
      { op: 'fs.rename', args: { dir: 0, path: 'f', toDir: 0, toPath: pickFrom(['g', 'd/g', 'f'], pick) } },
      { op: 'fs.symlink', args: { dir: 0, target: pickFrom(['f', '../..', '/etc'], pick), path: 'l' } },
      { op: 'fs.unlink', args: { dir: 0, path: 'f' } },
      { op: 'fs.set-size', args: { handle: pick(6), size: pickFrom([0, 5, 2 ** 45], pick) } },
      { op: 'fs.sync', args: { handle: pick(6), dataOnly: true } },
      { op: 'fs.close', args: { handle: pick(6) } },
      { op: 'stdin.read', args: { length: pick(100_000) } },
      { op: 'tool.list', args: {} },
      {
        op: 'tool.call',
        args: { name: pickFrom(['echo', 'fails', 'none'], pick) },
        body: utf8.encode(pickFrom(['{}', '[', '"x"', '{"a":1}'], pick)),
      },
      { op: 'secret.use', args: { name: 'none' } },
      { op: 'http.finish', args: { handle: pick(6), trailers: [] } },
    ],
    pick,
  )

const callFrame = (session: number, id: number, pick: Pick): LooseFrame => {
  const { op, args, body = nothing } = calls(pick)
  return { type: types.call, session, id, head: { op, args }, body }
}

const usage = { fuel: 1, cpuUs: 1, memoryPeakBytes: 1 }

/** A conversation that breaks no rule. */
const conversation = (pick: Pick): LooseFrame[] => {
  const plain = (type: number, head: unknown, rest: Partial<LooseFrame> = {}): LooseFrame => ({
    type,
    session: 0,
    id: 0,
    head,
    body: nothing,
    ...rest,
  })
  const frames = [plain(types.ready, { version: wireVersion })]
  if (pick(2) === 0) frames.push(plain(types.loaded, { artifact: staged.artifact }))
  const ids = new Map<number, number>()
  for (let left = pick(30); left > 0; left--) {
    const session = pickFrom([staged.oneCall, staged.open, staged.killed], pick)
    const id = (ids.get(session) ?? -1) + 1 + pick(3)
    ids.set(session, id)
    if (pick(4) > 0) frames.push(callFrame(session, id, pick))
    else
      frames.push(plain(types.output, { stream: pickFrom(['stdout', 'stderr'], pick) }, { session, body: new Uint8Array(1 + pick(2000)) }))
  }
  const answers = staged.asked.slice(0, pick(3))
  for (const id of answers) frames.push(plain(types.answered, { answer: { kind: 'returned', result: '1' } }, { session: staged.open, id }))
  if (pick(2) === 0) frames.push(plain(types.ended, { outcome: { kind: 'returned', result: 'null' }, usage }, { session: staged.oneCall }))
  if (pick(2) === 0) frames.push(plain(types.ended, { outcome: { kind: 'killed' }, usage }, { session: staged.killed }))
  if (pick(2) === 0) frames.push(plain(types.ended, { outcome: { kind: 'trap', message: 'x' }, usage }, { session: staged.open }))
  return frames
}

const nasty: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.5,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  '',
  'constructor',
  '__proto__',
  '\0',
  '\ud800',
  '..',
  'x'.repeat(5000),
  [],
  [[]],
  {},
  JSON.parse('{"then":1}'),
  { length: 1 },
  ['a', 'b', 'c'],
  'returned',
  'killed',
  'fs.open',
  'toString',
]

/** Changes one value somewhere in `value`, takes it away, or adds another. */
const changeJson = (value: unknown, pick: Pick): unknown => {
  if (typeof value !== 'object' || value === null || pick(4) === 0) return pickFrom(nasty, pick)
  const entries = Object.entries(value)
  const at = pick(entries.length + 1)
  const [key, inner] = entries[at] ?? []
  if (key === undefined) return { ...value, [pickFrom(['extra', 'op', 'ok', 'session', 'then'], pick)]: pickFrom(nasty, pick) }
  if (pick(5) === 0) return Object.fromEntries(entries.filter((_, index) => index !== at))
  const changed = changeJson(inner, pick)
  return Array.isArray(value) ? value.with(at, changed) : { ...value, [key]: changed }
}

const rawHeads: readonly string[] = [
  '',
  '{',
  'null',
  '[',
  '{"op":"fs.stat","op":"fs.close","args":{"handle":0}}',
  '{"__proto__":{"op":1}}',
  '1e999',
  '\ufeff{}',
  '"\\ud800"',
  '{} ',
  '{}{}',
]

type Change = (frames: LooseFrame[], at: number, pick: Pick) => void

const inFrame =
  (change: (frame: LooseFrame, pick: Pick) => void): Change =>
  (frames, at, pick) => {
    const frame = frames[at]
    if (frame !== undefined) change(frame, pick)
  }

const changes: readonly Change[] = [
  inFrame((frame, pick) => (frame.head = changeJson(frame.head, pick))),
  inFrame((frame, pick) => (frame.head = changeJson(frame.head, pick))),
  inFrame((frame, pick) => (frame.head = changeJson(frame.head, pick))),
  inFrame((frame, pick) => (frame.type = pickFrom([0, 1, 4, 5, 9, 64, 65, 66, 67, 68, 69, 70, 71, 72, 255], pick))),
  inFrame((frame, pick) => (frame.session = pickFrom([0, 1, 2, 3, 4, 2 ** 31, 2 ** 32 - 1], pick))),
  inFrame((frame, pick) => (frame.id = pickFrom([0, 1, Math.max(0, frame.id - 1), frame.id + 1, 2 ** 31, 2 ** 32 - 1], pick))),
  inFrame((frame, pick) => (frame.rawHead = utf8.encode(pickFrom(rawHeads, pick)))),
  inFrame((frame, pick) => (frame.rawHead = utf8.encode(pickFrom(['[', '{"a":'], pick).repeat(1 + pick(100_000))))),
  inFrame((frame, pick) => (frame.rawHead = Uint8Array.from({ length: pick(40) }, () => pick(256)))),
  inFrame(
    (frame, pick) => (frame.body = new Uint8Array(pickFrom([0, 1, 4096, 262_144, 262_145, maxFrameBytes - 200, maxFrameBytes + 1], pick))),
  ),
  inFrame((frame, pick) => (frame.lengthOff = pickFrom([-1, 1, -4, 4, 1000, 2 ** 20, 2 ** 31], pick))),
  inFrame((frame, pick) => (frame.headLengthOff = pickFrom([-1, 1, 7, 1000, 2 ** 31], pick))),
  (frames, at) => void frames.splice(at, 1),
  (frames, at) => void frames.splice(at, 0, ...frames.slice(at, at + 1).map((frame) => ({ ...frame }))),
  (frames, at, pick) => {
    const [moved] = frames.splice(at, 1)
    if (moved !== undefined) frames.splice(pick(frames.length + 1), 0, moved)
  },
  // A frame that never comes to its end, and the silence after it.
  (frames, at) => void frames.splice(at + 1),
  // More calls than may wait.
  (frames, at, pick) => {
    const from = pick(5)
    const slow = { op: 'tool.call', args: { name: 'slow' } }
    const flood = Array.from({ length: maxCallsInFlight - 3 + pick(6) }, (_, nth) => ({
      type: types.call,
      session: staged.open,
      id: 1000 + from + nth,
      head: slow,
      body: nothing,
    }))
    frames.splice(at, 0, ...flood)
  },
  // More bytes than there is credit for.
  (frames, at, pick) => {
    const heavy = { op: 'tool.call', args: { name: 'slow' } }
    const body = utf8.encode(`"${'x'.repeat(maxFrameBytes - 1000)}"`)
    frames.splice(
      at,
      0,
      ...Array.from({ length: 2 + pick(8) }, (_, nth) => ({
        type: types.call,
        session: staged.oneCall,
        id: 2000 + nth,
        head: heavy,
        body,
      })),
    )
  },
]

const bytesOf = (frame: LooseFrame): Uint8Array => {
  const head = frame.rawHead ?? utf8.encode(JSON.stringify(frame.head) ?? '')
  const bytes = new Uint8Array(17 + head.length + frame.body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length - 4 + (frame.lengthOff ?? 0), true)
  view.setUint8(4, frame.type)
  view.setUint32(5, frame.session, true)
  view.setUint32(9, frame.id, true)
  view.setUint32(13, head.length + (frame.headLengthOff ?? 0), true)
  bytes.set(head, 17)
  bytes.set(frame.body, 17 + head.length)
  return bytes
}

/** All that a cell says in one conversation with the host: a valid one in one of eight cases, else changed in one to four places. */
export const wireInput = (pick: Pick): Uint8Array => {
  const frames = conversation(pick)
  const isValid = pick(8) === 0
  for (let left = isValid ? 0 : 1 + pick(4); left > 0 && frames.length > 0; left--)
    pickFrom(changes, pick)(frames, pick(frames.length), pick)
  const bytes = Buffer.concat(frames.map(bytesOf))
  if (!isValid && pick(8) === 0 && bytes.length > 0) bytes[pick(bytes.length)] = pick(256)
  return new Uint8Array(bytes)
}
