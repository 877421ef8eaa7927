import { creditOfEncoded, encode, WireViolation } from '#wire/codec.ts'
import { initialCreditBytes, maxFrameBytes, type FromCell, type ToCell } from '#wire/messages.ts'

interface Waiting {
  readonly session: number
  /** The id of a call, whose credit comes back with its answer. */
  readonly call: number | undefined
  readonly cost: number
  readonly frame: Uint8Array<ArrayBuffer>
  readonly sent: PromiseWithResolvers<void>
}

const noSession = -1
const lengthFieldBytes = 4
/** Frames up to this size pass a longer one that waits for credit; longer ones wait their turn behind it. */
const smallBytes = 16 * 1024

/** A result too long for a frame becomes a trap: the host must hear of every end. */
const withinFrame = (message: FromCell): Uint8Array<ArrayBuffer> => {
  const frame = encode(message)
  if (frame.length - lengthFieldBytes <= maxFrameBytes) return frame
  if (message.type !== 'ended') throw new WireViolation(`expected a message of at most ${maxFrameBytes} bytes`)
  return encode({ ...message, outcome: { kind: 'trap', message: `the result is longer than ${maxFrameBytes} bytes` } })
}

/**
 * Sends a cell's messages within the credit the host gave. Messages of one session keep their order, and no session waits
 * for another: calls hold their credit until they are answered, so what a session's calls hold together may be no more than what is
 * left for the others. However many sessions make slow calls, a small call of another still goes out.
 */
export class Outbox {
  readonly #write: (frame: Uint8Array<ArrayBuffer>) => Promise<void>
  #credit = initialCreditBytes
  /** By session, those that have waited longest first. */
  readonly #waiting = new Map<number, Waiting[]>()
  /** What unanswered calls cost, by session and call. */
  readonly #held = new Map<number, { bytes: number; readonly calls: Map<number, number> }>()
  #closed = false

  constructor(write: (frame: Uint8Array<ArrayBuffer>) => Promise<void>) {
    this.#write = write
  }

  /** Resolves once the message is on its way and more may follow. Rejects when it is too long to be sent at all. */
  async send(message: FromCell): Promise<void> {
    if (this.#closed) return
    const frame = withinFrame(message)
    const session = 'session' in message ? message.session : noSession
    // The host has no use for calls of a session that is over, and must not wait for its end behind them.
    if (message.type === 'ended') this.#forget(session)
    const cost = creditOfEncoded(message, frame)
    const next = { session, call: message.type === 'call' ? message.id : undefined, cost, frame }
    const queue = this.#waiting.get(session)
    if (queue === undefined && this.#admits(next, this.#isStarved())) return await this.#dispatch(next)
    const waiting = { ...next, sent: Promise.withResolvers<void>() }
    if (queue === undefined) this.#waiting.set(session, [waiting])
    else queue.push(waiting)
    await waiting.sent.promise
  }

  /** Takes note of what the host says about credit. */
  heard(message: ToCell): void {
    if (message.type === 'credit') this.#credit += message.bytes
    else if (message.type === 'reply') this.#answered(message.session, message.id)
    else return
    if (this.#waiting.size > 0) this.#sendWaiting()
  }

  /** Lets go of everything that waits; later messages are dropped. */
  close(): void {
    this.#closed = true
    for (const session of this.#waiting.keys()) this.#forget(session)
  }

  #sendWaiting(): void {
    let starved = false
    for (const [session, queue] of this.#waiting) {
      let sent = 0
      for (const each of queue) {
        if (!this.#admits(each, starved)) break
        sent += 1
        this.#dispatch(each).then(each.sent.resolve, each.sent.reject)
      }
      const left = queue.slice(sent)
      starved ||= left[0] !== undefined && this.#waitsForOthers(left[0])
      if (sent === 0) continue
      this.#waiting.delete(session)
      if (left.length > 0) this.#waiting.set(session, left)
    }
  }

  /** Whether it may go now; `starved` when a longer one waits already. */
  #admits({ session, call, cost }: Omit<Waiting, 'sent'>, starved: boolean): boolean {
    if (cost === 0) return true
    if (starved && cost > smallBytes) return false
    const left = this.#credit - cost
    // Output holds nothing: the host takes it up at once.
    return call === undefined ? left >= 0 : this.#heldBy(session) + cost <= left
  }

  /** A long frame of a session that holds nothing: it waits until others are answered, and must not be passed for ever. */
  #waitsForOthers({ session, cost }: Waiting): boolean {
    return cost > smallBytes && this.#heldBy(session) === 0
  }

  #isStarved(): boolean {
    for (const [first] of this.#waiting.values()) if (first !== undefined && this.#waitsForOthers(first)) return true
    return false
  }

  #dispatch({ session, call, cost, frame }: Omit<Waiting, 'sent'>): Promise<void> {
    this.#credit -= cost
    if (call !== undefined) this.#hold(session, call, cost)
    return this.#write(frame)
  }

  #heldBy(session: number): number {
    return this.#held.get(session)?.bytes ?? 0
  }

  #hold(session: number, call: number, cost: number): void {
    const held = this.#held.get(session) ?? { bytes: 0, calls: new Map<number, number>() }
    held.bytes += cost
    held.calls.set(call, cost)
    this.#held.set(session, held)
  }

  #answered(session: number, call: number): void {
    const held = this.#held.get(session)
    if (held === undefined) return
    held.bytes -= held.calls.get(call) ?? 0
    held.calls.delete(call)
    if (held.calls.size === 0) this.#held.delete(session)
  }

  #forget(session: number): void {
    const queue = this.#waiting.get(session) ?? []
    this.#waiting.delete(session)
    this.#held.delete(session)
    for (const { sent } of queue) sent.resolve()
  }
}
