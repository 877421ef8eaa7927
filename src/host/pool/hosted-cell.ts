import type { Artifact } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import type { Cell, CellEnd, CellLauncher, CellListener, Posture } from '#host/launch/cell-port.ts'
import type { Call, CallReply } from '#wire/calls.ts'
import { loadMessages } from '#host/pool/load-messages.ts'
import {
  type FromCell,
  type GuestAnswer,
  type GuestOutcome,
  type GuestUsage,
  type Linking,
  maxCallsInFlight,
  type SessionStart,
} from '#wire/messages.ts'

/** Who hears of one session placed in a cell. */
export interface SessionSink {
  call(id: number, call: Call): void
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void
  /** The answer to the oldest of what an open session was asked. */
  answered(answer: GuestAnswer): void
  /** `alone`: no other session was in the cell in its time, so that what the host measured of the cell is the session's. */
  ended(outcome: GuestOutcome, usage: GuestUsage, alone: boolean): void
  /** The cell is gone, and the session with it. */
  lost(end: CellEnd): void
}

interface Placed {
  readonly sink: SessionSink
  lastCallId: number
  readonly waiting: Set<number>
  /** Ids of what it was asked and has not answered, oldest first. */
  readonly asked: number[]
  alone: boolean
}

/** What a cell is launched for. */
interface HostedOptions {
  readonly segment: string
  readonly memoryBytes: number
  /** The only kind of artifact that it can load. */
  readonly linking: Linking
}

/** How long a cell may take to compile one artifact: the largest take seconds. */
const loadingMs = 60_000

/** A message that the cell had no right to send. The throw ends the cell (see `CellListener`). */
class Violation extends Error {}

/**
 * One cell and the sessions in it. The host authenticates the cell, not its sessions, so whatever a cell says is checked
 * against what was placed there: a message for any other session, a call id that was used, too many calls waiting, or
 * an answer to nothing ends the cell.
 */
export class HostedCell {
  readonly segment: string
  readonly #sessions = new Map<number, Placed>()
  readonly #artifacts = new Map<string, PromiseWithResolvers<void>>()
  readonly #diagnostics: string[] = []
  #cell: Cell | undefined
  #end: CellEnd | undefined

  private constructor(segment: string) {
    this.segment = segment
  }

