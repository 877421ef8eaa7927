import { meterImports, meterModule } from '#core/wasm/meter-names.ts'
import { bytesShift, fuel } from '#core/wasm/meter-costs.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import type { CoreModule } from '#core/artifact.ts'
import { engine, type CoreModuleObject } from './engine.ts'

/** A compiled core module, with what it takes before its first instruction runs. */
export interface CompiledCore {
  readonly module: CoreModuleObject
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

const tableSection = 4
const memorySection = 5
const elementSection = 9
const dataSection = 11

/** Compiles a rewritten core module, off the thread where V8 can. Throws when the bytes are not one. */
export const compileCore = async ({ bytes }: CoreModule): Promise<CompiledCore> => {
  const module = await engine.compile(bytes)
  return { module, ...declaredSizes(bytes), memoryImport: virtualMemoryImport(module) }
}

const declaredSizes = (bytes: Uint8Array): Pick<CompiledCore, 'memories' | 'memoryPages' | 'tableElements' | 'segmentFuel'> => {
  const reader = new ByteReader(bytes, 8)
  let memories: readonly number[] = []
  let tables: readonly number[] = []
  let segmentFuel = 0
  while (!reader.done) {
    const id = reader.byte('a section id')
    const section = reader.part(reader.u32('the size of a section'), 'a section')
    if (id === memorySection) memories = minima(section, () => undefined)
    // An element takes a byte or more.
    if (id === elementSection) segmentFuel += (section.end - section.position) * fuel.element
    if (id === dataSection) segmentFuel += (section.end - section.position) >> bytesShift
    if (id === tableSection) tables = minima(section, () => section.byte('a reference type'))
  }
  return { memories: memories.length, memoryPages: sum(memories), tableElements: sum(tables), segmentFuel }
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

const virtualMemoryImport = (module: CoreModuleObject): CompiledCore['memoryImport'] => {
  const imports = engine.Module.imports(module)
  const wantsPages = imports.some((each) => each.module === meterModule && each.name === meterImports.memoryPages)
  return wantsPages ? imports.find((each) => each.kind === 'memory') : undefined
}
