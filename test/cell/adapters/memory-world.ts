import { randomBytes } from 'node:crypto'
import { buildImports } from '#cell/adapters/index.ts'
import { SessionScope } from '#cell/adapters/session-scope.ts'
import { SessionSlot } from '#cell/adapters/session-slot.ts'
import { GuestEnd, type SessionWorld } from '#cell/adapters/world.ts'
import type { Imports } from '#cell/link/linker.ts'
import type { Call, CallArgs, CallOp } from '#wire/calls.ts'
import type { SessionStart } from '#wire/messages.ts'
import { generous } from '../test-cell.ts'
import { MemoryHost, type Tree } from './memory-host.ts'

/** The imports of one session over a {@link MemoryHost}, and what a test wants to know of its world. */
export class MemoryWorld {
  readonly host: MemoryHost
  readonly world: SessionWorld
  readonly output = { stdout: '', stderr: '' }
  readonly ends: GuestEnd['outcome'][] = []
  held = 0
  nowNs = 1_000_000_000n
  /** Holds output back until it is called. */
  outputTaken: (() => Promise<void>) | undefined
  readonly #sleepers: { at: bigint; wake: () => void; reject: (error: Error) => void }[] = []
  readonly #ended = Promise.withResolvers<never>()
  readonly #over = new Error('the session is over')
  #isOver = false

