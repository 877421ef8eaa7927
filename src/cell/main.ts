import { wireVersion, type FromCell, type SessionStart, type ToCell } from '#wire/messages.ts'
import { Artifacts } from './artifacts.ts'
import { InstancePool } from './instance-pool.ts'
import type { Linker } from './link/linker.ts'
import { defaultSlicing, type Slicing } from './meter.ts'
import { plainMessage } from './outcome.ts'
import { Session } from './session.ts'
import { Turns } from './turns.ts'
import type { CellTransport } from './transport.ts'

/** How a cell is made. */
export interface ServeOptions {
  /** What links its artifacts. */
  readonly linker: Linker
  /** For tests and benches. */
  readonly slicing?: Partial<Slicing>
}

/** Serves the host over `transport` until it says `shutdown`: then ends all sessions, closes the transport and resolves. */
export const serve = async (transport: CellTransport, options: ServeOptions): Promise<void> => {
  const cell = new Cell(transport, options.linker, { ...defaultSlicing, ...options.slicing })
  // A promise of one session that nobody heeds must not end its neighbours.
  const ignore = (): void => undefined
  process.on('unhandledRejection', ignore)
  try {
    transport.onMessage((message) => cell.hear(message))
    await cell.shutDown
  } finally {
    process.off('unhandledRejection', ignore)
  }
}

class Cell {
  readonly #transport: CellTransport
  readonly #slicing: Slicing
  readonly #artifacts: Artifacts
  readonly #sessions = new Map<number, Session>()
  readonly #turns = new Turns()
  readonly #pool = new InstancePool()
  readonly #shutDown = Promise.withResolvers<void>()

  constructor(transport: CellTransport, linker: Linker, slicing: Slicing) {
    this.#transport = transport
    this.#artifacts = new Artifacts(linker)
    this.#slicing = slicing
  }

  get shutDown(): Promise<void> {
    return this.#shutDown.promise
  }

  hear(message: ToCell): void {
    if ('session' in message) return this.#hearInSession(message)
    switch (message.type) {
      case 'hello':
        this.#greet(message.version)
        break
      case 'load':
        this.#report(message.artifact, this.#artifacts.begin(message.artifact, { ...message, awaited: message.cores }))
        break
      case 'load-core':
        this.#report(message.artifact, this.#artifacts.add(message.artifact, { name: message.name, bytes: message.body }))
        break
      case 'unload':
        this.#unload(message.artifact)
        break
      case 'shutdown':
        this.#end()
        break
      case 'credit':
        // The transport keeps the credit and does not pass these on.
        break
    }
  }

  #hearInSession(message: Extract<ToCell, { session: number }>): void {
    switch (message.type) {
      case 'start':
        this.#start(message.session, message)
        break
      case 'reply':
        this.#sessions.get(message.session)?.reply(message.id, message.reply)
        break
      case 'kill':
        this.#sessions.get(message.session)?.kill()
        break
      case 'invoke':
        this.#sessions.get(message.session)?.invoke(message)
        break
      case 'finish':
        this.#sessions.get(message.session)?.finish()
        break
    }
  }

  /** A host that speaks another version gets no answer. */
  #greet(version: number): void {
    if (version === wireVersion) this.#send({ type: 'ready', version: wireVersion })
    else this.#end()
  }

  #start(id: number, start: SessionStart): void {
    const artifact = this.#artifacts.get(start.artifact)
    if (this.#sessions.has(id)) return
    if (artifact === undefined) return this.#refuse(id, 'expected a loaded artifact that exports the call')
    const { linked, exports } = artifact
    const parts = { id, start, linked, exports, turns: this.#turns, pool: this.#pool, slicing: this.#slicing }
    const session = new Session({ ...parts, send: (message) => this.#transport.send(message) })
    this.#sessions.set(id, session)
    void session.run().finally(() => this.#sessions.delete(id))
  }

  #unload(artifact: string): void {
    const loaded = this.#artifacts.get(artifact)
    this.#artifacts.remove(artifact)
    if (loaded !== undefined) this.#pool.retire(loaded.linked)
  }

  #refuse(session: number, message: string): void {
    this.#send({ type: 'ended', session, outcome: { kind: 'trap', message }, usage: { fuel: 0, cpuUs: 0, memoryPeakBytes: 0 } })
  }

  #report(artifact: string, loading: Promise<boolean>): void {
    loading.then(
      (whole) => {
        if (whole) this.#send({ type: 'loaded', artifact })
      },
      (error: unknown) => {
        this.#artifacts.remove(artifact)
        this.#send({ type: 'load-failed', artifact, message: plainMessage(error) })
      },
    )
  }

  #end(): void {
    for (const session of this.#sessions.values()) session.kill()
    this.#pool.clear()
    this.#transport.close()
    this.#shutDown.resolve()
  }

  #send(message: FromCell): void {
    void this.#transport.send(message)
  }
}
