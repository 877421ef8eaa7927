import { meterImports, meterModule } from '#core/wasm/meter-names.ts'
import { bytesShift, fuel } from '#core/wasm/meter-costs.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import type { CoreModule } from '#core/artifact.ts'
import { engine, type CoreModuleObject } from './engine.ts'

/** A compiled core module, with what it takes before its first instruction runs. */
export interface CompiledCore {
  readonly module: CoreModuleObject
  /** Whether it imports metering. A module without code does not, nor one that was not rewritten. */
  readonly metered: boolean
  /** Whether it has functions of its own. */
  readonly hasCode: boolean
  /** Memories it defines. */
  readonly memories: number
  /** Pages they start with. */
  readonly memoryPages: number
  /** Elements of the tables it defines. */
  readonly tableElements: number
  /** At most the fuel that its segments cost to copy into place: nothing in a module pays for that. */
  readonly segmentFuel: number
  /** Where it imports a memory from, when it wants that memory's virtual size too. */
  readonly memoryImport: { readonly module: string; readonly name: string } | undefined
}

const codeSection = 10
const tableSection = 4
const memorySection = 5
const elementSection = 9
const dataSection = 11

/** Compiles a rewritten core module, off the thread where V8 can. Throws when the bytes are not one. */
export const compileCore = async ({ bytes }: Pick<CoreModule, 'bytes'>): Promise<CompiledCore> => {
  const module = await engine.compile(bytes)
  return { module, ...declaredSizes(bytes), ...meteringOf(module) }
}

const declaredSizes = (bytes: Uint8Array): Pick<CompiledCore, 'hasCode' | 'memories' | 'memoryPages' | 'tableElements' | 'segmentFuel'> => {
  const reader = new ByteReader(bytes, 8)
  let memories: readonly number[] = []
  let tables: readonly number[] = []
  let segmentFuel = 0
  let hasCode = false
  while (!reader.done) {
    const id = reader.byte('a section id')
    const section = reader.part(reader.u32('the size of a section'), 'a section')
    if (id === codeSection) hasCode = section.u32('a count') > 0
    if (id === memorySection) memories = minima(section, () => undefined)
    // An element takes a byte or more.
    if (id === elementSection) segmentFuel += (section.end - section.position) * fuel.element
    if (id === dataSection) segmentFuel += (section.end - section.position) >> bytesShift
    if (id === tableSection) tables = minima(section, () => section.byte('a reference type'))
  }
  return { hasCode, memories: memories.length, memoryPages: sum(memories), tableElements: sum(tables), segmentFuel }
}

const minima = (section: ByteReader, skipType: () => void): readonly number[] => {
  const found: number[] = []
  for (let left = section.u32('a count'); left > 0; left--) {
    skipType()
    const flags = section.byte('limits')
    // Shared and 64-bit ones, and tables with initialisers, never pass ingest: a cell refuses them all the same.
    if (flags > 1) throw new TypeError('expected a core module that ingest has rewritten')
    found.push(section.u32('a minimum'))
    if (flags === 1) section.u32('a maximum')
  }
  return found
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

const meteringOf = (module: CoreModuleObject): Pick<CompiledCore, 'metered' | 'memoryImport'> => {
  const imports = engine.Module.imports(module)
  const fields = imports.filter((each) => each.module === meterModule).map((each) => each.name)
  const sizesMemory = fields.includes(meterImports.memoryPages)
  return { metered: fields.length > 0, memoryImport: sizesMemory ? imports.find((each) => each.kind === 'memory') : undefined }
}
