/** Draws a whole number from 0 below `bound`. */
export type Pick = (bound: number) => number

/** Draws the same numbers for the same seed (xorshift, 32 bits). */
export const seededPick = (seed: number): Pick => {
  let state = Math.imul(seed, 0x9e37_79b1) ^ 0x6d2b_79f5 || 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.floor(((state >>> 0) / 2 ** 32) * bound)
  }
}

/** One of `items`. Throws RangeError when there are none. */
export const pickFrom = <T>(items: readonly T[], pick: Pick): T => {
  const nth = pick(items.length)
  if (nth >= items.length) throw new RangeError('expected something to pick from')
  // There is one at `nth`, which may be undefined itself.
  return items[nth] as T
}
