import type { ByteReader } from './byte-reader.ts'
import type { CoreKind } from './core-shape.ts'
import { readFunctionType, readLimits, readRefType, readValueType, unsupported } from './decode-types.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import { noteFunction, noteGlobal, readInitExpression } from './init-expression.ts'
import { checkCoreName, checkUnreserved } from './safe-name.ts'
import { WasmError } from './wasm-error.ts'

/** Reads one entry of a section. */
type Entry = (reader: ByteReader, module: DecodedModule) => void

/** The most pages of a 32-bit memory. */
const mostPages = 65_536

const kinds: readonly CoreKind[] = ['func', 'table', 'memory', 'global']

const readKind = (reader: ByteReader): CoreKind => {
  const byte = reader.byte('the kind of an import or export')
  if (byte === 4) throw unsupported('exceptions', reader.position - 1)
  const kind = kinds[byte]
  if (kind === undefined) throw reader.refuse('malformed', `expected the kind of an import or export, got 0x${byte.toString(16)}`)
  return kind
}

const addMemory = (reader: ByteReader, module: DecodedModule, imported: boolean): void => {
  const at = reader.position
  if (module.memory !== undefined) throw unsupported('several memories', at)
  const { initial, maximum } = readLimits(reader, 'memory')
  if (Math.max(initial, maximum ?? 0) > mostPages) {
    throw new WasmError('malformed', at, `expected a memory of at most ${mostPages} pages, got ${Math.max(initial, maximum ?? 0)}`)
  }
  module.memory = { imported, initial, maximum }
}

const addTable = (reader: ByteReader, module: DecodedModule, imported: boolean): void => {
  const at = reader.position
  if (module.tables.length >= module.limits.tables) {
    throw new WasmError('limit', at, `expected at most ${module.limits.tables} tables, got more`)
  }
  if (reader.bytes[at] === 0x40) throw unsupported('typed function references', at)
  const type = readRefType(reader)
  module.tables.push({ imported, type, ...readLimits(reader, 'table') })
}

const addGlobal = (reader: ByteReader, module: DecodedModule): void => {
  if (module.globals.length >= module.limits.globals) {
    throw new WasmError('limit', reader.position, `expected at most ${module.limits.globals} globals, got more`)
  }
  readValueType(reader)
  const mutability = reader.byte('the mutability of a global')
  if (mutability > 1) {
    if (mutability <= 3) throw unsupported('shared globals', reader.position - 1)
    throw reader.refuse('malformed', `expected the mutability of a global, got 0x${mutability.toString(16)}`)
  }
  module.globals.push(mutability === 1)
}

const addFunction: Entry = (reader, module) => {
  module.functionTypes.push(reader.index('type', module.arities.length))
}

const importers: Readonly<Record<CoreKind, Entry>> = {
  func: (reader, module) => {
    addFunction(reader, module)
    module.importedFunctions++
  },
  table: (reader, module) => addTable(reader, module, true),
  memory: (reader, module) => addMemory(reader, module, true),
  global: (reader, module) => {
    addGlobal(reader, module)
    module.importedGlobals++
  },
}

const readImport: Entry = (reader, module) => {
  const at = reader.position
  const from = reader.asciiName('an import module', module.limits.nameBytes)
  checkCoreName(from, 'an import module', at)
  checkUnreserved(from, 'an import module', at)
  const name = reader.asciiName('an import field', module.limits.nameBytes)
  checkCoreName(name, 'an import field', at)
  const kind = readKind(reader)
  module.imports.push({ module: from, name, kind })
  importers[kind](reader, module)
}

const exporters: Readonly<Record<CoreKind, Entry>> = {
  func: noteFunction,
  table: (reader, module) => void reader.index('table', module.tables.length),
  memory: (reader, module) => void reader.index('memory', module.memory === undefined ? 0 : 1),
  global: noteGlobal,
}

const readExport: Entry = (reader, module) => {
  const at = reader.position
  const name = reader.asciiName('an export', module.limits.nameBytes)
  checkCoreName(name, 'an export', at)
  checkUnreserved(name, 'an export', at)
  const kind = readKind(reader)
  module.exports.push({ name, kind })
  exporters[kind](reader, module)
}

const readGlobal: Entry = (reader, module) => {
  addGlobal(reader, module)
  readInitExpression(reader, module)
}

/** Reads an element segment (core spec 5.5.12): bit 0 not active, bit 1 explicit table or declarative, bit 2 expressions. */
const readElements: Entry = (reader, module) => {
  const at = reader.position
  const flags = reader.u32('the flags of an element segment')
  if (flags > 7) throw new WasmError('malformed', at, `expected the flags of an element segment, got ${flags}`)
  const active = (flags & 1) === 0
  const named = (flags & 2) !== 0
  const expressions = (flags & 4) !== 0
  if (active) {
    if (named) reader.index('table', module.tables.length)
    readInitExpression(reader, module)
  }
  if (!active || named) {
    if (expressions) readRefType(reader)
    else if (reader.byte('an element kind') !== 0) throw reader.refuse('malformed', 'expected element kind 0, got another')
  }
  const count = reader.count('elements of a segment', module.limits.segmentElements)
  for (let nth = 0; nth < count; nth++) {
    if (expressions) readInitExpression(reader, module)
    else noteFunction(reader, module)
  }
}

/** Reads a data segment (core spec 5.5.14). */
const readData: Entry = (reader, module) => {
  const at = reader.position
  const flags = reader.u32('the flags of a data segment')
  if (flags > 2) throw new WasmError('malformed', at, `expected the flags of a data segment, got ${flags}`)
  if (flags === 2) reader.index('memory', module.memory === undefined ? 0 : 1)
  if (flags !== 1) readInitExpression(reader, module)
  const size = reader.count('bytes of a data segment', module.limits.segmentBytes)
  reader.skip(size, 'a data segment')
}

/** The entries of each section that is a vector, what they are called, and how many there may be. */
export const vectors: Readonly<
  Record<number, { readonly what: string; readonly limit: (module: DecodedModule) => number; readonly read: Entry }>
> = {
  [section.type]: { what: 'types', limit: ({ limits }) => limits.types, read: readFunctionType },
  [section.import]: { what: 'imports', limit: ({ limits }) => limits.imports, read: readImport },
  [section.function]: { what: 'functions', limit: ({ limits }) => limits.functions, read: addFunction },
  [section.table]: { what: 'tables', limit: ({ limits }) => limits.tables, read: (reader, module) => addTable(reader, module, false) },
  [section.memory]: { what: 'memories', limit: () => 65_536, read: (reader, module) => addMemory(reader, module, false) },
  [section.global]: { what: 'globals', limit: ({ limits }) => limits.globals, read: readGlobal },
  [section.export]: { what: 'exports', limit: ({ limits }) => limits.exports, read: readExport },
  [section.element]: { what: 'element segments', limit: ({ limits }) => limits.elementSegments, read: readElements },
  [section.data]: { what: 'data segments', limit: ({ limits }) => limits.dataSegments, read: readData },
}
