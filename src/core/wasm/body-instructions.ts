import type { ByteReader } from './byte-reader.ts'
import type { CostRegions } from './cost-regions.ts'
import { readBlockType, readHeapType, readValueType, unsupported } from './decode-types.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import { refusedOpcodes, vectorForm, vectorForms } from './instructions.ts'
import { callFuel, fuel } from './meter-costs.ts'
import { patch } from './patch-list.ts'
import { WasmError } from './wasm-error.ts'

/** One function body while it is read. */
export interface Body {
  /** Stands past the opcode when a handler is called, past the immediates when it returns. */
  readonly reader: ByteReader
  readonly module: DecodedModule
  readonly regions: CostRegions
  /** Locals, parameters included. */
  readonly locals: number
  /** Has a call, a loop or anything else that pays for itself: so must the function. */
  pays: boolean
}

/** Reads the immediates of one instruction and notes what has to change; `at` is where its opcode is. */
export type Handler = (body: Body, at: number) => void

const label = (body: Body): void => {
  const at = body.reader.position
  const up = body.reader.u32('a label')
  if (!body.regions.branch(up)) {
    throw new WasmError('malformed', at, `expected a label of the ${body.regions.depth + 1} blocks around, got ${up}`)
  }
}

const block: Handler = (body, at) => {
  readBlockType(body.reader, body.module)
  body.regions.block(at)
}

const loop: Handler = (body, at) => {
  readBlockType(body.reader, body.module)
  const { position } = body.reader
  body.regions.loop(body.module.patches.add(position, position, patch.charge, 0), at)
  body.module.charges++
  body.pays = true
}

const conditional: Handler = (body) => {
  readBlockType(body.reader, body.module)
  body.regions.cost += fuel.instruction
  body.regions.if(body.reader.position)
}

const otherwise: Handler = (body, at) => {
  if (!body.regions.else(body.reader.position)) throw new WasmError('malformed', at, 'expected `else` in an `if`, got one elsewhere')
}

const end: Handler = (body) => body.regions.end(body.reader.position)

const branch: Handler = (body) => {
  body.regions.cost += fuel.instruction
  label(body)
  body.regions.stop()
}

const branchIf: Handler = (body) => {
  body.regions.cost += fuel.instruction
  label(body)
  body.regions.arm(body.reader.position)
}

const branchTable: Handler = (body) => {
  const { reader, regions, module } = body
  regions.cost += fuel.instruction
  const targets = reader.count('targets of a br_table', module.limits.branchTargets)
  for (let nth = 0; nth <= targets; nth++) label(body)
  regions.stop()
}

const stop: Handler = (body) => {
  body.regions.cost += fuel.instruction
  body.regions.stop()
}

const call: Handler = (body) => {
  const { reader, module } = body
  const start = reader.position
  const index = reader.index('function', module.functionTypes.length)
  module.patches.add(start, reader.position, patch.func, index)
  body.regions.cost += callFuel(module.arities[module.functionTypes[index] ?? 0] ?? 0)
  body.pays = true
}

const callIndirect: Handler = (body) => {
  const { reader, module } = body
  const type = reader.index('type', module.arities.length)
  reader.index('table', module.tables.length)
  body.regions.cost += callFuel(module.arities[type] ?? 0)
  body.pays = true
}

const global: Handler = (body) => {
  const { reader, module } = body
  const start = reader.position
  const index = reader.index('global', module.globals.length)
  // Global indices move only in modules that import their memory (see `rewrite-core.ts`).
  if (module.memory?.imported === true) module.patches.add(start, reader.position, patch.global, index)
  body.regions.cost += fuel.instruction
}

const table = (body: Body): number => body.reader.index('table', body.module.tables.length)

const tableGet: Handler = (body) => {
  table(body)
  body.regions.cost += fuel.instruction
}

const tableSet: Handler = (body) => {
  table(body)
  body.module.changesTables = true
  body.regions.cost += fuel.element
}

const memory = (body: Body): number => body.reader.index('memory', body.module.memory === undefined ? 0 : 1)

const memorySize: Handler = (body, at) => {
  memory(body)
  body.module.patches.add(at, body.reader.position, patch.memorySize, 0)
  body.module.sizesMemory = true
  body.regions.cost += fuel.instruction
}

const memoryGrow: Handler = (body, at) => {
  memory(body)
  body.module.patches.add(at, body.reader.position, patch.memoryGrow, 0)
  body.module.sizesMemory = true
  body.regions.cost += fuel.bulk
  body.pays = true
}

const skipping =
  (read: (reader: ByteReader) => void): Handler =>
  (body) => {
    read(body.reader)
    body.regions.cost += fuel.instruction
  }

const refFunc: Handler = (body) => {
  const { reader, module } = body
  const start = reader.position
  const index = reader.index('function', module.functionTypes.length)
  module.patches.add(start, reader.position, patch.func, index)
  body.regions.cost += fuel.instruction
}

/** Reads the alignment and offset of a load or store. */
export const skipMemoryArgument = (reader: ByteReader): void => {
  const at = reader.position
  const alignment = reader.u32('an alignment')
  if ((alignment & 0x40) !== 0) throw unsupported('several memories', at)
  if (alignment > 0x1f) throw new WasmError('malformed', at, `expected an alignment below 32, got ${alignment}`)
  // WebAssembly 3.0 writes offsets as u64 whatever the memory (binary format, memarg); the engine then refuses those past 32 bits.
  reader.skipLeb(10, 'an offset')
}

