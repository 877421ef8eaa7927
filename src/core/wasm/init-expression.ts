import type { ByteReader } from './byte-reader.ts'
import { readHeapType, unsupported } from './decode-types.ts'
import type { DecodedModule } from './decoded-module.ts'
import { patch } from './patch-list.ts'
import { WasmError } from './wasm-error.ts'

type Step = (reader: ByteReader, module: DecodedModule) => void

/** The longest constant expression that is let through, in instructions; real ones have one to three. */
const longest = 64

/** Reads a function index and notes that it moves. */
export const noteFunction: Step = (reader, module) => {
  const start = reader.position
  const index = reader.index('function', module.functionTypes.length)
  module.patches.add(start, reader.position, patch.func, index)
}

/** Reads a global index and notes that it moves. */
export const noteGlobal: Step = (reader, module) => {
  const start = reader.position
  const index = reader.index('global', module.globals.length)
  module.patches.add(start, reader.position, patch.global, index)
}

const nothing: Step = () => undefined

/** The instructions of constant expressions, extended ones included (core spec 3.4.13). */
const steps: Readonly<Record<number, Step>> = {
  0x23: noteGlobal,
  0x41: (reader) => reader.skipLeb(5, 'an i32'),
  0x42: (reader) => reader.skipLeb(10, 'an i64'),
  0x43: (reader) => reader.skip(4, 'an f32'),
  0x44: (reader) => reader.skip(8, 'an f64'),
  0x6a: nothing,
  0x6b: nothing,
  0x6c: nothing,
  0x7c: nothing,
  0x7d: nothing,
  0x7e: nothing,
  0xd0: readHeapType,
  0xd2: noteFunction,
  0xfb: (reader) => {
    throw unsupported('garbage-collected types', reader.position - 1)
  },
  0xfd: (reader) => {
    const at = reader.position
    const operation = reader.u32('a vector instruction')
    if (operation !== 12) throw new WasmError('malformed', at, `expected v128.const in a constant expression, got 0xfd ${operation}`)
    reader.skip(16, 'a v128')
  },
}

/** Reads a constant expression up to and with its `end`. */
export const readInitExpression = (reader: ByteReader, module: DecodedModule): void => {
  for (let count = 0; count <= longest; count++) {
    const opcode = reader.byte('a constant expression')
    if (opcode === 0x0b) return
    const step = steps[opcode]
    if (step === undefined) {
      throw reader.refuse('malformed', `expected an instruction of constant expressions, got 0x${opcode.toString(16)}`)
    }
    step(reader, module)
  }
  throw reader.refuse('limit', `expected a constant expression of at most ${longest} instructions, got a longer one`)
}
