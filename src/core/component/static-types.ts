import { WasmError } from '#core/wasm/wasm-error.ts'
import type { PrimitiveKind } from './component-plan.ts'
import type { ModuleType } from './core-types.ts'
import { invalid, unsupported, type Reading } from './reading.ts'
import { factsOf } from './shapes.ts'

/**
 * Types while a component is validated: before it is known which instances there will be. Objects are compared by identity: the same type under another
 * name (an import, an export) is another object with the same `shape` or `resource`.
 */
export type StaticType = ResourceName | ValueNode | FunctionNode | InstanceNode | ComponentNode

/** A resource type: equal to nothing but itself. */
export class Resource {
  /** The component that defines it and may make and open its handles; undefined for those it only knows of. */
  readonly owner: object | undefined

  constructor(owner?: object) {
    this.owner = owner
  }
}

/** A resource type under one name. */
export interface ResourceName {
  readonly kind: 'resource'
  readonly resource: Resource
}

export interface ValueNode {
  readonly kind: 'value'
  readonly shape: Shape
  readonly facts: Facts
}

export interface StaticMember {
  readonly name: string
  readonly type: ValueNode
}

/** What a value type is made of. */
export type Shape =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'record'; readonly fields: readonly StaticMember[] }
  | { readonly kind: 'tuple'; readonly items: readonly ValueNode[] }
  | { readonly kind: 'list'; readonly element: ValueNode }
  | { readonly kind: 'variant'; readonly cases: readonly { readonly name: string; readonly type: ValueNode | undefined }[] }
  | { readonly kind: 'enum' | 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'option'; readonly some: ValueNode }
  | { readonly kind: 'result'; readonly ok: ValueNode | undefined; readonly error: ValueNode | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly of: ResourceName }

/** What is known of a value type without walking it again: a small graph of types may stand for a huge tree. */
export interface Facts {
  /** Types in it, itself included, when nothing is shared. */
  readonly size: number
  readonly depth: number
  /** `elem_size` and `alignment` with 64-bit pointers (CanonicalABI.md, element size). */
  readonly bytes: number
  readonly align: number
  /** A `borrow` is in it. */
  readonly borrows: boolean
  /** A string or list is in it: its values need a memory. */
  readonly pointers: boolean
  /** A handle is in it. */
  readonly handles: boolean
}

export interface FunctionNode {
  readonly kind: 'func'
  readonly params: readonly StaticMember[]
  readonly result: ValueNode | undefined
  readonly depth: number
}

/** A resource type that is fresh wherever the type it belongs to is used, and by which names it is found in that. */
export interface Opened {
  readonly resource: Resource
  readonly path: readonly string[]
}

export interface InstanceNode {
  readonly kind: 'instance'
  readonly exports: ReadonlyMap<string, Entity>
  /** Empty for the type of an instance that there is: its resource types are known. */
  readonly opens: readonly Opened[]
  readonly depth: number
}

export interface ComponentNode {
  readonly kind: 'component'
  readonly imports: ReadonlyMap<string, Entity>
  readonly exports: ReadonlyMap<string, Entity>
  /** Resource types that whoever instantiates it chooses. */
  readonly needs: readonly Opened[]
  /** Resource types that each of its instances brings. */
  readonly opens: readonly Opened[]
  readonly depth: number
}

/** What an import or export is, by type. */
export type Entity =
  | { readonly kind: 'module'; readonly type: ModuleType }
  | { readonly kind: 'func'; readonly type: FunctionNode }
  | { readonly kind: 'component'; readonly type: ComponentNode }
  | { readonly kind: 'instance'; readonly type: InstanceNode }
  /** `of` is what was named, `named` the new name of it. */
  | { readonly kind: 'type'; readonly named: StaticType; readonly of: StaticType }

/** Element sizes with 64-bit pointers stay below 2 to the 28th (Binary.md, type definitions). */
const maxValueBytes = 2 ** 28

/** Makes a value type and checks it against the limits. Throws WasmError. */
export const valueNode = (shape: Shape, reading: Reading, at: number): ValueNode => {
  const facts = factsOf(shape)
  const { typeDepth, typeSize } = reading.limits
  if (facts.depth > typeDepth) throw new WasmError('limit', at, `expected types at most ${typeDepth} deep, got one of ${facts.depth}`)
  if (facts.size > typeSize) throw new WasmError('limit', at, `expected at most ${typeSize} types in a type, got ${facts.size}`)
  if (facts.bytes >= maxValueBytes) throw invalid(at, `expected values of less than 2^28 bytes, got a type of ${facts.bytes}`)
  reading.count('typesSize', at, facts.size)
  return { kind: 'value', shape, facts }
}

/** How deep types lie in a type. */
const depthOf = (type: StaticType): number => {
  if (type.kind === 'resource') return 1
  return type.kind === 'value' ? type.facts.depth : type.depth
}

const depthOfEntity = (entity: Entity): number =>
  entity.kind === 'module' ? 1 : depthOf(entity.kind === 'type' ? entity.named : entity.type)

/** One more than the deepest of `entities`. Throws WasmError `limit`. */
export const depthAround = (entities: Iterable<Entity>, reading: Reading, at: number): number => {
  let depth = 0
  for (const entity of entities) depth = Math.max(depth, depthOfEntity(entity))
  const { typeDepth } = reading.limits
  // Values, functions and instances nest in one another: each gets its share of what those who walk types recurse through.
  if (depth >= 3 * typeDepth) throw new WasmError('limit', at, `expected types at most ${3 * typeDepth} deep, got more`)
  return depth + 1
}

/** The same type under a new name. */
export const renamed = (type: StaticType): StaticType => {
  if (type.kind === 'value') return { kind: 'value', shape: type.shape, facts: type.facts }
  return type.kind === 'resource' ? { kind: 'resource', resource: type.resource } : type
}

/** A type in a word, for messages. */
export const describeType = (type: StaticType): string => (type.kind === 'value' ? type.shape.kind : type.kind)

/** Throws unless `type` is a value type. */
export const expectValue = (type: StaticType, at: number): ValueNode => {
  if (type.kind !== 'value') throw invalid(at, `expected a value type, got a type of kind ${type.kind}`)
  return type
}

/** Throws unless `type` is a resource type. */
export const expectResource = (type: StaticType, at: number): ResourceName => {
  if (type.kind !== 'resource') throw invalid(at, `expected a resource type, got ${describeType(type)}`)
  return type
}

/** The error for values at component level. */
export const noValues = (at: number): WasmError => unsupported(at, 'a component-level value')
