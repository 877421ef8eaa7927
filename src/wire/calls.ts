import { decimal, flag, integer, listOf, oneOf, orNull, pairOf, record, signedDecimal, text, type Shape, type Shaped } from '#wire/shape.ts'
import { socketCallShapes } from './socket-calls.ts'

/**
 * Every operation that a cell may ask of the host: the whole of what a guest can reach. Adapters in the cell turn WIT
 * calls into these, `host/broker` turns them into capabilities, providers perform them.
 *
 * An operation that names a target (`fs.open`, `http.start`, `secret.use`, …) is a *capability call*: decided and
 * recorded. One that names a handle is the *continuation* of the call that opened the handle: metered and
 * checked against the session, its bytes counted into the outcome record that is written when the handle closes.
 *
 * A call and its reply carry a JSON head (the fields below) and at most one body of bytes.
 * Byte strings inside heads (header values) are latin-1 text: one character, one byte.
 */
const maxPath = 4096
const handle = integer(0, 0xffff_ffff)
const path = text(maxPath)
const length = integer(0, Number.MAX_SAFE_INTEGER)
/** The most bytes one read may ask for and one write may carry. */
export const maxChunkBytes = 256 * 1024
const chunk = integer(0, maxChunkBytes)
/** The most bytes of one log message on the wire: 8192 characters and one more, which says that there were more. */
export const maxLogBodyBytes = 3 * 8193
const headers = listOf(pairOf(text(256), text(16_384)), 256)
const newTime = orNull(decimal)
/** The longest key of a store and name of a setting that can be asked for, in UTF-16 units. */
export const maxKeyLength = 1024
const key = text(maxKeyLength)
const timeoutMs = orNull(integer(0, 86_400_000))
const exchange = integer(0, 0xffff_ffff)

export const callShapes = {
  /**
   * Opens `path` below the directory `dir`. → {@link OpenedFile}; refuses `..` past `dir`, absolute paths, links out.
   * `sync`: whether each write waits until the data, or data and metadata, are on stable storage.
   */
  'fs.open': record({
    dir: handle,
    path,
    followLinks: flag,
    create: flag,
    exclusive: flag,
    truncate: flag,
    directory: flag,
    read: flag,
    write: flag,
    sync: oneOf('none', 'data', 'file'),
  }),
  /** → {@link FileStat} of `path` below `dir` (`''` is never valid; use `fs.stat` for the handle itself). */
  'fs.stat-at': record({ dir: handle, path, followLinks: flag }),
  'fs.stat': record({ handle }),
  /** → body: at most `length` bytes from `offset`; an empty body is the end of the file. */
  'fs.read': record({ handle, offset: length, length: chunk }),
  /** Body → `{ written }`; `offset` null appends. */
  'fs.write': record({ handle, offset: orNull(length) }),
  /** → `{ entries: [name, FileType][], more }`, without `.` and `..`, sorted by name: those past `after`, as many as a reply takes. */
  'fs.list': record({ handle, after: orNull(text(1024)) }),
  'fs.mkdir': record({ dir: handle, path }),
  'fs.rmdir': record({ dir: handle, path }),
  'fs.unlink': record({ dir: handle, path }),
  'fs.rename': record({ dir: handle, path, toDir: handle, toPath: path }),
  /** Gives the file at `path` a second name; never follows a link there. */
  'fs.link': record({ dir: handle, path, toDir: handle, toPath: path }),
  /** Makes a link at `path` whose text is `target`; absolute targets are refused. */
  'fs.symlink': record({ dir: handle, target: path, path }),
  /** → `{ target }` */
  'fs.readlink': record({ dir: handle, path }),
  'fs.set-size': record({ handle, size: length }),
  /** Nanoseconds since the epoch; null leaves a time alone. */
  'fs.set-times': record({ handle, accessedNs: newTime, modifiedNs: newTime }),
  'fs.set-times-at': record({ dir: handle, path, followLinks: flag, accessedNs: newTime, modifiedNs: newTime }),
  'fs.sync': record({ handle, dataOnly: flag }),
  'fs.close': record({ handle }),

  /** Begins an HTTP exchange, decided on here. → `{ handle }`. The request is sent as the body is written. */
  'http.start': record({
    method: text(64),
    scheme: oneOf('http', 'https'),
    authority: text(1024),
    /** Path with query, as the guest wrote it. */
    pathWithQuery: text(16_384),
    headers,
    /** False when the request has no body at all (nothing will be written). */
    hasBody: flag,
    connectTimeoutMs: timeoutMs,
    firstByteTimeoutMs: timeoutMs,
    betweenBytesTimeoutMs: timeoutMs,
  }),
  /** Body → `{}` once the bytes were taken (backpressure). */
  'http.write': record({ handle }),
  /** Ends the request body. → `{}` */
  'http.finish': record({ handle, trailers: headers }),
  /** → {@link HttpResponseHead} when it has come. */
  'http.response': record({ handle }),
  /** → body: at most `length` bytes, and `{ end, trailers }`; `end` true with the last (perhaps empty) chunk. */
  'http.read': record({ handle, length: chunk }),
  'http.close': record({ handle }),

  /** → `{ placeholder }`: text to send where the secret's binding says; never the secret. */
  'secret.use': record({ name: text(256) }),

  /** → `{ tools: [{ name, description, inputSchema }] }`: those granted to this session. */
  'tool.list': record({}),
  /** Body (JSON input, UTF-8) → body (JSON output, UTF-8). */
  'tool.call': record({ name: text(256) }),

  /**
   * The request that the session serves: `exchange` is the number of its invocation, 0 in a session of one call. None of these is a handle: what a
   * session is to answer was given to it.
   */
  /** → body: at most `length` bytes of the request's, and `{ end, trailers }`; `end` true with the last (perhaps empty) chunk. */
  'serve.read': record({ exchange, length: chunk }),
  /** Sends an informational response, before the response. → `{}` */
  'serve.inform': record({ exchange, status: integer(0, 65_535), headers }),
  /** Sends the head of the response, once. → `{}` */
  'serve.respond': record({ exchange, status: integer(0, 65_535), headers, hasBody: flag }),
  /** Has the host answer for the guest, as a case of wasi:http's error-code says. → `{}` */
  'serve.refuse': record({ exchange, code: text(64) }),
  /** Body → `{}` once the client's connection takes more (backpressure). */
  'serve.write': record({ exchange }),
  /** Ends the response's body. → `{}` */
  'serve.finish': record({ exchange, trailers: headers }),

  /** Opens a store of keys and values that outlives the session. → `{ handle }`. */
  'kv.open': record({ store: text(256) }),
  /** → body: the value, and `{ revision }`: a decimal that changes with every change of the key, `0` while it is not there. */
  'kv.get': record({ bucket: handle, key }),
  /** → `{ revision }`, as `kv.get` has it. */
  'kv.stat': record({ bucket: handle, key }),
  /** Body: the value. → `{}`, once it is on stable storage; so does every other change. */
  'kv.set': record({ bucket: handle, key }),
  'kv.delete': record({ bucket: handle, key }),
  /** Adds to a value that is a number in decimal text. → `{ sum }`, a decimal too; an `unsigned` one is at least 0 and counts to 2^64 - 1. */
  'kv.increment': record({ bucket: handle, key, delta: signedDecimal, unsigned: flag }),
  /** Body: the value, set if the key still has that revision. → `{ swapped, revision }`, the revision being the one it has now. */
  'kv.swap': record({ bucket: handle, key, revision: decimal }),
  /** One page of keys, those behind `after` (null: from the first). → `{ keys, next }`; `next` is null on the last page. */
  'kv.list': record({ bucket: handle, after: orNull(decimal) }),
  'kv.close': record({ bucket: handle }),

  /** → body: the value of a setting, UTF-8. `unknown` when there is none of that name. */
  'config.get': record({ name: text(256) }),
  /** → `{ names }`: those that were asked for and granted. Their values take a `config.get` each. */
  'config.list': record({}),

  /** A line for the operator. Body: the message, UTF-8. → `{}` when the session may say more (backpressure). */
  'log.write': record({ level: oneOf('trace', 'debug', 'info', 'warn', 'error', 'critical'), context: text(257) }),

  /** → body: at most `length` bytes of the session's standard input, and `{ end }`. */
  'stdin.read': record({ length: chunk }),

  ...socketCallShapes,
} satisfies Record<string, Shape<unknown>>

