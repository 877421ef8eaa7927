import type { ExportedFunction } from '#core/artifact.ts'
import type { Call, CallReply } from '#wire/calls.ts'

/**
 * The language between host and cell, whole. Frames are made by `wire/codec.ts`; both pipes and message ports carry them.
 *
 * host → cell: `hello`, then any of `load` (+ `load-core`s), `unload`, `start`, `invoke`, `finish`, `reply`, `kill`, `shutdown`, `credit`.
 * cell → host: `ready`, then any of `loaded`, `load-failed`, `call`, `output`, `answered`, `ended`.
 *
 * A session is started for one call, or open: it then stands ready and is called with `invoke`, which its cell works on one after the
 * other, until `finish`. What ends one (a trap, an exit, a limit, `kill`) is said with `ended`, whatever still waits to be answered.
 *
 * Rules, each of which ends the cell when the cell breaks it:
 * - a frame is at most `maxFrameBytes` long, checked before it is buffered;
 * - every field is there, of its type, and no other;
 * - a session id was started here and has not ended; a call id was not used before in its session;
 * - at most `maxCallsInFlight` calls a session wait for replies; `output` and `call` frames stay within the credit given;
 * - `answered` is for the oldest `invoke` that was not answered; an open session has `returned` only after `finish`, with nothing
 *   unanswered, and has no declared error: its calls have.
 */

/** What a session is told at its start: all that its guest may know of the world. */
export interface SessionStart {
  readonly artifact: string
  /** The export to call once; `null` for an open session, which waits for `invoke`. */
  readonly call: string | null
  /** JSON text for `agent-run` and `plain` calls: the input; for `http-handler` the head of the request (`served-request.ts`). Empty for an open session. */
  readonly input: string
  readonly args: readonly string[]
  readonly env: readonly (readonly [string, string])[]
  /** Handles of the mounts' roots, in the order of the guest's preopens, and whether each may be changed at all. */
  readonly preopens: readonly { readonly handle: number; readonly guestPath: string; readonly writable: boolean }[]
  /** The part of the limits that the cell enforces itself. */
  readonly fuel: number
  readonly cpuTimeMs: number
  readonly memoryBytes: number
  readonly tableElements: number
  readonly handles: number
  readonly stdinIsTerminal: boolean
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
}

/** How a guest ended, as its cell tells it. */
export type GuestOutcome =
  /** A normal return: JSON text of the result (`null` for commands). */
  | { readonly kind: 'returned'; readonly result: string }
  /** The declared `err` of a result: JSON text. */
  | { readonly kind: 'error'; readonly error: string }
  | { readonly kind: 'exit'; readonly code: number }
  /** A wasm trap, an ABI violation, or an uncaught error. `message` is cut and neutralised by the host. */
  | { readonly kind: 'trap'; readonly message: string }
  | { readonly kind: 'limit'; readonly limit: 'fuel' | 'cpu' | 'memory' }
  | { readonly kind: 'killed' }

/** What one call of an open session came to, when it leaves the session open: the texts are as in {@link GuestOutcome}. */
export type GuestAnswer = Extract<GuestOutcome, { readonly kind: 'returned' | 'error' }>

/** What an artifact's body is: a component whose core modules are metered, or the text of generated glue for the core modules that follow. */
export type Linking = 'component' | 'glue'

/** What the cell says a session used. Checked by the host against what it measured. */
export interface GuestUsage {
  readonly fuel: number
  readonly cpuUs: number
  readonly memoryPeakBytes: number
}

export type ToCell =
  | { readonly type: 'hello'; readonly version: number }
  /** Followed by `cores` frames of `load-core`, in order. Body: the component's bytes, or the glue text in UTF-8. */
  | {
      readonly type: 'load'
      readonly artifact: string
      readonly linking: Linking
      readonly exports: readonly ExportedFunction[]
      readonly cores: number
      readonly body: Uint8Array
    }
  | { readonly type: 'load-core'; readonly artifact: string; readonly name: string; readonly body: Uint8Array }
  | { readonly type: 'unload'; readonly artifact: string }
  | ({ readonly type: 'start'; readonly session: number } & SessionStart)
  /** Calls an open session. `id` counts up from 0 in its session. */
  | { readonly type: 'invoke'; readonly session: number; readonly id: number; readonly call: string; readonly input: string }
  /** Ends an open session the normal way, once what it was asked is answered: `ended` with `returned`, `null`. */
  | { readonly type: 'finish'; readonly session: number }
  | { readonly type: 'reply'; readonly session: number; readonly id: number; readonly reply: CallReply }
  | { readonly type: 'kill'; readonly session: number }
  | { readonly type: 'shutdown' }
  /** The cell may send this many more bytes of `call` and `output` frames (heads count too: they can be as long). */
  | { readonly type: 'credit'; readonly bytes: number }

export type FromCell =
  | { readonly type: 'ready'; readonly version: number }
  | { readonly type: 'loaded'; readonly artifact: string }
  | { readonly type: 'load-failed'; readonly artifact: string; readonly message: string }
  | { readonly type: 'call'; readonly session: number; readonly id: number; readonly call: Call }
  | { readonly type: 'output'; readonly session: number; readonly stream: 'stdout' | 'stderr'; readonly body: Uint8Array }
  /** One `invoke` came back, and the session is ready for the next. Anything else a call may come to ends the session. */
  | { readonly type: 'answered'; readonly session: number; readonly id: number; readonly answer: GuestAnswer }
  | { readonly type: 'ended'; readonly session: number; readonly outcome: GuestOutcome; readonly usage: GuestUsage }

/** The version both ends must speak. */
export const wireVersion = 2
/** The longest frame the host takes from a cell. */
export const maxFrameBytes = 1024 * 1024
/** Calls one session may have waiting. */
export const maxCallsInFlight = 256
/** Bytes of `call` and `output` frames a cell may have sent that the host has not taken up: at least one longest frame. */
export const initialCreditBytes = 4 * 1024 * 1024
