import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { checkLabel, readName, UniqueNames } from './component-names.ts'
import type { PrimitiveKind } from './component-plan.ts'
import { primitiveTypes } from './primitive-types.ts'
import { aOrAn, beyond, pick, invalid, unknownByte, unsupported, type Reading } from './reading.ts'
import type { Scope } from './scope.ts'
import { expectResource, expectValue, valueNode, type Shape, type StaticMember, type ValueNode } from './static-types.ts'

/** Value types that came after 0.2, by their byte: those of WASI 0.3, and others. */
const laterTypes: Readonly<Record<number, readonly [refuse: typeof beyond, what: string]>> = {
  0x67: [unsupported, 'a list of fixed length'],
  0x66: [beyond, 'a stream'],
  0x65: [beyond, 'a future'],
  0x64: [beyond, 'an error context'],
  0x63: [unsupported, 'a map'],
}

/** A flags type has at most this many labels (Binary.md, `defvaltype`). */
const maxFlags = 32

/** Reads value types in one scope. */
export class ValueTypeReader {
  private readonly reading: Reading
  private readonly scope: Scope
  /** Nodes of primitive types that stand inline: one each. */
  private readonly inline = new Map<PrimitiveKind, ValueNode>()

  constructor(reading: Reading, scope: Scope) {
    this.reading = reading
    this.scope = scope
  }

  /** `valtype`: a primitive type, or the index of a value type. */
  type(reader: ByteReader): ValueNode {
    const at = reader.position
    const byte = reader.bytes[at] ?? 0
    // Type indices are not negative as signed LEB128: one byte of them is below 0x40.
    if (byte >= 0x40 && byte < 0x80) return this.primitive(reader.byte('a value type'), at)
    return expectValue(pick(this.scope.types, readTypeIndex(reader), 'type', at), at)
  }

  private primitive(byte: number, at: number): ValueNode {
    const kind = primitiveTypes[byte]
    if (kind === undefined) throw badType(byte, at)
    const before = this.inline.get(kind)
    if (before !== undefined) return before
    const node = valueNode({ kind }, this.reading, at)
    this.inline.set(kind, node)
    return node
  }

  /** `defvaltype` after its first byte. */
  definition(reader: ByteReader, form: number, at: number): ValueNode {
    return valueNode(this.shape(reader, form, at), this.reading, at)
  }

  private shape(reader: ByteReader, form: number, at: number): Shape {
    switch (form) {
      case 0x72:
        return { kind: 'record', fields: this.members(reader, 'field') }
      case 0x71:
        return { kind: 'variant', cases: this.cases(reader) }
      case 0x70:
        return { kind: 'list', element: this.type(reader) }
      case 0x6f:
        return { kind: 'tuple', items: this.items(reader) }
      case 0x6e:
        return this.flags(reader, at)
      case 0x6d:
        return { kind: 'enum', names: this.labels(reader, 'enum case') }
      case 0x6b:
        return { kind: 'option', some: this.type(reader) }
      case 0x6a:
        return { kind: 'result', ok: this.optional(reader), error: this.optional(reader) }
      default:
        return this.handleOrPrimitive(reader, form, at)
    }
  }

  private handleOrPrimitive(reader: ByteReader, form: number, at: number): Shape {
    if (form === 0x69 || form === 0x68) {
      const of = expectResource(pick(this.scope.types, reader.u32('a type index'), 'type', at), at)
      return { kind: form === 0x69 ? 'own' : 'borrow', of }
    }
    const kind = primitiveTypes[form]
    if (kind === undefined) throw badType(form, at)
    return { kind }
  }

  private flags(reader: ByteReader, at: number): Shape {
    const names = this.labels(reader, 'flag')
    if (names.length > maxFlags) throw invalid(at, `expected at most ${maxFlags} flags, got ${names.length}`)
    return { kind: 'flags', names }
  }

  /** At least one. */
  private some(reader: ByteReader, what: string): number {
    const at = reader.position
    const count = this.reading.members(reader, `${what}s`)
    if (count === 0) throw invalid(at, `expected at least one ${what}, got none`)
    return count
  }

  private items(reader: ByteReader): ValueNode[] {
    return Array.from({ length: this.some(reader, 'tuple item') }, () => this.type(reader))
  }

  private optional(reader: ByteReader): ValueNode | undefined {
    const present = reader.byte('a type or none')
    if (present > 1) throw unknownByte(reader.position - 1, 'a type or none (1 or 0)', present)
    return present === 1 ? this.type(reader) : undefined
  }

  private label(reader: ByteReader, what: string, unique: UniqueNames): string {
    const at = reader.position
    const name = readName(reader, aOrAn(what), this.reading.limits.nameBytes)
    checkLabel(name, aOrAn(what), at)
    unique.add(name.toLowerCase(), name, at)
    return name
  }

  private labels(reader: ByteReader, what: string): string[] {
    const unique = new UniqueNames(what)
    return Array.from({ length: this.some(reader, what) }, () => this.label(reader, what, unique))
  }

  private members(reader: ByteReader, what: string): StaticMember[] {
    const unique = new UniqueNames(what)
    return Array.from({ length: this.some(reader, what) }, () => ({ name: this.label(reader, what, unique), type: this.type(reader) }))
  }

  private cases(reader: ByteReader): { name: string; type: ValueNode | undefined }[] {
    const unique = new UniqueNames('case')
    return Array.from({ length: this.some(reader, 'case') }, () => {
      const name = this.label(reader, 'case', unique)
      const type = this.optional(reader)
      const refines = reader.byte('the end of a case')
      if (refines !== 0) throw unknownByte(reader.position - 1, 'the end of a case (0)', refines)
      return { name, type }
    })
  }

  /** The parameters of a function: there may be none. */
  params(reader: ByteReader): StaticMember[] {
    const unique = new UniqueNames('parameter')
    return Array.from({ length: this.reading.members(reader, 'parameters') }, () => ({
      name: this.label(reader, 'parameter', unique),
      type: this.type(reader),
    }))
  }
}

const badType = (byte: number, at: number): Error => {
  const later = laterTypes[byte]
  if (later === undefined) return unknownByte(at, 'a value type', byte)
  const [refuse, what] = later
  return refuse(at, what)
}

/** Reads a type index that shares its first byte with negative type codes: a signed LEB128 of 33 bits that is not negative. */
const readTypeIndex = (reader: ByteReader): number => {
  const start = reader.position
  const index = reader.u32('a type index')
  const last = reader.bytes[reader.position - 1] ?? 0
  if (reader.position - start < 5 && (last & 0x40) !== 0) throw invalid(start, 'expected a type index, got a negative number')
  return index
}
