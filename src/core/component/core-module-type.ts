import { ByteReader } from '#core/wasm/byte-reader.ts'
import { readLimits, readRefType, readValueType } from '#core/wasm/decode-types.ts'
import { meterModule } from '#core/wasm/meter-names.ts'
import { readCoreName, readName } from './component-names.ts'
import { coreSignature, importKey, type CoreImportType, type CoreSignature, type CoreType, type ModuleType } from './core-types.ts'
import { invalid, pick, unknownByte, unsupported, type Reading } from './reading.ts'

/** Value types of core wasm by their byte (core spec 5.3). */
const valueTypes: Readonly<Record<number, string>> = {
  0x7f: 'i32',
  0x7e: 'i64',
  0x7d: 'f32',
  0x7c: 'f64',
  0x7b: 'v128',
  0x70: 'funcref',
  0x6f: 'externref',
}

/** Reads a core value type. */
const readCoreValueType = (reader: ByteReader): string => valueTypes[readValueType(reader)] ?? 'unknown'

const readCoreValueTypes = (reader: ByteReader, reading: Reading): string[] =>
  Array.from({ length: reading.members(reader, 'values of a core function type') }, () => readCoreValueType(reader))

/** Reads a core function type after its form byte 0x60. */
export const readCoreSignature = (reader: ByteReader, reading: Reading): CoreSignature => {
  const params = readCoreValueTypes(reader, reading)
  return coreSignature(params, readCoreValueTypes(reader, reading))
}

const readTableType = (reader: ByteReader): CoreType => {
  const element = valueTypes[readRefType(reader)] ?? 'unknown'
  return { kind: 'table', element, limits: readLimits(reader, 'table') }
}

const mostPages = 65_536

const readMemoryType = (reader: ByteReader): CoreType => {
  const at = reader.position
  const limits = readLimits(reader, 'memory')
  const pages = Math.max(limits.initial, limits.maximum ?? 0)
  if (pages > mostPages) throw invalid(at, `expected a memory of at most ${mostPages} pages, got ${pages}`)
  return { kind: 'memory', limits }
}

const readGlobalType = (reader: ByteReader): CoreType => {
  const value = readCoreValueType(reader)
  const mutable = reader.byte('the mutability of a global')
  if (mutable > 1) throw unknownByte(reader.position - 1, 'the mutability of a global (0 or 1)', mutable)
  return { kind: 'global', value, mutable: mutable === 1 }
}

/** Reads an `externtype` of core wasm; `functionType` reads a type index. */
export const readCoreExternType = (reader: ByteReader, functionType: (reader: ByteReader) => CoreType): CoreType => {
  const at = reader.position
  const kind = reader.byte('the kind of a core import or export')
  if (kind === 0) return functionType(reader)
  if (kind === 1) return readTableType(reader)
  if (kind === 2) return readMemoryType(reader)
  if (kind === 3) return readGlobalType(reader)
  if (kind === 4) throw unsupported(at, 'a core tag (exceptions)')
  throw unknownByte(at, 'the kind of a core import or export', kind)
}

/** Immediates of instructions that stand in constant expressions: how they are passed over. */
const passConstant: Readonly<Record<number, (reader: ByteReader) => void>> = {
  0x23: (reader) => reader.skipLeb(5, 'a global index'),
  0x41: (reader) => reader.skipLeb(5, 'an i32'),
  0x42: (reader) => reader.skipLeb(10, 'an i64'),
  0x43: (reader) => reader.skip(4, 'an f32'),
  0x44: (reader) => reader.skip(8, 'an f64'),
  0x6a: () => undefined,
  0x6b: () => undefined,
  0x6c: () => undefined,
  0x7c: () => undefined,
  0x7d: () => undefined,
  0x7e: () => undefined,
  0xd0: (reader) => reader.skip(1, 'a heap type'),
  0xd2: (reader) => reader.skipLeb(5, 'a function index'),
  0xfd: (reader) => {
    if (reader.u32('a vector instruction') !== 0x0c)
      throw reader.refuse('unsupported', 'expected v128.const in a constant, got another one')
    reader.skip(16, 'a v128')
  },
}

const passConstantExpression = (reader: ByteReader): void => {
  for (;;) {
    const opcode = reader.byte('a constant expression')
    if (opcode === 0x0b) return
    const pass = passConstant[opcode]
    if (pass === undefined) throw unknownByte(reader.position - 1, 'an instruction of a constant expression', opcode)
    pass(reader)
  }
}

const section = { type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, tag: 13 } as const

/** The order in which sections stand (core spec 5.5.2), by id. */
const order = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6]

/** Reads the outside of one core module. */
class ModuleReader {
  readonly imports: CoreImportType[] = []
  readonly exports = new Map<string, CoreType>()
  private readonly reading: Reading
  /** Function types by type index: functions of one type share one. */
  private readonly types: CoreType[] = []
  private readonly imported = new Set<string>()
  private readonly spaces: {
    readonly func: CoreType[]
    readonly table: CoreType[]
    readonly memory: CoreType[]
    readonly global: CoreType[]
  } = {
    func: [],
    table: [],
    memory: [],
    global: [],
  }

