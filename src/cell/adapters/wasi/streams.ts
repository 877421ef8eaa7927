import { clampLength } from '#cell/adapters/guest-number.ts'
import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { letGo } from '#wire/codec.ts'
import type { InboundPipe } from './inbound-pipe.ts'
import { IoError } from './io-error.ts'
import type { OutboundPipe } from './outbound-pipe.ts'
import { PipeFailure } from './pipe-failure.ts'
import { Pollable } from './poll.ts'

/** What the `blocking-write…-and-flush` functions take at once, by the standard. */
const blockingWriteBytes = 4096

/** Runs `step`; a pipe's failure becomes the `stream-error` that the guest gets. */
const orStreamError = <T>(scope: SessionScope, step: () => T): T => {
  try {
    return step()
  } catch (error) {
    throw streamError(scope, error)
  }
}

const streamError = (scope: SessionScope, error: unknown): unknown => {
  if (!(error instanceof PipeFailure)) return error
  if (error.reason === undefined) return new WitError({ tag: 'closed' })
  return new WitError({ tag: 'last-operation-failed', val: new IoError(scope, error.reason) })
}

/** `wasi:io/streams` `input-stream`. */
export class InputStream {
  readonly #scope: SessionScope
  readonly #pipe: InboundPipe
  readonly #held: HeldResource
  readonly #onDrop: (() => void) | undefined

  /** With `onDrop` the pipe is this stream's alone and ends with it. */
  constructor(scope: SessionScope, pipe: InboundPipe, onDrop?: () => void) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#pipe = pipe
    this.#onDrop = onDrop
    if (onDrop !== undefined) pipe.belongTo(this.#held)
  }

  get [inside](): InboundPipe {
    return this.#pipe
  }

  read(length: bigint): Uint8Array {
    const pipe = this.#pipe
    return orStreamError(this.#scope, () => pipe.take(clampLength(length, maxChunkBytes)))
  }

  /** Waits for bytes or the end, also when none are asked for: only the waiting differs from `read`. */
  async blockingRead(length: bigint): Promise<Uint8Array> {
    const pipe = this.#pipe
    await pipe.untilReady(clampLength(length, maxChunkBytes))
    return this.read(length)
  }

  skip(length: bigint): bigint {
    return BigInt(this.read(length).byteLength)
  }

  async blockingSkip(length: bigint): Promise<bigint> {
    return BigInt((await this.blockingRead(length)).byteLength)
  }

  subscribe(): Pollable {
    return new Pollable(this.#scope, this.#pipe)
  }

  [Symbol.dispose](): void {
    const held = this.#held
    this.#onDrop?.()
    held.drop()
  }
}

/** `wasi:io/streams` `output-stream`. */
export class OutputStream {
  readonly #scope: SessionScope
  readonly #pipe: OutboundPipe
  readonly #held: HeldResource
  readonly #onDrop: (() => void) | undefined
  #permit = 0

  /** `onDrop` is told when the guest drops the stream; what was written before is still delivered. */
  constructor(scope: SessionScope, pipe: OutboundPipe, onDrop?: () => void) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
    this.#pipe = pipe
    this.#onDrop = onDrop
  }

  checkWrite(): bigint {
    const pipe = this.#pipe
    this.#permit = 0
    this.#permit = orStreamError(this.#scope, () => pipe.room())
    return BigInt(this.#permit)
  }

  /** Traps when `contents` is longer than the last `check-write` permitted. */
  write(contents: Uint8Array): void {
    const length = contents.byteLength
    if (length > this.#permit)
      throw this.#scope.trap(`write of ${length} bytes, expected at most the ${this.#permit} that check-write permitted`)
    orStreamError(this.#scope, () => this.#pipe.throwIfFailed())
    this.#permit -= length
    this.#pipe.put(contents, this.#held)
    // Lifted for this call alone, and copied by now.
    letGo(contents)
  }

  writeZeroes(length: bigint): void {
    if (length > BigInt(this.#permit))
      throw this.#scope.trap(`write-zeroes of ${length} bytes, expected at most the ${this.#permit} permitted`)
    this.write(new Uint8Array(Number(length)))
  }

  async blockingWriteAndFlush(contents: Uint8Array): Promise<void> {
    const length = contents.byteLength
    const pipe = this.#pipe
    if (length > blockingWriteBytes) throw this.#scope.trap(`blocking write of ${length} bytes, expected at most ${blockingWriteBytes}`)
    while (this.checkWrite() < BigInt(length)) await pipe.untilDrained()
    this.write(contents)
    await this.blockingFlush()
  }

  async blockingWriteZeroesAndFlush(length: bigint): Promise<void> {
    const scope = this.#scope
    if (length > BigInt(blockingWriteBytes)) throw scope.trap(`blocking write of ${length} zeroes, expected at most ${blockingWriteBytes}`)
    await this.blockingWriteAndFlush(new Uint8Array(Number(length)))
  }

  flush(): void {
    const pipe = this.#pipe
    orStreamError(this.#scope, () => pipe.throwIfFailed())
    pipe.flush()
  }

  async blockingFlush(): Promise<void> {
    this.flush()
    await this.#pipe.untilDrained()
    orStreamError(this.#scope, () => this.#pipe.throwIfFailed())
  }

  subscribe(): Pollable {
    return new Pollable(this.#scope, this.#pipe)
  }

  splice(source: InputStream, length: bigint): bigint {
    const room = this.checkWrite()
    if (room === 0n) return 0n
    const wanted = clampLength(length < room ? length : room, maxChunkBytes)
    const moved = orStreamError(this.#scope, () => source[inside].move(wanted, (bytes) => this.#pipe.put(bytes, this.#held)))
    this.#permit -= moved
    return BigInt(moved)
  }

  async blockingSplice(source: InputStream, length: bigint): Promise<bigint> {
    const scope = this.#scope
    const inbound = source[inside]
    await scope.waitForAny([this.#pipe])
    if (!inbound.ready()) await scope.waitForAny([inbound])
    return this.splice(source, length)
  }

  [Symbol.dispose](): void {
    const held = this.#held
    this.#onDrop?.()
    held.drop()
  }
}

sealClass(InputStream)
sealClass(OutputStream)
