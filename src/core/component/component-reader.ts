import { ByteReader } from '#core/wasm/byte-reader.ts'
import { CanonicalReader } from './canonical-reader.ts'
import { readExternName, readName } from './component-names.ts'
import { readModuleType } from './core-module-type.ts'
import { readCoreType } from './core-type-reader.ts'
import { coreSignature } from './core-types.ts'
import type { ComponentDefinition, Definition } from './definition.ts'
import { readExternType, type Declared } from './extern-type-reader.ts'
import { checkImportedResources, resourcesIn } from './free-resources.ts'
import { InstanceReader } from './instance-reader.ts'
import { beyond, pick, invalid, unknownByte, unsupported, type Reading } from './reading.ts'
import { Scope } from './scope.ts'
import { eachDefinition, readItem } from './sorts.ts'
import { depthAround, renamed, Resource, type Entity } from './static-types.ts'
import { Matcher } from './subtyping.ts'
import { TypeReader } from './type-reader.ts'

const magic = [0x00, 0x61, 0x73, 0x6d]
const coreVersion = [...magic, 0x01, 0x00, 0x00, 0x00]
const componentVersion = [...magic, 0x0d, 0x00, 0x01, 0x00]

const startsWith = (reader: ByteReader, bytes: readonly number[]): boolean =>
  bytes.every((byte, nth) => reader.position + nth < reader.end && reader.bytes[reader.position + nth] === byte)

