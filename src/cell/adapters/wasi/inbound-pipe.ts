import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters, type Waitable } from '#cell/adapters/waitable.ts'
import { maxChunkBytes } from '#wire/calls.ts'
import { letGo } from '#wire/codec.ts'
import { PipeFailure } from './pipe-failure.ts'

/** Bytes from the host, and whether they are the last. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly end: boolean
}

/**
 * Where an inbound pipe gets its bytes: at most `length` at a time, from `position` on, which counts from where the pipe began. Rejects with
 * {@link PipeFailure} for what the guest may know.
 */
type Source = (length: number, position: number) => Promise<Chunk>

/** How a source may be asked. */
export interface SourceKind {
  /**
   * True when the source heeds `position` and may be asked for several stretches at once: one that is shorter than asked for makes what was
   * asked for behind it void. Otherwise it is asked for one after the other.
   */
  readonly positioned: boolean
}

/** What a pipe reads ahead at first when nobody asks for more. */
const firstReadBytes = 64 * 1024
/** What one read asks the host for at least: a call costs more than the bytes. */
const leastBytes = 16 * 1024
/** What a pipe whose guest keeps reading holds and has asked for at most. */
const furthestAheadBytes = 4 * maxChunkBytes

const nothing = new Uint8Array(0)

/** A stretch that the host was asked for. */
interface Asked {
  readonly length: number
  /** What was claimed of the session's room for it. */
  readonly claimed: number
  result: Chunk | { readonly failure: PipeFailure } | undefined
}

interface Held {
  readonly bytes: Uint8Array
  readonly claimed: number
  /** Whether somebody may still hold a part of the same memory. */
  readonly isLent: boolean
}

/**
 * Bytes on their way in. One stretch is asked for when the guest wants some; a guest that uses all it gets has more read ahead for it each
 * time, within the room that its session has. Several streams may share one pipe (standard input). Once failed or ended it stays so: the failure
 * is told once, after that it is closed.
 */
export class InboundPipe implements Waitable {
  readonly #scope: SessionScope
  readonly #source: Source
  readonly #most: number
  readonly #positioned: boolean
  readonly #waiters = new Waiters()
  /** What came and was not taken, oldest first. */
  #held: Held[] = []
  #heldBytes = 0
  /** What was used up in this turn or those before it: its last part may still be on its way into the guest's memory. */
  #spent: Uint8Array[] = []
  /** What was asked for and is not held yet, oldest first. */
  #asked: Asked[] = []
  #askedBytes = 0
  /** Behind all that was asked for. */
  #position = 0
  /** How far ahead to read. */
  #ahead = 0
  #end = false
  #failure: PipeFailure | undefined
  #owner: HeldResource | undefined

  constructor(scope: SessionScope, source: Source, { positioned }: SourceKind = { positioned: false }) {
    this.#scope = scope
    this.#source = source
    this.#positioned = positioned
    this.#most = positioned ? furthestAheadBytes / maxChunkBytes : 1
  }

  /** Names the stream whose place in the count stays taken while a read is under way. */
  belongTo(owner: HeldResource): void {
    this.#owner = owner
  }

  /** Whether a take would give something, or the end. */
  ready(): boolean {
    return this.#held.length > 0 || this.#end || this.#failure !== undefined
  }

  wait(wake: () => void): () => void {
    const takeBack = this.#waiters.add(wake)
    this.#want(firstReadBytes)
    return takeBack
  }

  /** Takes what is there, at most `length` bytes; none when nothing has come yet. Throws {@link PipeFailure}. */
  take(length: number): Uint8Array {
    this.#scope.throwIfOver()
    const [first] = this.#held
    if (first === undefined) return this.#takeState(length)
    return this.#cut(first, length, true)
  }

  /** Hands what {@link take} would give to `put`, which keeps nothing of it; gives how many bytes that were. */
  move(length: number, put: (bytes: Uint8Array) => void): number {
    this.#scope.throwIfOver()
    const [first] = this.#held
    if (first === undefined) return this.take(length).byteLength
    const bytes = this.#cut(first, length, false)
    const { byteLength } = bytes
    put(bytes)
    if (byteLength === first.bytes.byteLength && !first.isLent) letGo(bytes)
    return byteLength
  }