export type CallOp = keyof typeof callShapes
export type CallArgs<O extends CallOp> = Shaped<(typeof callShapes)[O]>

/** One call, its head already checked against {@link callShapes}. */
export type Call = { readonly [O in CallOp]: { readonly op: O; readonly args: CallArgs<O>; readonly body: Uint8Array } }[CallOp]

/** The names of all operations. */
export const callOps = Object.keys(callShapes) as readonly CallOp[]

/** Whether `op` is an operation and `args` has exactly its fields. */
export const isCall = (op: unknown, args: unknown): boolean =>
  typeof op === 'string' && Object.hasOwn(callShapes, op) && callShapes[op as CallOp](args)

export type FileType = 'directory' | 'regular-file' | 'symbolic-link' | 'fifo' | 'socket' | 'block-device' | 'character-device' | 'unknown'

/** The answer of `fs.open`. @public */
export interface OpenedFile {
  readonly handle: number
  readonly type: FileType
  /** Whether it lies in a mount that may be changed at all. */
  readonly writable: boolean
}

export interface FileStat {
  readonly type: FileType
  readonly size: number
  readonly linkCount: number
  readonly accessedNs: string
  readonly modifiedNs: string
  readonly changedNs: string
  /** Opaque, the same for one file within a session: for `is-same-object` and `metadata-hash`. Not the host's inode number. */
  readonly identity: string
}

/** The answer of `http.response`. @public */
export interface HttpResponseHead {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
}

/**
 * What a guest may learn of a failed call: a code and nothing else (no host path, address, or reason).
 * `fs.*`: the error-code enum of wasi:filesystem. `http.*`: the case names of wasi:http's error-code, with what its payload says behind a `:` (`DNS-error:NXDOMAIN`).
 * `dns.*`, `tcp.*`, `udp.*`: the error-code enum of wasi:sockets.
 * `kv.*`: `no-such-store`, `full`, `too-large`, `busy`, `not-a-number`, `out-of-range`, `invalid`, `unavailable`.
 * `secret.*` and `tool.*`: `denied`, `unknown`, `invalid-input`, `failed`, `too-large`. Any: `not-permitted`.
 */
export type GuestErrorCode = string

/** The host's answer to a call. */
export type CallReply =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>>; readonly body: Uint8Array }
  | { readonly ok: false; readonly code: GuestErrorCode }

/** How an adapter in the cell asks the host. Rejects only when the session is over. */
export interface HostCalls {
  call<O extends CallOp>(op: O, args: CallArgs<O>, body?: Uint8Array): Promise<CallReply>
}
