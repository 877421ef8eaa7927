import type { CallOp } from '#wire/calls.ts'
import { creditOf, letGo, WireViolation, type Frame } from '#wire/codec.ts'
import { initialCreditBytes, maxCallsInFlight, wireVersion, type FromCell, type GuestOutcome, type ToCell } from '#wire/messages.ts'

/** What the host keeps of a call that it has not answered. */
interface WaitingCall {
  /** The credit that it holds. */
  cost: number
  /** What nobody needs any more once it is answered. */
  readonly body: Uint8Array | undefined
}

interface OpenSession {
  /** By call id. */
  readonly waiting: Map<number, WaitingCall>
  lastCall: number
  /** Whether it waits for `invoke`; else it was started for one call. */
  readonly open: boolean
  /** Ids of what it was asked and has not answered, oldest first. */
  readonly asked: number[]
  finishing: boolean
  /** Set by `kill`: its calls may never be answered, so the credit they hold must not keep other sessions waiting. */
  dying: boolean
}

const newSession = (open: boolean): OpenSession => ({
  waiting: new Map(),
  lastCall: -1,
  open,
  asked: [],
  finishing: false,
  dying: false,
})

/** An open session ends normally when it was told to, and owes no answer then. Anything else may end one at any time. */
const mayEnd = ({ open, finishing, asked }: OpenSession, how: GuestOutcome['kind']): void => {
  if (!open) return
  if (how === 'error') throw new WireViolation('expected a declared error as an answer, not as an end')
  if (how === 'returned' && (!finishing || asked.length > 0))
    throw new WireViolation('expected an open session to return once it is told to finish')
}

/** Operations that carry streams, and whose bytes are written by the time they are answered, or never will be. */
const streamed: ReadonlySet<CallOp> = new Set(['fs.write', 'tcp.write'])

/** Credit is handed back in parcels, so that frames do not cost a message each. */
const creditParcelBytes = 512 * 1024

/**
 * The host's side of the rules of the wire that span messages: what was started here, what may still be said of it,
 * how much is in flight. One per cell. A cell vouches for nothing; what it names must be open *here*.
 */
export class Conversation {
  readonly #sessions = new Map<number, OpenSession>()
  readonly #artifacts = new Set<string>()
  #ready = false
  #used = 0
  #owed = 0

  /** Checks one message and its frame. Throws {@link WireViolation}. */
  received(message: FromCell, frame: Frame): void {
    const cost = creditOf(frame)
    this.#used += cost
    if (this.#used > initialCreditBytes) throw new WireViolation('expected frames within the credit given')
    if (this.#ready === (message.type === 'ready')) throw new WireViolation('expected `ready` first and once')
    if ('session' in message) return this.#receivedOf(this.#open(message.session), message, cost)
    if (message.type === 'ready') {
      if (message.version !== wireVersion) throw new WireViolation(`expected version ${wireVersion} of the wire`)
      this.#ready = true
    } else if (!this.#artifacts.delete(message.artifact)) throw new WireViolation('expected an artifact that was being loaded')
  }

  /** Notes what the host says; false when it need not be sent, because what it speaks of is over. */
  sending(message: ToCell): boolean {
    if (message.type === 'start') this.#sessions.set(message.session, newSession(message.call === null))
    if (message.type === 'load') this.#artifacts.add(message.artifact)
    if (!('session' in message)) return true
    const session = this.#sessions.get(message.session)
    return session !== undefined && this.#sendingOf(session, message)
  }

  /** Bytes of credit to give back now: what was taken up since, once it is worth a message or the cell runs low. */
  takeCredit(): number {
    if (this.#owed < creditParcelBytes && this.#used < initialCreditBytes / 2) return 0
    const bytes = this.#owed
    this.#owed = 0
    this.#used -= bytes
    return bytes
  }

  #open(id: number): OpenSession {
    const session = this.#sessions.get(id)
    if (session === undefined) throw new WireViolation('expected a session that runs in this cell')
    return session
  }

  #receivedOf(session: OpenSession, message: Extract<FromCell, { session: number }>, cost: number): void {
    switch (message.type) {
      case 'call':
        return this.#called(session, message, cost)
      case 'output':
        this.#owed += cost
        return
      case 'answered':
        if (session.asked.shift() !== message.id) throw new WireViolation('expected an answer to what was asked first')
        return
      case 'ended':
        mayEnd(session, message.outcome.kind)
        this.#settle(session)
        this.#sessions.delete(message.session)
    }
  }

  #sendingOf(session: OpenSession, message: Extract<ToCell, { session: number }>): boolean {
    switch (message.type) {
      case 'start':
        return true
      case 'invoke':
        session.asked.push(message.id)
        return true
      case 'finish':
        session.finishing = true
        return true
      case 'reply':
        return this.#replied(session, message.id)
      case 'kill':
        session.dying = true
        this.#settle(session)
        return true
    }
  }

  #called(session: OpenSession, { id, call }: Extract<FromCell, { type: 'call' }>, cost: number): void {
    if (id <= session.lastCall) throw new WireViolation('expected call ids to rise within their session')
    if (session.waiting.size >= maxCallsInFlight) throw new WireViolation(`expected at most ${maxCallsInFlight} calls in flight`)
    session.lastCall = id
    session.waiting.set(id, { cost: session.dying ? 0 : cost, body: streamed.has(call.op) ? call.body : undefined })
    if (session.dying) this.#owed += cost
  }

  #replied(session: OpenSession, id: number): boolean {
    const call = session.waiting.get(id)
    if (call === undefined) return false
    session.waiting.delete(id)
    this.#owed += call.cost
    if (call.body !== undefined) letGo(call.body)
    return true
  }

  #settle(session: OpenSession): void {
    for (const call of session.waiting.values()) {
      this.#owed += call.cost
      call.cost = 0
    }
  }
}
