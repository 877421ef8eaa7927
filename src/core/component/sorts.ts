import type { ByteReader } from '#core/wasm/byte-reader.ts'
import type { CoreType } from './core-types.ts'
import type { Item } from './definition.ts'
import { aOrAn, pick, invalid, unknownByte, unsupported, type Reading } from './reading.ts'
import type { Scope } from './scope.ts'
import { noValues, type Entity } from './static-types.ts'

/** What an index refers to (Binary.md, `sort`). */
export type Sort = Item['kind'] | 'core type' | 'core instance' | `core ${CoreType['kind']}`

const coreSorts: Readonly<Record<number, Sort>> = {
  0x00: 'core func',
  0x01: 'core table',
  0x02: 'core memory',
  0x03: 'core global',
  0x10: 'core type',
  0x11: 'module',
  0x12: 'core instance',
}

const sorts: Readonly<Record<number, Sort>> = { 0x01: 'func', 0x03: 'type', 0x04: 'component', 0x05: 'instance' }

/** Reads a `core:sort`. Throws WasmError. */
export const readCoreSort = (reader: ByteReader): Sort => {
  const byte = reader.byte('a core sort')
  if (byte === 0x04) throw unsupported(reader.position - 1, 'a core tag (exceptions)')
  const sort = coreSorts[byte]
  if (sort === undefined) throw unknownByte(reader.position - 1, 'a core sort', byte)
  return sort
}

/** Reads a `sort`. Throws WasmError. */
export const readSort = (reader: ByteReader): Sort => {
  const byte = reader.byte('a sort')
  if (byte === 0x00) return readCoreSort(reader)
  if (byte === 0x02) throw noValues(reader.position - 1)
  const sort = sorts[byte]
  if (sort === undefined) throw unknownByte(reader.position - 1, 'a sort', byte)
  return sort
}

const coreKinds: Readonly<Partial<Record<Sort, CoreType['kind']>>> = {
  'core func': 'func',
  'core table': 'table',
  'core memory': 'memory',
  'core global': 'global',
}

/** The kind of core item that `sort` is; undefined for the others. */
export const coreKind = (sort: Sort): CoreType['kind'] | undefined => coreKinds[sort]

/** Something that was referred to, with its type. */
export interface Referred {
  readonly item: Item
  readonly entity: Entity
}

/** Reads a `sortidx` of what a component passes on or exports. Throws WasmError. */
export const readItem = (reader: ByteReader, scope: Scope): Referred => {
  const at = reader.position
  const sort = readSort(reader)
  const index = reader.u32(`${aOrAn(sort)} index`)
  if (sort === 'type') {
    const type = pick(scope.types, index, sort, at)
    return { item: { kind: sort, type }, entity: { kind: sort, named: type, of: type } }
  }
  if (sort === 'func') return { item: { kind: sort, index }, entity: { kind: sort, type: pick(scope.functions, index, sort, at) } }
  if (sort === 'component') return { item: { kind: sort, index }, entity: { kind: sort, type: pick(scope.components, index, sort, at) } }
  if (sort === 'instance') return { item: { kind: sort, index }, entity: { kind: sort, type: pick(scope.instances, index, sort, at) } }
  if (sort === 'module') return { item: { kind: sort, index }, entity: { kind: sort, type: pick(scope.modules, index, sort, at) } }
  throw invalid(at, `expected a function, type, instance, component or core module, got ${aOrAn(sort)}`)
}

/** Entries of a vector, each of them a definition. */
export const eachDefinition = (reader: ByteReader, what: string, reading: Reading, read: (at: number) => void): void => {
  const count = reader.count(what, reading.limits.definitions)
  for (let nth = 0; nth < count; nth++) {
    reading.count('definitions', reader.position)
    read(reader.position)
  }
  reader.expectEnd(`a section of ${what}`)
}
