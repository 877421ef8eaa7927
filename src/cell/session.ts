import { SessionScope } from '#cell/adapters/session-scope.ts'
import { GuestEnd } from '#cell/adapters/world.ts'
import type { ExportedFunction } from '#core/artifact.ts'
import type { CallReply } from '#wire/calls.ts'
import type { FromCell, GuestOutcome, GuestUsage, SessionStart } from '#wire/messages.ts'
import { callExport } from './call-export.ts'
import { HostLine } from './host-line.ts'
import type { InstancePool } from './instance-pool.ts'
import { Invocations, type Invocation } from './invocations.ts'
import type { Linked } from './link/linker.ts'
import { Meter, type Slicing } from './meter.ts'
import { trapOf } from './outcome.ts'
import { OutputLine } from './output-line.ts'
import { Resident } from './resident.ts'
import { createWorld } from './session-world.ts'
import { keepGoing, Waits } from './waits.ts'
import type { Turns } from './turns.ts'

/** What a session is made of and where it runs. */
interface SessionParts {
  readonly id: number
  readonly start: SessionStart
  readonly linked: Linked
  readonly exports: readonly ExportedFunction[]
  readonly turns: Turns
  readonly pool: InstancePool
  readonly slicing: Slicing
  readonly send: (message: FromCell) => Promise<void>
}

/** How long a guest that was ended may take to unwind before its end is reported all the same. */
const graceMs = 100
const unknownExport: GuestOutcome = { kind: 'trap', message: 'expected a loaded artifact that exports the call' }
const commandAgain: GuestOutcome = { kind: 'trap', message: 'expected no further call: the instance of a command ends with it' }
/** One for all: making an error costs more than a call. Adapters hand it on to whatever waits. */
const sessionOver: Error = Object.freeze(new Error('the session is over'))
const notOpen: GuestOutcome = { kind: 'trap', message: 'expected an open session, got one that was started for one call' }

/**
 * One instance, called once, or open and called until it is told to finish. Ends once: by what the guest does, by a limit, or by
 * {@link Session.kill}; what comes later is dropped, so that nothing of this session reaches another.
 */
