import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { coreSignature } from './core-types.ts'
import type { Definition, IndexedOptions } from './definition.ts'
import { typeAs } from './extern-type-reader.ts'
import { flattenFunction, type FlatFunction } from './flat-signature.ts'
import { beyond, pick, invalid, unknownByte, unsupported, type Reading } from './reading.ts'
import type { Scope } from './scope.ts'

/** Not of WASI 0.3 either. */
const threads = 'threads'

/** Canonical functions that came after 0.2, by their byte. */
const laterCanons: Readonly<Record<number, string>> = {
  0x05: 'task.cancel',
  0x06: 'subtask.cancel',
  0x07: 'resource.drop async',
  0x08: 'backpressure.set',
  0x09: 'task.return',
  0x0a: 'context.get',
  0x0b: 'context.set',
  0x0c: 'thread.yield',
  0x0d: 'subtask.drop',
}

/** From stream.new to thread.available-parallelism. */
const laterRanges: readonly (readonly [first: number, last: number, what: string])[] = [
  [0x0e, 0x14, 'streams'],
  [0x15, 0x1b, 'futures'],
  [0x1c, 0x1e, 'error contexts'],
  [0x1f, 0x23, 'waitable sets'],
  [0x24, 0x25, 'backpressure'],
  [0x26, 0x2d, threads],
  [0x40, 0x42, threads],
]

const unknownCanon = (byte: number, at: number): Error => {
  const name = laterCanons[byte] ?? laterRanges.find(([first, last]) => byte >= first && byte <= last)?.[2]
  if (name === undefined) return unknownByte(at, 'a canonical function', byte)
  const refuse = name === threads ? unsupported : beyond
  return refuse(at, `a canonical function of ${name}`)
}

const encodings: readonly IndexedOptions['encoding'][] = ['utf8', 'utf16', 'latin1+utf16']
const optionNames = ['memory', 'realloc', 'postReturn'] as const

const reallocSignature = coreSignature(['i32', 'i32', 'i32', 'i32'], ['i32'])

/** Reads canonical definitions (CanonicalABI.md, canonical definitions) of one component. */
export class CanonicalReader {
  private readonly reading: Reading
  private readonly scope: Scope

  constructor(reading: Reading, scope: Scope) {
    this.reading = reading
    this.scope = scope
  }

  /** Reads one and gives what it defines its index. Throws WasmError. */
  read(reader: ByteReader): Definition {
    const at = reader.position
    const form = reader.byte('a canonical function')
    switch (form) {
      case 0x00:
        return this.lift(reader, at)
      case 0x01:
        return this.lower(reader, at)
      case 0x02:
        return this.resourceFunction(reader, at, 'resource.new')
      case 0x03:
        return this.resourceFunction(reader, at, 'resource.drop')
      case 0x04:
        return this.resourceFunction(reader, at, 'resource.rep')
      default:
        throw unknownCanon(form, at)
    }
  }

  private lift(reader: ByteReader, at: number): Definition {
    this.functionSort(reader)
    const core = reader.u32('a core function index')
    const signature = this.signatureOf(core, at)
    const options = this.options(reader)
    const type = typeAs(reader, this.scope, 'func')
    const flat = flattenFunction(type, 'lift')
    if (signature !== flat.signature) throw invalid(at, `expected a core function ${flat.signature} to lift, got ${signature}`)
    this.checkOptions(options, flat, at)
    if (options.postReturn !== undefined) {
      const found = this.signatureOf(options.postReturn, at)
      if (found !== flat.postReturn) throw invalid(at, `expected post-return to be ${flat.postReturn}, got ${found}`)
    }
    this.scope.functions.push(type)
    return { at, level: 'core', kind: 'lift', core, options, type }
  }

  private lower(reader: ByteReader, at: number): Definition {
    this.functionSort(reader)
    const index = reader.u32('a function index')
    const type = pick(this.scope.functions, index, 'function', at)
    const options = this.options(reader)
    const flat = flattenFunction(type, 'lower')
    this.checkOptions(options, flat, at)
    if (options.postReturn !== undefined) throw invalid(at, 'expected no post-return for a lowered function, got one')
    this.scope.core.func.push({ kind: 'func', signature: flat.signature })
    return { at, level: 'core', kind: 'lower', function: index, options }
  }

  private functionSort(reader: ByteReader): void {
    const sort = reader.byte('the sort of a canonical function')
    if (sort !== 0) throw unknownByte(reader.position - 1, 'a function (0)', sort)
  }

  private resourceFunction(reader: ByteReader, at: number, kind: 'resource.new' | 'resource.drop' | 'resource.rep'): Definition {
    const { resource } = typeAs(reader, this.scope, 'resource')
    if (kind !== 'resource.drop' && resource.owner !== this.scope) {
      throw invalid(at, `expected ${kind} of a resource type that this component defines, got another one`)
    }
    this.scope.core.func.push({ kind: 'func', signature: coreSignature(['i32'], kind === 'resource.drop' ? [] : ['i32']) })
    return { at, level: 'core', kind, resource }
  }

  private signatureOf(index: number, at: number): string {
    const type = pick(this.scope.core.func, index, 'core function', at)
    return type.kind === 'func' ? type.signature : ''
  }

  private options(reader: ByteReader): IndexedOptions {
    const count = this.reading.members(reader, 'canonical options')
    let encoding: IndexedOptions['encoding'] | undefined
    const indices: { memory?: number; realloc?: number; postReturn?: number } = {}
    for (let nth = 0; nth < count; nth++) {
      const at = reader.position
      const option = reader.byte('a canonical option')
      if (option === 0x06 || option === 0x07) throw beyond(at, 'a canonical option of asynchronous functions')
      if (option === 0x08 || option === 0x09) throw unsupported(at, 'a canonical option of garbage-collected functions')
      if (option > 0x09) throw unknownByte(at, 'a canonical option', option)
      if (option <= 0x02) {
        if (encoding !== undefined) throw invalid(at, `expected one string encoding, got ${encodings[option]} after ${encoding}`)
        encoding = encodings[option]
        continue
      }
      const name = optionNames[option - 0x03] ?? 'memory'
      if (indices[name] !== undefined) throw invalid(at, `expected the option ${name} once, got it again`)
      indices[name] = reader.u32(`the index of ${name}`)
    }
    return { encoding: encoding ?? 'utf8', memory: indices.memory, realloc: indices.realloc, postReturn: indices.postReturn }
  }

  private checkOptions({ memory, realloc }: IndexedOptions, flat: FlatFunction, at: number): void {
    if (memory !== undefined) pick(this.scope.core.memory, memory, 'core memory', at)
    if (realloc !== undefined) {
      const found = this.signatureOf(realloc, at)
      if (found !== reallocSignature) throw invalid(at, `expected realloc to be ${reallocSignature}, got ${found}`)
      if (memory === undefined) throw invalid(at, 'expected the option memory beside realloc, got none')
    }
    if (flat.needsMemory && memory === undefined) throw invalid(at, 'expected the option memory for these types, got none')
    if (flat.needsRealloc && realloc === undefined) throw invalid(at, 'expected the option realloc for these types, got none')
  }
}
