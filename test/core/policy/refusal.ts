import { CordonError } from '#core/errors.ts'

/** Runs what must throw a CordonError and gives `code | message | hint`. */
export const refusalOf = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    if (error instanceof CordonError) return `${error.code} | ${error.message} | ${error.hint ?? ''}`
    throw error
  }
  throw new TypeError('expected a CordonError, got none')
}
