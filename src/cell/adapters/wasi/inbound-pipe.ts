import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters, type Waitable } from '#cell/adapters/waitable.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { PipeFailure } from './pipe-failure.ts'

/** Bytes from the host, and whether they are the last. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly end: boolean
}

/** Where an inbound pipe gets its bytes: at most `length` a time, one read after the other. Rejects with {@link PipeFailure} for what the guest may know. */
type Source = (length: number) => Promise<Chunk>

/** What a pipe reads ahead at most when nobody asks for more. */
const readAheadBytes = 64 * 1024
/** What one read asks the host for at least: a call costs more than the bytes. */
const leastBytes = 16 * 1024

const nothing = new Uint8Array(0)

/**
 * Bytes on their way in, with at most one chunk read ahead. Several streams may share one (standard input). Once failed or ended
 * it stays so: the failure is told once, after that it is closed.
 */
export class InboundPipe implements Waitable {
  readonly #scope: SessionScope
  readonly #source: Source
  readonly #waiters = new Waiters()
  #chunk: Uint8Array = nothing
  #end = false
  #failure: PipeFailure | undefined
  #fetching = false
  #owner: HeldResource | undefined

  constructor(scope: SessionScope, source: Source) {
    this.#scope = scope
    this.#source = source
  }

  /** Names the stream whose place in the count stays taken while a read is under way. */
  belongTo(owner: HeldResource): void {
    this.#owner = owner
  }

  /** Whether a take would give something, or the end. */
  ready(): boolean {
    return this.#chunk.byteLength > 0 || this.#end || this.#failure !== undefined
  }

  wait(wake: () => void): () => void {
    const takeBack = this.#waiters.add(wake)
    this.#startFetch(readAheadBytes)
    return takeBack
  }

  /** Takes what is there, at most `length` bytes; none when nothing has come yet. Throws {@link PipeFailure}. */
  take(length: number): Uint8Array {
    this.#scope.throwIfOver()
    if (length > 0 && !this.ready()) this.#startFetch(length)
    if (this.#chunk.byteLength === 0) return this.#takeState()
    const taken = this.#chunk.subarray(0, length)
    this.#chunk = this.#chunk.subarray(taken.byteLength)
    return taken
  }

  /** Waits until {@link take} gives something. */
  async untilReady(length: number): Promise<void> {
    if (length > 0) this.#startFetch(length)
    await this.#scope.waitForAny([this])
  }

  /** Forgets what was read; from now on it is closed. */
  close(): void {
    this.#end = true
    this.#chunk = nothing
    this.#waiters.wakeAll()
  }

  #startFetch(length: number): void {
    if (this.#fetching || this.ready()) return
    this.#fetching = true
    const done = this.#owner?.work()
    void this.#fetch(Math.min(Math.max(length, leastBytes), maxChunkBytes)).finally(() => {
      this.#fetching = false
      done?.()
      this.#waiters.wakeAll()
    })
  }

  async #fetch(length: number): Promise<void> {
    try {
      const { bytes, end } = await this.#source(length)
      if (!this.#end) this.#chunk = bytes
      this.#end ||= end
    } catch (error) {
      if (error instanceof PipeFailure) this.#failure = error
      else this.#scope.endWith(error)
    }
  }

  #takeState(): Uint8Array {
    const failure = this.#failure
    if (failure !== undefined) {
      this.#failure = undefined
      this.#end = true
      throw failure
    }
    if (this.#end) throw new PipeFailure()
    return nothing
  }
}