export class Session {
  readonly #parts: SessionParts
  readonly #waits: Waits
  readonly #meter: Meter
  readonly #line: HostLine
  readonly #output: OutputLine
  readonly #scope: SessionScope
  readonly #invocations: Invocations
  readonly #unwound = Promise.withResolvers<GuestOutcome>()
  #resident: Resident | undefined
  /** The first reason to end. */
  #cause: GuestOutcome | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
    const { turns, start, slicing, id, send } = parts
    this.#meter = new Meter({
      limits: start,
      slicing,
      nextTurn: () => this.#nextTurn(),
      unsettledUs: () => turns.unsettledUs(this.#meter),
      cpuSpent: () => this.#end({ kind: 'limit', limit: 'cpu' }),
    })
    this.#waits = new Waits(turns, this.#meter)
    this.#line = new HostLine({ session: id, send }, this.#waits)
    this.#output = new OutputLine({ session: id, send })
    this.#invocations = new Invocations(this.#waits)
    const ends = (outcome: GuestEnd['outcome']): void => this.#end(trapOf(new GuestEnd(outcome)))
    this.#scope = new SessionScope(createWorld({ start, host: this.#line, output: this.#output, waits: this.#waits, ends }))
  }

  /** Runs it all; resolves when `ended` has been handed to the transport. Never rejects. */
  async run(): Promise<void> {
    this.#parts.turns.take(this.#meter, 'waiting', () => {
      this.#perform().then(
        (outcome) => this.#unwind(outcome),
        (error: unknown) => this.#unwind(this.#outcomeOf(error)),
      )
    })
    const outcome = await this.#unwound.promise
    const usage = this.#usage()
    await this.#output.flushed()
    this.#close()
    const told = this.#parts.send({ type: 'ended', session: this.#parts.id, outcome, usage })
    this.#moveOut(outcome)
    await told
  }

  /** The host's answer to a call of this session. */
  reply(id: number, reply: CallReply): void {
    this.#line.reply(id, reply)
  }

  /** Calls an open session once more, after what it was asked before. */
  invoke(invocation: Invocation): void {
    if (this.#parts.start.call === null) this.#invocations.add(invocation)
    else this.#end(notOpen)
  }

  /** Ends an open session when all it was asked is done. */
  finish(): void {
    if (this.#parts.start.call === null) this.#invocations.finish()
    else this.#end(notOpen)
  }

  /** Ends it now, whatever the guest does: everything it waits for rejects, and it gets no more fuel. */
  kill(): void {
    this.#output.close()
    this.#end({ kind: 'killed' })
  }

  async #perform(): Promise<GuestOutcome> {
    const { call, input } = this.#parts.start
    const exported = call === null ? undefined : this.#exportNamed(call)
    if (this.#cause !== undefined) return this.#cause
    if (call !== null && exported === undefined) return unknownExport
    const resident = await this.#settle()
    return exported === undefined
      ? this.#serveInvocations(resident)
      : callExport(resident.instance, exported, { input, id: 0, scope: this.#scope })
  }

  #exportNamed(call: string): ExportedFunction | undefined {
    return this.#parts.exports.find((each) => each.call === call)
  }

  /** Moves into an instance that was reset, or else into a new one: which of them it is makes no difference. */
  async #settle(): Promise<Resident> {
    const resident = this.#takeIdle() ?? (await Resident.instantiate(this.#parts.linked, this.#scope, this.#meter))
    if (this.#cause !== undefined) {
      // It ended while it was instantiated.
      resident.end(sessionOver)
      throw sessionOver
    }
    this.#resident = resident
    return resident
  }

  /** An idle instance, if there is one that fits into the limits: a new one may do with less, or take the guest another way to its end. */
  #takeIdle(): Resident | undefined {
    const idle = this.#parts.pool.take(this.#parts.linked)
    try {
      idle?.serve(this.#scope, this.#meter)
      return idle
    } catch {
      idle?.end(sessionOver)
      this.#meter.startAgain()
      return undefined
    }
  }

  async #serveInvocations({ instance }: Resident): Promise<GuestOutcome> {
    let commandRan = false
    for (let calls = 0; ; calls++) {
      const next = await this.#invocations.next()
      if (next === undefined) return { kind: 'returned', result: 'null' }
      const exported = this.#exportNamed(next.call)
      if (exported === undefined) return unknownExport
      const isCommand = exported.kind === 'wasi-command'
      if (commandRan || (isCommand && calls > 0)) return commandAgain
      commandRan = isCommand
      this.#meter.callBegins()
      const outcome = await callExport(instance, exported, { ...next, scope: this.#scope })
      if (!isNormal(outcome)) return outcome
      await this.#answer(next.id, outcome)
    }
  }

  /** All output of a call goes before its answer. */
  async #answer(id: number, answer: NormalOutcome): Promise<void> {
    await this.#output.flushed()
    if (this.#cause === undefined) await this.#parts.send({ type: 'answered', session: this.#parts.id, id, answer })
  }

  #nextTurn(): Promise<void> {
    return this.#waits.until((done) => {
      done()
      return keepGoing
    }, 'slice')
  }

  /** The guest's stack is gone; `outcome` is what it came to by itself. */
  #unwind(outcome: GuestOutcome): void {
    this.#cause ??= outcome
    this.#unwound.resolve(this.#cause)
  }

  #end(cause: GuestOutcome): void {
    if (this.#cause !== undefined) return
    this.#cause = cause
    this.#meter.stop()
    this.#waits.end(sessionOver)
    // A stack that does not unwind is left behind; the host hears of the end in any case.
    setTimeout(() => this.#unwind(cause), graceMs).unref()
  }

  #outcomeOf(error: unknown): GuestOutcome {
    if (this.#meter.reached !== undefined) return { kind: 'limit', limit: this.#meter.reached }
    // The guest saw its own out-of-memory and gave up; a guest that copes with a refusal ends in its own way.
    if (this.#meter.growthRefused) return { kind: 'limit', limit: 'memory' }
    return trapOf(error)
  }

  #usage(): GuestUsage {
    const fuel = Math.min(this.#resident?.instance.fuelUsed() ?? this.#meter.fuelSeen, this.#parts.start.fuel)
    return { fuel: Math.max(fuel, 0), cpuUs: Math.round(this.#meter.cpuUs), memoryPeakBytes: this.#meter.memoryPeakBytes }
  }

  #close(): void {
    this.#meter.stop()
    this.#waits.end(sessionOver)
    this.#scope.endWith(sessionOver)
    this.#line.close()
    this.#output.close()
    this.#parts.turns.leave(this.#meter)
  }

  /** A guest that came back by itself left no stack behind, and every promise it left is settled by now: its instance may serve another. */
  #moveOut(outcome: GuestOutcome): void {
    const resident = this.#resident
    this.#resident = undefined
    if (resident === undefined) return
    if (isNormal(outcome)) this.#parts.pool.give(this.#parts.linked, resident)
    else resident.end(sessionOver)
  }
}

type NormalOutcome = Extract<GuestOutcome, { readonly kind: 'returned' | 'error' }>

const isNormal = (outcome: GuestOutcome): outcome is NormalOutcome => outcome.kind === 'returned' || outcome.kind === 'error'
