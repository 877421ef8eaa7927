import type { FieldEntry } from './http-fields.ts'
import type { HttpErrorCode } from './io-error.ts'

/** Bounds of `headers` in `wire/calls.ts`, and of all lines together. */
const maxFields = 256
const maxValueBytes = 16_384
const maxSectionBytes = 64 * 1024

const sectionBytes = (entries: readonly FieldEntry[]): number =>
  entries.reduce((sum, [name, value]) => sum + name.length + value.byteLength + 4, 0)

const oversized = (entries: readonly FieldEntry[]): { readonly fieldName: string; readonly fieldSize: number } | undefined => {
  const entry = entries.find(([, value]) => value.byteLength > maxValueBytes)
  return entry === undefined ? undefined : { fieldName: entry[0], fieldSize: entry[0].length + entry[1].byteLength }
}

const isTooLarge = (entries: readonly FieldEntry[]): boolean => entries.length > maxFields || sectionBytes(entries) > maxSectionBytes

/** Why headers are not sent: more of them than a request may have. */
export const refusedHeaders = (entries: readonly FieldEntry[]): HttpErrorCode | undefined => {
  const field = oversized(entries)
  if (field !== undefined) return { tag: 'HTTP-request-header-size', val: field }
  return isTooLarge(entries) ? { tag: 'HTTP-request-header-section-size', val: sectionBytes(entries) } : undefined
}

/** Why trailers are not sent. */
export const refusedTrailers = (entries: readonly FieldEntry[]): HttpErrorCode | undefined => {
  const field = oversized(entries)
  if (field !== undefined) return { tag: 'HTTP-request-trailer-size', val: field }
  return isTooLarge(entries) ? { tag: 'HTTP-request-trailer-section-size', val: sectionBytes(entries) } : undefined
}
