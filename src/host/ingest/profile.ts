/** What of the host's limits is written into core modules. Rounded, so that hosts and sessions share cache entries; the exact totals are kept at run time. */
export interface LimitsProfile {
  /** Pages of 64 KiB that one memory may have at most. */
  readonly maxMemoryPages: number
  readonly maxTableElements: number
}

const pageBytes = 65_536
const maxPages = 65_536
const maxElements = 10_000_000

const nextPowerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, value)))

/** The profile of a host that gives its sessions at most that much. */
export const profileOf = (limits: { readonly memoryBytes: number; readonly tableElements: number }): LimitsProfile => ({
  maxMemoryPages: Math.min(maxPages, nextPowerOfTwo(Math.ceil(limits.memoryBytes / pageBytes))),
  maxTableElements: Math.min(maxElements, nextPowerOfTwo(limits.tableElements)),
})
