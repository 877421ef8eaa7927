import type { ChildProcess } from 'node:child_process'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { CordonError } from '#core/errors.ts'
import { letGo } from '#wire/codec.ts'
import type { ToCell } from '#wire/messages.ts'
import type { Cell, CellEnd, CellOptions, IsolationLevel, Posture } from './cell-port.ts'
import { captureDiagnostics } from './diagnostics.ts'
import { CellLink } from './link.ts'
import { measurePosture, requirePosture } from './posture.ts'
import { readCpuUs, readResidentBytes, startTicks } from './proc.ts'
import { limitData, watchResidentBytes } from './watchdog.ts'

/** A child that was spawned for a cell: not yet measured, not yet trusted with a byte. */
export interface StartedChild {
  readonly child: ChildProcess
  readonly wire: Duplex
  /** The engine's process id as this host sees it: the child's own, or that of its child inside the sandbox. */
  readonly enginePid: Promise<number>
}

/** How a child cell is started. */
export interface ChildSettings {
  readonly level: IsolationLevel
  readonly id: string
  readonly readyTimeoutMs: number
  /** Colon-separated folders to look for tools in. */
  readonly searchPath: string
}

/** Unread bytes to a cell past which it is not read either. */
const inFlightBudgetBytes = 8 * 1024 * 1024
/** How long what a cell said last is waited for after its process is gone. */
const lastWordsMs = 1000
const closedPipeGraceMs = 200

/** A cell in a process of its own, at either of the levels that have one. */
class ChildCell implements Cell {
  readonly id: string
  readonly ended: Promise<CellEnd>
  posture: Posture
  readonly #started: StartedChild
  readonly #link: CellLink
  readonly #gone = Promise.withResolvers<CellEnd>()
  #engine: { readonly pid: number; readonly startTicks: number | undefined } | undefined
  #end: CellEnd | undefined
  #cpuUs = 0
  #shutdownAsked = false
  #stopWatching: () => void = () => {}

