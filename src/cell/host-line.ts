import { isCall, type Call, type CallArgs, type CallOp, type CallReply, type HostCalls } from '#wire/calls.ts'
import { maxBodyBytes } from '#wire/call-bodies.ts'
import { maxCallsInFlight, maxFrameBytes, type FromCell } from '#wire/messages.ts'
import { keepGoing, type Waits } from './waits.ts'

/** What a session's lines to the host stand on. */
export interface LineWorld {
  readonly session: number
  readonly send: (message: FromCell) => Promise<void>
}

interface Waiting {
  readonly call: Call
  readonly done: (reply: CallReply) => void
}

/** Calls that wait beyond those in flight; a guest cannot have more, an adapter gone wild is stopped here. */
const maxQueued = 1024
/** These always find room, or a handle would stay open for as long as the session: there is one for each handle, and the host counts handles. */
const closing: ReadonlySet<CallOp> = new Set(['fs.close', 'http.close', 'kv.close', 'tcp.close', 'tcp.unbind', 'udp.close'])
/** What a frame may need besides args and body. */
const frameSlackBytes = 4096
const refused: CallReply = Object.freeze({ ok: false, code: 'not-permitted' })
const nothing = new Uint8Array()

/**
 * One session's calls to the host: numbered, in order, at most {@link maxCallsInFlight} at a time. What would break a rule of the wire
 * is refused here, because the host ends the whole cell for it, neighbours included.
 */
export class HostLine implements HostCalls {
  readonly #world: LineWorld
  readonly #waits: Waits
  readonly #queue: Waiting[] = []
  readonly #inFlight = new Map<number, (reply: CallReply) => void>()
  #nextId = 0

  constructor(world: LineWorld, waits: Waits) {
    this.#world = world
    this.#waits = waits
  }

  call<O extends CallOp>(op: O, args: CallArgs<O>, body: Uint8Array = nothing): Promise<CallReply> {
    if (!mayBeSent(op, args, body) || (this.#queue.length >= maxQueued && !closing.has(op))) return Promise.resolve(refused)
    const call = { op, args, body } as unknown as Call
    return this.#waits.until<CallReply>((done) => {
      this.#queue.push({ call, done })
      this.#sendNext()
      return keepGoing
    })
  }

  /** The host's answer to call `id`; one that nobody waits for is dropped. */
  reply(id: number, reply: CallReply): void {
    const done = this.#inFlight.get(id)
    if (done === undefined) return
    this.#inFlight.delete(id)
    done(reply)
    this.#sendNext()
  }

  /** Forgets what has not been sent; late replies find nobody. */
  close(): void {
    this.#queue.length = 0
    this.#inFlight.clear()
  }

  #sendNext(): void {
    const next = this.#inFlight.size < maxCallsInFlight ? this.#queue.shift() : undefined
    if (next === undefined) return
    const id = this.#nextId++
    this.#inFlight.set(id, next.done)
    void this.#world.send({ type: 'call', session: this.#world.session, id, call: next.call })
  }
}

const mayBeSent = (op: CallOp, args: unknown, body: Uint8Array): boolean =>
  isCall(op, args) &&
  body.byteLength <= maxBodyBytes(op) &&
  Buffer.byteLength(JSON.stringify(args)) + body.byteLength + frameSlackBytes <= maxFrameBytes
