/** A place in a buffer, end exclusive. */
export interface Match {
  readonly start: number
  readonly end: number
  /** Index of the pattern. */
  readonly pattern: number
}

/** Where any of the patterns stands in `bytes`, overlapping places included. */
export const findAll = (bytes: Buffer, patterns: readonly Uint8Array[]): readonly Match[] => {
  const matches: Match[] = []
  for (const [pattern, needle] of patterns.entries()) {
    for (let start = bytes.indexOf(needle); start >= 0; start = bytes.indexOf(needle, start + 1)) {
      matches.push({ start, end: start + needle.length, pattern })
    }
  }
  return matches
}

/** How many bytes at the end of `bytes` may be the beginning of a pattern that goes on in the next chunk. */
export const unfinishedLength = (bytes: Buffer, patterns: readonly Uint8Array[]): number => {
  const longest = Math.max(0, ...patterns.map((pattern) => pattern.length - 1))
  for (let length = Math.min(longest, bytes.length); length > 0; length -= 1) {
    const tail = bytes.subarray(bytes.length - length)
    if (patterns.some((pattern) => pattern.length > length && pattern[0] === tail[0] && tail.equals(pattern.subarray(0, length))))
      return length
  }
  return 0
}
