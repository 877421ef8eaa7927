import { CordonError } from '#index.ts'

/** A second signal this soon after the first is the same one: a terminal sends it to the whole group, and a supervisor to each of it. */
const sameMs = 200

/** What SIGINT and SIGTERM mean to a server: stop, and, a second time, stop at once. */
export class ServeSignals implements Disposable {
  readonly #first = Promise.withResolvers<void>()
  readonly #second = Promise.withResolvers<void>()
  readonly #interrupted = new AbortController()
  #firstMs: number | undefined
  readonly #onInterrupt = (): void => this.#heard(new CordonError('session.interrupted', 'interrupted'))
  readonly #onTerminate = (): void => this.#heard(new CordonError('session.killed', 'terminated'))

  constructor() {
    process.on('SIGINT', this.#onInterrupt)
    process.on('SIGTERM', this.#onTerminate)
  }

  /** Aborted by the first, for what has to be done before there is a server. */
  get interrupted(): AbortSignal {
    return this.#interrupted.signal
  }

  get first(): Promise<void> {
    return this.#first.promise
  }

  get second(): Promise<void> {
    return this.#second.promise
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onInterrupt)
    process.off('SIGTERM', this.#onTerminate)
  }

  #heard(error: CordonError): void {
    if (this.#firstMs === undefined) {
      this.#firstMs = performance.now()
      this.#interrupted.abort(error)
      this.#first.resolve()
    } else if (performance.now() - this.#firstMs > sameMs) this.#second.resolve()
  }
}
