import process from 'node:process'
import type { CellLauncher, IsolationLevel } from './cell-port.ts'
import { startBwrapChild } from './bwrap-child.ts'
import { ChildLauncher } from './child-launcher.ts'
import { startPlainChild } from './plain-child.ts'
import { cellPrograms, type CellProgram } from './program.ts'
import { ThreadLauncher } from './thread-launcher.ts'

/** What an embedder may set of a launcher; nothing needs to be. */
export interface LauncherOptions {
  /** The code of all cells; Cordon's own, by what a cell links, unless a test runs another. */
  readonly program?: CellProgram
  /** How long a cell may take to say `ready`. */
  readonly readyTimeoutMs?: number
  /** Cells of one launcher that may live at one time. */
  readonly maxCells?: number
}

/** Makes the launcher of one level. Whether the level can be had here shows at `launch`. */
export const createLauncher = (level: IsolationLevel, options: LauncherOptions = {}): CellLauncher => {
  const settings = {
    programs: options.program === undefined ? cellPrograms : { component: options.program, glue: options.program },
    readyTimeoutMs: options.readyTimeoutMs ?? 15_000,
    maxCells: options.maxCells ?? 64,
    searchPath: process.env['PATH'] ?? '',
  }
  switch (level) {
    case 'thread':
      return new ThreadLauncher(settings)
    case 'process':
      return new ChildLauncher('process', settings, startPlainChild)
    case 'bwrap':
      return new ChildLauncher('bwrap', settings, startBwrapChild)
  }
}
