import { CordonError } from '#core/errors.ts'
import type { Linking } from '#wire/messages.ts'
import type { Cell, CellLauncher, CellOptions, IsolationLevel } from './cell-port.ts'
import { openChildCell, type StartedChild } from './child-cell.ts'
import type { CellProgram } from './program.ts'

/** What all launchers are told. */
export interface LaunchSettings {
  /** The program of a cell, by what it links. */
  readonly programs: Readonly<Record<Linking, CellProgram>>
  readonly readyTimeoutMs: number
  readonly maxCells: number
  /** Colon-separated folders to look for tools in. */
  readonly searchPath: string
}

/** Spawns the child of one level. Throws CordonError `isolation.unavailable` when the level cannot be had. */
export type StartChild = (program: CellProgram, settings: LaunchSettings) => Promise<StartedChild>

/** Launches cells that are child processes. */
export class ChildLauncher implements CellLauncher {
  readonly level: IsolationLevel
  readonly #settings: LaunchSettings
  readonly #start: StartChild
  readonly #cells = new Set<Cell>()
  #starting = 0
  #launched = 0
  #disposed = false

  constructor(level: IsolationLevel, settings: LaunchSettings, start: StartChild) {
    this.level = level
    this.#settings = settings
    this.#start = start
  }

  async launch(options: CellOptions): Promise<Cell> {
    this.#admit()
    this.#starting += 1
    try {
      const started = await this.#start(this.#settings.programs[options.linking ?? 'component'], this.#settings)
      const cell = await openChildCell({ ...this.#settings, level: this.level, id: this.#nextId() }, started, options)
      this.#keep(cell)
      return cell
    } finally {
      this.#starting -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const cells = [...this.#cells]
    for (const cell of cells) cell.kill('the launcher was disposed')
    await Promise.all(cells.map((cell) => cell.ended))
  }

  #admit(): void {
    if (this.#disposed) throw new CordonError('runtime.closed', 'expected an open launcher, it was disposed')
    if (this.#cells.size + this.#starting >= this.#settings.maxCells) {
      throw new CordonError('runtime.overloaded', `expected at most ${this.#settings.maxCells} cells at one time`)
    }
  }

  #nextId(): string {
    this.#launched += 1
    return `${this.level}-${this.#launched}`
  }

  #keep(cell: Cell): void {
    this.#cells.add(cell)
    void cell.ended.then(() => this.#cells.delete(cell))
    if (this.#disposed) cell.kill('the launcher was disposed')
  }
}
