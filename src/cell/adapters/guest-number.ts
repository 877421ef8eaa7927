/** A guest's u64 as a length of at most `most`. */
export const clampLength = (length: bigint, most: number): number => (length > BigInt(most) ? most : Number(length))

/** A guest's u64 as a safe integer; `undefined` when it is past 2^53 - 1. */
export const safeInteger = (value: bigint): number | undefined => (value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value))

/** A number from the host as a u64; what is no such number counts as 0. */
export const toU64 = (value: unknown): bigint =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : 0n
