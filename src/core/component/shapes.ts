import type { PrimitiveKind } from './component-plan.ts'
import type { Facts, Shape, ValueNode } from './static-types.ts'

/** Bytes of a value with 64-bit pointers, of which there are two in a string or list. Alignment is as large, 8 at most. */
const leafBytes: Readonly<Record<PrimitiveKind | 'list' | 'own' | 'borrow', number>> = {
  bool: 1,
  s8: 1,
  u8: 1,
  s16: 2,
  u16: 2,
  s32: 4,
  u32: 4,
  s64: 8,
  u64: 8,
  f32: 4,
  f64: 8,
  char: 4,
  string: 16,
  list: 16,
  own: 4,
  borrow: 4,
}

interface Layout {
  readonly bytes: number
  readonly align: number
}

const discriminantBytes = (cases: number): number => {
  if (cases <= 0x100) return 1
  return cases <= 0x1_0000 ? 2 : 4
}

/** `flags` of at most 32 labels. */
const flagBytes = (labels: number): number => {
  if (labels <= 8) return 1
  return labels <= 16 ? 2 : 4
}

const aligned = (bytes: number, align: number): number => Math.ceil(bytes / align) * align

const layOutFields = (parts: readonly (ValueNode | undefined)[]): Layout => {
  let bytes = 0
  let align = 1
  for (const part of parts) {
    if (part === undefined) continue
    bytes = aligned(bytes, part.facts.align) + part.facts.bytes
    align = Math.max(align, part.facts.align)
  }
  return { bytes: aligned(bytes, align), align }
}

const layOutCases = (cases: number, parts: readonly (ValueNode | undefined)[]): Layout => {
  const discriminant = discriminantBytes(cases)
  let payload = 0
  let payloadAlign = 1
  for (const part of parts) {
    payload = Math.max(payload, part?.facts.bytes ?? 0)
    payloadAlign = Math.max(payloadAlign, part?.facts.align ?? 1)
  }
  const align = Math.max(discriminant, payloadAlign)
  return { bytes: aligned(aligned(discriminant, payloadAlign) + payload, align), align }
}

/** `elem_size` and `alignment` with 64-bit pointers (CanonicalABI.md, element size), from which the limit on values is taken. */
const layOut = (shape: Shape, parts: readonly (ValueNode | undefined)[]): Layout => {
  if (shape.kind === 'record' || shape.kind === 'tuple') return layOutFields(parts)
  if (shape.kind === 'variant') return layOutCases(parts.length, parts)
  if (shape.kind === 'option' || shape.kind === 'result') return layOutCases(2, parts)
  if (shape.kind === 'enum') return layOutCases(shape.names.length, [])
  const bytes = shape.kind === 'flags' ? flagBytes(shape.names.length) : leafBytes[shape.kind]
  return { bytes, align: Math.min(bytes, 8) }
}

/** The value types that a value type is made of, in order; undefined for a case without. */
export const partsOf = (shape: Shape): readonly (ValueNode | undefined)[] => {
  if ('fields' in shape) return shape.fields.map(({ type }) => type)
  if ('items' in shape) return shape.items
  if ('cases' in shape) return shape.cases.map(({ type }) => type)
  if ('element' in shape) return [shape.element]
  if ('some' in shape) return [shape.some]
  return 'ok' in shape ? [shape.ok, shape.error] : []
}

/** The names of fields, cases or flags, in order. */
export const labelsOf = (shape: Shape): readonly string[] => {
  if ('fields' in shape) return shape.fields.map(({ name }) => name)
  if ('cases' in shape) return shape.cases.map(({ name }) => name)
  return 'names' in shape ? shape.names : []
}

/** The same kind of type with each of its parts changed; the same object when none is. */
export const withParts = (shape: Shape, change: (part: ValueNode) => ValueNode): Shape => {
  const parts = partsOf(shape)
  if (parts.every((part) => part === undefined || change(part) === part)) return shape
  const optional = (part: ValueNode | undefined): ValueNode | undefined => (part === undefined ? undefined : change(part))
  if ('fields' in shape) return { kind: 'record', fields: shape.fields.map(({ name, type }) => ({ name, type: change(type) })) }
  if ('items' in shape) return { kind: 'tuple', items: shape.items.map(change) }
  if ('cases' in shape) return { kind: 'variant', cases: shape.cases.map(({ name, type }) => ({ name, type: optional(type) })) }
  if ('element' in shape) return { kind: 'list', element: change(shape.element) }
  if ('some' in shape) return { kind: 'option', some: change(shape.some) }
  return 'ok' in shape ? { kind: 'result', ok: optional(shape.ok), error: optional(shape.error) } : shape
}

/** What is known of a type of this shape. */
export const factsOf = (shape: Shape): Facts => {
  const parts = partsOf(shape)
  const { bytes, align } = layOut(shape, parts)
  let size = 1 + Math.max(parts.length, labelsOf(shape).length)
  let depth = 0
  let borrows = shape.kind === 'borrow'
  let handles = 'of' in shape
  let pointers = shape.kind === 'list' || shape.kind === 'string'
  for (const part of parts) {
    if (part === undefined) continue
    const { facts } = part
    size += facts.size
    depth = Math.max(depth, facts.depth)
    borrows ||= facts.borrows
    handles ||= facts.handles
    pointers ||= facts.pointers
  }
  return { size, depth: depth + 1, bytes, align, borrows, pointers, handles }
}