  static async launch(launcher: CellLauncher, options: HostedOptions): Promise<HostedCell> {
    const hosted = new HostedCell(options.segment)
    const listener: CellListener = {
      message: (message) => hosted.#message(message),
      diagnostic: (text) => {
        if (hosted.#diagnostics.length < 100) hosted.#diagnostics.push(text)
      },
    }
    hosted.#cell = await launcher.launch({ memoryBytes: options.memoryBytes, linking: options.linking, listener })
    void hosted.#cell.ended.then((end) => hosted.#ended(end))
    return hosted
  }

  get posture(): Posture {
    return this.#running.posture
  }

  get sessions(): number {
    return this.#sessions.size
  }

  get alive(): boolean {
    return this.#end === undefined
  }

  get ended(): Promise<CellEnd> {
    return this.#running.ended
  }

  cpuUs(): number {
    return this.#running.cpuUs()
  }

  /** What the cell's engine printed, neutralised: for the operator's log. */
  get diagnostics(): string {
    return this.#diagnostics.join('')
  }

  /** Hands an artifact over, once a cell. Throws CordonError `component.invalid` when it does not compile, `cell.crashed` when the cell ends. */
  async load(artifact: Artifact): Promise<void> {
    const known = this.#artifacts.get(artifact.key)
    if (known !== undefined) return await known.promise
    const loading = Promise.withResolvers<void>()
    this.#artifacts.set(artifact.key, loading)
    if (this.#end !== undefined) loading.reject(gone(this.#end))
    for (const message of loadMessages(artifact)) this.#running.send(message)
    const late = setTimeout(() => this.kill(`it did not load a component in ${loadingMs / 1000} s`), loadingMs)
    await loading.promise.finally(() => clearTimeout(late))
  }

  start(session: number, start: SessionStart, sink: SessionSink): void {
    for (const other of this.#sessions.values()) other.alone = false
    this.#sessions.set(session, { sink, lastCallId: -1, waiting: new Set(), asked: [], alone: this.#sessions.size === 0 })
    if (this.#end === undefined) this.#running.send({ type: 'start', session, ...start })
    else this.#lose(session, this.#end)
  }

  reply(session: number, id: number, reply: CallReply): void {
    if (this.#sessions.get(session)?.waiting.delete(id) === true) this.#running.send({ type: 'reply', session, id, reply })
  }

  /** Calls an open session. */
  invoke(session: number, asked: { readonly id: number; readonly call: string; readonly input: string }): void {
    const placed = this.#sessions.get(session)
    if (placed === undefined) return
    placed.asked.push(asked.id)
    this.#running.send({ type: 'invoke', session, ...asked })
  }

  /** Tells the cell that an open session is called no more. */
  finish(session: number): void {
    if (this.#sessions.has(session)) this.#running.send({ type: 'finish', session })
  }

  /** Asks the cell to end one session. */
  killSession(session: number): void {
    if (this.#sessions.has(session)) this.#running.send({ type: 'kill', session })
  }

  /** Ends the whole cell at once. */
  kill(reason: string): void {
    this.#running.kill(reason)
  }

  get #running(): Cell {
    if (this.#cell === undefined) throw new CordonError('internal', 'the cell has not started')
    return this.#cell
  }

  #message(message: FromCell): void {
    switch (message.type) {
      case 'ready':
        throw new Violation('ready twice')
      case 'loaded':
        return this.#loading(message.artifact).resolve()
      case 'load-failed':
        return this.#loading(message.artifact).reject(
          new CordonError('component.invalid', `the component does not load: ${message.message}`),
        )
      case 'call':
        return this.#call(message)
      case 'output':
        return this.#placed(message.session).sink.output(message.stream, message.body)
      case 'answered': {
        const { asked, sink } = this.#placed(message.session)
        if (asked.shift() !== message.id) throw new Violation('an answer to what was not asked, or not asked first')
        return sink.answered(message.answer)
      }
      case 'ended': {
        const { sink, alone } = this.#placed(message.session)
        this.#sessions.delete(message.session)
        return sink.ended(message.outcome, message.usage, alone)
      }
    }
  }

  #call({ session, id, call }: Extract<FromCell, { type: 'call' }>): void {
    const placed = this.#placed(session)
    if (id <= placed.lastCallId) throw new Violation(`call id ${id} came twice or out of order`)
    if (placed.waiting.size >= maxCallsInFlight) throw new Violation(`more than ${maxCallsInFlight} calls in flight`)
    placed.lastCallId = id
    placed.waiting.add(id)
    placed.sink.call(id, call)
  }

  #placed(session: number): Placed {
    const placed = this.#sessions.get(session)
    if (placed === undefined) throw new Violation(`session ${session} is not placed here`)
    return placed
  }

  #loading(artifact: string): PromiseWithResolvers<void> {
    const loading = this.#artifacts.get(artifact)
    if (loading === undefined) throw new Violation('an answer about an artifact that was never sent')
    return loading
  }

  #ended(end: CellEnd): void {
    this.#end = end
    for (const loading of this.#artifacts.values()) {
      loading.promise.catch(() => undefined)
      loading.reject(gone(end))
    }
    for (const session of this.#sessions.keys()) this.#lose(session, end)
  }

  #lose(session: number, end: CellEnd): void {
    const placed = this.#sessions.get(session)
    this.#sessions.delete(session)
    placed?.sink.lost(end)
  }
}

/** The error of a session whose cell ended. */
export const gone = (end: CellEnd): CordonError => {
  switch (end.kind) {
    case 'memory':
      return new CordonError('limit.memory', `the cell grew to ${Math.round(end.bytes / 1024 / 1024)} MiB, past its budget, and was ended`)
    case 'violation':
      return new CordonError('cell.violation', `the cell broke the wire protocol (${end.message}) and was ended`, {
        hint: 'treat this agent as hostile',
      })
    case 'crashed':
      return new CordonError('cell.crashed', `the cell ended unexpectedly: ${end.message}`)
    case 'killed':
      return new CordonError('session.killed', `the cell was ended: ${end.reason}`)
    case 'shutdown':
      return new CordonError('runtime.closed', 'the runtime was closed')
  }
}
