import { creditOf, WireViolation, type Frame } from '#wire/codec.ts'
import { initialCreditBytes, maxCallsInFlight, wireVersion, type FromCell, type ToCell } from '#wire/messages.ts'

interface OpenSession {
  /** Credit each waiting call holds, by call id. */
  readonly waiting: Map<number, number>
  lastCall: number
  /** Set by `kill`: its calls may never be answered, so the credit they hold must not keep other sessions waiting. */
  dying: boolean
}

/** Credit is handed back in parcels, so that small frames do not cost a message each. */
const creditParcelBytes = 64 * 1024

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
    switch (message.type) {
      case 'ready':
        if (message.version !== wireVersion) throw new WireViolation(`expected version ${wireVersion} of the wire`)
        this.#ready = true
        return
      case 'loaded':
      case 'load-failed':
        if (!this.#artifacts.delete(message.artifact)) throw new WireViolation('expected an artifact that was being loaded')
        return
      case 'call':
        this.#called(this.#open(message.session), message.id, cost)
        return
      case 'output':
        this.#open(message.session)
        this.#owed += cost
        return
      case 'ended':
        this.#settle(this.#open(message.session))
        this.#sessions.delete(message.session)
    }
  }

  /** Notes what the host says; false when it need not be sent, because what it speaks of is over. */
  sending(message: ToCell): boolean {
    switch (message.type) {
      case 'start':
        this.#sessions.set(message.session, { waiting: new Map(), lastCall: -1, dying: false })
        return true
      case 'load':
        this.#artifacts.add(message.artifact)
        return true
      case 'reply':
        return this.#replied(message.session, message.id)
      case 'kill': {
        const session = this.#sessions.get(message.session)
        if (session === undefined) return false
        session.dying = true
        this.#settle(session)
        return true
      }
      case 'hello':
      case 'load-core':
      case 'unload':
      case 'shutdown':
      case 'credit':
        return true
    }
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

  #called(session: OpenSession, id: number, cost: number): void {
    if (id <= session.lastCall) throw new WireViolation('expected call ids to rise within their session')
    if (session.waiting.size >= maxCallsInFlight) throw new WireViolation(`expected at most ${maxCallsInFlight} calls in flight`)
    session.lastCall = id
    session.waiting.set(id, session.dying ? 0 : cost)
    if (session.dying) this.#owed += cost
  }

  #replied(sessionId: number, id: number): boolean {
    const session = this.#sessions.get(sessionId)
    const cost = session?.waiting.get(id)
    if (session === undefined || cost === undefined) return false
    session.waiting.delete(id)
    this.#owed += cost
    return true
  }

  #settle(session: OpenSession): void {
    for (const [id, cost] of session.waiting) {
      this.#owed += cost
      session.waiting.set(id, 0)
    }
  }
}
