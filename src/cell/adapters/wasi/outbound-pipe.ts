import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters, type Waitable } from '#cell/adapters/waitable.ts'
import type { StreamCause } from './io-error.ts'
import { PipeFailure } from './pipe-failure.ts'

/** Where an outbound pipe puts its bytes. */
interface Sink {
  /** Takes the bytes; resolves when they are taken. Rejects with {@link PipeFailure} for what the guest may know. */
  write(bytes: Uint8Array): Promise<void>
  /** True when writes need not wait for each other: the sink keeps their order itself. */
  readonly ordered: boolean
}

/** Bytes that a pipe takes before it makes the guest wait. */
const pipeCapacityBytes = 64 * 1024

/**
 * Bytes on their way out: at most {@link pipeCapacityBytes} are taken and not yet delivered. Several streams may share one
 * (standard output).
 */
export class OutboundPipe implements Waitable {
  readonly #scope: SessionScope
  readonly #sink: Sink
  readonly #waiters = new Waiters()
  readonly #queue: Uint8Array[] = []
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
    return this.#failure !== undefined || this.#closed || (!this.#flushing && this.#undelivered < pipeCapacityBytes)
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
    return this.#flushing ? 0 : Math.max(0, pipeCapacityBytes - this.#undelivered)
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

  /** Takes `bytes`, which the caller checked against {@link room}. `held` is kept until they are delivered. */
  put(bytes: Uint8Array, held: HeldResource): void {
    if (bytes.byteLength === 0) return
    this.#taken += bytes.byteLength
    this.#undelivered += bytes.byteLength
    const done = held.work()
    this.#queue.push(bytes)
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
    this.#waiters.wakeAll()
  }

  /** Takes nothing more and forgets what is not delivered. */
  abort(): void {
    this.#lose()
    this.end()
  }

  #lose(): void {
    this.#broken = true
    this.#queue.length = 0
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
      if (error instanceof PipeFailure) this.#failure ??= error.reason ?? { kind: 'other' }
      else this.#scope.endWith(error)
    } finally {
      this.#writing--
      this.#waiters.wakeAll()
    }
  }

  async #deliverNext(): Promise<void> {
    const bytes = concatenate(this.#queue.splice(0))
    await this.#sink.write(bytes)
    this.#undelivered = Math.max(0, this.#undelivered - bytes.byteLength)
    if (this.#undelivered === 0) this.#flushing = false
    this.#waiters.wakeAll()
  }
}

const concatenate = (parts: readonly Uint8Array[]): Uint8Array => {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
