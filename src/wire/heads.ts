import type { ExportedFunction } from '#core/artifact.ts'
import { maxFrameBytes, type GuestAnswer, type GuestOutcome, type GuestUsage, type SessionStart } from './messages.ts'
import { flag, integer, listOf, oneOf, pairOf, record, text, type Shape } from './shape.ts'

/** The JSON heads of all messages but `call`, whose heads are `wire/calls.ts`. */

const count = integer(0, Number.MAX_SAFE_INTEGER)
const anyText = text(maxFrameBytes)
const artifact = text(256)

/** One of several shapes. */
const either =
  <T extends readonly Shape<unknown>[]>(...shapes: T): Shape<T[number] extends Shape<infer V> ? V : never> =>
  (value): value is T[number] extends Shape<infer V> ? V : never =>
    shapes.some((shape) => shape(value))

const outcome: Shape<GuestOutcome> = either(
  record({ kind: oneOf('returned'), result: anyText }),
  record({ kind: oneOf('error'), error: anyText }),
  record({ kind: oneOf('exit'), code: integer(0, 255) }),
  record({ kind: oneOf('trap'), message: anyText }),
  record({ kind: oneOf('limit'), limit: oneOf('fuel', 'cpu', 'memory') }),
  record({ kind: oneOf('killed') }),
)
const answer: Shape<GuestAnswer> = either(
  record({ kind: oneOf('returned'), result: anyText }),
  record({ kind: oneOf('error'), error: anyText }),
)
const usage: Shape<GuestUsage> = record({ fuel: count, cpuUs: count, memoryPeakBytes: count })

/** Head of `ready` and of `hello`. */
export const readyHead = record({ version: count })
/** Head of `loaded` and of `unload`. */
export const loadedHead = record({ artifact })
export const loadFailedHead = record({ artifact, message: text(65_536) })
export const outputHead = record({ stream: oneOf('stdout', 'stderr') })
export const answeredHead = record({ answer })
export const endedHead = record({ outcome, usage })

const exported: Shape<ExportedFunction> = record({
  path: listOf(text(4096), 16),
  call: text(4096),
  kind: oneOf('agent-run', 'wasi-command', 'http-handler', 'plain'),
})
const nil: Shape<null> = (value): value is null => value === null
const longText = text(64 * 1024 * 1024)
const start: Shape<SessionStart> = record({
  artifact,
  call: either(text(4096), nil),
  input: longText,
  args: listOf(longText, 65_536),
  env: listOf(pairOf(longText, longText), 65_536),
  preopens: listOf(record({ handle: integer(0, 0xffff_ffff), guestPath: text(4096), writable: flag }), 4096),
  fuel: count,
  cpuTimeMs: count,
  memoryBytes: count,
  tableElements: count,
  handles: count,
  stdinIsTerminal: flag,
  stdoutIsTerminal: flag,
  stderrIsTerminal: flag,
})
const plainObject: Shape<Readonly<Record<string, unknown>>> = (value): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const yes: Shape<true> = (value): value is true => value === true
const no: Shape<false> = (value): value is false => value === false

/** Heads of what only the host sends. */
export const toCellHeads = {
  empty: record({}),
  credit: record({ bytes: count }),
  load: record({ artifact, linking: oneOf('component', 'glue'), exports: listOf(exported, 65_536), cores: integer(0, 65_536) }),
  loadCore: record({ artifact, name: text(4096) }),
  start,
  invoke: record({ call: text(4096), input: longText }),
  replied: record({ ok: yes, value: plainObject }),
  refused: record({ ok: no, code: text(256) }),
} as const
