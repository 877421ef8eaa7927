import process from 'node:process'
import type { MessagePort, Worker } from 'node:worker_threads'
import { CordonError } from '#core/errors.ts'
import type { ToCell } from '#wire/messages.ts'
import type { Cell, CellEnd, CellOptions } from './cell-port.ts'
import { captureDiagnostics } from './diagnostics.ts'
import { CellLink } from './link.ts'
import { threadPosture } from './posture.ts'

/** The thread of a cell and what starts and ends it. */
export interface StartedThread {
  readonly worker: Worker | undefined
  /** The pool's task that runs the cell. */
  readonly task: Promise<unknown>
  /** Aborting it makes the pool terminate the thread. */
  readonly abort: AbortController
  readonly port: MessagePort
}

const cpuPollMs = 10

const smallFrameBytes = 16 * 1024

const joined = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Bytes that nobody else can change or take back: a breached cell could send memory that it still shares, and change what was checked. */
const isOwnMemory = (bytes: unknown): bytes is Uint8Array =>
  bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer && !bytes.buffer.resizable

/** A cell in a worker thread of this process. The engine is its only wall. */
export class ThreadCell implements Cell {
  readonly id: string
  readonly posture = threadPosture
  readonly ended: Promise<CellEnd>
  readonly #started: StartedThread
  readonly #options: CellOptions
  readonly #link: CellLink
  readonly #gone = Promise.withResolvers<CellEnd>()
  readonly #polling: NodeJS.Timeout
  #end: CellEnd | undefined
  #cpuUs = 0
  #cpuAsked = false
  #shutdownAsked = false
  #held: Uint8Array[] | undefined
  /** Small frames that go together: waking the other thread costs more than they do. */
  #together: Uint8Array<ArrayBuffer>[] = []

  constructor(id: string, options: CellOptions, started: StartedThread) {
    this.id = id
    this.ended = this.#gone.promise
    this.#started = started
    this.#options = options
    this.#link = new CellLink(
      {
        write: (frame) => {
          this.#post(frame)
          return true
        },
        pause: () => {
          this.#held ??= []
        },
        resume: () => this.#release(),
      },
      {
        message: (message) => options.listener.message(message),
        broken: (message) => this.#finish({ kind: 'violation', message }),
      },
    )
    this.#polling = setInterval(() => this.#askCpu(), cpuPollMs).unref()
    this.#listen()
  }

  /** Resolves with the cell's `ready`. Throws `cell.crashed`; the cell is gone then. */
  async prepare(readyTimeoutMs: number): Promise<void> {
    const timeout = setTimeout(() => this.#finish({ kind: 'crashed', message: 'expected `ready` in time' }), readyTimeoutMs)
    const over = this.ended.then((end) => {
      throw new CordonError('cell.crashed', `expected the cell to start, it ended: ${'message' in end ? end.message : end.kind}`)
    })
    try {
      await Promise.race([this.#link.open(), over])
    } finally {
      clearTimeout(timeout)
    }
  }

  send(message: ToCell): void {
    this.#shutdownAsked ||= message.type === 'shutdown'
    this.#link.send(message)
  }

  /** The last of the samples that are taken every 10 ms. */
  cpuUs(): number {
    return this.#cpuUs
  }

  residentBytes(): number {
    return 0
  }

  kill(reason: string): void {
    this.#finish({ kind: 'killed', reason })
  }

  #listen(): void {
    const { worker, task, port } = this.#started
    port.on('message', (bytes: unknown) => this.#arrived(bytes))
    task.then(
      () => this.#finish(this.#shutdownAsked ? { kind: 'shutdown' } : { kind: 'crashed', message: 'its task ended' }),
      (error: unknown) => this.#failed(error),
    )
    if (worker === undefined) {
      this.#finish({ kind: 'crashed', message: 'the pool has no thread for it' })
      this.#closed()
      return
    }
    // tinypool lets a worker write to the host's own stdout and stderr; nothing of a cell is passed through.
    worker.stdout.unpipe(process.stdout)
    worker.stderr.unpipe(process.stderr)
    captureDiagnostics([worker.stdout, worker.stderr], (text) => this.#options.listener.diagnostic(text))
    worker.once('exit', (code) => {
      // The pool ends the thread before it tells what became of the task; the task's word is the better one.
      setImmediate(() => {
        this.#finish({ kind: 'crashed', message: `exit code ${code}` })
        this.#closed()
      })
    })
  }

  /** Posts a frame, small ones at the end of this turn of the event loop with what else is said in it. */
  #post(frame: Uint8Array<ArrayBuffer>): void {
    if (frame.length > smallFrameBytes) {
      this.#postTogether()
      this.#started.port.postMessage(frame, [frame.buffer])
      return
    }
    this.#together.push(frame)
    if (this.#together.length === 1) process.nextTick(() => this.#postTogether())
  }

  #postTogether(): void {
    const frames = this.#together
    const [first] = frames
    if (first === undefined) return
    this.#together = []
    const bytes = frames.length === 1 ? first : joined(frames)
    this.#started.port.postMessage(bytes, [bytes.buffer])
  }

  #arrived(bytes: unknown): void {
    if (!isOwnMemory(bytes)) this.#finish({ kind: 'violation', message: 'expected frames of bytes' })
    else if (this.#held === undefined) this.#link.received(bytes, true)
    else this.#held.push(bytes)
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const bytes of held) this.#arrived(bytes)
  }

  #failed(error: unknown): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') this.#finish({ kind: 'memory', bytes: this.#options.memoryBytes })
    else this.#finish({ kind: 'crashed', message: error instanceof Error ? error.message : 'its task failed' })
  }

  /** The first cause wins; the thread is terminated whatever it is. */
  #finish(end: CellEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    clearInterval(this.#polling)
    this.#link.stop()
    this.#held = []
    this.#started.abort.abort()
    this.#started.port.close()
  }

  #closed(): void {
    if (this.#end !== undefined) this.#gone.resolve(this.#end)
  }

  #askCpu(): void {
    if (this.#cpuAsked) return
    this.#cpuAsked = true
    this.#started.worker?.cpuUsage().then(
      ({ user, system }) => {
        this.#cpuUs = Math.max(this.#cpuUs, user + system)
        this.#cpuAsked = false
      },
      // Not running yet, or no longer.
      () => {
        this.#cpuAsked = false
      },
    )
  }
}