const data = (body: Body): number => body.reader.index('data segment', body.module.countOf(section.dataCount))
const element = (body: Body): number => body.reader.index('element segment', body.module.countOf(section.element))

const pay = (body: Body, at: number, kind: typeof patch.payBytes | typeof patch.payElements): void => {
  body.module.patches.add(at, at, kind, 0)
  body.regions.cost += fuel.bulk
  body.pays = true
}

/** The instructions of prefix 0xfc past the saturating conversions, by number. */
const bulk: Readonly<Record<number, Handler>> = {
  8: (body, at) => {
    data(body)
    memory(body)
    pay(body, at, patch.payBytes)
  },
  9: (body) => {
    data(body)
    body.module.dropsSegments = true
    body.regions.cost += fuel.bulk
  },
  10: (body, at) => {
    memory(body)
    memory(body)
    pay(body, at, patch.payBytes)
  },
  11: (body, at) => {
    memory(body)
    pay(body, at, patch.payBytes)
  },
  12: (body, at) => {
    element(body)
    table(body)
    body.module.changesTables = true
    pay(body, at, patch.payElements)
  },
  13: (body) => {
    element(body)
    body.module.dropsSegments = true
    body.regions.cost += fuel.bulk
  },
  14: (body, at) => {
    table(body)
    table(body)
    body.module.changesTables = true
    pay(body, at, patch.payElements)
  },
  15: (body, at) => {
    const index = table(body)
    body.module.changesTables = true
    body.module.grownTables.add(index)
    body.module.patches.add(at, body.reader.position, patch.tableGrow, index)
    body.regions.cost += fuel.bulk
    body.pays = true
  },
  16: tableGet,
  17: (body, at) => {
    table(body)
    body.module.changesTables = true
    pay(body, at, patch.payElements)
  },
}

const lastSaturating = 7
const wideArithmetic = new Set([19, 20, 21, 22])

const miscellaneous: Handler = (body, at) => {
  const operation = body.reader.u32('an instruction')
  if (operation <= lastSaturating) {
    body.regions.cost += fuel.instruction
    return
  }
  const handler = bulk[operation]
  if (handler !== undefined) handler(body, at)
  else if (operation === 18) throw unsupported('memory.discard', at)
  else if (wideArithmetic.has(operation)) throw unsupported('wide arithmetic', at)
  else throw new WasmError('malformed', at, `expected an instruction, got 0xfc ${operation}`)
}

const vector: Handler = (body, at) => {
  const { reader } = body
  const operation = reader.u32('a vector instruction')
  body.regions.cost += fuel.instruction
  if (operation >= 0x100 && operation <= 0x12f) throw unsupported('relaxed vector instructions (relaxed SIMD)', at)
  switch (vectorForms[operation] ?? vectorForm.undefined) {
    case vectorForm.plain:
      return
    case vectorForm.memory:
      return skipMemoryArgument(reader)
    case vectorForm.memoryLane:
      skipMemoryArgument(reader)
      return reader.skip(1, 'a lane')
    case vectorForm.lane:
      return reader.skip(1, 'a lane')
    case vectorForm.bytes16:
      return reader.skip(16, 'a v128')
    default:
      throw new WasmError('malformed', at, `expected an instruction, got 0xfd ${operation}`)
  }
}

const refuse: Handler = (body, at) => {
  const opcode = body.reader.bytes[at] ?? 0
  const feature = refusedOpcodes[opcode]
  throw feature === undefined
    ? new WasmError('malformed', at, `expected an instruction, got 0x${opcode.toString(16)}`)
    : unsupported(feature, at)
}

const selectTyped = skipping((reader) => {
  const at = reader.position
  const count = reader.u32('the types of a select')
  if (count !== 1) throw new WasmError('malformed', at, `expected one type of a select, got ${count}`)
  readValueType(reader)
})

const known: Readonly<Record<number, Handler>> = {
  0x00: stop,
  0x01: () => undefined,
  0x02: block,
  0x03: loop,
  0x04: conditional,
  0x05: otherwise,
  0x0b: end,
  0x0c: branch,
  0x0d: branchIf,
  0x0e: branchTable,
  0x0f: stop,
  0x10: call,
  0x11: callIndirect,
  0x12: (body, at) => {
    call(body, at)
    body.regions.stop()
  },
  0x13: (body, at) => {
    callIndirect(body, at)
    body.regions.stop()
  },
  0x1c: selectTyped,
  0x23: global,
  0x24: global,
  0x25: tableGet,
  0x26: tableSet,
  0x3f: memorySize,
  0x40: memoryGrow,
  0x42: skipping((reader) => reader.skipLeb(10, 'an i64')),
  0x43: skipping((reader) => reader.skip(4, 'an f32')),
  0x44: skipping((reader) => reader.skip(8, 'an f64')),
  0xd0: skipping(readHeapType),
  0xd1: skipping(() => undefined),
  0xd2: refFunc,
  0xfc: miscellaneous,
  0xfd: vector,
}

/** The handler of each opcode; those that do not exist or are refused throw. */
export const handlers: readonly Handler[] = Array.from({ length: 256 }, (_, opcode) => known[opcode] ?? refuse)
