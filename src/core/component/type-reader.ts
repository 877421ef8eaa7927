import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { readName, readExternName } from './component-names.ts'
import { readCoreType } from './core-type-reader.ts'
import { readExternType, type Declared } from './extern-type-reader.ts'
import { checkImportedResources } from './free-resources.ts'
import { beyond, pick, invalid, unknownByte, type Reading } from './reading.ts'
import { resolveOuter } from './outer-alias.ts'
import { Scope } from './scope.ts'
import { depthAround, type ComponentNode, type FunctionNode, type InstanceNode, type StaticType } from './static-types.ts'
import { ValueTypeReader } from './value-type-reader.ts'

/** Reads types other than resource types, which only a component can define (Binary.md, type definitions). */
export class TypeReader {
  private readonly reading: Reading
  private readonly scope: Scope
  private readonly values: ValueTypeReader

  constructor(reading: Reading, scope: Scope) {
    this.reading = reading
    this.scope = scope
    this.values = new ValueTypeReader(reading, scope)
  }

  /** `deftype` after its first byte. */
  definition(reader: ByteReader, form: number, at: number): StaticType {
    switch (form) {
      case 0x43:
        throw beyond(at, 'the type of an asynchronous function')
      case 0x40:
        return this.function(reader, at)
      case 0x41:
        return this.component(reader, at)
      case 0x42:
        return this.instance(reader, at)
      case 0x3f:
      case 0x3e:
        throw invalid(at, 'expected resource types to be defined in components only, got one in a type')
      default:
        return this.values.definition(reader, form, at)
    }
  }

  private function(reader: ByteReader, at: number): FunctionNode {
    const params = this.values.params(reader)
    const form = reader.byte('the result of a function')
    if (form > 1) throw unknownByte(reader.position - 1, 'the result of a function (0 or 1)', form)
    const result = form === 0 ? this.values.type(reader) : undefined
    if (form === 1) {
      const names = reader.byte('the end of a function type')
      if (names !== 0) throw unknownByte(reader.position - 1, 'a function without named results (0)', names)
    }
    if (result?.facts.borrows === true) throw invalid(at, 'expected a result without `borrow`, got one with it')
    const depth = params.reduce((deepest, { type }) => Math.max(deepest, type.facts.depth), result?.facts.depth ?? 0) + 1
    return { kind: 'func', params, result, depth }
  }

  private component(reader: ByteReader, at: number): ComponentNode {
    const scope = this.declarations(reader, 'component type', at)
    const { entities: imports, opens: needs } = scope.imports
    const { entities: exports, opens } = scope.exports
    const exported = new Set(opens.map(({ resource }) => resource))
    checkImportedResources(imports, (resource) => exported.has(resource), this.reading, at)
    return {
      kind: 'component',
      imports,
      exports,
      needs,
      opens,
      depth: depthAround([...imports.values(), ...exports.values()], this.reading, at),
    }
  }

  private instance(reader: ByteReader, at: number): InstanceNode {
    const { entities: exports, opens } = this.declarations(reader, 'instance type', at).exports
    return { kind: 'instance', exports, opens, depth: depthAround(exports.values(), this.reading, at) }
  }

  private declarations(reader: ByteReader, kind: 'component type' | 'instance type', at: number): Scope {
    const scope = new Scope(kind, this.scope, this.reading, at)
    const inner = new TypeReader(this.reading, scope)
    const count = this.reading.members(reader, 'declarations of a type')
    for (let nth = 0; nth < count; nth++) inner.declaration(reader)
    return scope
  }

  private declaration(reader: ByteReader): void {
    const at = reader.position
    this.reading.count('definitions', at)
    const form = reader.byte('a declaration')
    switch (form) {
      case 0x00:
        return void this.scope.coreTypes.push(readCoreType(reader, this.scope, this.reading))
      case 0x01: {
        const start = reader.position
        return void this.scope.types.push(this.any(reader, start))
      }
      case 0x02:
        return this.alias(reader)
      case 0x03:
        if (this.scope.kind === 'instance type') throw unknownByte(at, 'a declaration of an instance type', form)
        return this.named(reader, 'import')
      case 0x04:
        return this.named(reader, 'export')
      default:
        throw unknownByte(at, 'a declaration of a type', form)
    }
  }

  private any(reader: ByteReader, at: number): StaticType {
    return this.definition(reader, reader.byte('a type'), at)
  }

  private named(reader: ByteReader, side: 'import' | 'export'): void {
    const at = reader.position
    const name = readExternName(reader, `an ${side}`, this.reading.limits.nameBytes)
    const { entity, opens }: Declared = readExternType(reader, name.text, this.scope, this.reading)
    this.scope.admit(side, name, entity, at)
    const declared = side === 'import' ? this.scope.imports : this.scope.exports
    for (const opened of opens) declared.opens.push(opened)
    this.scope.push(entity)
  }

  /** In a type, only types and instances may be aliased. */
  private alias(reader: ByteReader): void {
    const at = reader.position
    const sort = reader.byte('a sort')
    const coreSort = sort === 0x00 ? reader.byte('a core sort') : undefined
    const target = reader.byte('the target of an alias')
    if (target === 0x02) return this.outerAlias(reader, sort === 0x03 ? 'type' : coreSort, at)
    if (target !== 0x00 || (sort !== 0x03 && sort !== 0x05)) {
      throw invalid(at, 'expected an alias of a type or an instance in a type, got another one')
    }
    const instance = pick(this.scope.instances, reader.u32('an instance index'), 'instance', at)
    const name = readName(reader, 'an alias of an export', this.reading.limits.nameBytes)
    const entity = instance.exports.get(name)
    const kind = sort === 0x03 ? 'type' : 'instance'
    if (entity?.kind !== kind) throw invalid(at, `expected export \`${name}\` of kind ${kind}, got ${entity?.kind ?? 'none'}`)
    this.scope.push(entity)
  }

  private outerAlias(reader: ByteReader, sort: 'type' | number | undefined, at: number): void {
    if (sort !== 'type' && sort !== 0x10) throw invalid(at, 'expected an outer alias of a type in a type, got another one')
    const outer = resolveOuter(reader, this.scope)
    if (sort === 'type') this.scope.types.push(outer.type(this.reading))
    else this.scope.coreTypes.push(outer.coreType())
  }
}
