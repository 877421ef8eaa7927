import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { readCoreName } from './component-names.ts'
import { readCoreExternType, readCoreSignature } from './core-module-type.ts'
import { importKey, type CoreImportType, type CoreType, type ModuleType } from './core-types.ts'
import { pick, invalid, unknownByte, unsupported, type Reading } from './reading.ts'
import type { CoreTypeDefinition, Scope } from './scope.ts'

/** Reads a `core:deftype`: a function type or the type of a core module. Throws WasmError. */
export const readCoreType = (reader: ByteReader, scope: Scope, reading: Reading): CoreTypeDefinition => {
  const at = reader.position
  const form = reader.byte('a core type')
  if (form === 0x60) return { kind: 'func', signature: readCoreSignature(reader, reading) }
  if (form === 0x50) return { kind: 'module', type: new ModuleTypeReader(scope, reading).read(reader) }
  throw unsupported(at, `a core type of form 0x${form.toString(16)} (garbage collection or the like)`)
}

/** Reads the type of a core module, which has a type space of its own. */
class ModuleTypeReader {
  private readonly scope: Scope
  private readonly reading: Reading
  private readonly types: CoreType[] = []
  private readonly imports = new Map<string, CoreImportType>()
  private readonly exports = new Map<string, CoreType>()

  constructor(scope: Scope, reading: Reading) {
    this.scope = scope
    this.reading = reading
  }

  read(reader: ByteReader): ModuleType {
    const count = this.reading.members(reader, 'declarations of a module type')
    for (let nth = 0; nth < count; nth++) this.declaration(reader)
    return { imports: [...this.imports.values()], exports: this.exports }
  }

  private declaration(reader: ByteReader): void {
    const at = reader.position
    const form = reader.byte('a declaration of a module type')
    switch (form) {
      case 0x00:
        return this.import(reader)
      case 0x01:
        return void this.types.push(this.type(reader))
      case 0x02:
        return void this.types.push(this.alias(reader))
      case 0x03:
        return this.export(reader)
      default:
        throw unknownByte(at, 'a declaration of a module type', form)
    }
  }

  private type(reader: ByteReader): CoreType {
    const at = reader.position
    const form = reader.byte('a core function type')
    if (form !== 0x60) throw unsupported(at, `a core type of form 0x${form.toString(16)} in a module type`)
    return { kind: 'func', signature: readCoreSignature(reader, this.reading) }
  }

  /** `outer` alias of a core type: the module type itself is one scope more than those the component knows. */
  private alias(reader: ByteReader): CoreType {
    const at = reader.position
    const sort = reader.byte('a core sort')
    const target = reader.byte('the target of a core alias')
    if (sort !== 0x10 || target !== 0x01) throw invalid(at, 'expected an outer alias of a core type in a module type, got another one')
    const count = reader.u32('how far out an alias reaches')
    const index = reader.u32('a core type index')
    if (count === 0) return pick(this.types, index, 'core type', at)
    let scope: Scope | undefined = this.scope
    for (let out = 1; out < count && scope !== undefined; out++) scope = scope.parent
    if (scope === undefined) throw invalid(at, `expected an alias of at most ${this.scope.depth + 1} scopes outwards, got ${count}`)
    const type = pick(scope.coreTypes, index, 'core type', at)
    if (type.kind !== 'func') throw invalid(at, 'expected an alias of a core function type, got one of a module type')
    return type
  }

  private externType(reader: ByteReader): CoreType {
    return readCoreExternType(reader, (part) => pick(this.types, part.u32('a type index'), 'type', part.position))
  }

  private import(reader: ByteReader): void {
    const at = reader.position
    const { nameBytes } = this.reading.limits
    const module = readCoreName(reader, 'a core import', nameBytes)
    const name = readCoreName(reader, 'a core import', nameBytes)
    const key = importKey({ module, name })
    if (this.imports.has(key)) throw invalid(at, `expected each import of a module type once, got \`${module}\` \`${name}\` again`)
    this.imports.set(key, { module, name, type: this.externType(reader) })
  }

  private export(reader: ByteReader): void {
    const at = reader.position
    const name = readCoreName(reader, 'a core export', this.reading.limits.nameBytes)
    if (this.exports.has(name)) throw invalid(at, `expected each export of a module type once, got \`${name}\` again`)
    this.exports.set(name, this.externType(reader))
  }
}