  constructor(reading: Reading) {
    this.reading = reading
  }

  read(reader: ByteReader): ModuleType {
    reader.skip(8, 'a core module')
    let last = 0
    while (!reader.done) {
      const at = reader.position
      this.reading.count('sections', at)
      const id = reader.byte('a section id')
      const part = reader.part(reader.u32('the size of a section'), `section ${id}`)
      if (id === 0) continue
      const place = order[id]
      if (place === undefined) throw invalid(at, `expected a section id up to 13 in a core module, got ${id}`)
      if (id === section.tag) throw unsupported(at, 'a core tag (exceptions)')
      if (place <= last) throw invalid(at, `expected sections of a core module once and in order, got section ${id}`)
      last = place
      this.section(id, part)
    }
    return { imports: this.imports, exports: this.exports }
  }

  private section(id: number, part: ByteReader): void {
    const read = this.entryOf(id)
    if (read === undefined) return
    const count = part.u32('the number of entries in a section')
    // Each entry takes a byte at least: what is made stays in proportion to what was sent.
    if (count > part.end - part.position) throw invalid(part.position, `expected ${count} entries in a section, got fewer bytes`)
    this.reading.count('moduleEntries', part.position, count)
    for (let nth = 0; nth < count; nth++) read(part)
    part.expectEnd(`section ${id}`)
  }

  private entryOf(id: number): ((part: ByteReader) => void) | undefined {
    const { spaces } = this
    switch (id) {
      case section.type:
        return (part) => this.type(part)
      case section.import:
        return (part) => this.import(part)
      case section.function:
        return (part) => void spaces.func.push(this.functionType(part))
      case section.table:
        return (part) => void spaces.table.push(this.table(part))
      case section.memory:
        return (part) => void spaces.memory.push(readMemoryType(part))
      case section.global:
        return (part) => this.global(part)
      case section.export:
        return (part) => this.export(part)
      default:
        return undefined
    }
  }

  private type(part: ByteReader): void {
    const form = part.byte('a core type')
    if (form !== 0x60) throw unsupported(part.position - 1, `a core type of form 0x${form.toString(16)} (garbage collection or the like)`)
    this.types.push({ kind: 'func', signature: readCoreSignature(part, this.reading) })
  }

  private functionType(part: ByteReader): CoreType {
    return pick(this.types, part.u32('a type index'), 'type', part.position)
  }

  private table(part: ByteReader): CoreType {
    if (part.bytes[part.position] === 0x40) throw unsupported(part.position, 'a table with an initialiser (typed function references)')
    return readTableType(part)
  }

  private global(part: ByteReader): void {
    this.spaces.global.push(readGlobalType(part))
    passConstantExpression(part)
  }

  private import(part: ByteReader): void {
    const at = part.position
    const { nameBytes } = this.reading.limits
    const module = this.name(part, 'a core import')
    const name = readName(part, 'a core import', nameBytes)
    const type = readCoreExternType(part, (reader) => this.functionType(reader))
    this.spaces[type.kind].push(type)
    if (module === meterModule && this.reading.metered) return
    const key = importKey({ module, name })
    if (this.imported.has(key) && !this.reading.repeatsImports)
      throw invalid(at, `expected each import of a core module once, got \`${module}\` \`${name}\` again`)
    this.imported.add(key)
    this.imports.push({ module, name, type })
  }

  private export(part: ByteReader): void {
    const at = part.position
    const name = this.name(part, 'a core export')
    const kind = part.byte('the kind of a core export')
    const space = kind > 3 ? undefined : [this.spaces.func, this.spaces.table, this.spaces.memory, this.spaces.global][kind]
    if (space === undefined) throw unknownByte(part.position - 1, 'the kind of a core export', kind)
    const type = space[part.index('core export', space.length)]
    if (this.exports.has(name)) throw invalid(at, `expected each export of a core module once, got \`${name}\` again`)
    if (type !== undefined && !(this.reading.metered && name.startsWith(`${meterModule}/`))) this.exports.set(name, type)
  }

  /** A name that, in what no meter has rewritten yet, may not be the meter's. */
  private name(part: ByteReader, what: string): string {
    const { limits, metered } = this.reading
    return metered ? readName(part, what, limits.nameBytes) : readCoreName(part, what, limits.nameBytes)
  }
}

const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** Reads what a core module imports and exports, with types. Code and data are passed over. Throws WasmError. */
export const readModuleType = (reader: ByteReader, reading: Reading): ModuleType => {
  const starts = reader.end - reader.position >= 8 && preamble.every((byte, nth) => reader.bytes[reader.position + nth] === byte)
  if (!starts) throw invalid(reader.position, 'expected a core module (00 61 73 6d 01 00 00 00) in the component, got other bytes')
  return new ModuleReader(reading).read(reader)
}
