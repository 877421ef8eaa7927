import { once } from 'node:events'
import { z } from 'zod'
import { tool } from '#index.ts'
import { Broker } from '#host/broker/broker.ts'
import type { Cell, CellEnd, CellOptions } from '#host/launch/cell-port.ts'
import { CellLink } from '#host/launch/link.ts'
import { threadPosture } from '#host/launch/posture.ts'
import { HostedCell, type SessionSink } from '#host/pool/hosted-cell.ts'
import { createFsProvider } from '#host/providers/fs/fs-provider.ts'
import { createStdinProvider } from '#host/providers/stdio/stdin-provider.ts'
import { createToolsProvider } from '#host/providers/tools/tools-provider.ts'
import type { Call } from '#wire/calls.ts'
import { decodeToCell, FrameReader, maxFrameBytesToCell } from '#wire/codec.ts'
import { initialCreditBytes, maxFrameBytes, type SessionStart, type ToCell } from '#wire/messages.ts'
import { fsRule, policyOf } from '../host/providers/guest-session.ts'
import { seededPick, type Pick } from '../differential/seeded-pick.ts'
import { staged } from './mutate-wire.ts'

/** How a conversation went: to its end, until the host ended it for a broken rule, or until it stopped in the middle of a frame. */
export type WireVerdict = 'heard' | 'violation' | 'half a frame'

class Finding extends Error {}

const policy = policyOf({
  fs: [fsRule('/box', 'rw', { mountKind: 'memory', quotaBytes: 10_000_000 })],
  tools: [
    { kind: 'tool', origin: 'test', name: 'echo' },
    { kind: 'tool', origin: 'test', name: 'slow' },
  ],
})

const start = (call: string | null): SessionStart => ({
  artifact: staged.artifact,
  call,
  input: '',
  args: [],
  env: [],
  preopens: [],
  fuel: 1,
  cpuTimeMs: 1,
  memoryBytes: 1,
  tableElements: 1,
  handles: 1,
  stdinIsTerminal: false,
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
})

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A cell whose bytes come from an input; what the host says to it is read as a cell reads it. */
class ScriptedCell implements Cell {
  readonly id = 'scripted'
  readonly posture = threadPosture
  readonly ended: Promise<CellEnd>
  readonly #gone = Promise.withResolvers<CellEnd>()
  readonly #link: CellLink
  readonly #reader = new FrameReader(maxFrameBytesToCell)
  readonly heard: ToCell[] = []
  end: CellEnd | undefined

  constructor(options: CellOptions, pick: Pick) {
    this.ended = this.#gone.promise
    const write = (frame: Uint8Array): boolean => {
      this.#reader.push(frame)
      for (let read = this.#reader.next(); read !== undefined; read = this.#reader.next()) this.heard.push(decodeToCell(read))
      if (pick(10) > 0) return true
      setImmediate(() => this.#link.drained())
      return false
    }
    const pause = (): void => undefined
    this.#link = new CellLink(
      { write, pause, resume: pause },
      { message: (message) => options.listener.message(message), broken: (message) => this.#finish({ kind: 'violation', message }) },
    )
    void this.#link.open()
  }

  /** Whether it stopped in the middle of a frame. */
  get isHalf(): boolean {
    return !this.#link.idle
  }

  receive(bytes: Uint8Array): void {
    this.#link.received(bytes)
  }

  send(message: ToCell): void {
    this.#link.send(message)
  }

  cpuUs(): number {
    return 0
  }

  residentBytes(): number {
    return 0
  }

  kill(reason: string): void {
    this.#finish({ kind: 'killed', reason })
  }

  #finish(end: CellEnd): void {
    if (this.end !== undefined) return
    this.end = end
    this.#link.stop()
    this.#gone.resolve(end)
  }
}

/** Sessions with a real broker, whose calls really act: on a folder in memory, an input and tools. */
class Stage {
  readonly #over = new AbortController()
  /** What went wrong. Not thrown: the host would take an error of its listener for the cell's. */
  readonly failures: unknown[] = []
  readonly left = new Set<number>()
  readonly #broker: Broker
  readonly #work = new Set<Promise<void>>()
  #heldBytes = 0
  #hosted: HostedCell | undefined

