import { creditOfEncoded, encode, WireViolation } from '#wire/codec.ts'
import { initialCreditBytes, maxFrameBytes, type FromCell } from '#wire/messages.ts'

interface Waiting {
  readonly session: number
  readonly cost: number
  readonly frame: Uint8Array
  readonly sent: PromiseWithResolvers<void>
}

const noSession = -1
const lengthFieldBytes = 4

/** A result too long for a frame becomes a trap: the host must hear of every end. */
const withinFrame = (message: FromCell): Uint8Array => {
  const frame = encode(message)
  if (frame.length - lengthFieldBytes <= maxFrameBytes) return frame
  if (message.type !== 'ended') throw new WireViolation(`expected a message of at most ${maxFrameBytes} bytes`)
  return encode({ ...message, outcome: { kind: 'trap', message: `the result is longer than ${maxFrameBytes} bytes` } })
}

/**
 * Sends a cell's messages within the credit the host gave. Messages of one session keep their order; one that costs
 * nothing does not wait behind another session's.
 */
export class Outbox {
  readonly #write: (frame: Uint8Array) => Promise<void>
  #credit = initialCreditBytes
  #waiting: Waiting[] = []
  #closed = false

  constructor(write: (frame: Uint8Array) => Promise<void>) {
    this.#write = write
  }

  /** Resolves once the message is on its way and more may follow. Rejects when it is too long to be sent at all. */
  async send(message: FromCell): Promise<void> {
    if (this.#closed) return
    const frame = withinFrame(message)
    const cost = creditOfEncoded(message, frame)
    const session = 'session' in message ? message.session : noSession
    const behind = this.#waiting.some((other) => other.session === session || (cost > 0 && other.cost > 0))
    if (!behind && cost <= this.#credit) {
      this.#credit -= cost
      await this.#write(frame)
      return
    }
    const sent = Promise.withResolvers<void>()
    this.#waiting.push({ session, cost, frame, sent })
    await sent.promise
  }

  /** The host took this many bytes up. */
  addCredit(bytes: number): void {
    this.#credit += bytes
    const held = new Set<number>()
    let dry = false
    this.#waiting = this.#waiting.filter((waiting) => {
      dry ||= waiting.cost > this.#credit
      if (held.has(waiting.session) || (dry && waiting.cost > 0)) {
        held.add(waiting.session)
        return true
      }
      this.#credit -= waiting.cost
      this.#write(waiting.frame).then(waiting.sent.resolve, waiting.sent.reject)
      return false
    })
  }

  /** Lets go of everything that waits; later messages are dropped. */
  close(): void {
    this.#closed = true
    for (const { sent } of this.#waiting) sent.resolve()
    this.#waiting = []
  }
}
