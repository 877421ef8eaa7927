import type { ByteReader } from './byte-reader.ts'
import { refTypes, type DecodedModule } from './decoded-module.ts'
import { WasmError } from './wasm-error.ts'

const garbageCollection = 'garbage-collected types'
const typedReferences = 'typed function references'
const exceptions = 'exceptions'

/** Value types that exist and that we refuse, with the feature they belong to. */
const refusedTypes: Readonly<Record<number, string>> = {
  0x78: garbageCollection,
  0x77: garbageCollection,
  0x75: 'stack switching',
  0x74: exceptions,
  0x73: typedReferences,
  0x72: typedReferences,
  0x71: garbageCollection,
  0x6e: garbageCollection,
  0x6d: garbageCollection,
  0x6c: garbageCollection,
  0x6b: garbageCollection,
  0x6a: garbageCollection,
  0x69: exceptions,
  0x68: 'stack switching',
  0x64: typedReferences,
  0x63: typedReferences,
}

/** The `unsupported` error for a feature by its name. */
export const unsupported = (feature: string, offset: number): WasmError =>
  new WasmError(
    'unsupported',
    offset,
    `expected a module without ${feature}, got one that uses them; build the guest with that feature off`,
  )

/** The error for a byte that is no value type we let through. */
const badType = (byte: number, offset: number): WasmError => {
  const feature = refusedTypes[byte]
  return feature === undefined
    ? new WasmError('malformed', offset, `expected a value type, got 0x${byte.toString(16)}`)
    : unsupported(feature, offset)
}

/** Reads `funcref` or `externref` (core spec 5.3.4, without the typed forms). */
export const readRefType = (reader: ByteReader): number => {
  const byte = reader.byte('a reference type')
  if (byte !== refTypes.funcref && byte !== refTypes.externref) throw badType(byte, reader.position - 1)
  return byte
}

/** Reads the heap type of `ref.null`: `func` or `extern`. */
export const readHeapType = (reader: ByteReader): void => {
  const byte = reader.bytes[reader.position] ?? 0
  // A positive LEB128 is the index of a type of the module's own.
  if (byte < 0x40 || byte >= 0x80) throw unsupported(typedReferences, reader.position)
  readRefType(reader)
}

/** Reads a number, vector or reference type. */
export const readValueType = (reader: ByteReader): number => {
  const byte = reader.byte('a value type')
  if (!isValueType(byte)) throw badType(byte, reader.position - 1)
  return byte
}

const isValueType = (byte: number): boolean => (byte >= 0x7b && byte <= 0x7f) || byte === refTypes.funcref || byte === refTypes.externref

/** Reads a block type and gives its number of parameters and results: none, one value, or a function type. */
export const readBlockType = (reader: ByteReader, module: DecodedModule): void => {
  const byte = reader.bytes[reader.position] ?? 0
  if (byte === 0x40 || isValueType(byte)) {
    reader.byte('a block type')
    return
  }
  // A type index is a positive number of 33 signed bits: its last byte leaves bit 6 clear.
  if (byte >= 0x40 && byte < 0x80) throw badType(byte, reader.position)
  const start = reader.position
  const index = reader.u32('a block type')
  const last = reader.bytes[reader.position - 1] ?? 0
  if (index >= module.arities.length || (reader.position - start < 5 && (last & 0x40) !== 0)) {
    throw new WasmError('malformed', start, `expected a block type of the ${module.arities.length} function types, got ${index}`)
  }
}

const readTypeVector = (reader: ByteReader, module: DecodedModule, what: string): number => {
  const count = reader.count(what, module.limits.typeArity)
  for (let at = 0; at < count; at++) readValueType(reader)
  return count
}

const typeForms: Readonly<Record<number, string>> = {
  0x5f: garbageCollection,
  0x5e: garbageCollection,
  0x5d: 'stack switching',
  0x50: garbageCollection,
  0x4f: garbageCollection,
  0x4e: garbageCollection,
}

/** Reads one entry of the type section, which must be a plain function type. */
export const readFunctionType = (reader: ByteReader, module: DecodedModule): void => {
  const form = reader.byte('a function type')
  if (form !== 0x60) {
    const feature = typeForms[form]
    throw feature === undefined
      ? reader.refuse('malformed', `expected a function type (0x60), got 0x${form.toString(16)}`)
      : unsupported(feature, reader.position - 1)
  }
  const parameters = readTypeVector(reader, module, 'parameters of a function')
  module.parameters.push(parameters)
  module.arities.push(parameters + readTypeVector(reader, module, 'results of a function'))
}

/** Reads the limits of a memory or table (core spec 5.3.9), refusing shared, 64-bit and custom-page ones. */
export const readLimits = (reader: ByteReader, what: 'memory' | 'table'): { initial: number; maximum: number | undefined } => {
  const flags = reader.byte(`the limits of a ${what}`)
  const at = reader.position - 1
  if (flags > 0x0f) throw new WasmError('malformed', at, `expected the limits of a ${what}, got flags 0x${flags.toString(16)}`)
  if ((flags & 0x08) !== 0) throw unsupported('custom page sizes', at)
  if ((flags & 0x04) !== 0) throw unsupported(what === 'memory' ? '64-bit memories (memory64)' : '64-bit tables (table64)', at)
  if ((flags & 0x02) !== 0) throw unsupported(what === 'memory' ? 'shared memories' : 'shared tables', at)
  const initial = reader.u32(`the initial size of a ${what}`)
  const maximum = (flags & 0x01) === 0 ? undefined : reader.u32(`the maximum size of a ${what}`)
  if (maximum !== undefined && maximum < initial) {
    throw reader.refuse('malformed', `expected a maximum of at least ${initial} for a ${what}, got ${maximum}`)
  }
  return { initial, maximum }
}
