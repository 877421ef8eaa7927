import { EventEmitter, once } from 'node:events'
import type { Readable } from 'node:stream'
import { Mismatch } from './verdict.ts'

/** What is kept of a program's output: more than any expectation has. */
const maxBytes = 64 * 1024 * 1024

/** What a stream has brought and nobody has read yet. */
export class OutputReader {
  readonly #chunks: Buffer[] = []
  readonly #changes = new EventEmitter()
  #bytes = 0
  #ended = false

  constructor(stream: Readable) {
    stream.on('data', (chunk: Buffer) => {
      if (this.#bytes + chunk.length <= maxBytes) this.#chunks.push(chunk)
      this.#bytes += chunk.length
      this.#changes.emit('change')
    })
    for (const end of ['end', 'close', 'error'])
      stream.on(end, () => {
        this.#ended = true
        this.#changes.emit('change')
      })
  }

  /** The next `length` bytes, fewer when the stream ends before. Throws {@link Mismatch} when `signal` comes first. */
  async take(length: number, signal: AbortSignal): Promise<Buffer> {
    await this.#until(() => this.#bytes >= length, signal)
    return this.#cut(length)
  }

  /** The next line without its end, or what there is when the stream ends before. Throws {@link Mismatch} when `signal` comes first. */
  async line(signal: AbortSignal): Promise<string> {
    const end = (): number => Buffer.concat(this.#chunks).indexOf('\n')
    await this.#until(() => end() >= 0, signal)
    return this.#cut(end() < 0 ? this.#bytes : end() + 1)
      .toString()
      .trimEnd()
  }

  /** All that is left, once the stream has ended. Throws {@link Mismatch} when `signal` comes first. */
  async all(signal: AbortSignal): Promise<string> {
    await this.#until(() => false, signal)
    return this.#cut(this.#bytes).toString()
  }

  /** Whether the stream has ended and all of it was read. */
  get isOver(): boolean {
    return this.#ended && this.#bytes === 0
  }

  /** What nobody has read so far. */
  get unread(): string {
    return Buffer.concat(this.#chunks).toString()
  }

  #cut(length: number): Buffer {
    const all = Buffer.concat(this.#chunks)
    this.#chunks.splice(0, this.#chunks.length, all.subarray(length))
    this.#bytes = Math.max(0, all.length - length)
    return all.subarray(0, length)
  }

  async #until(enough: () => boolean, signal: AbortSignal): Promise<void> {
    while (!this.#ended && !enough()) {
      try {
        await once(this.#changes, 'change', { signal })
      } catch {
        throw new Mismatch('expected more output in time')
      }
    }
  }
}