const readPreamble = (reader: ByteReader): void => {
  const at = reader.position
  const got = Array.from(reader.bytes.subarray(at, Math.min(at + 8, reader.end)), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  if (startsWith(reader, coreVersion))
    throw invalid(at, 'expected a component, got a core module; make a component of it, e.g. with `jco new`')
  if (startsWith(reader, componentVersion)) return reader.skip(8, 'the header of a component')
  if (startsWith(reader, magic) && reader.end - at >= 8) throw unsupported(at, `a header other than 00 61 73 6d 0d 00 01 00: ${got}`)
  throw invalid(at, `expected a component (00 61 73 6d 0d 00 01 00), got ${got === '' ? 'no bytes' : got}`)
}

/** Reads a component with those inside it and checks it by itself (Binary.md). Throws WasmError. */
export class ComponentReader {
  private readonly reading: Reading
  private readonly scope: Scope
  private readonly types: TypeReader
  private readonly canons: CanonicalReader
  private readonly instances: InstanceReader
  private readonly definitions: Definition[] = []

  constructor(reading: Reading, parent: Scope | undefined, at: number) {
    this.reading = reading
    this.scope = new Scope('component', parent, reading, at)
    this.types = new TypeReader(reading, this.scope)
    this.canons = new CanonicalReader(reading, this.scope)
    this.instances = new InstanceReader(reading, this.scope)
  }

  read(reader: ByteReader): ComponentDefinition {
    const start = reader.position
    readPreamble(reader)
    while (!reader.done) {
      const at = reader.position
      this.reading.count('sections', at)
      const id = reader.byte('a section id')
      if (id > 12) throw invalid(at, `expected a section id up to 12, got ${id}`)
      const part = reader.part(reader.u32('the size of a section'), `section ${id}`)
      this.section(id, part)
    }
    const { entities: imports, opens: needs } = this.scope.imports
    const { entities: exports } = this.scope.exports
    const opens = resourcesIn(exports, needs, this.reading, start)
    const imported = new Set(needs.map(({ resource }) => resource))
    checkImportedResources(imports, (resource) => !imported.has(resource), this.reading, start)
    const depth = depthAround([...imports.values(), ...exports.values()], this.reading, start)
    return { type: { kind: 'component', imports, exports, needs, opens, depth }, definitions: this.definitions }
  }

  private section(id: number, part: ByteReader): void {
    switch (id) {
      case 0:
        return void readName(part, 'a custom section', part.end)
      case 1:
        return this.module(part)
      case 4:
        return this.component(part)
      case 9:
        throw unsupported(part.position, 'a start function of the component')
      case 12:
        throw unsupported(part.position, 'a component-level value')
      default:
        return this.vector(id, part)
    }
  }

  private vector(id: number, part: ByteReader): void {
    const { reading, scope } = this
    const read = (what: string, entry: (at: number) => void): void => eachDefinition(part, what, reading, entry)
    switch (id) {
      case 2:
        return read('core instances', () => this.defined(this.instances.coreInstance(part)))
      case 3:
        return read('core types', () => void scope.coreTypes.push(readCoreType(part, scope, reading)))
      case 5:
        return read('instances', () => this.defined(this.instances.instance(part)))
      case 6:
        return read('aliases', () => this.defined(this.instances.alias(part)))
      case 7:
        return read('types', (at) => this.type(part, at))
      case 8:
        return read('canonical functions', () => this.defined(this.canons.read(part)))
      case 10:
        return read('imports', (at) => this.import(part, at))
      default:
        return read('exports', (at) => this.export(part, at))
    }
  }

  private defined(definition: Definition | undefined): void {
    if (definition !== undefined) this.definitions.push(definition)
  }

  private module(part: ByteReader): void {
    const at = part.position
    this.reading.count('modules', at)
    this.reading.count('definitions', at)
    const module = this.reading.modules.length
    this.reading.modules.push({ offset: at, length: part.end - at })
    const type = readModuleType(part, this.reading)
    this.scope.modules.push(type)
    this.definitions.push({ at, kind: 'module', module, type })
  }

  private component(part: ByteReader): void {
    const at = part.position
    this.reading.count('components', at)
    this.reading.count('definitions', at)
    const component = new ComponentReader(this.reading, this.scope, at).read(part)
    this.scope.components.push(component.type)
    this.definitions.push({ at, kind: 'component', component })
  }

  private type(part: ByteReader, at: number): void {
    const form = part.byte('a type')
    if (form === 0x3f) return this.resource(part, at)
    if (form === 0x3e) throw beyond(at, 'a resource type with an asynchronous destructor')
    this.scope.types.push(this.types.definition(part, form, at))
  }

  private resource(part: ByteReader, at: number): void {
    const representation = part.byte('the representation of a resource')
    if (representation !== 0x7f) throw unsupported(at, 'a resource type with a representation other than i32')
    const form = part.byte('a destructor or none')
    if (form > 1) throw unknownByte(part.position - 1, 'a destructor or none (1 or 0)', form)
    const destructor = form === 1 ? part.u32('a core function index') : undefined
    if (destructor !== undefined) {
      const type = pick(this.scope.core.func, destructor, 'core function', at)
      const expected = coreSignature(['i32'], [])
      if (type.kind !== 'func' || type.signature !== expected) throw invalid(at, `expected a destructor ${expected}, got another function`)
    }
    const resource = new Resource(this.scope)
    this.scope.types.push({ kind: 'resource', resource })
    this.definitions.push({ at, level: 'core', kind: 'resource', resource, destructor })
  }

  private import(part: ByteReader, at: number): void {
    const name = readExternName(part, 'an import', this.reading.limits.nameBytes)
    const { entity, opens } = readExternType(part, name.text, this.scope, this.reading)
    this.scope.admit('import', name, entity, at)
    this.scope.imports.opens.push(...opens)
    this.scope.push(entity)
    this.definitions.push({ at, kind: 'import', name: name.text, entity, opens })
  }

  private export(part: ByteReader, at: number): void {
    const name = readExternName(part, 'an export', this.reading.limits.nameBytes)
    const { item, entity: found } = readItem(part, this.scope)
    const { entity, opens } = this.ascribed(part, name.text, found)
    this.scope.admit('export', name, entity, at)
    this.scope.push(entity)
    this.definitions.push({ at, kind: 'export', name: name.text, item, entity, opens })
  }

  /** What `found` is exported as: the type that is written with it, or its own. */
  private ascribed(part: ByteReader, name: string, found: Entity): Declared {
    const at = part.position
    const form = part.byte('the type of an export')
    if (form > 1) throw unknownByte(at, 'the type of an export or none (1 or 0)', form)
    if (form === 0) {
      return { entity: found.kind === 'type' ? { kind: 'type', named: renamed(found.named), of: found.named } : found, opens: [] }
    }
    const declared = readExternType(part, name, this.scope, this.reading)
    const one = (entity: Entity): ReadonlyMap<string, Entity> => new Map([[name, entity]])
    new Matcher(this.reading, at).entities(one(found), one(declared.entity), declared.opens, 'export')
    return declared
  }
}