  /** Waits until {@link take} gives something. */
  async untilReady(length: number): Promise<void> {
    if (this.ready()) return
    this.#want(length)
    await this.#scope.waitForAny([this])
  }

  /** Forgets what was read; from now on it is closed. */
  close(): void {
    this.#end = true
    for (const { claimed } of this.#held) this.#scope.streamRoom.giveBack(claimed)
    this.#held = []
    this.#heldBytes = 0
    this.#forgetAsked()
    this.#waiters.wakeAll()
  }

  #cut(first: Held, length: number, isLent: boolean): Uint8Array {
    if (length === 0) return nothing
    const taken = first.bytes.subarray(0, length)
    this.#heldBytes -= taken.byteLength
    if (taken.byteLength < first.bytes.byteLength) {
      this.#held[0] = { ...first, bytes: first.bytes.subarray(length), isLent: isLent || first.isLent }
    } else {
      this.#held.shift()
      this.#scope.streamRoom.giveBack(first.claimed)
      if (isLent || first.isLent) this.#spent.push(first.bytes)
      this.#readAhead()
    }
    return taken
  }

  /** Makes sure that something comes. */
  #want(length: number): void {
    if (this.ready() || this.#asked.length > 0) return
    this.#ask(Math.min(Math.max(length, leastBytes, Math.min(this.#ahead, maxChunkBytes)), maxChunkBytes), 0)
    this.#fill()
  }

  /** The guest has used up a stretch: it will want the next one. */
  #readAhead(): void {
    this.#ahead = Math.min(Math.max(this.#ahead * 2, firstReadBytes), furthestAheadBytes)
    this.#fill()
  }

  #fill(): void {
    while (this.#asked.length < this.#most && this.#heldBytes + this.#askedBytes < this.#ahead) {
      const length = Math.min(this.#ahead, maxChunkBytes)
      if (this.#end || this.#failure !== undefined || !this.#scope.streamRoom.claim(length)) return
      this.#ask(length, length)
    }
  }

  #ask(length: number, claimed: number): void {
    const asked: Asked = { length, claimed, result: undefined }
    this.#asked.push(asked)
    this.#askedBytes += length
    const position = this.#position
    this.#position += length
    const done = this.#owner?.work()
    void this.#fetch(asked, position).finally(() => {
      done?.()
      this.#accept()
    })
  }

  async #fetch(asked: Asked, position: number): Promise<void> {
    try {
      asked.result = await this.#source(asked.length, position)
    } catch (error) {
      if (error instanceof PipeFailure) asked.result = { failure: error }
      else this.#scope.endWith(error)
    }
  }

  /** Takes up what has come, in the order it was asked for. An answer of the host comes in a turn of its own, and what was taken before has arrived by then. */
  #accept(): void {
    for (const bytes of this.#spent.splice(0)) letGo(bytes)
    const before = this.#held.length
    for (let [asked] = this.#asked; asked?.result !== undefined; [asked] = this.#asked) {
      this.#asked.shift()
      this.#askedBytes -= asked.length
      this.#hold(asked, asked.result)
    }
    if (this.#held.length > before || this.ready()) this.#waiters.wakeAll()
  }

  #hold({ length, claimed }: Asked, result: NonNullable<Asked['result']>): void {
    const bytes = 'bytes' in result ? result.bytes : nothing
    if (bytes.byteLength > 0) {
      this.#held.push({ bytes, claimed, isLent: false })
      this.#heldBytes += bytes.byteLength
    } else this.#scope.streamRoom.giveBack(claimed)
    if ('failure' in result) this.#failure = result.failure
    else if (result.end) this.#end = true
    const missing = length - bytes.byteLength
    if (this.#end || this.#failure !== undefined || (this.#positioned && missing > 0)) this.#forgetAsked()
    this.#position -= missing
  }

  /** What comes of it is dropped. */
  #forgetAsked(): void {
    for (const { length, claimed } of this.#asked) {
      this.#position -= length
      this.#scope.streamRoom.giveBack(claimed)
    }
    this.#asked = []
    this.#askedBytes = 0
  }

  #takeState(length: number): Uint8Array {
    const failure = this.#failure
    if (failure !== undefined && length > 0) {
      this.#failure = undefined
      this.#end = true
      throw failure
    }
    if (this.#end) throw new PipeFailure()
    if (length > 0) this.#want(length)
    return nothing
  }
}
