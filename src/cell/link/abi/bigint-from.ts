/**
 * A host's whole number: a bigint, an integral number or decimal text of up to 20 digits, as JSON has no other way to write the large ones; undefined
 * for anything else. The range is the caller's to check.
 */
export const bigintFrom = (value: unknown): bigint | undefined => {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined
}
