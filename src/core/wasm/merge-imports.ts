import type { ByteWriter } from './byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import { copyModule } from './copy-module.ts'
import { decodeModule } from './decode-module.ts'
import { section, type DecodedModule } from './decoded-module.ts'
import { patch } from './patch-list.ts'
import type { WasmLimits } from './wasm-limits.ts'

/** An imported function as it stands in its section, and the first import of the same thing: itself, or an earlier one. */
interface ImportedFunction {
  readonly start: number
  readonly end: number
  readonly first: number
}

/** Reads imports that were decoded before, and are functions all: module, field, kind and type. */
const importedFunctions = ({ bytes, imports, sections }: DecodedModule): ImportedFunction[] => {
  const { start = 0, end = 0 } = sections.get(section.import) ?? {}
  const reader = new ByteReader(bytes, start, end)
  const seen = new Map<string, number>()
  return imports.map(({ module, name }, nth) => {
    const from = reader.position
    for (const what of ['an import module', 'an import field']) reader.skip(reader.u32(what), what)
    reader.skip(1, 'the kind of an import')
    reader.u32('a type index')
    const key = JSON.stringify([module, name])
    const first = seen.get(key) ?? nth
    seen.set(key, first)
    return { start: from, end: reader.position, first }
  })
}

/** The new index of every function: a repeated import has the one of the first. */
const renumbered = (functions: readonly ImportedFunction[], total: number): Uint32Array => {
  const indices = new Uint32Array(total)
  let next = 0
  for (let index = 0; index < total; index++) {
    const first = functions[index]?.first ?? index
    indices[index] = first === index ? next++ : (indices[first] ?? 0)
  }
  return indices
}

/**
 * A program that imports each function once. Core wasm lets a module import one thing under several indices, as AssemblyScript's compiler has it do; a component
 * does not (component model, Explainer, `core:moduletype`). What is imported again has to have the type of the first: the caller checks that, and where it
 * did not, the engine's validation finds the calls that do not fit. A program that repeats nothing, or imports what is no function, stays as it is, byte for byte; of any other
 * the custom sections are left out. Throws WasmError as `validateCore` does.
 */
export const mergeImports = (bytes: Uint8Array, limits: WasmLimits): Uint8Array => {
  const module = decodeModule(bytes, limits)
  if (module.imports.some(({ kind }) => kind !== 'func')) return bytes
  const functions = importedFunctions(module)
  const kept = functions.filter(({ first }, nth) => first === nth)
  if (kept.length === functions.length) return bytes
  const indices = renumbered(functions, module.functionTypes.length)
  const imports = (out: ByteWriter): void => {
    out.u32(kept.length)
    for (const { start, end } of kept) out.slice(bytes, start, end)
  }
  return copyModule(module, {
    replaced: new Map([[section.import, imports]]),
    patch: (out, kind, value) => {
      if (kind !== patch.func) return false
      out.u32(indices[value] ?? 0)
      return true
    },
  })
}
