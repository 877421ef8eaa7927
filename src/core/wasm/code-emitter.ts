import { ByteWriter } from './byte-writer.ts'
import type { DecodedModule } from './decoded-module.ts'
import { chargeTemplate, type ChargeTemplate } from './meter-code.ts'
import type { MeterIndices } from './meter-indices.ts'
import { patch } from './patch-list.ts'

const opcode = { call: 0x10, globalGet: 0x23 } as const
const unlikely = 0

/** Copies ranges of the original module and applies its patches, from front to back. */
export class CodeEmitter {
  /** One entry a function with branches: its index, their number, and for each its offset and that it is unlikely. */
  readonly hints = new ByteWriter(1024)
  hintedFunctions = 0
  private readonly module: DecodedModule
  private readonly indices: MeterIndices
  private readonly template: ChargeTemplate | undefined
  private next = 0
  private branches: number[] = []

  constructor(module: DecodedModule, indices: MeterIndices) {
    this.module = module
    this.indices = indices
    this.template = indices.code && chargeTemplate(indices.code)
  }

  /** Copies the original bytes from `start` up to `end`, patched. Ranges must come in order. */
  copy(out: ByteWriter, start: number, end: number): void {
    const { bytes, patches } = this.module
    let from = start
    while (this.next < patches.length && patches.start(this.next) < start) this.next++
    for (; this.next < patches.length && patches.start(this.next) < end; this.next++) {
      if (patches.isVoid(this.next)) continue
      out.slice(bytes, from, patches.start(this.next))
      this.apply(out, this.next)
      from = patches.end(this.next)
    }
    out.slice(bytes, from, end)
  }

  /** Writes function body `nth` with its size and notes its branches' hints. */
  body(out: ByteWriter, nth: number): void {
    const { bodies, functionTypes } = this.module
    const index = functionTypes.length - bodies.length / 2 + nth + this.indices.functionShift
    this.branches = []
    out.prefixed(() => {
      const start = out.length
      this.copy(out, bodies[2 * nth] ?? 0, bodies[2 * nth + 1] ?? 0)
      this.hint(index, start)
    })
  }

  /** The new index of an original function. */
  func(index: number): number {
    return index < this.module.importedFunctions ? index : index + this.indices.functionShift
  }

  /** The new index of an original global. */
  global(index: number): number {
    return index < this.module.importedGlobals ? index : index + this.indices.globalShift
  }

  private apply(out: ByteWriter, index: number): void {
    const { patches } = this.module
    const value = patches.value(index)
    switch (patches.kind(index)) {
      case patch.func:
        return out.u32(this.func(value))
      case patch.global:
        return out.u32(this.global(value))
      case patch.charge:
        return this.charge(out, value)
      default:
        return this.callHelper(out, patches.kind(index), value)
    }
  }

  private charge(out: ByteWriter, units: number): void {
    const { template } = this
    if (template === undefined) return
    out.slice(template.before, 0, template.before.length)
    out.s32(units)
    out.slice(template.after, 0, template.after.length)
    this.branches.push(out.length - template.branchFromEnd)
  }

  private callHelper(out: ByteWriter, kind: number, value: number): void {
    const { code, memoryPages } = this.indices
    if (kind === patch.memorySize) {
      out.byte(opcode.globalGet)
      out.u32(memoryPages ?? missing('memory-pages'))
      return
    }
    const helpers = code?.helpers
    const byKind: Readonly<Record<number, number | undefined>> = {
      [patch.payBytes]: helpers?.payBytes,
      [patch.payElements]: helpers?.payElements,
      [patch.memoryGrow]: helpers?.growMemory,
      [patch.tableGrow]: helpers?.growTable.get(value),
    }
    out.byte(opcode.call)
    out.u32(byKind[kind] ?? missing(`helper ${kind}`))
  }

  private hint(functionIndex: number, start: number): void {
    if (this.branches.length === 0) return
    this.hintedFunctions++
    this.hints.u32(functionIndex)
    this.hints.u32(this.branches.length)
    for (const at of this.branches) {
      this.hints.u32(at - start)
      this.hints.byte(1)
      this.hints.byte(unlikely)
    }
  }
}

/** Every patch was noted with the need for what it calls: this is a fault of the rewriter, not of the bytes. */
const missing = (what: string): never => {
  throw new TypeError(`expected ${what} to be laid out`)
}
