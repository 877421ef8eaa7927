import { LinkTrap } from '#cell/link/linker.ts'
import { alignTo, describe, heapBytes, maxFlat, numberAt, type AbiType } from './abi-type.ts'
import type { CallScope, CoreType, CoreValue } from './compiled-type.ts'
import { caseFlat, joinFlat, type CaseFlat } from './join-flat.ts'

/** A case as it lies in memory and among core values. */
interface CompiledCase {
  readonly index: number
  readonly name: string
  readonly type: AbiType | undefined
  readonly flat: CaseFlat
}

/** How a variant of any kind looks in JavaScript. */
interface Face {
  /** The value of a lifted case; `payload` is undefined for one without. */
  make(found: CompiledCase, payload: unknown): unknown
  /** The case of a host's value. Throws TypeError. */
  caseOf(value: unknown): CompiledCase
  payloadOf(value: unknown): unknown
}

const discriminantSize = (cases: number): 1 | 2 | 4 => {
  if (cases <= 0x100) return 1
  return cases <= 0x1_0000 ? 2 : 4
}

const readDiscriminant = (call: CallScope, at: number, size: 1 | 2 | 4): number => {
  const view = call.view()
  if (size === 1) return view.getUint8(at)
  return size === 2 ? view.getUint16(at, true) : view.getUint32(at, true)
}

const writeDiscriminant = (call: CallScope, at: number, size: 1 | 2 | 4, index: number): void => {
  const view = call.view()
  if (size === 1) view.setUint8(at, index)
  else if (size === 2) view.setUint16(at, index, true)
  else view.setUint32(at, index, true)
}

const badDiscriminant = (index: number, cases: number): LinkTrap => new LinkTrap(`expected a discriminant below ${cases}, got ${index}`)

/** The cases of a variant, by index, and the core values they share. */
const compileCases = (cases: readonly { readonly name: string; readonly type: AbiType | undefined }[]) => {
  const shared = joinFlat(cases.map(({ type }) => type?.flat ?? []))
  const compiled = cases.map(({ name, type }, index): CompiledCase => ({ index, name, type, flat: caseFlat(type?.flat ?? [], shared) }))
  return { compiled, shared }
}

const shapeOf = (cases: readonly CompiledCase[], shared: readonly CoreType[], ownBytes: number) => {
  const payloads = cases.flatMap(({ type }) => (type === undefined ? [] : [type]))
  const most = (of: (type: AbiType) => number): number => payloads.reduce((highest, type) => Math.max(highest, of(type)), 0)
  const discriminant = discriminantSize(cases.length)
  const payloadAlign = Math.max(
    1,
    most(({ align }) => align),
  )
  const payloadOffset = alignTo(discriminant, payloadAlign)
  const align = Math.max(discriminant, payloadAlign)
  return {
    discriminant,
    payloadOffset,
    shape: {
      size: alignTo(payloadOffset + most(({ size }) => size), align),
      align,
      flat: (['i32', ...shared] as const).slice(0, maxFlat),
      depth: 1 + most(({ depth }) => depth),
      weight: ownBytes + most(({ weight }) => weight),
      fields: (ownBytes > 0 ? 1 : 0) + most(({ fields }) => fields),
    },
  }
}

/** A discriminant and a payload (`load_variant` … `lower_flat_variant`; CanonicalABI.md, "Loading" to "Flat Lowering"). */
const compileVariant = (cases: readonly CompiledCase[], shared: readonly CoreType[], ownBytes: number, face: Face): AbiType => {
  const { discriminant, payloadOffset, shape } = shapeOf(cases, shared, ownBytes)
  const caseAt = (index: number): CompiledCase => {
    const found = cases[index]
    if (found === undefined) throw badDiscriminant(index, cases.length)
    return found
  }
  return {
    ...shape,
    load: (call, at) => {
      const found = caseAt(readDiscriminant(call, at, discriminant))
      return face.make(found, found.type?.load(call, at + payloadOffset))
    },
    store: (call, value, at) => {
      const { index, type } = face.caseOf(value)
      writeDiscriminant(call, at, discriminant, index)
      type?.store(call, face.payloadOf(value), at + payloadOffset)
    },
    lift: (call, values, from) => {
      const found = caseAt(numberAt(values, from) >>> 0)
      return face.make(found, liftPayload(call, found, values, from + 1))
    },
    lower: (call, value, out) => {
      const { index, type, flat } = face.caseOf(value)
      out.push(index)
      const from = out.length
      type?.lower(call, face.payloadOf(value), out)
      flat.join(out, from)
    },
  }
}

