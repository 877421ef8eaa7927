/**
 * Checks for values that come from the other end of the wire. The cell is assumed breached, so the host checks
 * every field of every message: wrong type, unknown field, over-long text or an unsafe number fails the message.
 */

/** A check that narrows. It never throws and never coerces. */
export type Shape<T> = (value: unknown) => value is T

/** The type that a shape accepts. */
export type Shaped<S> = S extends Shape<infer T> ? T : never

/** Text of at most `maxLength` UTF-16 units. */
export const text =
  (maxLength: number): Shape<string> =>
  (value): value is string =>
    typeof value === 'string' && value.length <= maxLength

/** A whole number from `min` to `max`. */
export const integer =
  (min: number, max: number): Shape<number> =>
  (value): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max

export const flag: Shape<boolean> = (value): value is boolean => typeof value === 'boolean'

/** A decimal of at most 20 digits: an unsigned 64-bit number, e.g. nanoseconds. */
export const decimal: Shape<string> = (value): value is string => typeof value === 'string' && /^[0-9]{1,20}$/.test(value)

/** {@link decimal} with a sign where it is negative: any 64-bit number. */
export const signedDecimal: Shape<string> = (value): value is string => typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value)

/** One of the given texts. */
export const oneOf =
  <const T extends string>(...options: readonly T[]): Shape<T> =>
  (value): value is T =>
    options.some((option) => option === value)

/** A list of at most `maxLength` items. */
export const listOf =
  <T>(item: Shape<T>, maxLength: number): Shape<readonly T[]> =>
  (value): value is readonly T[] =>
    Array.isArray(value) && value.length <= maxLength && value.every((each) => item(each))

/** Exactly two items. */
export const pairOf =
  <A, B>(first: Shape<A>, second: Shape<B>): Shape<readonly [A, B]> =>
  (value): value is readonly [A, B] =>
    Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1])

export const orNull =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value): value is T | null =>
    value === null || shape(value)

/** An object with exactly these fields. */
export const record =
  <T extends Record<string, unknown>>(fields: { readonly [K in keyof T]: Shape<T[K]> }): Shape<{ readonly [K in keyof T]: T[K] }> =>
  (value): value is { readonly [K in keyof T]: T[K] } => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const given: Record<string, unknown> = { ...value }
    const names = Object.keys(fields)
    return (
      Object.keys(given).length === names.length &&
      names.every((name) => Object.hasOwn(given, name) && fields[name]?.(given[name]) === true)
    )
  }
