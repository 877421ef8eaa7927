import type { ValueType } from '#core/component/component-plan.ts'
import { checkRange, maxFlatParameters, numberAt, type AbiType } from './abi-type.ts'
import { layOut } from './compile-record.ts'
import { compileNested } from './compile-type.ts'
import type { CallScope, CompiledType, CoreType, CoreValue } from './compiled-type.ts'

/** The parameters of a function, with one side's rules for passing them (`lift_flat_values`, `lower_flat_values`; CanonicalABI.md). */
export interface CompiledParameters {
  readonly types: readonly CompiledType[]
  /** Core parameters: the flattened types, or one pointer when they are more than 16. */
  readonly flat: readonly CoreType[]
  /** Whether they go through memory, as a record of `size` bytes. */
  readonly spilled: boolean
  readonly size: number
  readonly align: number
  /** Takes the arguments that a core function was called with, from the first. Throws LinkTrap. */
  lift(call: CallScope, values: readonly CoreValue[]): unknown[]
  /** Appends the arguments for a core function. Throws LinkTrap; TypeError when `args` are not of these types. */
  lower(call: CallScope, args: readonly unknown[], out: CoreValue[]): void
}

/** The result of a function, likewise. */
export interface CompiledResult {
  readonly type: CompiledType | undefined
  /** Core results when it is not spilled: none or one. */
  readonly flat: readonly CoreType[]
  /** Whether it takes more than one core value: a lifted core function gives a pointer to it, a lowered one is given a pointer to where it belongs, last. */
  readonly spilled: boolean
  readonly size: number
  readonly align: number
  /** Takes what a core function returned. Throws LinkTrap. */
  lift(call: CallScope, returned: CoreValue | undefined): unknown
  /** Gives the core result, or writes the value to `pointer`, unsigned, when it is spilled. Throws LinkTrap; TypeError as for parameters. */
  lower(call: CallScope, value: unknown, pointer: number): CoreValue | undefined
}

/** Compiles parameters. Throws LinkTrap `link` as {@link compileNested} does. */
export const compileParameters = (types: readonly ValueType[]): CompiledParameters => {
  const layout = layOut(types.map((type) => compileNested(type, 0)))
  const { parts, size, align, weight } = layout
  const fields = layout.fields - parts.length
  const spilled = layout.flat.length > maxFlatParameters
  const template = parts.map(() => undefined as unknown)
  const checkCount = (args: readonly unknown[]): void => {
    if (args.length > parts.length) throw new TypeError(`expected ${parts.length} arguments, got ${args.length}`)
  }
  const inMemory: Pick<CompiledParameters, 'lift' | 'lower'> = {
    lift: (call, values) => {
      const pointer = numberAt(values, 0) >>> 0
      checkRange(call, pointer, align, size)
      call.charge(fields, weight)
      const args = template.slice()
      for (const { index, type, offset } of parts) args[index] = type.load(call, pointer + offset)
      return args
    },
    lower: (call, args, out) => {
      checkCount(args)
      const pointer = call.realloc(0, 0, align, size)
      for (const { index, type, offset } of parts) type.store(call, args[index], pointer + offset)
      out.push(pointer)
    },
  }
  const asValues: Pick<CompiledParameters, 'lift' | 'lower'> = {
    lift: (call, values) => {
      call.charge(fields, weight)
      const args = template.slice()
      for (const { index, type, flatOffset } of parts) args[index] = type.lift(call, values, flatOffset)
      return args
    },
    lower: (call, args, out) => {
      checkCount(args)
      for (const { index, type } of parts) type.lower(call, args[index], out)
    },
  }
  return {
    types: parts.map(({ type }) => type),
    flat: spilled ? ['i32'] : layout.flat,
    spilled,
    size,
    align,
    ...(spilled ? inMemory : asValues),
  }
}

/** Compiles a result. Throws LinkTrap `link` as {@link compileNested} does. */
export const compileResult = (type: ValueType | undefined): CompiledResult => {
  if (type === undefined) return nothing
  const compiled = compileNested(type, 0)
  return compiled.flat.length > 1 ? resultInMemory(compiled) : resultAsValue(compiled)
}

const nothing: CompiledResult = {
  type: undefined,
  flat: [],
  spilled: false,
  size: 0,
  align: 1,
  lift: () => undefined,
  lower: () => undefined,
}

const flatOf = (returned: CoreValue | undefined): readonly CoreValue[] => (returned === undefined ? [] : [returned])

const resultInMemory = (type: AbiType): CompiledResult => {
  const { size, align, weight, fields } = type
  return {
    type,
    flat: [],
    spilled: true,
    size,
    align,
    lift: (call, returned) => {
      const pointer = numberAt(flatOf(returned), 0) >>> 0
      checkRange(call, pointer, align, size)
      call.charge(fields, weight)
      return type.load(call, pointer)
    },
    lower: (call, value, pointer) => {
      checkRange(call, pointer, align, size)
      type.store(call, value, pointer)
      return undefined
    },
  }
}

const resultAsValue = (type: AbiType): CompiledResult => {
  const { flat, size, align, weight, fields } = type
  return {
    type,
    flat,
    spilled: false,
    size,
    align,
    lift: (call, returned) => {
      call.charge(fields, weight)
      return type.lift(call, flatOf(returned), 0)
    },
    lower: (call, value) => {
      const out: CoreValue[] = []
      type.lower(call, value, out)
      return out[0]
    },
  }
}
