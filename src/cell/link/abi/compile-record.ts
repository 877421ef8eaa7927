import { LinkTrap } from '#cell/link/linker.ts'
import { lowerCamel } from '#core/component/js-names.ts'
import { alignTo, describe, heapBytes, maxFlat, numberAt, type AbiType } from './abi-type.ts'
import type { CoreType } from './compiled-type.ts'

/** One field of a record, one item of a tuple or one parameter. */
export interface Part {
  readonly index: number
  readonly type: AbiType
  readonly offset: number
  /** Core values of the parts before it. */
  readonly flatOffset: number
}

/** Parts one after the other in memory (`elem_size_record`) and as core values (`flatten_record`). */
export interface PartsLayout {
  readonly parts: readonly Part[]
  readonly size: number
  readonly align: number
  /** Cut after {@link maxFlat}. */
  readonly flat: readonly CoreType[]
  readonly depth: number
  readonly weight: number
  readonly fields: number
}

/** Lays `types` out as a record has them (CanonicalABI.md, "Alignment", "Element Size" and "Flattening"). */
export const layOut = (types: readonly AbiType[]): PartsLayout => {
  const parts: Part[] = []
  const flat: CoreType[] = []
  let [end, align, depth, weight, fields] = [0, 1, 0, 0, 0]
  for (const [index, type] of types.entries()) {
    const offset = alignTo(end, type.align)
    parts.push({ index, type, offset, flatOffset: flat.length })
    for (const core of type.flat) if (flat.length < maxFlat) flat.push(core)
    end = offset + type.size
    align = Math.max(align, type.align)
    depth = Math.max(depth, type.depth)
    weight += heapBytes.slot + type.weight
    fields += 1 + type.fields
  }
  return { parts, size: alignTo(end, align), align, flat, depth, weight, fields }
}

/** What has to be known of a type besides how its values are moved. */
const shapeOf = ({ size, align, flat, depth, weight, fields }: PartsLayout, ownBytes: number) => ({
  size,
  align,
  flat,
  depth: depth + 1,
  weight: ownBytes + weight,
  fields,
})

type Fields = Record<string, unknown>

/** An empty object literal has room for so many fields; with more of them assigned one by one, the engine soon makes a hash table of it. */
const literalFields = 4
/** An object of more is a hash table in any case: three slots a place, of which there are a power of two, a third of them free; and its header. */
const maxFastFields = 1020
const hashedSlots = (count: number): number => 3 * 2 ** Math.ceil(Math.log2(1.5 * count)) + 8

/** Bytes of an object besides a slot for each of `count` fields. */
const objectBytes = (count: number): number =>
  heapBytes.object + heapBytes.slot * (count > maxFastFields ? hashedSlots(count) - count : literalFields)

/**
 * Makes the objects into which names of a guest's author go. Every object has `constructor` or `toString` and no name may reach those, set a
 * prototype or trip over a frozen one: such names are own properties before anything is assigned. So are many names: copies of an object that was made with
 * them stay what they were, where assigning them would take up to 24 µs and 1.6 KB for 32 flags.
 */
const objectMaker = (names: readonly string[]): (() => Fields) => {
  const inherited = names.filter((name) => name in Object.prototype)
  if (inherited.length === 0 && names.length <= literalFields) return () => ({})
  const template: Fields = {}
  for (const name of names)
    Object.defineProperty(template, name, { value: undefined, writable: true, enumerable: true, configurable: true })
  return () => ({ ...template })
}

/** Reads a field of a host's object: `constructor` and the like only where the object has one of its own. */
const fieldReader = (name: string): ((fields: Fields) => unknown) =>
  name in Object.prototype ? (fields) => (Object.hasOwn(fields, name) ? fields[name] : undefined) : (fields) => fields[name]

const objectOf = (value: unknown, what: string): Fields => {
  if (typeof value !== 'object' || value === null) throw new TypeError(`expected an object for ${what}, got ${describe(value)}`)
  // Any object will do: what it lacks is refused field by field.
  return value as Fields
}

/**
 * `names` as JavaScript has them. Throws LinkTrap `link` for two that become one, as `a1` and `a-1` do: a value of the one would be taken for the other's.
 */
const jsNamesOf = (names: readonly string[]): readonly string[] => {
  const before = new Map<string, string>()
  return names.map((name) => {
    const jsName = lowerCamel(name)
    const other = before.get(jsName)
    if (other !== undefined) {
      throw new LinkTrap(
        `expected names that JavaScript can tell apart, got \`${other}\` and \`${name}\`, both \`${jsName}\` there`,
        'link',
      )
    }
    before.set(jsName, name)
    return jsName
  })
}

