import { keepGoing, type Waits } from './waits.ts'

/** One call that an open session is asked for. */
export interface Invocation {
  readonly id: number
  readonly call: string
  readonly input: string
}

/** What an open session is asked to do, in order. While nothing is asked, waiting for it holds a promise and nothing else. */
export class Invocations {
  readonly #waits: Waits
  readonly #asked: Invocation[] = []
  #finished = false
  #wake = keepGoing

  constructor(waits: Waits) {
    this.#waits = waits
  }

  add(invocation: Invocation): void {
    this.#asked.push(invocation)
    this.#wake()
  }

  /** Nothing more is asked; what was before is still done. */
  finish(): void {
    this.#finished = true
    this.#wake()
  }

  /** What to do next, in a turn of the session; `undefined` when all is done. Rejects when the session is over. */
  next(): Promise<Invocation | undefined> {
    return this.#waits.until<Invocation | undefined>((done) => {
      const offer = (): void => {
        if (this.#asked.length === 0 && !this.#finished) return
        this.#wake = keepGoing
        done(this.#asked.shift())
      }
      this.#wake = offer
      offer()
      return () => {
        this.#wake = keepGoing
      }
    })
  }
}
