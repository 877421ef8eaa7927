import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Linking } from '#wire/messages.ts'
import { inheritableDescriptors } from './proc.ts'

/** The code that runs in a cell, by address: the host never imports it. */
export interface CellProgram {
  /** The program of a child process. */
  readonly childEntry: string
  /** The module whose `runCell` a worker thread runs. */
  readonly threadEntry: string
  /** Everything a cell may read while it starts: files, and folders with what is below them. */
  readonly readable: readonly string[]
  /** The folder that holds all of it; in a bwrap cell it has another name. */
  readonly packageFolder: string
  /** True when the code is TypeScript, run from source. */
  readonly source: boolean
  /** The engine's binary: the one that runs the host. */
  readonly engine: string
}

const packageInside = '/cordon/package'
/** Where the engine lies in a bwrap cell; the program lies beside it: the host's paths tell of its users. */
export const nodeInside = '/cordon/node'

const here = import.meta.url
const source = here.endsWith('.ts')
const extension = source ? 'ts' : 'js'
const pathOf = (relative: string): string => fileURLToPath(new URL(relative, here))

const programIn = (room: string, folders: readonly string[]): CellProgram => ({
  childEntry: pathOf(`../../${room}/entry-child.${extension}`),
  threadEntry: pathOf(`../../${room}/entry-thread.${extension}`),
  readable: [...folders.map((folder) => `../../${folder}/`), '../../../package.json'].map((path) => pathOf(path)),
  packageFolder: pathOf('../../../'),
  source,
  engine: process.execPath,
})

/** Cordon's own cell: it makes no code from text, and has none that could. */
export const cellProgram: CellProgram = programIn('cell', ['cell', 'wire', 'core'])

/** The program of a cell, by what its artifacts are. */
export const cellPrograms: Readonly<Record<Linking, CellProgram>> = {
  component: cellProgram,
  glue: programIn('glue', ['glue', 'cell', 'wire', 'core']),
}

/** Where a path of the program lies inside a bwrap cell. */
export const inside = (program: CellProgram, path: string): string =>
  path.startsWith(program.packageFolder) ? `${packageInside}/${path.slice(program.packageFolder.length)}` : path

/** How the code of a cell is found, at every level. */
export const conditionArguments = (program: CellProgram): readonly string[] => (program.source ? ['--conditions=source'] : [])

/**
 * Node's arguments for a child cell, after which it runs the program: the permission model with nothing allowed but
 * reading its own code until it is loaded, no SQLite (the model does not cover it), no inspector signal, no code from text. After the program come the descriptors it is to close.
 */
export const nodeArguments = (program: CellProgram, place: (path: string) => string = (path) => path): readonly string[] => [
  '--permission',
  ...program.readable.map((path) => `--allow-fs-read=${place(path)}`),
  '--no-experimental-sqlite',
  '--no-experimental-ffi',
  '--no-experimental-websocket',
  '--no-experimental-webstorage',
  '--no-experimental-global-navigator',
  '--disable-sigusr1',
  '--disallow-code-generation-from-strings',
  '--no-addons',
  '--no-warnings',
  ...conditionArguments(program),
  place(program.childEntry),
  ...inheritableDescriptors().map(String),
]
