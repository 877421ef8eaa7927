import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { pick, invalid, unknownByte, type Reading } from './reading.ts'
import type { Scope } from './scope.ts'
import { noValues, renamed, Resource, type Entity, type Opened, type StaticType } from './static-types.ts'
import { openInstance } from './substitution.ts'

/** What an import or export is declared to be, with the resource types that are fresh with it, found by paths that begin with its name. */
export interface Declared {
  readonly entity: Entity
  readonly opens: readonly Opened[]
}

/** Reads an `externtype` for the import or export `name`. Throws WasmError. */
export const readExternType = (reader: ByteReader, name: string, scope: Scope, reading: Reading): Declared => {
  const at = reader.position
  const form = reader.byte('the kind of an import or export')
  switch (form) {
    case 0x00:
      return { entity: readModuleEntity(reader, scope, at), opens: [] }
    case 0x01:
      return { entity: { kind: 'func', type: typeAs(reader, scope, 'func') }, opens: [] }
    case 0x02:
      throw noValues(at)
    case 0x03:
      return readTypeBound(reader, name, scope)
    case 0x04:
      return { entity: { kind: 'component', type: typeAs(reader, scope, 'component') }, opens: [] }
    case 0x05: {
      const { type, opens } = openInstance(typeAs(reader, scope, 'instance'), name, reading, at)
      return { entity: { kind: 'instance', type }, opens }
    }
    default:
      throw unknownByte(at, 'the kind of an import or export', form)
  }
}

/** The type of kind `kind` that is referred to by an index. */
export const typeAs = <Kind extends StaticType['kind']>(
  reader: ByteReader,
  scope: Scope,
  kind: Kind,
): Extract<StaticType, { kind: Kind }> => {
  const at = reader.position
  const type = pick(scope.types, reader.u32('a type index'), 'type', at)
  if (type.kind !== kind) throw invalid(at, `expected a type of kind ${kind}, got one of kind ${type.kind}`)
  // The kind tells the variants of StaticType apart; the checker does not follow that through a type parameter.
  return type as Extract<StaticType, { kind: Kind }>
}

const readModuleEntity = (reader: ByteReader, scope: Scope, at: number): Entity => {
  const sort = reader.byte('a core sort')
  if (sort !== 0x11) throw unknownByte(reader.position - 1, 'a core module (0x11)', sort)
  const type = pick(scope.coreTypes, reader.u32('a core type index'), 'core type', at)
  if (type.kind !== 'module') throw invalid(at, `expected the type of a core module, got one of kind ${type.kind}`)
  return { kind: 'module', type: type.type }
}

const readTypeBound = (reader: ByteReader, name: string, scope: Scope): Declared => {
  const at = reader.position
  const bound = reader.byte('the bound of a type')
  if (bound > 1) throw unknownByte(at, 'the bound of a type (0 or 1)', bound)
  if (bound === 0) {
    const of = pick(scope.types, reader.u32('a type index'), 'type', at)
    return { entity: { kind: 'type', named: renamed(of), of }, opens: [] }
  }
  const resource = new Resource()
  const type = { kind: 'resource', resource } as const
  return { entity: { kind: 'type', named: type, of: type }, opens: [{ resource, path: [name] }] }
}