const liftPayload = (call: CallScope, { type, flat }: CompiledCase, values: readonly CoreValue[], from: number): unknown => {
  if (type === undefined) return undefined
  return flat.asShared ? type.lift(call, values, from) : type.lift(call, flat.unjoin(values, from), 0)
}

interface Tagged {
  readonly tag?: unknown
  readonly val?: unknown
}

const taggedOf = (value: unknown): Tagged => {
  if (typeof value !== 'object' || value === null) throw new TypeError(`expected an object with a tag, got ${describe(value)}`)
  return value
}

const taggedFace = (cases: readonly CompiledCase[], make: Face['make']): Face => {
  const byName = new Map<unknown, CompiledCase>(cases.map((each) => [each.name, each]))
  return {
    make,
    caseOf: (value) => {
      const found = byName.get(taggedOf(value).tag)
      if (found === undefined) throw new TypeError(`expected a tag among ${nameSome(cases)}`)
      return found
    },
    payloadOf: (value) => taggedOf(value).val,
  }
}

const nameSome = (cases: readonly { readonly name: string }[]): string => {
  const names = cases.slice(0, 8).map(({ name }) => `\`${name}\``)
  return names.join(', ') + (cases.length > names.length ? ' …' : '')
}

const objectBytes = heapBytes.object + 2 * heapBytes.slot

/** A variant: `{ tag, val }`, without `val` for a case that has no payload. */
export const variantOf = (named: readonly { readonly name: string; readonly type: AbiType | undefined }[]): AbiType => {
  const { compiled, shared } = compileCases(named)
  const face = taggedFace(compiled, ({ name, type }, payload) => (type === undefined ? { tag: name } : { tag: name, val: payload }))
  return compileVariant(compiled, shared, objectBytes, face)
}

/** A result inside of another type: `{ tag: 'ok' | 'err', val }`, with an undefined `val` for nothing. */
export const resultOf = (ok: AbiType | undefined, error: AbiType | undefined): AbiType => {
  const { compiled, shared } = compileCases([
    { name: 'ok', type: ok },
    { name: 'err', type: error },
  ])
  const face = taggedFace(compiled, ({ index }, payload) => (index === 0 ? { tag: 'ok', val: payload } : { tag: 'err', val: payload }))
  return compileVariant(compiled, shared, objectBytes, face)
}

/** An option whose value is never undefined: the value, or undefined for none; hosts may say null too. */
export const optionOf = (some: AbiType): AbiType => {
  const { compiled, shared } = compileCases([
    { name: 'none', type: undefined },
    { name: 'some', type: some },
  ])
  const [none, present] = compiled
  if (none === undefined || present === undefined) throw new LinkTrap('expected two cases', 'link')
  return compileVariant(compiled, shared, 0, {
    make: (_found, payload) => payload,
    caseOf: (value) => (value === undefined || value === null ? none : present),
    payloadOf: (value) => value,
  })
}

/** An option whose value may be undefined itself: `{ tag: 'none' }` or `{ tag: 'some', val }`. */
export const nestedOptionOf = (some: AbiType): AbiType =>
  variantOf([
    { name: 'none', type: undefined },
    { name: 'some', type: some },
  ])

/** An enum: its case's name as written. */
export const enumOf = (names: readonly string[]): AbiType => {
  const size = discriminantSize(names.length)
  const byName = new Map<unknown, number>(names.map((name, index) => [name, index]))
  const nameAt = (index: number): string => {
    const name = names[index]
    if (name === undefined) throw badDiscriminant(index, names.length)
    return name
  }
  const indexOf = (value: unknown): number => {
    const index = byName.get(value)
    if (index === undefined) throw new TypeError(`expected one of ${nameSome(names.map((name) => ({ name })))}`)
    return index
  }
  return {
    size,
    align: size,
    flat: ['i32'],
    depth: 0,
    weight: 0,
    fields: 0,
    load: (call, at) => nameAt(readDiscriminant(call, at, size)),
    store: (call, value, at) => writeDiscriminant(call, at, size, indexOf(value)),
    lift: (_call, values, from) => nameAt(numberAt(values, from) >>> 0),
    lower: (_call, value, out) => void out.push(indexOf(value)),
  }
}
