import type { ByteWriter } from './byte-writer.ts'
import { copyModule } from './copy-module.ts'
import { decodeModule } from './decode-module.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import { patch } from './patch-list.ts'
import type { WasmLimits } from './wasm-limits.ts'

const mostPages = 65_536
const pageShift = 16
const i32 = 0x7f

const opcode = {
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  localGet: 0x20,
  localTee: 0x22,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32LessUnsigned: 0x49,
  i32Add: 0x6a,
  i32Subtract: 0x6b,
  i32ShiftLeft: 0x74,
  bulk: 0xfc,
} as const
const bulk = { memoryCopy: 10, memoryFill: 11 } as const

const number = (out: ByteWriter, value: number): void => {
  out.byte(opcode.i32Const)
  out.s32(value)
}

const bytesOfPages = (out: ByteWriter): void => {
  number(out, pageShift)
  out.byte(opcode.i32ShiftLeft)
}

const delta = 0
const old = 1

/** Leaves on the stack how many pages the program had. */
const hadPages = (out: ByteWriter, pages: number): void => {
  out.raw([opcode.localGet, old])
  number(out, pages)
  out.byte(opcode.i32Subtract)
}

/** `memory.copy` of the reserved pages to where they end with the memory, and `memory.fill` of what is the program's now: the bytes that they leave, as new memory has them. */
const moveReserved = (out: ByteWriter, pages: number): void => {
  hadPages(out, pages)
  out.raw([opcode.localGet, delta, opcode.i32Add])
  bytesOfPages(out)
  hadPages(out, pages)
  bytesOfPages(out)
  number(out, pages << pageShift)
  out.raw([opcode.bulk, bulk.memoryCopy, 0, 0])
  hadPages(out, pages)
  bytesOfPages(out)
  number(out, 0)
  out.raw([opcode.localGet, delta])
  number(out, pages)
  out.raw([opcode.localGet, delta])
  number(out, pages)
  out.raw([opcode.i32LessUnsigned, opcode.select])
  bytesOfPages(out)
  out.raw([opcode.bulk, bulk.memoryFill, 0])
}

/** In the place of `memory.grow`: a function of the pages to grow by, which gives the pages that the program had, or -1. */
const growBody = (out: ByteWriter, pages: number): void =>
  out.prefixed(() => {
    out.raw([1, 1, i32])
    out.raw([opcode.localGet, delta, opcode.memoryGrow, 0, opcode.localTee, old])
    number(out, -1)
    out.raw([opcode.i32Eq, opcode.if, 0x40])
    number(out, -1)
    out.raw([opcode.return, opcode.end])
    out.raw([opcode.localGet, delta, opcode.i32Eqz, opcode.if, 0x40])
    hadPages(out, pages)
    out.raw([opcode.return, opcode.end])
    moveReserved(out, pages)
    hadPages(out, pages)
    out.byte(opcode.end)
  })

const memoryOf =
  ({ memory }: DecodedModule, pages: number) =>
  (out: ByteWriter): void => {
    const { initial = 0, maximum } = memory ?? {}
    out.raw([1, maximum === undefined ? 0 : 1])
    out.u32(initial + pages)
    if (maximum !== undefined) out.u32(Math.min(maximum + pages, mostPages))
  }

/**
 * A program whose memory has `pages` more at its end, which it does not know of: they are for an adapter that shares the memory. `memory.size` and
 * `memory.grow` count without them, and when the program grows its memory they move on to the new end, so that whatever a program takes for its own from what it is told is its
 * own: allocators that ask once, twice or never, and those that take memory to go on where it ended. What is left behind is zero, as new memory is. The adapter finds its pages by the size of the whole.
 * A module that defines no memory stays as it is, byte for byte; of any other the custom sections are left out. Throws WasmError as `validateCore` does.
 */
export const reserveLastPages = (bytes: Uint8Array, pages: number, limits: WasmLimits): Uint8Array => {
  const module = decodeModule(bytes, limits)
  if (module.memory === undefined || module.memory.imported) return bytes
  const [grow, type] = [module.functionTypes.length, module.countOf(section.type)]
  const appended: readonly (readonly [number, (out: ByteWriter) => void])[] = [
    [section.type, (out) => out.raw([0x60, 1, i32, 1, i32])],
    [section.function, (out) => out.u32(type)],
    [section.code, (out) => growBody(out, pages)],
  ]
  return copyModule(module, {
    replaced: new Map([[section.memory, memoryOf(module, pages)]]),
    appended: new Map(module.sizesMemory ? appended : []),
    patch: (out, kind) => {
      if (kind === patch.memorySize) {
        out.raw([opcode.memorySize, 0])
        number(out, pages)
        out.byte(opcode.i32Subtract)
      } else if (kind === patch.memoryGrow) {
        out.byte(opcode.call)
        out.u32(grow)
      }
      return kind === patch.memorySize || kind === patch.memoryGrow
    },
  })
}
