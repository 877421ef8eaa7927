import { buildImports } from '#cell/adapters/index.ts'
import { GuestEnd } from '#cell/adapters/world.ts'
import type { ExportedFunction } from '#core/artifact.ts'
import type { CallReply } from '#wire/calls.ts'
import type { FromCell, GuestOutcome, GuestUsage, SessionStart } from '#wire/messages.ts'
import { HostLine } from './host-line.ts'
import { argumentsFromJson, isJson, resultToJson } from './json-values.ts'
import { DeclaredError, type Instance, type Linked } from './link/linker.ts'
import { Meter, type Slicing } from './meter.ts'
import { trapOf } from './outcome.ts'
import { OutputLine } from './output-line.ts'
import { createWorld } from './session-world.ts'
import { keepGoing, Waits } from './waits.ts'
import type { Turns } from './turns.ts'

/** What a session is made of and where it runs. */
interface SessionParts {
  readonly id: number
  readonly start: SessionStart
  readonly linked: Linked
  readonly exported: ExportedFunction
  readonly turns: Turns
  readonly slicing: Slicing
  readonly send: (message: FromCell) => Promise<void>
}

/** How long a guest that was ended may take to unwind before its end is reported all the same. */
const graceMs = 100
/** The longest text of a result, in bytes of UTF-8: it has to fit a frame. */
const maxResultBytes = 1_000_000

/**
 * One call of one export of one instance. Ends once: by what the guest does, by a limit, or by {@link Session.kill}; what comes
 * later is dropped, so that nothing of this session reaches another.
 */
export class Session {
  readonly #parts: SessionParts
  readonly #waits: Waits
  readonly #meter: Meter
  readonly #line: HostLine
  readonly #output: OutputLine
  readonly #unwound = Promise.withResolvers<GuestOutcome>()
  #instance: Instance | undefined
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
    await this.#parts.send({ type: 'ended', session: this.#parts.id, outcome, usage })
  }

  /** The host's answer to a call of this session. */
  reply(id: number, reply: CallReply): void {
    this.#line.reply(id, reply)
  }

  /** Ends it now, whatever the guest does: everything it waits for rejects, and it gets no more fuel. */
  kill(): void {
    this.#output.close()
    this.#end({ kind: 'killed' })
  }

  async #perform(): Promise<GuestOutcome> {
    if (this.#cause !== undefined) return this.#cause
    const { start, linked, exported } = this.#parts
    const ends = (outcome: GuestEnd['outcome']): void => this.#end(trapOf(new GuestEnd(outcome)))
    const world = createWorld({ start, host: this.#line, output: this.#output, waits: this.#waits, ends })
    const args = argumentsOf(exported, start)
    this.#instance = await linked.instantiate(buildImports(world), this.#meter)
    try {
      return returned(exported, await this.#instance.call(exported.path, args))
    } catch (error) {
      if (error instanceof DeclaredError) return declared(exported, error.payload)
      throw error
    }
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
    this.#waits.end(new Error('the session is over'))
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
    const fuel = Math.min(this.#instance?.fuelUsed() ?? this.#meter.fuelSeen, this.#parts.start.fuel)
    return { fuel: Math.max(fuel, 0), cpuUs: Math.round(this.#meter.cpuUs), memoryPeakBytes: this.#meter.memoryPeakBytes }
  }

  #close(): void {
    this.#meter.stop()
    this.#waits.end(new Error('the session is over'))
    this.#line.close()
    this.#output.close()
    this.#instance = undefined
  }
}

const argumentsOf = ({ kind }: ExportedFunction, start: SessionStart): readonly unknown[] => {
  switch (kind) {
    case 'agent-run':
      return [start.input]
    case 'wasi-command':
      return []
    case 'plain':
      return argumentsFromJson(start.input)
  }
}

const returned = ({ kind }: ExportedFunction, value: unknown): GuestOutcome => {
  const isText = kind === 'agent-run' && typeof value === 'string'
  const result = isText ? value : resultToJson(kind === 'wasi-command' ? null : value, maxResultBytes)
  return fits(result) ? { kind: 'returned', result } : tooLong
}

const declared = ({ kind }: ExportedFunction, payload: unknown): GuestOutcome => {
  // `wasi:cli/run` says no more than that it failed.
  if (kind === 'wasi-command') return { kind: 'exit', code: 1 }
  const error = kind === 'agent-run' && isJson(payload) ? payload : resultToJson(payload, maxResultBytes)
  return fits(error) ? { kind: 'error', error } : tooLong
}

const tooLong: GuestOutcome = { kind: 'trap', message: `expected a result of at most ${maxResultBytes} bytes, got more` }

/** Twice: a head is JSON, in which the text is quoted once more. */
const fits = (text: string | undefined): text is string =>
  text !== undefined && text.length <= maxResultBytes && Buffer.byteLength(JSON.stringify(text)) <= maxResultBytes
