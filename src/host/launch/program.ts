import process from 'node:process'
import { fileURLToPath } from 'node:url'
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

/** Cordon's own cell. */
export const cellProgram: CellProgram = {
  childEntry: pathOf(`../../cell/entry-child.${extension}`),
  threadEntry: pathOf(`../../cell/entry-thread.${extension}`),
  readable: ['../../cell/', '../../wire/', '../../core/', '../../../package.json'].map((path) => pathOf(path)),
  packageFolder: pathOf('../../../'),
  source,
  engine: process.execPath,
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
