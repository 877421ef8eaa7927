import { ByteWriter } from './byte-writer.ts'
import type { CodeEmitter } from './code-emitter.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import { helperFunctions, type GrowthCaps, type HelperFunction } from './meter-code.ts'
import { addedFunctions, layOut, type MeterIndices } from './meter-indices.ts'
import { meterExports, meterImports, meterModule } from './meter-names.ts'

const kind = { func: 0, table: 1, memory: 2, global: 3 } as const
const i32Type = 0x7f
const mutable = 1

/** An export that the rewriter adds: its name, kind and index in the new module. */
export interface AddedExport {
  readonly name: string
  readonly kind: number
  readonly index: number
}

/** The fields of `cordon:meter` that the rewritten module imports. */
export const addedImports = (module: DecodedModule): readonly string[] => {
  const { code, globalShift } = layOut(module)
  return [...(code === undefined ? [] : addedFunctions), ...(globalShift === 0 ? [] : [meterImports.memoryPages])]
}

/** The exports that the rewritten module has besides its own. */
export const addedExports = (module: DecodedModule): AddedExport[] => {
  const { code, memoryPages, globalShift } = layOut(module)
  const added: AddedExport[] = []
  if (code !== undefined) {
    added.push({ name: meterExports.slice, kind: kind.global, index: code.slice })
    if (!module.dropsSegments && !module.changesTables) added.push({ name: meterExports.resettable, kind: kind.global, index: code.slice })
  }
  if (module.memory?.imported === false && memoryPages !== undefined) {
    added.push({ name: meterExports.memory, kind: kind.memory, index: 0 })
    added.push({ name: meterExports.memoryPages, kind: kind.global, index: memoryPages })
  }
  for (const [index, table] of module.tables.entries()) {
    if (!table.imported) added.push({ name: `${meterExports.tablePrefix}${index}`, kind: kind.table, index })
  }
  for (const [index, changes] of module.globals.entries()) {
    if (changes && index >= module.importedGlobals) {
      added.push({ name: `${meterExports.globalPrefix}${index}`, kind: kind.global, index: index + globalShift })
    }
  }
  return added
}

/** All that emitting a module takes. */
export interface Emission {
  readonly module: DecodedModule
  readonly indices: MeterIndices
  readonly caps: GrowthCaps
  readonly out: ByteWriter
  readonly code: CodeEmitter
}

/** Writes the sections of the new module in order. */
export class SectionEmitter {
  private readonly to: Emission
  private readonly helpers: readonly HelperFunction[]

  constructor(emission: Emission) {
    this.to = emission
    this.helpers = helperFunctions(emission.module, emission.indices, emission.caps)
  }

  /** Writes all sections. Custom sections are left out: none changes what the module does, and their contents are the guest's. */
  emitAll(): void {
    this.types()
    this.imports()
    this.functions()
    this.tables()
    this.memory()
    this.globals()
    this.exports()
    this.copied(section.start)
    this.extended(section.element, 0, nothing)
    this.copied(section.dataCount)
    this.hintsAndCode()
    this.extended(section.data, 0, nothing)
  }

  private types(): void {
    const types = this.to.indices.code?.types
    const grown = [...(types?.growTable.keys() ?? [])]
    this.extended(section.type, types === undefined ? 0 : 3 + grown.length, (out) => {
      out.raw([0x60, 0, 1, i32Type])
      out.raw([0x60, 0, 0])
      out.raw([0x60, 1, i32Type, 1, i32Type])
      for (const type of grown) out.raw([0x60, 2, type, i32Type, 1, i32Type])
    })
  }

  private imports(): void {
    const { code, globalShift } = this.to.indices
    const types = code?.types
    const functions = types === undefined ? [] : [types.refill, types.yield, types.grow, types.grow]
    this.extended(section.import, functions.length + globalShift, (out) => {
      for (const [nth, type] of functions.entries()) {
        out.name(meterModule)
        out.name(addedFunctions[nth] ?? '')
        out.byte(kind.func)
        out.u32(type)
      }
      if (globalShift === 0) return
      out.name(meterModule)
      out.name(meterImports.memoryPages)
      out.raw([kind.global, i32Type, mutable])
    })
  }

  private functions(): void {
    this.extended(section.function, this.helpers.length, (out) => {
      for (const { type } of this.helpers) out.u32(type)
    })
  }

  private tables(): void {
    const { module, caps, out } = this.to
    const defined = [...module.tables.entries()].filter(([, { imported }]) => !imported)
    if (defined.length === 0) return
    out.byte(section.table)
    out.prefixed(() => {
      out.u32(defined.length)
      for (const [index, { type, initial }] of defined) {
        out.byte(type)
        writeLimits(out, initial, caps.tables[index] ?? 0)
      }
    })
  }

  private memory(): void {
    const { module, caps, out } = this.to
    const { memory } = module
    if (memory === undefined || memory.imported) return
    out.byte(section.memory)
    out.prefixed(() => {
      out.u32(1)
      writeLimits(out, memory.initial, caps.memoryPages)
    })
  }

  private globals(): void {
    const { module, indices } = this.to
    const { memory } = module
    const initials = indices.code === undefined ? [] : [0]
    if (memory?.imported === false) initials.push(memory.initial)
    this.extended(section.global, initials.length, (out) => {
      for (const initial of initials) {
        out.raw([i32Type, mutable, 0x41])
        out.s32(initial)
        out.byte(0x0b)
      }
    })
  }

  private exports(): void {
    const added = addedExports(this.to.module)
    this.extended(section.export, added.length, (out) => {
      for (const { name, kind: kindByte, index } of added) {
        out.name(name)
        out.byte(kindByte)
        out.u32(index)
      }
    })
  }

  /** The branch hints stand before the code they are about (branch hinting proposal, binary format). */
  private hintsAndCode(): void {
    const { module, code, out } = this.to
    const count = module.bodies.length / 2
    if (count === 0) return
    const bodies = new ByteWriter(module.bytes.length)
    bodies.u32(count + this.helpers.length)
    for (let nth = 0; nth < count; nth++) code.body(bodies, nth)
    for (const { body } of this.helpers) {
      bodies.u32(body.length)
      bodies.raw(body)
    }
    if (code.hintedFunctions > 0) this.hints()
    out.byte(section.code)
    out.u32(bodies.length)
    out.raw(bodies.view())
  }

  private hints(): void {
    const { code, out } = this.to
    out.byte(section.custom)
    out.prefixed(() => {
      out.name('metadata.code.branch_hint')
      out.u32(code.hintedFunctions)
      out.raw(code.hints.view())
    })
  }

  /** Writes a section of entries: the original ones, patched, and `added` more. */
  private extended(id: number, added: number, write: (out: ByteWriter) => void): void {
    const { module, code, out } = this.to
    const range = module.sections.get(id)
    if (range === undefined && added === 0) return
    out.byte(id)
    out.prefixed(() => {
      out.u32((range?.count ?? 0) + added)
      if (range !== undefined) code.copy(out, range.start, range.end)
      if (added > 0) write(out)
    })
  }

  /** Writes a section that is not a list of entries. */
  private copied(id: number): void {
    const { module, code, out } = this.to
    const range = module.sections.get(id)
    if (range === undefined) return
    out.byte(id)
    out.prefixed(() => code.copy(out, range.start, range.end))
  }
}

const nothing = (): void => undefined

const writeLimits = (out: ByteWriter, initial: number, maximum: number): void => {
  out.byte(1)
  out.u32(initial)
  out.u32(maximum)
}
