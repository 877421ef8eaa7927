import { handlers, skipMemoryArgument, type Body } from './body-instructions.ts'
import { ByteReader } from './byte-reader.ts'
import type { CostRegions } from './cost-regions.ts'
import { readValueType } from './decode-types.ts'
import type { DecodedModule } from './decoded-module.ts'
import { form, forms } from './instructions.ts'
import { bodyFuelBound, freeFunctionFuel, fuel, localsPerUnit, mostBodyFuel } from './meter-costs.ts'
import { patch } from './patch-list.ts'
import { WasmError } from './wasm-error.ts'

const readLocals = (reader: ByteReader, module: DecodedModule, parameters: number): number => {
  const groups = reader.count('groups of locals', module.limits.locals)
  let locals = parameters
  for (let nth = 0; nth < groups; nth++) {
    const at = reader.position
    locals += reader.u32('a number of locals')
    if (locals > module.limits.locals) {
      throw new WasmError('limit', at, `expected at most ${module.limits.locals} locals in a function, got ${locals}`)
    }
    readValueType(reader)
  }
  return locals
}

/** Reads instructions until the body's own `end`. */
const readInstructions = (body: Body): void => {
  const { reader, regions, locals } = body
  const { bytes, end } = reader
  while (regions.depth >= 0) {
    const at = reader.position
    if (at >= end) throw new WasmError('malformed', at, 'expected an instruction or `end`, got the end of the function')
    const opcode = bytes[at] ?? 0
    reader.position = at + 1
    switch (forms[opcode] ?? form.handler) {
      case form.plain:
        break
      case form.local:
        reader.index('local', locals)
        break
      case form.memory:
        skipMemoryArgument(reader)
        break
      case form.i32:
        reader.skipLeb(5, 'an i32')
        break
      default:
        handlers[opcode]?.(body, at)
        continue
    }
    regions.cost += fuel.instruction
  }
}

/**
 * Decodes one function body (the bytes past its size) and adds its changes to the module's patches: first the charge at
 * its entry, then what its instructions need, by position.
 */
export const scanBody = (reader: ByteReader, module: DecodedModule, regions: CostRegions, parameters: number): void => {
  const size = reader.end - reader.position
  if (bodyFuelBound(size, module.limits.typeArity) > mostBodyFuel) {
    throw new WasmError('limit', reader.position, `expected a function whose fuel fits ${mostBodyFuel}, got ${size} bytes`)
  }
  const locals = readLocals(reader, module, parameters)
  const entry = module.patches.add(reader.position, reader.position, patch.charge, 0)
  regions.begin(entry, fuel.entry + Math.floor((locals - parameters) / localsPerUnit))
  const body: Body = { reader, module, regions, locals, pays: false }
  readInstructions(body)
  reader.expectEnd('a function')
  const cost = regions.finish()
  if (!body.pays && cost <= freeFunctionFuel) {
    module.patches.setValue(entry, 0)
    module.freeFunctions++
  } else {
    module.charges++
  }
}
