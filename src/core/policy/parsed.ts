/** The outcome of reading a piece of text that people write: a value, or what was expected instead and what to do. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | Refused

/** What was expected in place of the text (it completes "expected …, got …") and what to do about it. */
export interface Refused {
  readonly ok: false
  readonly expected: string
  readonly hint: string
}

/** A value that was read. */
export const parsed = <T>(value: T): Parsed<T> => ({ ok: true, value })

/** A text that was not what it should be. */
export const refused = (expected: string, hint: string): Refused => ({ ok: false, expected, hint })
