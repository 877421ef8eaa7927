import type { PrimitiveKind, ValueType } from '#core/component/component-plan.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { heapBytes, maxContentBytes, numberAt, type AbiType } from './abi-type.ts'
import { listOf, numericListOf } from './compile-list.ts'
import { numberTypes } from './compile-number.ts'
import { flagsOf, recordOf, tupleOf } from './compile-record.ts'
import { stringType } from './compile-string.ts'
import { enumOf, nestedOptionOf, optionOf, resultOf, variantOf } from './compile-variant.ts'
import { maxTypeDepth, type CompiledType } from './compiled-type.ts'
import { numericLists } from './numeric-lists.ts'

/** By identity: a type object is shared wherever the type is, so that what doubles at every level is compiled once a level. */
const compiled = new WeakMap<ValueType, AbiType>()

/**
 * Compiles how values of `type` are lifted and lowered, once for each type object; what it gives holds no state of any call. Its `flat` is cut after 17
 * core values, more than which are never passed flat; such a type is only loaded and stored. Throws LinkTrap `link` for a type that is too deep or too large.
 */
export const compileType = (type: ValueType): CompiledType => compileNested(type, 0)

/** {@link compileType} for parts of another type, `level` deep in it. */
export const compileNested = (type: ValueType, level: number): AbiType => {
  const known = compiled.get(type)
  if (known !== undefined) return known
  if (level > maxTypeDepth) throw tooDeep()
  const made = compileAnew(type, level + 1)
  if (made.depth > maxTypeDepth) throw tooDeep()
  // `elem_size` has to stay below it (CanonicalABI.md, "Element Size").
  if (made.size > maxContentBytes) throw new LinkTrap(`expected a type of at most ${maxContentBytes} bytes, got ${made.size}`, 'link')
  compiled.set(type, made)
  return made
}

const tooDeep = (): LinkTrap => new LinkTrap(`expected types at most ${maxTypeDepth} deep`, 'link')

const primitives: Readonly<Record<PrimitiveKind, AbiType>> = { ...numberTypes, string: stringType }

const isPrimitive = (type: ValueType): type is { readonly kind: PrimitiveKind } => Object.hasOwn(primitives, type.kind)

const compileAnew = (type: ValueType, level: number): AbiType => {
  if (isPrimitive(type)) return primitives[type.kind]
  const part = (each: ValueType): AbiType => compileNested(each, level)
  const maybe = (each: ValueType | undefined): AbiType | undefined => (each === undefined ? undefined : part(each))
  switch (type.kind) {
    case 'list':
      return compileList(type.element, level)
    case 'record': {
      const { fields } = type
      return recordOf(
        fields.map(({ name }) => name),
        fields.map((field) => part(field.type)),
      )
    }
    case 'tuple':
      return tupleOf(type.items.map((item) => part(item)))
    case 'variant':
      return variantOf(type.cases.map(({ name, type }) => ({ name, type: maybe(type) })))
    case 'enum':
      return enumOf(type.names)
    case 'flags':
      return flagsOf(type.names)
    case 'option':
      return compileOption(type.some, level)
    case 'result':
      return resultOf(maybe(type.ok), maybe(type.error))
    case 'own':
    case 'borrow':
      return handleOf(type.kind, type.resource)
  }
}

const compileList = (element: ValueType, level: number): AbiType => {
  const numeric = numericLists.get(element.kind)
  return numeric === undefined ? listOf(compileNested(element, level)) : numericListOf(numeric)
}

/** jco's rule: only where undefined would be a value of `some` as well does an option need a tag to tell the two apart. */
const isTaggedOption = (some: ValueType): boolean => some.kind === 'option' && !isTaggedOption(some.some)

const compileOption = (some: ValueType, level: number): AbiType => {
  const compiled = compileNested(some, level)
  return isTaggedOption(some) ? nestedOptionOf(compiled) : optionOf(compiled)
}

/** Handles: what they stand for is the call's to know (`lift_own` … `lower_borrow`). */
const handleOf = (kind: 'own' | 'borrow', resource: number): AbiType => {
  const shape = { size: 4, align: 4, flat: ['i32'], depth: 0, weight: heapBytes.handle, fields: 0 } as const
  if (kind === 'own') {
    return {
      ...shape,
      load: (call, at) => call.liftOwn(resource, call.view().getUint32(at, true)),
      store: (call, value, at) => {
        const handle = call.lowerOwn(resource, value)
        call.view().setUint32(at, handle, true)
      },
      lift: (call, values, from) => call.liftOwn(resource, numberAt(values, from) >>> 0),
      lower: (call, value, out) => void out.push(call.lowerOwn(resource, value)),
    }
  }
  return {
    ...shape,
    load: (call, at) => call.liftBorrow(resource, call.view().getUint32(at, true)),
    store: (call, value, at) => {
      const handle = call.lowerBorrow(resource, value)
      call.view().setUint32(at, handle, true)
    },
    lift: (call, values, from) => call.liftBorrow(resource, numberAt(values, from) >>> 0),
    lower: (call, value, out) => void out.push(call.lowerBorrow(resource, value)),
  }
}