  constructor(tree: Tree = {}, start: Partial<SessionStart> = {}) {
    this.host = new MemoryHost(tree)
    this.#ended.promise.catch(() => undefined)
    const session = { ...generous, preopens: [{ handle: 1, guestPath: '/data', writable: true }], ...start }
    const call = <O extends CallOp>(op: O, args: CallArgs<O>, body = new Uint8Array()) =>
      Promise.race([this.#ended.promise, this.host.answer({ op, args, body } as unknown as Call)])
    this.world = {
      start: session,
      host: { call },
      output: async (stream, bytes) => {
        this.output[stream] += new TextDecoder().decode(bytes)
        await this.outputTaken?.()
      },
      end: (outcome) => {
        this.ends.push(outcome)
        return new GuestEnd(outcome)
      },
      resources: {
        add: () => {
          if (++this.held > session.handles) throw this.world.end({ kind: 'trap', message: 'too many handles' })
        },
        drop: () => {
          this.held--
        },
      },
      clock: {
        monotonicStepNs: 100_000n,
        wallStepNs: 1_000_000n,
        monotonicNs: () => this.nowNs,
        wallNs: () => 1_700_000_000_123_000_000n,
        sleep: (ns) => this.#sleep(ns),
      },
      random: (length) => new Uint8Array(randomBytes(length)),
    }
  }

  /** How many sleeps have not ended. */
  get sleeping(): number {
    return this.#sleepers.length
  }

  /** Lets time pass. */
  async advance(ns: bigint): Promise<void> {
    this.nowNs += ns
    const due = this.#sleepers.filter(({ at }) => at <= this.nowNs)
    for (const each of due) this.#sleepers.splice(this.#sleepers.indexOf(each), 1)
    for (const each of due) each.wake()
    await settled()
  }

  /** Ends the session from outside. */
  over(): void {
    this.#isOver = true
    this.#ended.reject(this.#over)
    for (const { reject } of this.#sleepers.splice(0)) reject(this.#over)
  }

  #sleep(ns: bigint): Promise<void> {
    if (this.#isOver) return Promise.reject(this.#over)
    if (ns <= 0n) return new Promise((resolve) => setImmediate(resolve))
    return new Promise((resolve, reject) => this.#sleepers.push({ at: this.nowNs + ns, wake: resolve, reject }))
  }
}

/** Lets everything that can go on without outside help do so. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** `wasi:io/poll` `pollable` as a guest sees it. */
interface Pollable extends Disposable {
  ready(): boolean
  block(): Promise<void>
}

interface InputStream extends Disposable {
  read(length: bigint): Uint8Array
  blockingRead(length: bigint): Promise<Uint8Array>
  skip(length: bigint): bigint
  blockingSkip(length: bigint): Promise<bigint>
  subscribe(): Pollable
}

interface OutputStream extends Disposable {
  checkWrite(): bigint
  write(contents: Uint8Array): void
  blockingWriteAndFlush(contents: Uint8Array): Promise<void>
  flush(): void
  blockingFlush(): Promise<void>
  subscribe(): Pollable
  writeZeroes(length: bigint): void
  blockingWriteZeroesAndFlush(length: bigint): Promise<void>
  splice(source: InputStream, length: bigint): bigint
  blockingSplice(source: InputStream, length: bigint): Promise<bigint>
}

type Flags = Readonly<Record<string, boolean>>

interface Datetime {
  readonly seconds: bigint
  readonly nanoseconds: number
}

interface Stat {
  readonly type: string
  readonly size: bigint
  readonly linkCount: bigint
  readonly dataAccessTimestamp: Datetime | undefined
  readonly dataModificationTimestamp: Datetime | undefined
}

type NewTimestamp = { tag: 'no-change' } | { tag: 'now' } | { tag: 'timestamp'; val: Datetime }

export interface Descriptor extends Disposable {
  readViaStream(offset: bigint): InputStream
  writeViaStream(offset: bigint): OutputStream
  appendViaStream(): OutputStream
  advise(offset: bigint, length: bigint, advice: string): void
  syncData(): Promise<void>
  getFlags(): Flags
  getType(): string
  setSize(size: bigint): Promise<void>
  setTimes(accessed: NewTimestamp, modified: NewTimestamp): Promise<void>
  read(length: bigint, offset: bigint): Promise<[Uint8Array, boolean]>
  write(buffer: Uint8Array, offset: bigint): Promise<bigint>
  readDirectory(): Promise<Disposable & { readDirectoryEntry(): Promise<{ type: string; name: string } | undefined> }>
  sync(): Promise<void>
  createDirectoryAt(path: string): Promise<void>
  stat(): Promise<Stat>
  statAt(flags: Flags, path: string): Promise<Stat>
  setTimesAt(flags: Flags, path: string, accessed: NewTimestamp, modified: NewTimestamp): Promise<void>
  linkAt(flags: Flags, path: string, to: Descriptor, toPath: string): Promise<void>
  openAt(pathFlags: Flags, path: string, openFlags: Flags, flags: Flags): Promise<Descriptor>
  readlinkAt(path: string): Promise<string>
  removeDirectoryAt(path: string): Promise<void>
  renameAt(path: string, to: Descriptor, toPath: string): Promise<void>
  symlinkAt(target: string, path: string): Promise<void>
  unlinkFileAt(path: string): Promise<void>
  isSameObject(other: Descriptor): Promise<boolean>
  metadataHash(): Promise<{ lower: bigint; upper: bigint }>
  metadataHashAt(flags: Flags, path: string): Promise<{ lower: bigint; upper: bigint }>
}

export interface Fields extends Disposable {
  get(name: string): Uint8Array[]
  has(name: string): boolean
  set(name: string, values: Uint8Array[]): void
  delete(name: string): void
  append(name: string, value: Uint8Array): void
  entries(): [string, Uint8Array][]
  clone(): Fields
}

type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E }

interface Variant {
  readonly tag: string
  readonly val?: unknown
}

interface OutgoingBody extends Disposable {
  write(): OutputStream
}

export interface OutgoingRequest extends Disposable {
  body(): OutgoingBody
  method(): Variant
  setMethod(method: Variant): void
  pathWithQuery(): string | undefined
  setPathWithQuery(path: string | undefined): void
  scheme(): Variant | undefined
  setScheme(scheme: Variant | undefined): void
  authority(): string | undefined
  setAuthority(authority: string | undefined): void
  headers(): Fields
}

interface IncomingBody extends Disposable {
  stream(): InputStream
}

export interface IncomingResponse extends Disposable {
  status(): number
  headers(): Fields
  consume(): IncomingBody
}

export interface FutureIncomingResponse extends Disposable {
  subscribe(): Pollable
  get(): Result<Result<IncomingResponse, Variant>, undefined> | undefined
}

interface FutureTrailers extends Disposable {
  subscribe(): Pollable
  get(): Result<Result<Fields | undefined, Variant>, undefined> | undefined
}

interface RequestOptions extends Disposable {
  setConnectTimeout(ns: bigint | undefined): void
  setFirstByteTimeout(ns: bigint | undefined): void
  betweenBytesTimeout(): bigint | undefined
}

/** The interfaces that tests use, with the types that jco gives them. */
export interface GuestImports {
  readonly 'wasi:io/poll': { readonly Pollable: object; poll(list: readonly Pollable[]): Promise<Uint32Array> }
  readonly 'wasi:io/streams': { readonly InputStream: { prototype: object }; readonly OutputStream: { prototype: object } }
  readonly 'wasi:io/error': { readonly Error: { prototype: object } }
  readonly 'wasi:cli/environment': { getEnvironment(): [string, string][]; getArguments(): string[]; initialCwd(): string | undefined }
  readonly 'wasi:cli/exit': { exit(status: Variant): void; exitWithCode(code: number): void }
  readonly 'wasi:cli/stdin': { getStdin(): InputStream }
  readonly 'wasi:cli/stdout': { getStdout(): OutputStream }
  readonly 'wasi:cli/stderr': { getStderr(): OutputStream }
  readonly 'wasi:cli/terminal-stdin': { getTerminalStdin(): Disposable | undefined }
  readonly 'wasi:cli/terminal-stderr': { getTerminalStderr(): Disposable | undefined }
  readonly 'wasi:cli/terminal-stdout': { getTerminalStdout(): Disposable | undefined }
  readonly 'wasi:clocks/monotonic-clock': {
    now(): bigint
    resolution(): bigint
    subscribeInstant(when: bigint): Pollable
    subscribeDuration(duration: bigint): Pollable
  }
  readonly 'wasi:clocks/wall-clock': { now(): Datetime; resolution(): Datetime }
  readonly 'wasi:clocks/timezone': {
    display(when: Datetime): { readonly utcOffset: number; readonly name: string; readonly inDaylightSavingTime: boolean }
    utcOffset(when: Datetime): number
  }
  readonly 'wasi:random/random': { getRandomBytes(length: bigint): Uint8Array; getRandomU64(): bigint }
  readonly 'wasi:random/insecure': { getInsecureRandomBytes(length: bigint): Uint8Array; getInsecureRandomU64(): bigint }
  readonly 'wasi:random/insecure-seed': { insecureSeed(): [bigint, bigint] }
  readonly 'wasi:filesystem/types': { filesystemErrorCode(error: object): string | undefined }
  readonly 'wasi:filesystem/preopens': { getDirectories(): [Descriptor, string][] }
  readonly 'wasi:http/types': {
    readonly Fields: { new (): Fields; fromList(entries: [string, Uint8Array][]): Fields; prototype: object }
    readonly OutgoingRequest: new (headers: Fields) => OutgoingRequest
    readonly OutgoingResponse: new (headers: Fields) => OutgoingRequest & { setStatusCode(status: number): void; statusCode(): number }
    readonly RequestOptions: new () => RequestOptions
    readonly OutgoingBody: { finish(body: OutgoingBody, trailers: Fields | undefined): void }
    readonly IncomingBody: { finish(body: IncomingBody): FutureTrailers }
    readonly IncomingRequest: { prototype: object }
    readonly ResponseOutparam: { prototype: object; set(parameter: object, response: unknown): void }
    httpErrorCode(error: object): Variant | undefined
  }
  readonly 'wasi:http/outgoing-handler': {
    handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse
  }
  readonly 'cordon:agent/secrets': { use(name: string): Promise<string> }
  readonly 'cordon:agent/tools': { call(name: string, input: string): Promise<string>; list(): Promise<string> }
}

const linked = new WeakMap<MemoryWorld, GuestImports>()

/** The imports of an instance that serves the session of `world`. */
export const importsOver = (world: SessionWorld): Imports => {
  const slot = new SessionSlot()
  slot.place(new SessionScope(world))
  return buildImports(slot)
}

/** What a guest of that world links: the same each time. */
export const importsOf = (world: MemoryWorld): GuestImports => {
  const imports = linked.get(world) ?? (importsOver(world.world) as unknown as GuestImports)
  linked.set(world, imports)
  return imports
}

/** The `err` that `step` gives to the guest; fails when it gives none. */
export const errOf = async (step: () => unknown): Promise<unknown> => {
  try {
    await step()
  } catch (error) {
    if (error instanceof Error && Object.hasOwn(error, 'payload')) return (error as Error & { payload: unknown }).payload
    throw error
  }
  throw new Error('expected an err, got ok')
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (given: Uint8Array): string => new TextDecoder().decode(given)
