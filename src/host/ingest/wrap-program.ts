import { readFile } from 'node:fs/promises'
import type { CoreModuleRange } from '#core/component/component-plan.ts'
import type { CoreType } from '#core/component/core-types.ts'
import { readComponent } from '#core/component/read-component.ts'
import { CordonError } from '#core/errors.ts'
import { mergeImports } from '#core/wasm/merge-imports.ts'
import { reserveLastPages } from '#core/wasm/reserve-last-pages.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { naming } from './ingest-error.ts'
import { adapterPages, checkCommand, checkKind, isCoreModule, readProgram } from './program.ts'
import { vendorFolder } from './signatures.ts'
import { spliceModules } from './splice-modules.ts'

/**
 * A component that was made, by the build, around a program that does nothing: the standard adapter, what joins the two, and that program as its first core
 * module. Another program takes its place byte for byte, so that no tool has to understand a hostile module in order to wrap it.
 */
interface Frame {
  readonly component: Uint8Array
  readonly modules: readonly CoreModuleRange[]
}

/** What wraps commands: one frame with all of preview 1, one for what imports nothing. */
export interface Frames {
  readonly preview1: Frame
  readonly bare: Frame
  /** The functions of preview 1 with their types. */
  readonly offered: ReadonlyMap<string, CoreType>
}

/** Files of `dist/vendor` that hold the frames. */
export const frameFiles = ['command-frame.wasm', 'bare-frame.wasm'] as const

/** The program carries a world: to wrap it takes an encoder that understands worlds, which is for another child. */
export class CarriesWorld extends Error {
  constructor() {
    super('a core module with a world')
    this.name = 'CarriesWorld'
  }
}

const frameOf = (component: Uint8Array): Frame => ({ component, modules: readComponent(component).modules })

const modulesOf = ({ component, modules }: Frame): Uint8Array[] =>
  modules.map(({ offset, length }) => component.subarray(offset, offset + length))

/** Loads the frames from `dist/vendor`. */
export const loadFrames = async (): Promise<Frames> => {
  const [preview1, bare] = await Promise.all(
    frameFiles.map(async (name) => frameOf(new Uint8Array(await readFile(new URL(name, vendorFolder))))),
  )
  const placeholder = preview1 === undefined ? undefined : modulesOf(preview1)[0]
  if (preview1 === undefined || bare === undefined || placeholder === undefined)
    throw new CordonError('ingest.failed', 'expected frames for commands in `dist/vendor`, found something else')
  return { preview1, bare, offered: new Map(readProgram(placeholder).imports.map(({ name, type }) => [name, type])) }
}

/**
 * A component as it is; a command of WASI preview 1 as a component of WASI 0.2. Throws {@link CarriesWorld}, or CordonError `component.invalid`,
 * `component.unsupported` or `component.import-unknown`.
 */
export const asComponent = (bytes: Uint8Array, { preview1, bare, offered }: Frames): Uint8Array => {
  if (!isCoreModule(bytes)) return bytes
  const program = readProgram(bytes)
  checkKind(program)
  if (program.carriesWorld) throw new CarriesWorld()
  checkCommand(program, offered)
  // What imports nothing shares its memory with nobody.
  if (program.imports.length === 0) return spliceFirst(bare, bytes)
  return spliceFirst(
    preview1,
    naming('the program', () => reserveLastPages(mergeImports(bytes, defaultWasmLimits), adapterPages, defaultWasmLimits)),
  )
}

const spliceFirst = (frame: Frame, module: Uint8Array): Uint8Array =>
  spliceModules(frame.component, frame.modules, [module, ...modulesOf(frame).slice(1)])
