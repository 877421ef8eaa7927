import { ByteWriter } from './byte-writer.ts'
import { decodeModule } from './decode-module.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import { patch } from './patch-list.ts'
import type { WasmLimits } from './wasm-limits.ts'

const opcode = { if: 0x04, else: 0x05, end: 0x0b, globalGet: 0x23, globalSet: 0x24, memorySize: 0x3f, i32Const: 0x41 } as const
const i32 = 0x7f
const mutable = 0x01

/** Sections in the order in which they stand (core spec 5.5.2), as far as a decoded module has them. */
const order = [
  section.type,
  section.import,
  section.function,
  section.table,
  section.memory,
  section.global,
  section.export,
  section.start,
  section.element,
  section.dataCount,
  section.code,
  section.data,
]

/** `i32.const 1, global.set asked`. */
const noteAsked = (out: ByteWriter, asked: number): void => {
  out.raw([opcode.i32Const, 1, opcode.globalSet])
  out.u32(asked)
}

/** In the place of `memory.size`: the size, or the first time the size that the memory started with. */
const sizeOnce = (out: ByteWriter, asked: number, initialPages: number): void => {
  out.byte(opcode.globalGet)
  out.u32(asked)
  out.raw([opcode.if, i32, opcode.memorySize, 0, opcode.else])
  noteAsked(out, asked)
  out.byte(opcode.i32Const)
  out.s32(initialPages)
  out.byte(opcode.end)
}

/** Copies function bodies, with another `memory.size` and a note before each `memory.grow`. */
const copyCode = (out: ByteWriter, module: DecodedModule, asked: number): void => {
  const { bytes, patches, bodies, memory } = module
  let next = 0
  for (let nth = 0; nth < module.definedFunctions; nth++) {
    const end = bodies[2 * nth + 1] ?? 0
    let from = bodies[2 * nth] ?? 0
    out.prefixed(() => {
      for (; next < patches.length && patches.start(next) < end; next++) {
        const kind = patches.kind(next)
        if (kind !== patch.memorySize && kind !== patch.memoryGrow) continue
        out.slice(bytes, from, patches.start(next))
        from = kind === patch.memorySize ? patches.end(next) : patches.start(next)
        if (kind === patch.memorySize) sizeOnce(out, asked, memory?.initial ?? 0)
        else noteAsked(out, asked)
      }
      out.slice(bytes, from, end)
    })
  }
}

const copySection = (out: ByteWriter, module: DecodedModule, id: number, asked: number): void => {
  const { start = 0, end = 0, count = 0 } = module.sections.get(id) ?? {}
  if (id === section.start || id === section.dataCount) return out.slice(module.bytes, start, end)
  out.u32(id === section.global ? count + 1 : count)
  if (id === section.code) return copyCode(out, module, asked)
  out.slice(module.bytes, start, end)
  if (id === section.global) out.raw([i32, mutable, opcode.i32Const, 0, opcode.end])
}

/**
 * A program whose first look at the size of its memory shows what it started with, whatever has grown the memory by then. Allocators that wasi-libc and others had until 2022 take
 * all memory up to the size that they find when they are first used for their own, and so would write over the pages that an adapter took before. What they
 * learn later, or by growing the memory themselves, is true. A module that defines no memory or never asks for its size stays as it is, byte for byte; of any other
 * the custom sections are left out. Throws WasmError as `validateCore` does.
 */
export const hideEarlyGrowth = (bytes: Uint8Array, limits: WasmLimits): Uint8Array => {
  const module = decodeModule(bytes, limits)
  if (module.memory === undefined || module.memory.imported || !module.sizesMemory) return bytes
  const asked = module.globals.length
  const out = new ByteWriter(bytes.length + 4096)
  out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
  for (const id of order) {
    if (!module.sections.has(id) && id !== section.global) continue
    out.byte(id)
    out.prefixed(() => copySection(out, module, id, asked))
  }
  return out.toBytes()
}
