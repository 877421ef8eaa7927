import { GuestFault, type Performed, type Plan, type Provider, type ProviderSession } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'

type Source = AsyncIterable<Uint8Array> | Uint8Array | undefined

const nothing = new Uint8Array()

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The session's standard input: read in order, one read at a time, never further ahead than one chunk. */
class SessionInput implements Provider {
  readonly ops = ['stdin.read'] as const
  readonly #signal: AbortSignal
  readonly #chunks: AsyncIterator<Uint8Array> | undefined
  #rest: Uint8Array = nothing
  #ended: boolean
  #turn: Promise<unknown> = Promise.resolve()

  constructor(session: ProviderSession, source: Source) {
    this.#signal = session.signal
    this.#ended = source === undefined
    const chunks = source instanceof Uint8Array ? oneChunk(source) : source
    this.#chunks = chunks?.[Symbol.asyncIterator]()
  }

  plan(call: Call): Plan {
    if (call.op !== 'stdin.read') throw new TypeError(`expected stdin.read, got ${call.op}`)
    return { kind: 'own' }
  }

  perform(): Promise<Performed> {
    throw new TypeError('standard input needs no grant')
  }

  continue(call: Call): Promise<Performed> {
    if (call.op !== 'stdin.read') throw new TypeError(`expected stdin.read, got ${call.op}`)
    const { length } = call.args
    const read = this.#turn.then(() => this.#read(length))
    this.#turn = read.catch(() => undefined)
    return read
  }

  /** Not awaited further than the source is willing: one that waits for a terminal would never return. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    this.#rest = nothing
    void Promise.resolve(this.#chunks?.return?.()).catch(() => undefined)
  }

  async #read(length: number): Promise<Performed> {
    if (length > 0) await this.#fill()
    // A copy of its own: a slice of Node's pool may be posted to a thread with all that is around it.
    const body = new Uint8Array(this.#rest.subarray(0, length))
    this.#rest = this.#rest.subarray(body.length)
    return { value: { end: this.#ended && this.#rest.length === 0 }, body, ingressBytes: body.length }
  }

  async #fill(): Promise<void> {
    while (this.#rest.length === 0 && !this.#ended) {
      const chunk = await this.#next()
      if (chunk === undefined) this.#ended = true
      else this.#rest = chunk
    }
  }

  /** The next chunk; undefined at the end and when the source fails. Rejects when the session is over. */
  async #next(): Promise<Uint8Array | undefined> {
    const over = Promise.withResolvers<never>()
    const stop = (): void => over.reject(new GuestFault('not-permitted', 'the session ended'))
    if (this.#signal.aborted) stop()
    else this.#signal.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.race([this.#pull(), over.promise])
    } finally {
      this.#signal.removeEventListener('abort', stop)
    }
  }

  async #pull(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#chunks?.next()
      return next === undefined || next.done === true ? undefined : next.value
    } catch {
      return undefined
    }
  }
}

/** Gives a session its standard input. `undefined` is an input that has ended. */
export const createStdinProvider = (session: ProviderSession, source: Source): Provider => new SessionInput(session, source)
