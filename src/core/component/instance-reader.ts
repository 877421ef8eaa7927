import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { readCoreName, readExternName, readName, uniquenessKey, UniqueNames } from './component-names.ts'
import { checkCoreType, type CoreType, type ModuleType } from './core-types.ts'
import type { Definition, Item } from './definition.ts'
import { resolveOuter } from './outer-alias.ts'
import { aOrAn, pick, invalid, unknownByte, type Reading } from './reading.ts'
import { ResourceMembers } from './resource-members.ts'
import type { Scope } from './scope.ts'
import { coreKind, readCoreSort, readItem, readSort, type Sort } from './sorts.ts'
import { depthAround, type Entity } from './static-types.ts'
import { freshFor, Substitution } from './substitution.ts'
import { Matcher } from './subtyping.ts'

type Named<Kind extends Definition['kind']> = Extract<Definition, { kind: Kind }>

/** Reads instances and aliases of one component (Binary.md, instance and alias definitions). */
export class InstanceReader {
  private readonly reading: Reading
  private readonly scope: Scope

  constructor(reading: Reading, scope: Scope) {
    this.reading = reading
    this.scope = scope
  }

  /** Reads a core instance and gives it its index. Throws WasmError. */
  coreInstance(reader: ByteReader): Definition {
    const at = reader.position
    const form = reader.byte('a core instance')
    if (form > 1) throw unknownByte(at, 'a core instance (0 or 1)', form)
    return form === 0 ? this.coreInstantiation(reader, at) : this.coreExports(reader, at)
  }

  private coreInstantiation(reader: ByteReader, at: number): Named<'core instance'> {
    const { scope, reading } = this
    const module = reader.u32('a core module index')
    const type = pick(scope.modules, module, 'core module', at)
    const args = new Map<string, number>()
    const count = reading.members(reader, 'arguments of a core instance')
    for (let nth = 0; nth < count; nth++) {
      const name = readCoreName(reader, 'an argument of a core instance', reading.limits.nameBytes)
      const sort = reader.byte('the sort of an argument')
      if (sort !== 0x12) throw unknownByte(reader.position - 1, 'a core instance (0x12)', sort)
      const index = reader.u32('a core instance index')
      pick(scope.coreInstances, index, 'core instance', at)
      if (args.has(name)) throw invalid(at, `expected each argument of a core instance once, got \`${name}\` again`)
      args.set(name, index)
    }
    this.checkCoreArguments(type, args, at)
    scope.coreInstances.push(type.exports)
    return { at, level: 'core', kind: 'core instance', module, args }
  }

  private checkCoreArguments(type: ModuleType, args: ReadonlyMap<string, number>, at: number): void {
    this.reading.spend(at, type.imports.length)
    for (const { module, name, type: expected } of type.imports) {
      const given = args.get(module)
      if (given === undefined) throw invalid(at, `expected an argument \`${module}\` for a core instance, got none`)
      const found = this.scope.coreInstances[given]?.get(name)
      if (found === undefined)
        throw invalid(at, `expected argument \`${module}\` of a core instance to export \`${name}\`, got no such export`)
      checkCoreType(found, expected, { what: `core import \`${module}\` \`${name}\``, at })
    }
  }

  private coreExports(reader: ByteReader, at: number): Named<'core exports'> {
    const types = new Map<string, CoreType>()
    const exports: Named<'core exports'>['exports'][number][] = []
    const count = this.reading.members(reader, 'exports of a core instance')
    for (let nth = 0; nth < count; nth++) {
      const start = reader.position
      const name = readCoreName(reader, 'an export of a core instance', this.reading.limits.nameBytes)
      const kind = this.coreKind(readCoreSort(reader), start)
      const index = reader.u32('a core index')
      if (types.has(name)) throw invalid(start, `expected each export of a core instance once, got \`${name}\` again`)
      types.set(name, pick(this.scope.core[kind], index, `core ${kind}`, start))
      exports.push({ name, kind, index })
    }
    this.scope.coreInstances.push(types)
    return { at, level: 'core', kind: 'core exports', exports }
  }

  private coreKind(sort: Sort, at: number): CoreType['kind'] {
    const kind = coreKind(sort)
    if (kind === undefined) throw invalid(at, `expected a core function, table, memory or global, got ${aOrAn(sort)}`)
    return kind
  }

  /** Reads an instance and gives it its index. Throws WasmError. */
  instance(reader: ByteReader): Definition {
    const at = reader.position
    const form = reader.byte('an instance')
    if (form > 1) throw unknownByte(at, 'an instance (0 or 1)', form)
    return form === 0 ? this.instantiation(reader, at) : this.exports(reader, at)
  }

