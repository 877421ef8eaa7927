import { numberAt, type AbiType } from './abi-type.ts'
import { liftString } from './lift-string.ts'
import { lowerString } from './lower-string.ts'

/** Strings: a pointer and a length, whatever the encoding is. */
export const stringType: AbiType = {
  size: 8,
  align: 4,
  flat: ['i32', 'i32'],
  depth: 0,
  weight: 0,
  fields: 0,
  load: (call, at) => {
    const view = call.view()
    return liftString(call, view.getUint32(at, true), view.getUint32(at + 4, true))
  },
  store: (call, value, at) => {
    const { pointer, taggedUnits } = lowerString(call, value)
    const view = call.view()
    view.setUint32(at, pointer, true)
    view.setUint32(at + 4, taggedUnits, true)
  },
  lift: (call, values, from) => liftString(call, numberAt(values, from) >>> 0, numberAt(values, from + 1) >>> 0),
  lower: (call, value, out) => {
    const { pointer, taggedUnits } = lowerString(call, value)
    out.push(pointer, taggedUnits)
  },
}
