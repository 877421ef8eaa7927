import type { ByteReader } from './byte-reader.ts'
import { checkComponentName, checkCoreName, checkExportName, checkUnreserved } from './safe-name.ts'
import { WasmError } from './wasm-error.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** What a component export is. */
export type ComponentKind = 'core module' | 'func' | 'value' | 'type' | 'component' | 'instance'

const kinds: readonly ComponentKind[] = ['core module', 'func', 'value', 'type', 'component', 'instance']
const coreModuleSort = 0x11

/** An import as the component writes it. */
export interface ComponentImport {
  readonly name: string
  /** Only gives a name to a type: needs nothing of the host. */
  readonly aliasesType: boolean
}

const readSort = (reader: ByteReader): ComponentKind => {
  const sort = reader.byte('a sort')
  const kind = kinds[sort]
  if (kind === undefined) throw reader.refuse('malformed', `expected a sort up to 5, got 0x${sort.toString(16)}`)
  return kind
}

/** Reads a sort with its core part (component model, binary format, `sort`). */
const readFullSort = (reader: ByteReader): ComponentKind => {
  const kind = readSort(reader)
  if (kind === 'core module') reader.byte('a core sort')
  return kind
}

/** Reads an external name: a marker byte and the name. Names with a version suffix of their own (marker 2) are not understood. */
const readExternalName = (reader: ByteReader, what: string, limits: WasmLimits): string => {
  const marker = reader.byte(what)
  if (marker > 1) throw reader.refuse('unsupported', `expected ${what} in plain form (0 or 1), got marker 0x${marker.toString(16)}`)
  const name = reader.asciiName(what, limits.nameBytes)
  checkComponentName(name, what, reader.position - name.length)
  return name
}

const skipIndex = (reader: ByteReader): void => void reader.u32('an index')

/** Reads an `externdesc`; true when it only aliases a type. */
const readDescription = (reader: ByteReader): boolean => {
  const kind = readSort(reader)
  if (kind === 'value') throw reader.refuse('unsupported', 'expected no component-level values, got one')
  if (kind === 'core module') {
    const sort = reader.byte('a core sort')
    if (sort !== coreModuleSort) throw reader.refuse('malformed', `expected a core module, got core sort 0x${sort.toString(16)}`)
  }
  if (kind !== 'type') {
    skipIndex(reader)
    return false
  }
  const bound = reader.byte('the bound of a type')
  if (bound > 1) throw reader.refuse('malformed', `expected the bound of a type, got 0x${bound.toString(16)}`)
  if (bound === 1) return false
  skipIndex(reader)
  return true
}

/** Reads one import of a component. */
export const readComponentImport = (reader: ByteReader, limits: WasmLimits): ComponentImport => {
  const name = readExternalName(reader, 'a component import', limits)
  return { name, aliasesType: readDescription(reader) }
}

/** Reads one export of a component or of an instance made of exports. */
const readNamedExport = (reader: ByteReader, limits: WasmLimits): { name: string; kind: ComponentKind } => {
  const at = reader.position
  const name = readExternalName(reader, 'a component export', limits)
  checkExportName(name, at)
  const kind = readFullSort(reader)
  skipIndex(reader)
  return { name, kind }
}

/** Reads one export of a component. */
export const readComponentExport = (reader: ByteReader, limits: WasmLimits): { name: string; kind: ComponentKind } => {
  const entry = readNamedExport(reader, limits)
  const described = reader.byte('the type of an export')
  if (described > 1) throw reader.refuse('malformed', `expected the type of an export or none, got 0x${described.toString(16)}`)
  if (described === 1) readDescription(reader)
  return entry
}

const readCoreName = (reader: ByteReader, what: string, limits: WasmLimits): void => {
  const at = reader.position
  const name = reader.asciiName(what, limits.nameBytes)
  checkCoreName(name, what, at)
  checkUnreserved(name, what, at)
}

/** Reads a form byte that chooses between two ways to make an instance: 0 or 1. */
const readForm = (reader: ByteReader, what: string): number => {
  const form = reader.byte(what)
  if (form > 1) throw reader.refuse('malformed', `expected ${what} (0 or 1), got 0x${form.toString(16)}`)
  return form
}

/** Reads one core instance: a module with arguments, or a bag of exports. Their names end in generated code. */
export const readCoreInstance = (reader: ByteReader, limits: WasmLimits): void => {
  const made = readForm(reader, 'a core instance')
  if (made === 0) skipIndex(reader)
  const count = reader.count('names of a core instance', limits.exports)
  for (let nth = 0; nth < count; nth++) {
    readCoreName(reader, made === 0 ? 'an argument of a core instance' : 'an export of a core instance', limits)
    reader.byte('a core sort')
    skipIndex(reader)
  }
}

/** Reads one component instance: a component with arguments, or a bag of exports. */
export const readInstance = (reader: ByteReader, limits: WasmLimits): void => {
  const made = readForm(reader, 'an instance')
  if (made === 0) skipIndex(reader)
  const count = reader.count('names of an instance', limits.exports)
  for (let nth = 0; nth < count; nth++) {
    if (made === 1) {
      readNamedExport(reader, limits)
      continue
    }
    const name = reader.asciiName('an argument of an instance', limits.nameBytes)
    checkComponentName(name, 'an argument of an instance', reader.position - name.length)
    readFullSort(reader)
    skipIndex(reader)
  }
}

const aliasTarget = { export: 0, coreExport: 1, outer: 2 } as const

/** Reads one alias. */
export const readAlias = (reader: ByteReader, limits: WasmLimits): void => {
  readFullSort(reader)
  const target = reader.byte('the target of an alias')
  if (target > aliasTarget.outer) {
    throw reader.refuse('malformed', `expected the target of an alias, got 0x${target.toString(16)}`)
  }
  skipIndex(reader)
  if (target === aliasTarget.outer) skipIndex(reader)
  else if (target === aliasTarget.coreExport) readCoreName(reader, 'an alias of a core export', limits)
  else {
    const at = reader.position
    const name = reader.asciiName('an alias of an export', limits.nameBytes)
    checkComponentName(name, 'an alias of an export', at)
  }
}

/** Throws unless a nested core module starts as one. */
export const checkCorePreamble = (reader: ByteReader): void => {
  const starts = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00].every((byte, nth) => reader.bytes[reader.position + nth] === byte)
  if (!starts || reader.end - reader.position < 8) {
    throw new WasmError('malformed', reader.position, 'expected a core module (00 61 73 6d 01 00 00 00) in the component, got other bytes')
  }
}