  private instantiation(reader: ByteReader, at: number): Named<'instance'> {
    const { scope, reading } = this
    const component = reader.u32('a component index')
    const type = pick(scope.components, component, 'component', at)
    const args = new Map<string, Item>()
    const given = new Map<string, Entity>()
    const count = reading.members(reader, 'arguments of an instance')
    for (let nth = 0; nth < count; nth++) {
      const start = reader.position
      const name = readName(reader, 'an argument of an instance', reading.limits.nameBytes)
      const { item, entity } = readItem(reader, scope)
      if (args.has(name)) throw invalid(start, `expected each argument of an instance once, got \`${name}\` again`)
      args.set(name, item)
      given.set(name, entity)
    }
    const { resources, names } = new Matcher(reading, at).entities(given, type.imports, type.needs, 'argument')
    const { fresh, opens } = freshFor(type.opens, reading, at)
    for (const [resource, own] of fresh) resources.set(resource, own)
    const exports = new Substitution(reading, at, resources, names).entities(type.exports)
    scope.instances.push({ kind: 'instance', exports, opens: [], depth: type.depth })
    return { at, kind: 'instance', component, args, opens }
  }

  private exports(reader: ByteReader, at: number): Named<'exports'> {
    const unique = new UniqueNames('export')
    // No resource type gets a name of its own here, so that no method or constructor can belong to one.
    const members = new ResourceMembers()
    const items = new Map<string, Item>()
    const types = new Map<string, Entity>()
    const count = this.reading.members(reader, 'exports of an instance')
    for (let nth = 0; nth < count; nth++) {
      const start = reader.position
      const name = readExternName(reader, 'an export of an instance', this.reading.limits.nameBytes)
      const { item, entity } = readItem(reader, this.scope)
      unique.add(uniquenessKey(name), name.text, start)
      members.check(name, entity, start)
      items.set(name.text, item)
      types.set(name.text, entity)
    }
    this.scope.instances.push({ kind: 'instance', exports: types, opens: [], depth: depthAround(types.values(), this.reading, at) })
    return { at, kind: 'exports', exports: items }
  }

  /** Reads an alias and gives it its index; undefined for one that does nothing when the component is instantiated. Throws WasmError. */
  alias(reader: ByteReader): Definition | undefined {
    const at = reader.position
    const sort = readSort(reader)
    const target = reader.byte('the target of an alias')
    switch (target) {
      case 0x00:
        return this.exportAlias(reader, sort, at)
      case 0x01:
        return this.coreExportAlias(reader, sort, at)
      case 0x02:
        return this.outerAlias(reader, sort, at)
      default:
        throw unknownByte(reader.position - 1, 'the target of an alias (0 to 2)', target)
    }
  }

  private exportAlias(reader: ByteReader, sort: Sort, at: number): Definition | undefined {
    const instance = reader.u32('an instance index')
    const { exports } = pick(this.scope.instances, instance, 'instance', at)
    const name = readName(reader, 'an alias of an export', this.reading.limits.nameBytes)
    const entity = exports.get(name)
    if (entity?.kind !== sort) throw invalid(at, `expected export \`${name}\` of kind ${sort}, got ${entity?.kind ?? 'no such export'}`)
    this.scope.push(entity)
    return entity.kind === 'type' ? undefined : { at, kind: 'alias', instance, name }
  }

  private coreExportAlias(reader: ByteReader, sort: Sort, at: number): Definition {
    const kind = this.coreKind(sort, at)
    const instance = reader.u32('a core instance index')
    const exports = pick(this.scope.coreInstances, instance, 'core instance', at)
    const name = readCoreName(reader, 'an alias of a core export', this.reading.limits.nameBytes)
    const type = exports.get(name)
    if (type?.kind !== kind) throw invalid(at, `expected core export \`${name}\` of kind ${kind}, got ${type?.kind ?? 'no such export'}`)
    this.scope.core[kind].push(type)
    return { at, level: 'core', kind: 'core alias', instance, name, sort: kind }
  }

  private outerAlias(reader: ByteReader, sort: Sort, at: number): Definition | undefined {
    const { scope } = this
    const outer = resolveOuter(reader, scope)
    const { components, index } = outer
    if (sort === 'type') return void scope.types.push(outer.type(this.reading))
    if (sort === 'core type') return void scope.coreTypes.push(outer.coreType())
    if (sort === 'module') scope.modules.push(pick(outer.scope.modules, index, 'core module', at))
    else if (sort === 'component') scope.components.push(pick(outer.scope.components, index, 'component', at))
    else throw invalid(at, `expected an outer alias of a type, component or core module, got one of ${aOrAn(sort)}`)
    return { at, kind: 'outer', sort, components, index }
  }
}
