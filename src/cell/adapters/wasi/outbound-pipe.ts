import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters, type Waitable } from '#cell/adapters/waitable.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { newBody } from '#wire/codec.ts'
import type { StreamCause } from './io-error.ts'
import { PipeFailure } from './pipe-failure.ts'

/** Where an outbound pipe puts its bytes. */
interface Sink {
  /**
   * Takes the bytes, at most {@link maxChunkBytes} at a time; resolves when they are taken. Rejects with {@link PipeFailure} for what the guest
   * may know.
   */
  write(bytes: Uint8Array): Promise<void>
  /** True when writes need not wait for each other: the sink keeps their order itself. */
  readonly ordered: boolean
}

/** Bytes that go together; those past `length` are not filled yet. */
interface Piece {
  readonly bytes: Uint8Array
  length: number
}

/** Bytes that a pipe takes at first before it makes the guest wait. */
const firstCapacityBytes = 64 * 1024
/** What a pipe whose guest keeps filling it takes at most: one piece on its way and one that is filled meanwhile. */
const mostCapacityBytes = 2 * maxChunkBytes

/**
 * Bytes on their way out: a bounded number is taken and not yet delivered, more for a guest that fills its pipe, within the room that its
 * session has. Several streams may share one (standard output).
 */
export class OutboundPipe implements Waitable {
  readonly #scope: SessionScope
  readonly #sink: Sink
  readonly #waiters = new Waiters()
  /** What was taken and is not on its way yet, oldest first. */
  #queue: Piece[] = []
  #capacity = firstCapacityBytes
  /** Whether the guest has filled the pipe since it was last made larger. */
  #filled = false
  #taken = 0
  #undelivered = 0
  #broken = false
  #writing = 0
  #flushing = false
  #closed = false
  #failure: StreamCause | undefined

  /** Ready when all that was taken is delivered, or never will be. */
  readonly #drained: Waitable = {
    ready: () => this.#undelivered === 0,
    wait: (wake) => this.#waiters.add(wake),
  }

  constructor(scope: SessionScope, sink: Sink) {
    this.#scope = scope
    this.#sink = sink
  }

  /** Whether {@link room} would give something or throw. */
  ready(): boolean {
    return this.#failure !== undefined || this.#closed || (!this.#flushing && this.#free() > 0)
  }

  wait(wake: () => void): () => void {
    return this.#waiters.add(wake)
  }

  /** Bytes taken in all. */
  get takenBytes(): number {
    return this.#taken
  }

  /** Whether bytes were lost by a failure or an abort. */
  get broken(): boolean {
    return this.#broken
  }

  /** Bytes taken and not yet delivered. */
  get undeliveredBytes(): number {
    return this.#undelivered
  }

  /** Bytes that may be put now; 0 while a flush lasts. Throws {@link PipeFailure}. */
  room(): number {
    this.throwIfFailed()
    return this.#flushing ? 0 : this.#free()
  }

  /** Throws {@link PipeFailure} when the pipe has failed (once) or is closed. */
  throwIfFailed(): void {
    this.#scope.throwIfOver()
    const failure = this.#failure
    if (failure !== undefined) {
      this.#failure = undefined
      this.#closed = true
      throw new PipeFailure(failure)
    }
    if (this.#closed) throw new PipeFailure()
  }

  /** Takes a copy of `bytes`, whose number the caller checked against {@link room}. `held` is kept until they are delivered. */
  put(bytes: Uint8Array, held: HeldResource): void {
    if (bytes.byteLength === 0) return
    this.#taken += bytes.byteLength
    this.#undelivered += bytes.byteLength
    this.#filled ||= this.#free() === 0
    for (let at = 0; at < bytes.byteLength;) at += this.#enqueue(bytes.subarray(at))
    const done = held.work()
    void this.#deliver().finally(done)
  }

  /** Refuses writes until everything taken is delivered. */
  flush(): void {
    this.#flushing = this.#undelivered > 0
  }

  /** Waits until everything taken is delivered, or lost by a failure. Rejects when the session is over. */
  async untilDrained(): Promise<void> {
    if (this.#undelivered > 0) await this.#scope.waitForAny([this.#drained])
  }

  /** Takes nothing more; what was taken is still delivered. */
  end(): void {
    this.#closed = true
    this.#shrink()
    this.#waiters.wakeAll()
  }

  /** Takes nothing more and forgets what is not delivered. */
  abort(): void {
    this.#lose()
    this.end()
  }

  #lose(): void {
    this.#broken = true
    this.#queue = []
    this.#undelivered = 0
    this.#flushing = false
  }

  async #deliver(): Promise<void> {
    if (!this.#sink.ordered && this.#writing > 0) return
    this.#writing++
    try {
      while (this.#queue.length > 0) await this.#deliverNext()
    } catch (error) {
      this.#lose()
      this.#shrink()
      if (error instanceof PipeFailure) this.#failure ??= error.reason ?? { kind: 'other' }
      else this.#scope.endWith(error)
    } finally {
      this.#writing--
      this.#waiters.wakeAll()
    }
  }

  async #deliverNext(): Promise<void> {
    const piece = this.#queue.shift()
    if (piece === undefined) return
    await this.#sink.write(piece.bytes.subarray(0, piece.length))
    this.#undelivered = Math.max(0, this.#undelivered - piece.length)
    if (this.#undelivered === 0) this.#flushing = false
    this.#grow()
    // Who waits hears of it when there is something to hear: the pipe takes more, or nothing is left in it.
    if (this.ready() || this.#undelivered === 0) this.#waiters.wakeAll()
  }

  /** Copies what fits into one piece; gives how much that was. */
  #enqueue(bytes: Uint8Array): number {
    const last = this.#queue.at(-1)
    const piece = last !== undefined && last.length < last.bytes.byteLength ? last : this.#newPiece(bytes.byteLength)
    const part = bytes.subarray(0, piece.bytes.byteLength - piece.length)
    piece.bytes.set(part, piece.length)
    piece.length += part.byteLength
    return part.byteLength
  }

  /** As long as what there is to send; behind a piece that is on its way as long as what may yet come. */
  #newPiece(length: number): Piece {
    const isBusy = this.#writing > 0 && !this.#sink.ordered
    const wanted = isBusy ? Math.max(length, this.#capacity - this.#undelivered) : length
    const piece = { bytes: newBody(Math.min(wanted, maxChunkBytes)), length: 0 }
    this.#queue.push(piece)
    return piece
  }

  /** Nothing until half of it is empty: a guest that may write each time a little has gone sends everything in little pieces. */
  #free(): number {
    const bytes = this.#capacity - this.#undelivered
    return bytes * 2 >= this.#capacity ? bytes : 0
  }

  /** More room for a guest that keeps filling it. */
  #grow(): void {
    if (!this.#filled || this.#closed || this.#capacity >= mostCapacityBytes) return
    this.#filled = false
    if (this.#scope.streamRoom.claim(this.#capacity)) this.#capacity *= 2
  }

  #shrink(): void {
    this.#scope.streamRoom.giveBack(this.#capacity - firstCapacityBytes)
    this.#capacity = firstCapacityBytes
  }
}
