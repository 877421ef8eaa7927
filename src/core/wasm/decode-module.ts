import { ByteReader } from './byte-reader.ts'
import { CostRegions } from './cost-regions.ts'
import { vectors } from './decode-sections.ts'
import { unsupported } from './decode-types.ts'
import { DecodedModule, section } from './decoded-module.ts'
import { noteFunction } from './init-expression.ts'
import { scanBody } from './scan-body.ts'
import { WasmError } from './wasm-error.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** The order in which sections stand (core spec 5.5.2), by id; 0 for custom sections, which stand anywhere. */
const order = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6]

/** What a file that starts with `bytes` is, in words. */
const describeStart = (bytes: Uint8Array): string => {
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return start === '' ? 'no bytes' : `bytes \`${start}\``
}

const coreVersion = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

const readPreamble = (reader: ByteReader): void => {
  const at = reader.position
  if (coreVersion.some((byte, nth) => reader.bytes[at + nth] !== byte)) {
    throw new WasmError(
      'malformed',
      at,
      `expected a core module (00 61 73 6d 01 00 00 00), got ${describeStart(reader.bytes.subarray(at))}`,
    )
  }
  reader.skip(coreVersion.length, 'a core module')
}

const readVector = (reader: ByteReader, module: DecodedModule, id: number): void => {
  const vector = vectors[id]
  if (vector === undefined) throw new WasmError('malformed', reader.position, `expected a known section, got id ${id}`)
  const count = reader.count(vector.what, vector.limit(module))
  module.sections.set(id, { start: reader.position, end: reader.end, count })
  for (let nth = 0; nth < count; nth++) vector.read(reader, module)
}

const readCode = (reader: ByteReader, module: DecodedModule): void => {
  const at = reader.position
  const count = reader.u32('the number of function bodies')
  if (count !== module.definedFunctions) {
    throw new WasmError('malformed', at, `expected ${module.definedFunctions} function bodies, got ${count}`)
  }
  module.sections.set(section.code, { start: reader.position, end: reader.end, count })
  module.bodies = new Int32Array(2 * count)
  const regions = new CostRegions(module.patches, module.limits.blockDepth)
  for (let nth = 0; nth < count; nth++) {
    const size = reader.count('bytes of a function', module.limits.bodyBytes)
    const body = reader.part(size, 'a function')
    module.bodies[2 * nth] = body.position
    module.bodies[2 * nth + 1] = body.end
    const type = module.functionTypes[module.importedFunctions + nth] ?? 0
    scanBody(body, module, regions, module.parameters[type] ?? 0)
  }
}

const readIndex = (reader: ByteReader, module: DecodedModule, id: number): void => {
  const { position: start, end } = reader
  if (id === section.start) {
    noteFunction(reader, module)
    module.sections.set(id, { start, end, count: 0 })
  } else {
    module.sections.set(id, { start, end, count: reader.count('data segments', module.limits.dataSegments) })
  }
}

const readSection = (reader: ByteReader, module: DecodedModule, id: number): void => {
  if (id === section.code) readCode(reader, module)
  else if (id === section.start || id === section.dataCount) readIndex(reader, module, id)
  else readVector(reader, module, id)
  reader.expectEnd(`section ${id}`)
}

/** Checks what several sections say together. */
const checkTotals = (module: DecodedModule): void => {
  const at = module.bytes.length
  if (module.bodies.length / 2 !== module.definedFunctions) {
    throw new WasmError('malformed', at, `expected ${module.definedFunctions} function bodies, got ${module.bodies.length / 2}`)
  }
  const promised = module.sections.get(section.dataCount)?.count
  if (promised !== undefined && promised !== module.countOf(section.data)) {
    throw new WasmError('malformed', at, `expected ${promised} data segments, got ${module.countOf(section.data)}`)
  }
}

/** Decodes a core module whole: every section and every instruction. Throws {@link WasmError}. */
export const decodeModule = (bytes: Uint8Array, limits: WasmLimits): DecodedModule => {
  if (bytes.length > limits.moduleBytes) {
    throw new WasmError('limit', 0, `expected a core module of at most ${limits.moduleBytes} bytes, got ${bytes.length}`)
  }
  const reader = new ByteReader(bytes)
  readPreamble(reader)
  const module = new DecodedModule(bytes, limits)
  let last = 0
  let sections = 0
  while (!reader.done) {
    const at = reader.position
    if (++sections > limits.sections) throw new WasmError('limit', at, `expected at most ${limits.sections} sections, got more`)
    const id = reader.byte('a section id')
    const part = reader.part(reader.u32('the size of a section'), `section ${id}`)
    if (id === section.custom) {
      // Dropped whatever it says; the engine would look at its name.
      part.asciiName('a custom section', limits.nameBytes)
      continue
    }
    if (id === section.tag) throw unsupported('exceptions', at)
    const place = order[id]
    if (place === undefined) throw new WasmError('malformed', at, `expected a section id up to 13, got ${id}`)
    if (place <= last) throw new WasmError('malformed', at, `expected sections once and in order, got section ${id}`)
    last = place
    readSection(part, module, id)
  }
  checkTotals(module)
  return module
}
