import { ByteReader } from './byte-reader.ts'
import {
  checkCorePreamble,
  readAlias,
  readComponentExport,
  readComponentImport,
  readCoreInstance,
  readInstance,
  type ComponentKind,
} from './component-entries.ts'
import { WasmError } from './wasm-error.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** The outside of a component and where its core modules lie. */
export interface ComponentShape {
  /** Names of all that the component imports, as written, e.g. `wasi:io/streams@0.2.12`; only aliases of types are left out. */
  readonly imports: readonly string[]
  readonly exports: readonly { readonly name: string; readonly kind: ComponentKind }[]
  /** Byte ranges of core modules, those of nested components included. */
  readonly coreModules: readonly { readonly offset: number; readonly length: number }[]
  readonly nestedComponents: number
}

/** Section ids of a component (component model, binary format). */
const section = {
  custom: 0,
  coreModule: 1,
  coreInstance: 2,
  component: 4,
  instance: 5,
  alias: 6,
  start: 9,
  import: 10,
  export: 11,
  value: 12,
} as const

const startsWith = (reader: ByteReader, bytes: readonly number[]): boolean =>
  bytes.every((byte, nth) => reader.position + nth < reader.end && reader.bytes[reader.position + nth] === byte)

const magic = [0x00, 0x61, 0x73, 0x6d]
const coreVersion = [...magic, 0x01, 0x00, 0x00, 0x00]
const componentVersion = [...magic, 0x0d, 0x00, 0x01, 0x00]

const readPreamble = (reader: ByteReader): void => {
  const at = reader.position
  const size = reader.end - at
  const hex = Array.from(reader.bytes.subarray(at, Math.min(at + 8, reader.end)), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const expected = 'expected a WebAssembly component'
  if (size === 0) throw new WasmError('malformed', at, `${expected}, got no bytes`)
  if (!startsWith(reader, magic.slice(0, Math.min(4, size)))) {
    throw new WasmError('malformed', at, `${expected}, got something that is not WebAssembly (starts with \`${hex}\`)`)
  }
  if (size < 8) throw new WasmError('malformed', at, `${expected}, got ${size} bytes, cut off in the header`)
  if (startsWith(reader, coreVersion)) {
    throw new WasmError('malformed', at, `${expected}, got a core module; make a component of it, e.g. with \`jco new\``)
  }
  if (!startsWith(reader, componentVersion)) {
    throw new WasmError('unsupported', at, `${expected} of version 0d 00 01 00, got header \`${hex}\``)
  }
  reader.skip(8, 'the header')
}

/** Walks a component and those inside it. */
class ComponentWalk {
  readonly imports: string[] = []
  readonly exports: { name: string; kind: ComponentKind }[] = []
  readonly coreModules: { offset: number; length: number }[] = []
  nestedComponents = 0
  private sections = 0
  private readonly limits: WasmLimits

  constructor(limits: WasmLimits) {
    this.limits = limits
  }

  /** Reads one component with its header. Names count for the shape at depth 0 only; they are checked at every depth. */
  component(reader: ByteReader, depth: number): void {
    readPreamble(reader)
    while (!reader.done) {
      const at = reader.position
      if (++this.sections > this.limits.sections) {
        throw new WasmError('limit', at, `expected at most ${this.limits.sections} sections, got more`)
      }
      const id = reader.byte('a section id')
      const part = reader.part(reader.u32('the size of a section'), `section ${id}`)
      this.section(id, part, depth)
    }
  }

  private section(id: number, part: ByteReader, depth: number): void {
    const { limits } = this
    switch (id) {
      case section.coreModule:
        return this.coreModule(part)
      case section.component:
        return this.nested(part, depth + 1)
      case section.import:
        return this.entries(part, 'imports of a component', limits.componentNames, () => this.import(part, depth))
      case section.export:
        return this.entries(part, 'exports of a component', limits.componentNames, () => this.export(part, depth))
      case section.coreInstance:
        return this.entries(part, 'core instances', limits.exports, () => readCoreInstance(part, limits))
      case section.instance:
        return this.entries(part, 'instances', limits.exports, () => readInstance(part, limits))
      case section.alias:
        return this.entries(part, 'aliases', limits.exports, () => readAlias(part, limits))
      default:
        return this.skipped(id, part)
    }
  }

  /** Types, canonical functions and custom sections carry no name that is not checked elsewhere. */
  private skipped(id: number, part: ByteReader): void {
    if (id === section.start || id === section.value) {
      throw new WasmError('unsupported', part.position, 'expected a component without start function and values, got one')
    }
    if (id > section.value) throw new WasmError('malformed', part.position, `expected a section id up to 12, got ${id}`)
  }

  private coreModule(part: ByteReader): void {
    checkCorePreamble(part)
    if (this.coreModules.length >= this.limits.coreModules) {
      throw new WasmError('limit', part.position, `expected at most ${this.limits.coreModules} core modules, got more`)
    }
    this.coreModules.push({ offset: part.position, length: part.end - part.position })
  }

  private nested(part: ByteReader, depth: number): void {
    if (depth > this.limits.componentDepth) {
      throw new WasmError('limit', part.position, `expected components at most ${this.limits.componentDepth} deep, got more`)
    }
    if (++this.nestedComponents > this.limits.nestedComponents) {
      throw new WasmError('limit', part.position, `expected at most ${this.limits.nestedComponents} nested components, got more`)
    }
    this.component(part, depth)
  }

  private import(part: ByteReader, depth: number): void {
    const { name, aliasesType } = readComponentImport(part, this.limits)
    if (depth > 0 || aliasesType) return
    this.imports.push(name)
    this.checkNames(part, this.imports.length)
  }

  private export(part: ByteReader, depth: number): void {
    const entry = readComponentExport(part, this.limits)
    if (depth > 0) return
    this.exports.push(entry)
    this.checkNames(part, this.exports.length)
  }

  private checkNames(part: ByteReader, count: number): void {
    const { componentNames } = this.limits
    if (count > componentNames) {
      throw new WasmError('limit', part.position, `expected at most ${componentNames} imports or exports of a component, got more`)
    }
  }

  private entries(part: ByteReader, what: string, limit: number, read: () => void): void {
    const count = part.count(what, limit)
    for (let nth = 0; nth < count; nth++) read()
    part.expectEnd(what)
  }
}

/**
 * Reads the outline of a component: what it imports and exports and where its core modules are, each of which goes
 * through `validateCore` next. Refuses names that generated JavaScript cannot carry, core names outside the safe alphabet,
 * and more of anything than `limits` allows. Types are left to the tool that links. Throws {@link WasmError}.
 */
export const inspectComponent = (bytes: Uint8Array, limits: WasmLimits): ComponentShape => {
  if (bytes.length > limits.componentBytes && startsWith(new ByteReader(bytes), magic)) {
    throw new WasmError('limit', 0, `expected a component of at most ${limits.componentBytes} bytes, got ${bytes.length}`)
  }
  const walk = new ComponentWalk(limits)
  walk.component(new ByteReader(bytes), 0)
  const { imports, exports, coreModules, nestedComponents } = walk
  return { imports, exports, coreModules, nestedComponents }
}
