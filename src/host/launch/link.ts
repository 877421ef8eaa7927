import { decodeFromCell, encode, FrameReader, WireViolation } from '#wire/codec.ts'
import { maxFrameBytes, wireVersion, type FromCell, type ToCell } from '#wire/messages.ts'
import { Conversation } from './conversation.ts'

/** What carries the frames of one cell. */
export interface FrameCarrier {
  /** Sends a frame; false when the cell is behind with reading, until {@link CellLink.drained} is called. */
  write(frame: Uint8Array<ArrayBuffer>): boolean
  /** Stops and starts the arrival of bytes. */
  pause(): void
  resume(): void
}

/** Who hears what came of a link. */
export interface LinkListener {
  message(message: FromCell): void
  /** The cell broke a rule, or `message` threw. Nothing more is heard. */
  broken(reason: string): void
}

/** Frames read before others get their turn: a flood from one cell must not starve the host's event loop. */
const framesPerTurn = 256

/** The host's end of one cell's wire: bytes to checked messages and back. It owns no descriptor and ends nothing. */
export class CellLink {
  readonly #carrier: FrameCarrier
  readonly #listener: LinkListener
  readonly #reader = new FrameReader(maxFrameBytes)
  readonly #conversation = new Conversation()
  readonly #ready = Promise.withResolvers<void>()
  #stopped = false
  #turnPending = false
  #behind = false

  constructor(carrier: FrameCarrier, listener: LinkListener) {
    this.#carrier = carrier
    this.#listener = listener
  }

  /** Says `hello`; resolves with the cell's `ready`. */
  open(): Promise<void> {
    this.send({ type: 'hello', version: wireVersion })
    return this.#ready.promise
  }

  send(message: ToCell): void {
    if (this.#stopped || !this.#conversation.sending(message)) return
    this.#write(message)
    this.#giveCredit()
  }

  /** Takes bytes of the cell. `isAlone`: nothing else lies in their memory. */
  received(chunk: Uint8Array, isAlone?: boolean): void {
    if (this.#stopped) return
    try {
      this.#reader.push(chunk, isAlone)
      if (!this.#turnPending && !this.#behind) this.#turn()
    } catch (error) {
      this.#break(error)
    }
  }

  /** The cell has read what was written. */
  drained(): void {
    if (!this.#behind) return
    this.#behind = false
    if (!this.#turnPending) this.#nextTurn()
  }

  /** Hears and says nothing from now on. */
  stop(): void {
    this.#stopped = true
  }

  /** Whether the stream may end here: no frame is half read. */
  get idle(): boolean {
    return this.#reader.idle
  }

  #turn(): void {
    for (let count = 0; count < framesPerTurn; count += 1) {
      if (this.#stopped || this.#behind) return
      const frame = this.#reader.next()
      if (frame === undefined) return
      const message = decodeFromCell(frame)
      this.#conversation.received(message, frame)
      if (message.type === 'ready') this.#ready.resolve()
      else this.#listener.message(message)
      this.#giveCredit()
    }
    this.#turnPending = true
    this.#carrier.pause()
    setImmediate(() => this.#nextTurn())
  }

  #nextTurn(): void {
    this.#turnPending = false
    if (this.#stopped) return
    try {
      this.#turn()
      this.#resume()
    } catch (error) {
      this.#break(error)
    }
  }

  #resume(): void {
    if (!this.#stopped && !this.#behind && !this.#turnPending) this.#carrier.resume()
  }

  #giveCredit(): void {
    const bytes = this.#conversation.takeCredit()
    if (bytes > 0) this.#write({ type: 'credit', bytes })
  }

  /** A cell that does not read is not read either: it cannot make the host queue answers without end. */
  #write(message: ToCell): void {
    if (this.#carrier.write(encode(message)) || this.#behind) return
    this.#behind = true
    this.#carrier.pause()
  }

  #break(error: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    const reason = error instanceof WireViolation ? error.message : `the host could not take its message: ${String(error)}`
    this.#listener.broken(reason)
  }
}