/** A record: an object with its fields in lowerCamelCase. Throws LinkTrap `link` for fields that JavaScript cannot tell apart. */
export const recordOf = (names: readonly string[], types: readonly AbiType[]): AbiType => {
  const layout = layOut(types)
  const jsNames = jsNamesOf(names)
  const makeObject = objectMaker(jsNames)
  const fields = layout.parts.map((part) => {
    const name = jsNames[part.index] ?? ''
    return { ...part, name, read: fieldReader(name) }
  })
  return {
    ...shapeOf(layout, objectBytes(names.length)),
    load: (call, at) => {
      const made = makeObject()
      for (const field of fields) made[field.name] = field.type.load(call, at + field.offset)
      return made
    },
    store: (call, value, at) => {
      const given = objectOf(value, 'a record')
      for (const field of fields) field.type.store(call, field.read(given), at + field.offset)
    },
    lift: (call, values, from) => {
      const made = makeObject()
      for (const field of fields) made[field.name] = field.type.lift(call, values, from + field.flatOffset)
      return made
    },
    lower: (call, value, out) => {
      const given = objectOf(value, 'a record')
      for (const field of fields) field.type.lower(call, field.read(given), out)
    },
  }
}

const itemsOf = (value: unknown, length: number): readonly unknown[] => {
  if (!Array.isArray(value)) throw new TypeError(`expected an array of ${length} for a tuple, got ${describe(value)}`)
  if (value.length !== length) throw new TypeError(`expected an array of ${length} for a tuple, got one of ${value.length}`)
  return value
}

/** A tuple: an array. */
export const tupleOf = (types: readonly AbiType[]): AbiType => {
  const layout = layOut(types)
  const { parts } = layout
  // Copies have room for their items only.
  const template = parts.map(() => undefined as unknown)
  return {
    ...shapeOf(layout, heapBytes.array),
    load: (call, at) => {
      const items = template.slice()
      for (const { index, type, offset } of parts) items[index] = type.load(call, at + offset)
      return items
    },
    store: (call, value, at) => {
      const items = itemsOf(value, parts.length)
      for (const { index, type, offset } of parts) type.store(call, items[index], at + offset)
    },
    lift: (call, values, from) => {
      const items = template.slice()
      for (const { index, type, flatOffset } of parts) items[index] = type.lift(call, values, from + flatOffset)
      return items
    },
    lower: (call, value, out) => {
      const items = itemsOf(value, parts.length)
      for (const { index, type } of parts) type.lower(call, items[index], out)
    },
  }
}

const flagsSize = (count: number): 1 | 2 | 4 => {
  if (count <= 8) return 1
  return count <= 16 ? 2 : 4
}

/**
 * Flags: an object of booleans, up to 32 (`load_flags`, `store_flags`). Bits past the last flag are nobody's and are ignored. Of a host's object what
 * is missing is false; nothing at all is all false, as jco has it. Throws LinkTrap `link` for names that JavaScript cannot tell apart.
 */
export const flagsOf = (names: readonly string[]): AbiType => {
  const jsNames = jsNamesOf(names)
  const makeObject = objectMaker(jsNames)
  const flags = jsNames.map((name, index) => ({ name, mask: 1 << index, read: fieldReader(name) }))
  const size = flagsSize(names.length)
  const unpack = (bits: number): Fields => {
    const made = makeObject()
    for (const { name, mask } of flags) made[name] = (bits & mask) !== 0
    return made
  }
  const pack = (value: unknown): number => {
    if (value === undefined || value === null) return 0
    const given = objectOf(value, 'flags')
    let bits = 0
    for (const { mask, read } of flags) if (read(given)) bits |= mask
    return bits
  }
  return {
    size,
    align: size,
    flat: ['i32'],
    depth: 0,
    weight: objectBytes(names.length) + names.length * heapBytes.slot,
    fields: names.length,
    load: (call, at) => {
      const view = call.view()
      if (size === 1) return unpack(view.getUint8(at))
      return unpack(size === 2 ? view.getUint16(at, true) : view.getInt32(at, true))
    },
    store: (call, value, at) => {
      const bits = pack(value)
      const view = call.view()
      if (size === 1) view.setUint8(at, bits)
      else if (size === 2) view.setUint16(at, bits, true)
      else view.setInt32(at, bits, true)
    },
    lift: (_call, values, from) => unpack(numberAt(values, from)),
    lower: (_call, value, out) => void out.push(pack(value)),
  }
}