  constructor() {
    let seq = 0
    this.#broker = new Broker({
      sessionId: 's',
      policy,
      audit: { failed: false, append: (event) => Promise.resolve({ seq: ++seq, hash: 'h', callId: 'call' in event ? event.call : '' }) },
      now: () => Date.now(),
      notAfterMs: () => Number.MAX_SAFE_INTEGER,
      fail: (error) => this.failures.push(error),
    })
  }

  async equip(): Promise<void> {
    const broker = this.#broker
    const session = {
      id: 's',
      signal: this.#over.signal,
      handle: (number: number) => broker.handleOf(number),
      get ingressLeft() {
        return broker.meter.ingressLeft
      },
      get egressLeft() {
        return broker.meter.egressLeft
      },
    }
    const { provider, preopens } = await createFsProvider(session, policy.grants.fs)
    broker.use(provider)
    for (const { open } of preopens) broker.adopt(open)
    broker.use(createStdinProvider(session, new Uint8Array(200_000)))
    const tools = new Map([
      ['echo', tool({ input: z.object({}), run: () => ({}) })],
      ['slow', tool({ input: z.any(), run: () => once(this.#over.signal, 'abort').then(() => ({})) })],
    ])
    broker.use(createToolsProvider(session, tools, [...tools.keys()], { maxInputBytes: maxFrameBytes }))
  }

  begin(hosted: HostedCell): void {
    this.#hosted = hosted
    hosted
      .load({ key: staged.artifact, linking: 'component', component: new Uint8Array(8), exports: [], imports: [], componentDigest: 'd' })
      .catch(() => undefined)
    hosted.start(staged.oneCall, start('run'), this.#sink(staged.oneCall))
    hosted.start(staged.open, start(null), this.#sink(staged.open))
    for (const id of staged.asked) hosted.invoke(staged.open, { id, call: 'run', input: 'null' })
    hosted.start(staged.killed, start('run'), this.#sink(staged.killed))
    hosted.killSession(staged.killed)
  }

  /** Lets all work settle that is going to. */
  async rest(): Promise<void> {
    this.#over.abort()
    await Promise.race([Promise.allSettled(this.#work), new Promise((resolve) => setTimeout(resolve, 2000))])
    await this.#broker[Symbol.asyncDispose]()
  }

  #sink(session: number): SessionSink {
    this.left.add(session)
    const gone = (): void => {
      if (!this.left.delete(session)) this.failures.push(`session ${session} ended twice`)
    }
    return {
      call: (id, call) => this.#call(session, id, call),
      output: () => this.#expectPlaced(session),
      answered: () => this.#expectPlaced(session),
      ended: gone,
      lost: gone,
    }
  }

  #expectPlaced(session: number): void {
    if (!this.left.has(session)) this.failures.push(`something of session ${session} came after its end`)
  }

  #call(session: number, id: number, call: Call): void {
    this.#expectPlaced(session)
    const { length } = call.body
    this.#heldBytes += length
    if (this.#heldBytes > initialCreditBytes) this.failures.push(`${this.#heldBytes} bytes of calls wait, more than there is credit for`)
    const work = this.#broker.handle(call).then((reply) => {
      this.#heldBytes -= length
      this.#hosted?.reply(session, id, reply)
    })
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }
}

const enough = 300

/** Plays `bytes` to the host in pieces that `seed` decides. Rejects when the host does what it should not. */
export const tryWire = async (bytes: Uint8Array, seed: number): Promise<WireVerdict> => {
  const pick = seededPick(seed)
  const stage = new Stage()
  await stage.equip()
  let cell: ScriptedCell | undefined
  const launcher = {
    level: 'thread' as const,
    launch: (options: CellOptions) => Promise.resolve((cell = new ScriptedCell(options, pick))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const hosted = await HostedCell.launch(launcher, { segment: 's', memoryBytes: 1, linking: 'component' })
  const scripted = cell ?? new ScriptedCell({ memoryBytes: 1, listener: { message: () => undefined, diagnostic: () => undefined } }, pick)
  stage.begin(hosted)
  for (let at = 0; at < bytes.length && scripted.end === undefined;) {
    const next = at + 1 + pick(pick(2) === 0 ? 40 : 200_000)
    scripted.receive(bytes.slice(at, next))
    at = next
    if (pick(3) === 0) await turn()
  }
  for (let turns = 0; turns < enough && scripted.end === undefined && pick(20) > 0; turns++) await turn()
  const verdict = verdictOf(scripted)
  hosted.kill('the case is over')
  await stage.rest()
  if (stage.left.size > 0) throw new Finding(`sessions ${[...stage.left].join(', ')} never heard of the end of their cell`)
  if (stage.failures.length > 0) throw new Finding(String(stage.failures[0]))
  return verdict
}

/** A rule that was broken is called by its name: any other error while the host hears a cell is its own. */
const verdictOf = ({ end, isHalf }: ScriptedCell): WireVerdict => {
  if (end === undefined) return isHalf ? 'half a frame' : 'heard'
  const message = 'message' in end ? end.message : end.kind
  if (/^the host could not take its message: (?!Error: )/.test(message)) throw new Finding(message)
  return 'violation'
}
