import { defaultComponentLimits } from '#core/component/component-limits.ts'
import { readModuleType } from '#core/component/core-module-type.ts'
import type { CoreType, ModuleType } from '#core/component/core-types.ts'
import { Reading } from '#core/component/reading.ts'
import { CordonError } from '#core/errors.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import { naming } from './ingest-error.ts'

/** The module that programs of WASI preview 1 import from. */
export const preview1Module = 'wasi_snapshot_preview1'

/** Pages of a program's memory that the adapter in its frame has: one for its stack, one for its state. */
export const adapterPages = 2

/** A core module as its toolchain made it: a command or a reactor of WASI preview 1, or of no WASI at all. */
export interface Program extends ModuleType {
  /** Carries the world that it was compiled for, as `wit-bindgen` and `wasm-tools component embed` leave it in a custom section. */
  readonly carriesWorld: boolean
}

const coreMagic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const worldSection = 'component-type'
const mostShown = 5

/** Whether bytes start as a core module, and not as a component. */
export const isCoreModule = (bytes: Uint8Array): boolean => coreMagic.every((byte, at) => bytes[at] === byte)

/** Text of the module's author for a message, which the host makes printable: it does not take this process's word for that. */
const quoted = (name: string): string => `\`${name.slice(0, 100)}\``

/** Whether a custom section says that it holds a world. Sections were read before: each lies within the module. */
const findsWorld = (bytes: Uint8Array): boolean => {
  const reader = new ByteReader(bytes)
  reader.skip(coreMagic.length, 'the header')
  while (!reader.done) {
    const id = reader.byte('a section id')
    const part = reader.part(reader.u32('the size of a section'), 'a section')
    if (id !== 0) continue
    const length = part.count('bytes of a section name', part.end - part.position)
    const start = part.position
    const name = String.fromCharCode(...bytes.subarray(start, start + Math.min(length, worldSection.length)))
    if (name === worldSection) return true
  }
  return false
}

/** Reads the outside of a core module, which may import one thing several times. Throws CordonError `component.invalid` or `component.unsupported`. */
export const readProgram = (bytes: Uint8Array): Program =>
  naming('the program', () => {
    const type = readModuleType(new ByteReader(bytes), new Reading(defaultComponentLimits, false, true))
    return { ...type, carriesWorld: findsWorld(bytes) }
  })

const invalid = (message: string): CordonError => new CordonError('component.invalid', `the program ${message}`)
const unsupported = (message: string): CordonError => new CordonError('component.unsupported', `the program ${message}`)
const unknown = (message: string): CordonError => new CordonError('component.import-unknown', `the program ${message}`)

const typeOf = (type: CoreType | undefined): string =>
  type === undefined ? 'nothing' : type.kind === 'func' ? type.signature.slice(0, 200) : `a ${type.kind}`

const checkImport = ({ module, name, type }: Program['imports'][number], offered: ReadonlyMap<string, CoreType>): void => {
  if (module !== preview1Module) {
    throw unknown(
      `imports ${quoted(name)} of ${quoted(module)}; expected imports of \`${preview1Module}\` only, or a world that names the others`,
    )
  }
  const known = offered.get(name)
  if (known === undefined) throw unknown(`imports ${quoted(name)} of \`${preview1Module}\`, which has no such function`)
  if (typeOf(known) !== typeOf(type))
    throw unknown(`imports ${quoted(name)} of \`${preview1Module}\` as ${typeOf(type)}; expected it as ${typeOf(known)}`)
}

const shownExports = ({ exports }: Program): string => {
  const names = [...exports.keys()]
  const rest = names.length > mostShown ? ` and ${names.length - mostShown} more` : ''
  return names.length === 0 ? 'no exports' : `only ${names.slice(0, mostShown).map(quoted).join(', ')}${rest}`
}

/**
 * Whether a module is a command or a reactor (WASI's application ABI). Throws CordonError `component.invalid` for one that says it is both,
 * `component.unsupported` for one of the WASI before preview 1.
 */
export const checkKind = ({ exports, imports }: Program): 'command' | 'reactor' => {
  const old = imports.find(({ module }) => module === 'wasi_unstable')
  if (old !== undefined) {
    throw unsupported(`imports ${quoted(old.name)} of \`wasi_unstable\`, which came before preview 1; build it for \`${preview1Module}\``)
  }
  if (!exports.has('_start')) return 'reactor'
  if (exports.has('_initialize')) throw invalid('exports both `_start` and `_initialize`; expected a command or a reactor')
  return 'command'
}

/**
 * Throws unless the module is a command that can do with `offered`, the functions of preview 1 with their types. Throws CordonError
 * `component.invalid`, `component.unsupported` or `component.import-unknown`.
 */
export const checkCommand = (program: Program, offered: ReadonlyMap<string, CoreType>): void => {
  const start = program.exports.get('_start')
  if (start === undefined) {
    throw unsupported(
      `is no command and carries no world, so there is nothing to call: expected an export \`_start\`, got ${shownExports(program)}; compile it as a command, or embed its world with \`wasm-tools component embed\``,
    )
  }
  if (typeOf(start) !== '() -> ()') throw invalid(`exports \`_start\` as ${typeOf(start)}; expected a function () -> ()`)
  for (const each of program.imports) checkImport(each, offered)
  const memory = program.exports.get('memory')
  if (program.imports.length > 0 && memory?.kind !== 'memory') {
    throw invalid(
      `imports \`${preview1Module}\` without sharing a memory with it; expected a memory under the name \`memory\`, got ${typeOf(memory)}`,
    )
  }
}