  constructor(settings: ChildSettings, started: StartedChild, options: CellOptions) {
    this.id = settings.id
    this.posture = { level: settings.level, noNewPrivileges: false, seccomp: false, namespaces: [], openDescriptors: 0 }
    this.ended = this.#gone.promise
    this.#started = started
    this.#link = new CellLink(
      {
        write: (frame) => this.#write(frame),
        pause: () => started.wire.pause(),
        resume: () => started.wire.resume(),
      },
      {
        message: (message) => options.listener.message(message),
        broken: (message) => this.#finish({ kind: 'violation', message }),
      },
    )
    this.#listen(options)
  }

  /** Waits for `ready`, measures from outside, sets the limits. Throws when the cell is not what its level promises. */
  async prepare(settings: ChildSettings, options: CellOptions): Promise<void> {
    const ready = this.#link.open()
    const timeout = setTimeout(() => this.#finish({ kind: 'crashed', message: 'expected `ready` in time' }), settings.readyTimeoutMs)
    const over = this.ended.then((end) => {
      throw new CordonError('cell.crashed', `expected the cell to start, it ended: ${'message' in end ? end.message : end.kind}`)
    })
    try {
      const pid = await Promise.race([this.#started.enginePid, over])
      this.#engine = { pid, startTicks: startTicks(pid) }
      await Promise.race([ready, over])
      this.posture = measurePosture(settings.level, pid)
      requirePosture(this.posture, pid)
      await Promise.race([limitData(pid, options.memoryBytes, settings.searchPath), over])
      this.#watch(pid, options.memoryBytes)
    } finally {
      clearTimeout(timeout)
    }
  }

  send(message: ToCell): void {
    this.#shutdownAsked ||= message.type === 'shutdown'
    this.#link.send(message)
  }

  cpuUs(): number {
    const pid = this.#livePid()
    if (pid !== undefined) this.#cpuUs = Math.max(this.#cpuUs, readCpuUs(pid) ?? 0)
    return this.#cpuUs
  }

  residentBytes(): number {
    const pid = this.#livePid()
    return pid === undefined ? 0 : (readResidentBytes(pid) ?? 0)
  }

  kill(reason: string): void {
    this.#finish({ kind: 'killed', reason })
  }

  /** What is sent in one turn of the event loop goes out in one system call. */
  #write(frame: Uint8Array): boolean {
    const { wire } = this.#started
    if (wire.writableCorked === 0) {
      wire.cork()
      process.nextTick(() => wire.uncork())
    }
    wire.write(frame, () => letGo(frame))
    return wire.writableLength < inFlightBudgetBytes
  }

  #watch(pid: number, memoryBytes: number): void {
    const baseBytes = readResidentBytes(pid) ?? 0
    this.#stopWatching = watchResidentBytes(pid, baseBytes + memoryBytes, (bytes) => this.#finish({ kind: 'memory', bytes }))
  }

  #listen(options: CellOptions): void {
    const { child, wire } = this.#started
    captureDiagnostics(
      [child.stdout, child.stderr].filter((stream) => stream !== null),
      (text) => options.listener.diagnostic(text),
    )
    wire.on('data', (chunk: Uint8Array) => this.#link.received(chunk))
    wire.on('drain', () => this.#link.drained())
    wire.on('error', () => wire.destroy())
    wire.on('close', () => this.#pipeClosed())
    child.on('error', (error) => this.#finish({ kind: 'crashed', message: `could not be started: ${error.message}` }))
    child.once('exit', () => setTimeout(() => this.#destroyStreams(), lastWordsMs).unref())
    child.once('close', (code, signal) => this.#closed(code, signal))
  }

  /** A cell without its pipe can do nothing for us; one that only closed the pipe goes on running if we let it. */
  #pipeClosed(): void {
    const message = this.#link.idle ? 'expected the pipe to stay open' : 'expected the rest of a frame'
    setTimeout(() => {
      if (this.#isRunning()) this.#finish({ kind: 'violation', message })
    }, closedPipeGraceMs)
  }

  #closed(code: number | null, signal: string | null): void {
    const clean = this.#shutdownAsked && code === 0
    this.#finish(clean ? { kind: 'shutdown' } : { kind: 'crashed', message: signal === null ? `exit code ${code}` : `signal ${signal}` })
    this.#stopWatching()
    if (this.#end !== undefined) this.#gone.resolve(this.#end)
  }

  /** The first cause wins; whatever it is, the process must be gone after it. */
  #finish(end: CellEnd): void {
    if (this.#end !== undefined) return
    this.cpuUs()
    this.#end = end
    this.#stopWatching()
    this.#link.stop()
    this.#killTree()
    this.#destroyStreams()
    if (this.#started.child.pid === undefined) this.#gone.resolve(end)
  }

  #killTree(): void {
    const { child } = this.#started
    const pid = this.#livePid()
    if (pid !== undefined && pid !== child.pid) sigkill(pid)
    if (!this.#isRunning() || child.pid === undefined) return
    sigkill(-child.pid)
    child.kill('SIGKILL')
  }

  #destroyStreams(): void {
    for (const stream of this.#started.child.stdio) stream?.destroy()
  }

  #isRunning(): boolean {
    const { exitCode, signalCode } = this.#started.child
    return exitCode === null && signalCode === null
  }

  /** The engine's pid while it names the process we started and no later one. */
  #livePid(): number | undefined {
    if (this.#engine === undefined || !this.#isRunning()) return undefined
    return startTicks(this.#engine.pid) === this.#engine.startTicks ? this.#engine.pid : undefined
  }
}

const sigkill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}

/** Makes a cell of a started child; it is ended before this throws. */
export const openChildCell = async (settings: ChildSettings, started: StartedChild, options: CellOptions): Promise<Cell> => {
  const cell = new ChildCell(settings, started, options)
  try {
    await cell.prepare(settings, options)
    return cell
  } catch (error) {
    cell.kill('it could not be used')
    await cell.ended
    throw error
  }
}
