import type { z } from 'zod'
import { CordonError, type CordonErrorCode } from '#core/errors.ts'
import { didYouMean } from './did-you-mean.ts'
import type { FieldPath } from './grants.ts'
import { neutralise, quoted } from './neutralise.ts'
import type { Parsed } from './parsed.ts'
import { copyPlain } from './plain-data.ts'
import type { Origin } from './rules.ts'

/** Where a document came from and how its faults are told. */
export interface DocumentSource {
  /** The code of the errors. */
  readonly code: CordonErrorCode
  /** The document as people know it: `agent.yaml`, `--policy policy.yaml`, `allow`. */
  readonly origin: Origin
  /** Where a field stands in the file, e.g. `policy.yaml:12`. */
  readonly locate?: ((path: FieldPath) => Origin | undefined) | undefined
  /** A flag of the command line: it has no fields to name. */
  readonly isFlag?: boolean
  /** Rules name the field they come from, not the line: a bundle may be packed, and each request stays apart from its neighbours. */
  readonly originsAreFields?: boolean
}

/** A field's path as people write it: `requests.net[0].host`. */
const pathText = (path: FieldPath): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    return text === '' ? step : `${text}.${step}`
  }, '')

/** Where a rule stands, for {@link Origin}: the line when it is known and wanted, else document and field. */
export const originOf = (source: DocumentSource, path: FieldPath): Origin => {
  if (source.isFlag === true || path.length === 0) return source.origin
  const line = source.originsAreFields === true ? undefined : source.locate?.(path)
  return neutralise(line ?? `${source.origin} ${pathText(path)}`)
}

/** What came instead of what was expected, short and safe to show. */
export const gotText = (value: unknown): string => {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number' || typeof value === 'boolean') return `\`${value}\``
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** What is wrong with one field. */
export interface Fault {
  /** Completes "expected …". */
  readonly expected: string
  /** Completes "got …"; see {@link gotText}. */
  readonly got: string
  readonly hint: string
}

/** The error for a field that is not what it should be. */
export const fieldError = (source: DocumentSource, path: FieldPath, fault: Fault): CordonError => {
  const where = source.locate?.(path) ?? source.origin
  const at = path.length === 0 || source.isFlag === true ? '' : ` at ${quoted(pathText(path), 120)}`
  return new CordonError(source.code, `${neutralise(where)}: expected ${fault.expected}${at}, got ${fault.got}`, { hint: fault.hint })
}

/** The value that was read from a field, or the error that says why it could not be. */
export const take = <T>(source: DocumentSource, path: FieldPath, read: { readonly from: unknown; readonly result: Parsed<T> }): T => {
  if (read.result.ok) return read.result.value
  const { expected, hint } = read.result
  throw fieldError(source, path, { expected, got: gotText(read.from), hint })
}

const valueAt = (value: unknown, path: FieldPath): unknown => {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined
    current = (current as Record<string | number, unknown>)[step]
  }
  return current
}

/** The fields an object schema knows, for the hint about an unknown one. */
const fieldsOf = (schema: z.core.$ZodType, path: FieldPath): readonly string[] => {
  let current: z.core.$ZodType | undefined = schema
  for (const step of [...path, undefined]) {
    while (current !== undefined && 'innerType' in current._zod.def) current = current._zod.def.innerType as z.core.$ZodType
    if (current === undefined || step === undefined) break
    current = stepInto(current, step)
  }
  return current !== undefined && 'shape' in current._zod.def ? Object.keys(current._zod.def.shape as object) : []
}

const stepInto = (schema: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined => {
  const definition = schema._zod.def
  if ('element' in definition) return definition.element as z.core.$ZodType
  if ('valueType' in definition) return definition.valueType as z.core.$ZodType
  return 'shape' in definition ? (definition.shape as Record<string, z.core.$ZodType | undefined>)[step] : undefined
}

/** Text that must not be shown, whatever is wrong with it. */
const mayBeSecret = (path: FieldPath): boolean => path.includes('secrets') || path.includes('env')

const unknownField = (source: DocumentSource, path: FieldPath, known: readonly string[]): CordonError => {
  const name = String(path.at(-1) ?? '')
  const near = didYouMean(name, known)
  const where = source.locate?.(path) ?? source.origin
  const guess = near === undefined ? '' : `, did you mean \`${near}\``
  const hint = known.length === 0 ? 'remove it' : `known here: ${known.join(', ')}`
  return new CordonError(source.code, `${neutralise(where)}: unknown field ${quoted(pathText(path), 120)}${guess}`, { hint })
}

const isStep = (step: PropertyKey): step is string | number => typeof step !== 'symbol'

/** Turns the first thing a schema found into an error. A schema's own `error` text is what completes "expected …". */
const schemaError = (schema: z.core.$ZodType, value: unknown, source: DocumentSource, issue: z.core.$ZodIssue): CordonError => {
  const path = issue.path.filter(isStep)
  if (issue.code === 'unrecognized_keys') return unknownField(source, [...path, issue.keys[0] ?? ''], fieldsOf(schema, path))
  const [expected = issue.message, hint] = issue.message.split(' · ')
  const came = valueAt(value, path)
  const hidden = typeof came === 'string' && mayBeSecret(path)
  return fieldError(source, path, {
    expected,
    got: hidden ? 'text that is not shown here' : gotText(came),
    hint: hint ?? (came === undefined ? 'add it' : 'correct it'),
  })
}

/**
 * Checks a document against a schema whose leaves carry what they expect as their `error` text (`expected · hint`).
 * Throws CordonError with the source's code for the first fault: unknown fields are faults, and nothing is coerced.
 */
export const readDocument = <T>(schema: z.ZodType<T>, value: unknown, source: DocumentSource): T => {
  const plain = copyPlain(value)
  if ('wrong' in plain) {
    const { path, ...fault } = plain.wrong
    throw fieldError(source, path, fault)
  }
  const result = schema.safeParse(plain.value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue === undefined) throw fieldError(source, [], { expected: 'a valid document', got: gotText(value), hint: 'correct it' })
  throw schemaError(schema, plain.value, source, issue)
}
