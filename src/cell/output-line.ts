import type { LineWorld } from './host-line.ts'

type Stream = 'stdout' | 'stderr'

/** The most bytes of output in one message. */
const chunkBytes = 64 * 1024

/** One session's output: cut into messages, sent in order as the transport allows, also after the guest has returned. */
export class OutputLine {
  readonly #world: LineWorld
  #tail: Promise<void> = Promise.resolve()
  #closed = false

  constructor(world: LineWorld) {
    this.#world = world
  }

  /** Resolves when all of `bytes` is sent; never rejects. */
  write(stream: Stream, bytes: Uint8Array): Promise<void> {
    this.#tail = this.#tail.then(() => this.#sendAll(stream, bytes))
    return this.#tail
  }

  /** Resolves when nothing is left to send. */
  flushed(): Promise<void> {
    return this.#tail
  }

  /** Discards what has not been sent. */
  close(): void {
    this.#closed = true
  }

  async #sendAll(stream: Stream, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength && !this.#closed; at += chunkBytes) {
      const body = bytes.slice(at, at + chunkBytes)
      await this.#world.send({ type: 'output', session: this.#world.session, stream, body })
    }
  }
}
