import { LinkTrap } from '#cell/link/linker.ts'
import { checkRange, describe, heapBytes, maxContentBytes, numberAt, type AbiType } from './abi-type.ts'
import type { CallScope } from './compiled-type.ts'
import type { NumericList } from './numeric-lists.ts'

/** What differs between lists: how their elements get out of memory and into it. */
interface Elements {
  readonly size: number
  readonly align: number
  readonly depth: number
  /** Called when the elements are known to lie in memory, aligned. */
  load(call: CallScope, at: number, length: number): unknown
  /** Throws TypeError when the host's value is no such list. */
  lengthOf(value: unknown): number
  store(call: CallScope, value: unknown, at: number, length: number): void
}

/** A list of anything but numbers: an array (`load_list_from_valid_range`). An element of many fields counts as many times. */
export const listOf = (element: AbiType): AbiType => {
  const { size, align } = element
  const perElement = heapBytes.slot + element.weight
  const steps = Math.max(1, element.fields)
  return compileList({
    size,
    align,
    depth: element.depth,
    load: (call, at, length) => {
      // All elements before the first, so that a length that lies costs nothing.
      call.charge(length * steps, heapBytes.array + length * perElement)
      // Of its length from the start: one that grows has room for half as many again, and is there twice each time it does.
      const list = Array<unknown>(length)
      for (let index = 0; index < length; index++) list[index] = element.load(call, at + index * size)
      return list
    },
    lengthOf: (value) => arrayOf(value).length,
    store: (call, value, at, length) => {
      const list = arrayOf(value)
      for (let index = 0; index < length; index++) element.store(call, list[index], at + index * size)
    },
  })
}

/** A list of numbers: a typed array, which is one object whatever its length, so that it costs its bytes and one element. */
export const numericListOf = (list: NumericList): AbiType => {
  const size = list.bytesPerElement
  return compileList({
    size,
    align: size,
    depth: 0,
    load: (call, at, length) => {
      call.charge(1, heapBytes.typedArray + length * size)
      return list.read(call.bytes(), at, length)
    },
    lengthOf: (value) => list.lengthOf(value),
    store: (call, value, at, length) => list.write(value, call.bytes(), at, length),
  })
}

const arrayOf = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw new TypeError(`expected an array, got ${describe(value)}`)
  return value
}

/** Pointer and length around the elements (`load_list_from_range`, `store_list_into_range`; CanonicalABI.md, "Loading" and "Storing"). */
const compileList = (elements: Elements): AbiType => {
  const { size, align } = elements
  const load = (call: CallScope, pointer: number, length: number): unknown => {
    // Below 2^32 times below 2^28: exact as a double.
    const byteLength = length * size
    if (byteLength > maxContentBytes) throw new LinkTrap(`expected a list of at most ${maxContentBytes} bytes, got ${byteLength}`)
    checkRange(call, pointer, align, byteLength)
    return elements.load(call, pointer, length)
  }
  const store = (call: CallScope, value: unknown, length: number): number => {
    const byteLength = length * size
    if (byteLength > maxContentBytes) throw new TypeError(`expected a list of at most ${maxContentBytes} bytes, got ${byteLength}`)
    const pointer = call.realloc(0, 0, align, byteLength)
    elements.store(call, value, pointer, length)
    return pointer
  }
  return {
    size: 8,
    align: 4,
    flat: ['i32', 'i32'],
    depth: elements.depth + 1,
    weight: 0,
    fields: 0,
    load: (call, at) => {
      const view = call.view()
      return load(call, view.getUint32(at, true), view.getUint32(at + 4, true))
    },
    store: (call, value, at) => {
      const length = elements.lengthOf(value)
      const pointer = store(call, value, length)
      const view = call.view()
      view.setUint32(at, pointer, true)
      view.setUint32(at + 4, length, true)
    },
    lift: (call, values, from) => load(call, numberAt(values, from) >>> 0, numberAt(values, from + 1) >>> 0),
    lower: (call, value, out) => {
      const length = elements.lengthOf(value)
      out.push(store(call, value, length), length)
    },
  }
}
