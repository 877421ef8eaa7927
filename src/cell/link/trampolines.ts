import { ByteWriter } from '#core/wasm/byte-writer.ts'
import type { CoreType } from './abi/compiled-type.ts'
import { engine, type CoreExterns, type CoreFunction, type CoreGlobal, type CoreModuleObject } from './engine.ts'

/** The type of a core function. */
export interface CoreSignature {
  readonly params: readonly CoreType[]
  readonly results: readonly CoreType[]
}

const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const section = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const
const typeCode = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const
const code = { if: 0x04, else: 0x05, end: 0x0b, call: 0x10, localGet: 0x20, globalGet: 0x23, noResult: 0x40, func: 0x60 } as const

/**
 * A core module through which imports are called that can wait, but are also called where nothing can: the engine refuses a
 * `WebAssembly.Suspending` in a start function whatever it answers. While the global is not 0, the plain function is called instead.
 */
export const compileTrampolines = (signatures: readonly CoreSignature[]): Promise<CoreModuleObject> => engine.compile(emit(signatures))

/** Makes the trampolines of one instance: `plain` for when `starting` is not 0, `waiting` for the rest of its life. */
export const makeTrampolines = (
  module: CoreModuleObject,
  starting: CoreGlobal,
  plain: readonly CoreFunction[],
): readonly CoreFunction[] => {
  const waiting = plain.map((run) => new engine.Suspending(run))
  const { exports } = new engine.Instance(module, { plain, waiting, state: { starting } })
  return plain.map((_, nth) => functionAt(exports, nth))
}

const functionAt = (exports: CoreExterns, nth: number): CoreFunction => {
  const found = exports[String(nth)]
  if (typeof found !== 'function') throw new TypeError(`expected trampoline ${nth}`)
  return found as CoreFunction
}

const emit = (signatures: readonly CoreSignature[]): Uint8Array => {
  const out = new ByteWriter()
  const count = signatures.length
  const each = (id: number, entries: number, write: () => void): void => {
    out.byte(id)
    out.prefixed(() => {
      out.u32(entries)
      write()
    })
  }
  out.raw(preamble)
  each(section.type, count, () => {
    for (const signature of signatures) writeType(out, signature)
  })
  each(section.import, 2 * count + 1, () => {
    for (const module of ['plain', 'waiting']) signatures.forEach((_, nth) => writeImport(out, module, nth))
    out.name('state')
    out.name('starting')
    out.raw([3, typeCode.i32, 1])
  })
  each(section.function, count, () => signatures.forEach((_, nth) => out.u32(nth)))
  each(section.export, count, () =>
    signatures.forEach((_, nth) => {
      out.name(String(nth))
      out.byte(0)
      out.u32(2 * count + nth)
    }),
  )
  each(section.code, count, () => signatures.forEach((signature, nth) => out.prefixed(() => writeBody(out, signature, [nth, count + nth]))))
  return out.toBytes()
}

const writeType = (out: ByteWriter, { params, results }: CoreSignature): void => {
  out.byte(code.func)
  for (const types of [params, results]) {
    out.u32(types.length)
    out.raw(types.map((type) => typeCode[type]))
  }
}

const writeImport = (out: ByteWriter, module: string, nth: number): void => {
  out.name(module)
  out.name(String(nth))
  out.byte(0)
  out.u32(nth)
}

const writeBody = (out: ByteWriter, { params, results }: CoreSignature, [plain, waiting]: readonly [number, number]): void => {
  const callWithAll = (index: number): void => {
    params.forEach((_, local) => {
      out.byte(code.localGet)
      out.u32(local)
    })
    out.byte(code.call)
    out.u32(index)
  }
  const [result] = results
  out.raw([0, code.globalGet, 0, code.if, result === undefined ? code.noResult : typeCode[result]])
  callWithAll(plain)
  out.byte(code.else)
  callWithAll(waiting)
  out.raw([code.end, code.end])
}
