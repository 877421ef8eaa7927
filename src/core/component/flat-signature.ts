import { coreSignature, type CoreSignature } from './core-types.ts'
import { partsOf } from './shapes.ts'
import type { FunctionNode, Shape, ValueNode } from './static-types.ts'

type FlatType = 'i32' | 'i64' | 'f32' | 'f64'

/** `MAX_FLAT_PARAMS` and `MAX_FLAT_RESULTS` (CanonicalABI.md, flattening). */
const maxParams = 16
const maxResults = 1

const flatPrimitives: Readonly<Record<string, readonly FlatType[]>> = {
  s64: ['i64'],
  u64: ['i64'],
  f32: ['f32'],
  f64: ['f64'],
  string: ['i32', 'i32'],
  list: ['i32', 'i32'],
}

const join = (one: FlatType | undefined, other: FlatType): FlatType => {
  if (one === undefined || one === other) return other
  const narrow = (one === 'i32' && other === 'f32') || (one === 'f32' && other === 'i32')
  return narrow ? 'i32' : 'i64'
}

const known = new WeakMap<Shape, readonly FlatType[]>()

const flattenCases = (cases: readonly (ValueNode | undefined)[]): FlatType[] => {
  const payload: FlatType[] = []
  for (const part of cases) {
    if (part === undefined) continue
    flatten(part.shape).forEach((type, nth) => (payload[nth] = join(payload[nth], type)))
  }
  return ['i32', ...payload]
}

/** The first 17 core values of a value type: more than fit into parameters is all that is asked of the rest. */
const flatten = (shape: Shape): readonly FlatType[] => {
  const before = known.get(shape)
  if (before !== undefined) return before
  const flat = flattenAnew(shape).slice(0, maxParams + 1)
  known.set(shape, flat)
  return flat
}

const flattenAnew = (shape: Shape): readonly FlatType[] => {
  if (shape.kind === 'record' || shape.kind === 'tuple') return concatenate(partsOf(shape))
  if (shape.kind === 'variant' || shape.kind === 'option' || shape.kind === 'result') return flattenCases(partsOf(shape))
  return flatPrimitives[shape.kind] ?? ['i32']
}

const concatenate = (parts: readonly (ValueNode | undefined)[]): FlatType[] => {
  const flat: FlatType[] = []
  for (const part of parts) {
    if (part === undefined) continue
    if (flat.length > maxParams) break
    flat.push(...flatten(part.shape))
  }
  return flat
}

/** How a function type looks in core wasm, and what its values ask of the canonical options. */
export interface FlatFunction {
  readonly signature: CoreSignature
  /** Of the function that is called after a lifted one has returned. */
  readonly postReturn: CoreSignature
  readonly needsMemory: boolean
  readonly needsRealloc: boolean
}

const knownFunctions = { lift: new WeakMap<FunctionNode, FlatFunction>(), lower: new WeakMap<FunctionNode, FlatFunction>() }

/** Flattens a function type (`flatten_functype`) for `lift` or `lower`, once each. */
export const flattenFunction = (type: FunctionNode, context: 'lift' | 'lower'): FlatFunction => {
  const before = knownFunctions[context].get(type)
  if (before !== undefined) return before
  const flat = flattenFunctionAnew(type, context)
  knownFunctions[context].set(type, flat)
  return flat
}

const flattenFunctionAnew = (type: FunctionNode, context: 'lift' | 'lower'): FlatFunction => {
  let params = concatenate(type.params.map((param) => param.type))
  let results = type.result === undefined ? [] : [...flatten(type.result.shape)]
  const manyParams = params.length > maxParams
  const manyResults = results.length > maxResults
  const pointersIn = type.params.some((param) => param.type.facts.pointers)
  const pointersOut = type.result?.facts.pointers === true
  if (manyParams) params = ['i32']
  if (manyResults) {
    results = context === 'lift' ? ['i32'] : []
    if (context === 'lower') params.push('i32')
  }
  return {
    signature: coreSignature(params, results),
    postReturn: coreSignature(results, []),
    needsMemory: manyParams || manyResults || pointersIn || pointersOut,
    // What goes into the guest has to be given room there.
    needsRealloc: context === 'lift' ? manyParams || pointersIn : pointersOut,
  }
}
