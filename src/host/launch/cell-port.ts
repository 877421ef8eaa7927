import type { FromCell, Linking, ToCell } from '#wire/messages.ts'

/** The rungs of the isolation ladder that exist, weakest first. */
export type IsolationLevel = 'thread' | 'process' | 'bwrap'

/** What the host measured of a cell before the first guest byte (never what the cell says). */
export interface Posture {
  readonly level: IsolationLevel
  readonly noNewPrivileges: boolean
  readonly seccomp: boolean
  /** Namespaces that differ from the host's own: `net`, `pid`, `mnt`, `user`, `ipc`, `uts`, `cgroup`. */
  readonly namespaces: readonly string[]
  /** Open descriptors of the cell that are not its pipes. */
  readonly openDescriptors: number
}

/** Why a cell ended. */
export type CellEnd =
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'killed'; readonly reason: string }
  /** The cell broke a rule of the wire. */
  | { readonly kind: 'violation'; readonly message: string }
  /** The watchdog saw it past its memory budget. */
  | { readonly kind: 'memory'; readonly bytes: number }
  | { readonly kind: 'crashed'; readonly message: string }

/** One running cell, whatever its level. The same contract suite runs on each implementation. */
export interface Cell {
  readonly id: string
  readonly posture: Posture
  /** Sends one message; queues when the pipe is full. Does nothing once the cell has ended. */
  send(message: ToCell): void
  /** CPU time of the whole cell in microseconds, measured by the host. */
  cpuUs(): number
  /** Resident bytes as the host measures them (`0` for a thread, which shares the host's). */
  residentBytes(): number
  /** Ends it at once (SIGKILL, or terminate). */
  kill(reason: string): void
  /** Resolves once, when the cell is gone; never rejects. */
  readonly ended: Promise<CellEnd>
}

/** What the host hears from a cell. Called in order; a throw ends the cell. */
export interface CellListener {
  message(message: FromCell): void
  /** Neutralised, cut text of the child's own stdout or stderr (crash messages of the engine). */
  diagnostic(text: string): void
}

export interface CellOptions {
  /** Budget of guest and engine memory in the cell; the watchdog ends it past this. */
  readonly memoryBytes: number
  /** What it is to link, which decides its program; `component`, the stricter one, unless said. */
  readonly linking?: Linking
  readonly listener: CellListener
}

/** Starts cells of one level. */
export interface CellLauncher {
  readonly level: IsolationLevel
  /** Starts a cell; resolves after its `ready` and the posture check. Throws CordonError `isolation.unavailable` or `cell.crashed`. */
  launch(options: CellOptions): Promise<Cell>
  [Symbol.asyncDispose](): Promise<void>
}
